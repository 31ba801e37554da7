# SPDX-License-Identifier: GPL-3.0-or-later
"""Add defects to the active object."""

from __future__ import annotations

from typing import Any

import bpy

from ..placing.places import place_near, placed_values
from ..placing.surface_paths import Surface
from ..stack.modifiers import KINDS, add_defect, diagonal
from .base import PartOperator, reported

KIND_ITEMS = [(kind, kind.title(), f"Add a {kind} at the 3D cursor") for kind in KINDS]


class FLAWSMITH_OT_add_defect(PartOperator, bpy.types.Operator):  # noqa: N801
    """Add a defect to the active object where its surface is nearest to the 3D cursor."""

    bl_idname = "flawsmith.add_defect"
    bl_label = "Add Defect"
    bl_description = (
        "Add a defect to the active object where its surface is nearest to the 3D cursor"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    kind: bpy.props.EnumProperty(name="Kind", items=KIND_ITEMS)  # type: ignore[valid-type]

    def execute(self, context: Any) -> Any:
        """Add it with suggested values."""
        obj = context.active_object
        with reported(self) as result:
            surface = Surface(obj)
            cursor = obj.matrix_world.inverted_safe() @ context.scene.cursor.location
            place = place_near(surface, cursor, diagonal(obj))
            add_defect(obj, self.kind, placed_values(self.kind, surface, place))
        return result


CLASSES = (FLAWSMITH_OT_add_defect,)
