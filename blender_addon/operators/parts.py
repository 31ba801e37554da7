# SPDX-License-Identifier: GPL-3.0-or-later
"""Open nominal parts, and set the unit of their lengths."""

from __future__ import annotations

from typing import Any

import bpy
from bpy_extras.io_utils import ImportHelper

from ..examples.sample import add_sample_defects, add_sample_part
from ..parts.frame import UNITS, part_origin, set_part_frame
from ..parts.opening import READERS, open_part, outside_notices
from .base import PartOperator, chosen_file, report_done, reported

UNIT_ITEMS = [(unit, unit, f"Lengths are in {unit}") for unit in UNITS]


class FLAWSMITH_OT_open_part(bpy.types.Operator, ImportHelper):  # type: ignore[misc]  # noqa: N801
    """Open a nominal CAD model, ready for defects."""

    bl_idname = "flawsmith.open_part"
    bl_label = "Open Part"
    bl_description = "Open a nominal CAD model for defects"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default=";".join(f"*{suffix}" for suffix in READERS), options={"HIDDEN"}
    )
    unit: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Unit", items=UNIT_ITEMS, description="Unit of the lengths in the file"
    )

    def execute(self, context: Any) -> Any:
        """Open the chosen file."""
        with reported(self) as result:
            part = open_part(chosen_file(self), self.unit)
            report_done(self, f"Opened {part.name}", outside_notices(part))
        return result


class FLAWSMITH_OT_set_unit(PartOperator, bpy.types.Operator):  # noqa: N801
    """Say in which unit the lengths of the active object are; nothing is converted."""

    bl_idname = "flawsmith.set_unit"
    bl_label = "Unit"
    bl_description = "Set the unit of the active object's lengths; nothing is converted"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    unit: bpy.props.EnumProperty(name="Unit", items=UNIT_ITEMS)  # type: ignore[valid-type]

    def execute(self, context: Any) -> Any:
        """Store it with the object."""
        obj = context.active_object
        set_part_frame(obj, self.unit, part_origin(obj))
        return {"FINISHED"}


class FLAWSMITH_OT_add_sample(bpy.types.Operator):  # noqa: N801
    """Add a flange with one defect of each kind, to try things on."""

    bl_idname = "flawsmith.add_sample"
    bl_label = "Sample Part"
    bl_description = "Add a flange, 120 mm wide, with one defect of each kind, to try things on"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    with_defects: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Defects", default=True, description="Also add one defect of each kind"
    )

    def execute(self, context: Any) -> Any:
        """Add it at the middle of the scene."""
        flange = add_sample_part()
        if self.with_defects:
            add_sample_defects(flange)
        return {"FINISHED"}


CLASSES = (FLAWSMITH_OT_open_part, FLAWSMITH_OT_add_sample, FLAWSMITH_OT_set_unit)
