# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a part: the unit and the origin of its object, kept as custom properties.

Blender computes in single precision, which is exact only near the origin. So an opened part is
moved there; where it came from stays with the object, in double precision:

====================  ============================================================================
``flawsmith_unit``    unit of the object's local space, "mm" where missing
``flawsmith_origin``  three numbers, where the local origin lies in the part frame, 0 where missing
====================  ============================================================================
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..documents.errors import PartError
from ..documents.schema import MM_PER_UNIT

UNIT_PROPERTY = "flawsmith_unit"
ORIGIN_PROPERTY = "flawsmith_origin"
UNITS = tuple(MM_PER_UNIT)
# What Blender calls each unit.
BLENDER_UNITS = {
    "mm": "MILLIMETERS",
    "cm": "CENTIMETERS",
    "m": "METERS",
    "um": "MICROMETERS",
    "inch": "INCHES",
    "ft": "FEET",
}


def part_unit(obj: bpy.types.Object) -> str:
    """Unit of the object's local space."""
    return str(obj.get(UNIT_PROPERTY, UNITS[0]))


def part_origin(obj: bpy.types.Object) -> NDArray[np.float64]:
    """Where (3,) the object's local origin lies in the part frame, in the part's unit."""
    return np.array(obj.get(ORIGIN_PROPERTY, (0.0, 0.0, 0.0)), dtype=np.float64)


def set_part_frame(obj: bpy.types.Object, unit: str, origin: ArrayLike) -> None:
    """Store unit and origin (3,) with the object.

    Raises:
        PartError: the unit is unknown.
    """
    if unit not in UNITS:
        raise PartError(f"unknown unit {unit!r}; known are {', '.join(UNITS)}")
    obj[UNIT_PROPERTY] = unit
    obj[ORIGIN_PROPERTY] = np.asarray(origin, dtype=np.float64).tolist()


def show_in_unit(scene: Any, unit: str) -> None:
    """Make Blender's windows show the lengths of ``scene`` as numbers of ``unit``."""
    settings = scene.unit_settings
    name = BLENDER_UNITS[unit]
    settings.system = "IMPERIAL" if name in ("INCHES", "FEET") else "METRIC"
    settings.length_unit, settings.scale_length = name, MM_PER_UNIT[unit] / 1000.0


def shows_true_lengths(scene: Any, unit: str) -> bool:
    """Whether Blender's windows show the lengths of a part in ``unit`` in that unit.

    Without a unit system they show plain numbers, which are the part's own.
    """
    settings = scene.unit_settings
    metres = MM_PER_UNIT[unit] / 1000.0
    same = abs(settings.scale_length - metres) <= 1e-5 * metres
    return bool(settings.system == "NONE" or same)
