"""Scoring scans with a detector: recognition of the part, fusion of channels, thresholds."""
