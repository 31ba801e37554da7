"""The family of detectors that looks at each point and its surroundings."""
