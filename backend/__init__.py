"""flawsmith's headless backend: replay defects on scans, learn from them, score new scans."""

__version__ = "0.1.0"
