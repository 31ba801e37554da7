"""The defects by kind: each takes a cloud and a specification, and returns an effect.

A defect never changes, reorders or labels points: only ``backend.replay`` applies effects and makes
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
