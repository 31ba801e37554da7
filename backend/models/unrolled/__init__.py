"""The family of detectors for parts of revolution, which are unrolled about their axis to maps."""
