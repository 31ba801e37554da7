"""Scoring scans by a detector: recognising the part, fusing channels, thresholds."""
