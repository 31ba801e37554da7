"""Formats of data sets: folders, shards, the layouts of public benchmarks, and export to them."""
