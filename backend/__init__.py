"""flawsmith's headless backend: replay defects on scans, learn from them, score new scans."""

# The one place of the version: pyproject.toml, build.py and docs/conf.py take it from here.
__version__ = "0.1.0"
