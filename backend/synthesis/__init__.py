"""Data sets made from a template and nominal scans: the plan, the manifest, and the samples."""
