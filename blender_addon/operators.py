# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done from Blender's menus; each step can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from .modifiers import KINDS, add_defect, diagonal
from .parts import READERS, UNITS, PartError, open_part, part_origin, part_unit, set_part_frame
from .places import place_near, placed_values
from .recipe_io import apply_recipe, load_recipe, save_recipe
from .rendering import render_preview
from .schema import RecipeError
from .surface_paths import Surface

Context = bpy.types.Context
UNIT_ITEMS = [(unit, unit, f"Lengths are in {unit}") for unit in UNITS]
KIND_ITEMS = [(kind, kind.title(), f"Add a {kind} at the 3D cursor") for kind in KINDS]


class _PartOperator:
    """Works on the active object, which must be a mesh with faces."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is such an object; if not, the tooltip says so."""
        obj: Any = context.active_object
        if obj is None or obj.type != "MESH":
            cls.poll_message_set("Choose a mesh object")  # type: ignore[attr-defined]
            return False
        if context.mode != "OBJECT":
            cls.poll_message_set("Leave edit mode first")  # type: ignore[attr-defined]
            return False
        return True


@contextmanager
def _reported(operator: bpy.types.Operator) -> Iterator[set[str]]:
    """What the operator returns: it ends with a report where the block raises one of our errors."""
    result = {"FINISHED"}
    try:
        yield result
    except (RecipeError, PartError, OSError) as error:
        operator.report({"ERROR"}, str(error))
        result.clear()
        result.add("CANCELLED")


def _chosen_file(operator: Any) -> Path:
    """The file that was chosen in the file browser, or given by a script."""
    return Path(bpy.path.abspath(operator.filepath))


class FLAWSMITH_OT_add_defect(_PartOperator, bpy.types.Operator):  # noqa: N801
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
        with _reported(self) as result:
            surface = Surface(obj)
            cursor = obj.matrix_world.inverted_safe() @ context.scene.cursor.location
            place = place_near(surface, cursor, diagonal(obj))
            add_defect(obj, self.kind, placed_values(self.kind, surface, place))
        return result


class FLAWSMITH_OT_open_part(bpy.types.Operator, ImportHelper):  # type: ignore[misc]  # noqa: N801
    """Open a nominal CAD model, ready for defects."""

    bl_idname = "flawsmith.open_part"
    bl_label = "Open Part"
    bl_description = "Open a nominal CAD model, ready for defects"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default=";".join(f"*{suffix}" for suffix in READERS), options={"HIDDEN"}
    )
    unit: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Unit", items=UNIT_ITEMS, description="Unit of the lengths in the file"
    )

    def execute(self, context: Any) -> Any:
        """Open the chosen file."""
        with _reported(self) as result:
            open_part(_chosen_file(self), self.unit)
        return result


class FLAWSMITH_OT_set_unit(_PartOperator, bpy.types.Operator):  # noqa: N801
    """Say in which unit the lengths of the active object are; nothing is converted."""

    bl_idname = "flawsmith.set_unit"
    bl_label = "Unit"
    bl_description = "Say in which unit the lengths of the active object are; nothing is converted"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    unit: bpy.props.EnumProperty(name="Unit", items=UNIT_ITEMS)  # type: ignore[valid-type]

    def execute(self, context: Any) -> Any:
        """Store it with the object."""
        obj = context.active_object
        set_part_frame(obj, self.unit, part_origin(obj))
        return {"FINISHED"}


class FLAWSMITH_OT_export_recipe(_PartOperator, bpy.types.Operator, ExportHelper):  # type: ignore[misc]  # noqa: N801
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
        with _reported(self) as result:
            save_recipe(_chosen_file(self), obj)
            self.report({"INFO"}, f"Wrote {_chosen_file(self)}")
        return result


class FLAWSMITH_OT_import_recipe(_PartOperator, bpy.types.Operator, ImportHelper):  # type: ignore[misc]  # noqa: N801
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
        with _reported(self) as result:
            added = apply_recipe(obj, load_recipe(_chosen_file(self)))
            self.report({"INFO"}, f"Added {len(added)} defects in {part_unit(obj)}")
        return result


class FLAWSMITH_OT_render_preview(_PartOperator, bpy.types.Operator, ExportHelper):  # type: ignore[misc]  # noqa: N801
    """Draw the active object's defects, framed and tinted."""

    bl_idname = "flawsmith.render_preview"
    bl_label = "Render Preview"
    bl_description = "Draw the active object's defects, framed and tinted"

    filename_ext = ".png"
    filter_glob: bpy.props.StringProperty(  # type: ignore[valid-type]
        default="*.png", options={"HIDDEN"}
    )
    size: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Size", default=480, min=16, max=4096, subtype="PIXEL"
    )

    def execute(self, context: Any) -> Any:
        """Draw into the chosen file."""
        obj = context.active_object
        with _reported(self) as result:
            render_preview(obj, _chosen_file(self), self.size)
            self.report({"INFO"}, f"Wrote {_chosen_file(self)}")
        return result


CLASSES = (
    FLAWSMITH_OT_add_defect,
    FLAWSMITH_OT_open_part,
    FLAWSMITH_OT_set_unit,
    FLAWSMITH_OT_export_recipe,
    FLAWSMITH_OT_import_recipe,
    FLAWSMITH_OT_render_preview,
)


def register() -> None:
    """Add the operators."""
    for operator in CLASSES:
        bpy.utils.register_class(operator)


def unregister() -> None:
    """Take the operators away."""
    for operator in reversed(CLASSES):
        bpy.utils.unregister_class(operator)
