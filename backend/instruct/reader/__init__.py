"""Reads the defects that documents name, without any model: see ``docs/adr``."""

from backend.instruct.reader.read import Reading, Step, read_defects

__all__ = ["Reading", "Step", "read_defects"]
