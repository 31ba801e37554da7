"""Models of nominal scans: one folder for each family of detectors, and the code they share."""
