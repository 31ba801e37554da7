"""What the programs inside Blender have written, read as the tests compare it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backend.cloud import PointCloud
from tests.blender import ATTRIBUTES, Evaluated


def evaluated(path: Path) -> Evaluated:
    """An evaluated part."""
    with np.load(path) as arrays:
        return Evaluated(arrays["points"], *(arrays[name] for name in ATTRIBUTES))


def nominal(path: Path) -> PointCloud:
    """A part without its defects, with the normals that this Blender gives it."""
    before = evaluated(path)
    with np.load(path) as arrays:
        return PointCloud.of(before.points, before.normals, arrays["faces"])
