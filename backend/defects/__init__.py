"""The defects by kind: each takes a cloud and a spec, and says what would change.

A defect never mutates, reorders or labels: ``backend.replay`` alone applies effects and makes
masks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backend.cloud import DefectEffect, PointCloud
from backend.defects.bend import bend
from backend.defects.crack import crack
from backend.defects.dent import dent
from backend.defects.deposit import deposit
from backend.defects.freeform import freeform
from backend.defects.hole import hole
from backend.defects.scratch import scratch

DEFECTS: dict[str, Callable[[PointCloud, Any], DefectEffect]] = {
    "dent": dent,
    "scratch": scratch,
    "bend": bend,
    "crack": crack,
    "freeform": freeform,
    "hole": hole,
    "deposit": deposit,
}
