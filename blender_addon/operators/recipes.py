# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes out of the stack and into it."""

from __future__ import annotations

from typing import Any

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..parts import part_unit
from ..recipe_io import apply_recipe, load_recipe, save_recipe
from .base import PartOperator, chosen_file, reported


class FLAWSMITH_OT_export_recipe(PartOperator, bpy.types.Operator, ExportHelper):  # type: ignore[misc]  # noqa: N801
    """Write the defects of the active object as a recipe."""

    bl_idname = "flawsmith.export_recipe"
    bl_label = "Export Recipe"
    bl_description = "Write the defects of the active object as a recipe"

    filename_ext = ".json"
    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default="*.json", options={"HIDDEN"}
    )

    def execute(self, context: Any) -> Any:
        """Write the chosen file."""
        obj = context.active_object
        with reported(self) as result:
            save_recipe(chosen_file(self), obj)
            self.report({"INFO"}, f"Wrote {chosen_file(self)}")
        return result


class FLAWSMITH_OT_import_recipe(PartOperator, bpy.types.Operator, ImportHelper):  # type: ignore[misc]  # noqa: N801
    """Add the defects of a recipe to the active object."""

    bl_idname = "flawsmith.import_recipe"
    bl_label = "Import Recipe"
    bl_description = "Add the defects of a recipe to the active object"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default="*.json", options={"HIDDEN"}
    )

    def execute(self, context: Any) -> Any:
        """Read the chosen file."""
        obj = context.active_object
        with reported(self) as result:
            added = apply_recipe(obj, load_recipe(chosen_file(self)))
            self.report({"INFO"}, f"Added {len(added)} defects in {part_unit(obj)}")
        return result


CLASSES = (FLAWSMITH_OT_export_recipe, FLAWSMITH_OT_import_recipe)
