"""In what a model gives the edges of a box in a picture."""

from __future__ import annotations

from enum import StrEnum


class BoxFrame(StrEnum):
    """In what the edges of a box are given, from the top left corner: it differs by model."""

    PIXELS = "pixels"
    PER_MILLE = "per_mille"
    UNIT = "unit"


# What users write where the model is to show its frame by a test picture.
AUTO = "auto"
