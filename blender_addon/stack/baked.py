# SPDX-License-Identifier: GPL-3.0-or-later
"""What defects have left in a mesh itself, after their modifiers were applied.

The shape of such a defect is the mesh's own by now, and its marks are left beside it, but nothing
tells its kind and its values any more: no recipe can hold it. The marks also hold the normals and
the numbers that points had before, which a later defect would take for those of the nominal part.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..data.attributes import LABEL, MARKS, MASK, read_attribute
from ..documents.errors import AddonError


def has_baked(obj: bpy.types.Object) -> bool:
    """Whether the object's own mesh has marks of defects."""
    return obj.type == "MESH" and bool(_marks(obj))


def _marks(obj: Any) -> list[str]:
    return [name for name in MARKS if name in obj.data.attributes]


def baked_labels(obj: Any) -> list[int]:
    """The labels of the points that are marked in the object's own mesh, in their order."""
    if not has_baked(obj):
        return []
    try:
        labels = read_attribute(obj.data, LABEL)[read_attribute(obj.data, MASK)]
    except AddonError:
        # One of the two was taken away, or moved from the points to something else.
        return []
    return [int(label) for label in np.unique(labels)]


def baked_problem(obj: bpy.types.Object) -> str | None:
    """Why no recipe can be written of an object with baked defects; None if it has none."""
    if not has_baked(obj):
        return None
    labels = ", ".join(map(str, baked_labels(obj)))
    which = f" (label {labels})" if labels else ""
    return (
        f"defects were applied to the mesh of {obj.name!r}{which}, and a recipe cannot hold them; "
        "undo that, or use Forget Applied Defects, after which the mesh counts as nominal"
    )


def require_unbaked(obj: bpy.types.Object) -> None:
    """Refuse a part whose mesh has baked defects.

    Raises:
        AddonError: it has.
    """
    problem = baked_problem(obj)
    if problem is not None:
        raise AddonError(problem)


def forget_baked(obj: Any) -> None:
    """Remove the marks from the object's mesh, which then counts as nominal."""
    for name in _marks(obj):
        obj.data.attributes.remove(obj.data.attributes[name])
    obj.data.update()
