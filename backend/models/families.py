"""The table of families of detectors.

A further family is a folder in ``models``, one in ``training``, and a line in the table of each.
"""

from __future__ import annotations

from collections.abc import Mapping

from backend.models.family import Family
from backend.models.pointwise import model as pointwise
from backend.models.unrolled import storage as unrolled

FAMILIES: Mapping[str, Family] = {
    "pointwise": Family(
        "point by point with their nominal surroundings",
        pointwise.to_checkpoint,
        pointwise.from_checkpoint,
    ),
    "unrolled": Family("as unrolled height maps", unrolled.to_checkpoint, unrolled.from_checkpoint),
}
