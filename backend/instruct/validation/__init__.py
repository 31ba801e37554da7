"""Rules that a template has to keep on its part before anything is replayed."""

from backend.instruct.validation.target import ScanFacts, Target, scan_facts
from backend.instruct.validation.validate import Validation, ValidTemplate, validate

__all__ = ["ScanFacts", "Target", "ValidTemplate", "Validation", "scan_facts", "validate"]
