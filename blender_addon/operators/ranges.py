# SPDX-License-Identifier: GPL-3.0-or-later
"""Put ranges beside the values of the active defect."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..data.attributes import read_positions
from ..exchange.templates import value_of
from ..stack.modifiers import diagonal, read_values
from ..stack.ranges import (
    clear_range,
    ensure_variation,
    new_region,
    range_of,
    set_range,
    spread_about,
    template_field,
    variation_of,
)
from ..stack.remembered import forget_variation
from .base import DefectOperator, reported

# Of a new distance or spacing, as a part of the diagonal.
REACH = 0.1


class FLAWSMITH_OT_vary(DefectOperator, bpy.types.Operator):  # noqa: N801
    """Let the active defect vary, or no more."""

    bl_idname = "flawsmith.vary"
    bl_label = "Vary Defect"
    bl_description = "Let templates vary the values and the place of the active defect"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: Any) -> Any:
        """Begin or end it."""
        obj = context.active_object
        modifier = obj.modifiers.active
        if variation_of(modifier) is not None:
            forget_variation(modifier)
            return {"FINISHED"}
        variation = ensure_variation(modifier)
        for name in ("distance", "spacing_min", "spacing_max"):
            setattr(variation, name, REACH * diagonal(obj))
        return {"FINISHED"}


class FLAWSMITH_OT_vary_value(DefectOperator, bpy.types.Operator):  # noqa: N801
    """Put a range beside a value of the active defect, or take it away."""

    bl_idname = "flawsmith.vary_value"
    bl_label = "Vary Value"
    bl_description = "Draw this value from a range, or keep it fixed"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    field: bpy.props.StringProperty(name="Field")  # type: ignore[valid-type]

    def execute(self, context: Any) -> Any:
        """Begin with a range about the value."""
        modifier = context.active_object.modifiers.active
        with reported(self) as result:
            field = template_field(modifier, self.field)
            if range_of(modifier, self.field) is not None:
                clear_range(modifier, self.field)
            else:
                value = value_of(self.field, read_values(modifier))
                set_range(modifier, self.field, spread_about(field, value))
        return result


class FLAWSMITH_OT_toggle_choice(DefectOperator, bpy.types.Operator):  # noqa: N801
    """Draw a choice too, or no more."""

    bl_idname = "flawsmith.toggle_choice"
    bl_label = "Choice"
    bl_description = "Whether this choice can be drawn"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    field: bpy.props.StringProperty(name="Field")  # type: ignore[valid-type]
    choice: bpy.props.StringProperty(name="Choice")  # type: ignore[valid-type]

    def execute(self, context: Any) -> Any:
        """Add it or take it away; the last one stays."""
        modifier = context.active_object.modifiers.active
        with reported(self) as result:
            spec = template_field(modifier, self.field).spec
            chosen = set(range_of(modifier, self.field).choices.split(",")) ^ {self.choice}
            kept = [choice for choice in (spec.choices if spec else ()) if choice in chosen]
            if kept:
                set_range(modifier, self.field, {"choices": kept})
        return result


class FLAWSMITH_OT_add_region(DefectOperator, bpy.types.Operator):  # noqa: N801
    """Add a box to which the place of the active defect is restricted."""

    bl_idname = "flawsmith.add_region"
    bl_label = "Add Region"
    bl_description = "Add a box below the part, to move and scale; the defect is drawn within it"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: Any) -> Any:
        """Begin with the bounds of the part."""
        obj = context.active_object
        points = read_positions(obj.data).astype(np.float64)
        low, high = points.min(axis=0), points.max(axis=0)
        region = new_region(obj, f"{obj.name} Region", low, high)
        ensure_variation(obj.modifiers.active).region = region
        return {"FINISHED"}


CLASSES = (
    FLAWSMITH_OT_vary,
    FLAWSMITH_OT_vary_value,
    FLAWSMITH_OT_toggle_choice,
    FLAWSMITH_OT_add_region,
)
