"""What is nominal: one folder for each family of detectors, and what the families share."""
