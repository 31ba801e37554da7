"""Measuring a detector on labelled scans by the protocols of public benchmarks."""
