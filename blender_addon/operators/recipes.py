# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes and templates out of the stack and into it, and checks before that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from ..documents.errors import AddonError
from ..exchange.checks import findings, recipe_warnings
from ..exchange.recipes import apply_to_all, load_recipe, save_recipe, save_recipes
from ..exchange.templates import apply_template, load_template, save_template
from ..parts.frame import part_unit, show_in_unit
from ..stack.baked import forget_baked
from ..stack.labels import taken_labels
from ..stack.modifiers import defect_modifiers
from ..stack.scaling import apply_scale
from .base import BegunWith, PartOperator, chosen_file, report_done, reported

FILTER = {"default": "*.json", "options": {"HIDDEN"}}


class _Export(BegunWith, ExportHelper):
    """What exporting asks for; it changes nothing."""

    changes_part = False

    filename_ext = ".json"
    filter_glob: bpy.props.StringProperty(**FILTER)  # type: ignore[valid-type]


class FLAWSMITH_OT_export_recipe(_Export, PartOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Write the defects of the active object as a recipe."""

    bl_idname = "flawsmith.export_recipe"
    bl_label = "Export Recipe"
    bl_description = "Write the defects of the active object as a recipe"

    def execute(self, context: Any) -> Any:
        """Write the chosen file."""
        with reported(self) as result:
            obj = self.part(context)
            save_recipe(chosen_file(self), obj)
            report_done(self, f"Wrote {chosen_file(self)}", recipe_warnings(obj))
        return result


class _Folder:
    """Asks for a folder."""

    directory: bpy.props.StringProperty(subtype="DIR_PATH")  # type: ignore[valid-type]
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})  # type: ignore[valid-type]

    def invoke(self, context: Any, event: Any) -> Any:
        """Ask for it."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}


class FLAWSMITH_OT_export_recipes(BegunWith, _Folder, bpy.types.Operator):  # noqa: N801
    """Write a recipe for each of several objects."""

    bl_idname = "flawsmith.export_recipes"
    bl_label = "Export Several Recipes"
    bl_description = "Write a recipe for each selected object, or of a collection, into a folder"

    scope: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Of",
        items=(
            ("SELECTED", "Selected Objects", "Every selected object that has defects"),
            ("COLLECTION", "Collection", "Every object of a collection that has defects"),
        ),
    )
    collection: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Collection", description="Name of a collection; the active one if empty"
    )
    overwrite: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Overwrite", description="Replace recipes that exist in the folder"
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether there is any object with defects."""
        if any(defect_modifiers(obj) for obj in context.scene.objects):
            return True
        cls.poll_message_set("No object has defects")
        return False

    def execute(self, context: Any) -> Any:
        """Write the files."""
        with reported(self) as result:
            folder = Path(bpy.path.abspath(self.directory))
            objects = [obj for obj in self._objects(context) if defect_modifiers(obj)]
            paths = save_recipes(folder, objects, overwrite=self.overwrite)
            names = ", ".join(path.name for path in paths)
            warnings = [f"{o.name}: {text}" for o in objects for text in recipe_warnings(o)]
            report_done(self, f"Wrote {len(paths)} recipes to {folder}: {names}", warnings)
        return result

    def _objects(self, context: Any) -> Any:
        if self.scope == "SELECTED":
            return self.selected_objects(context)
        if not self.collection:
            return self.active_collection(context).all_objects
        if self.collection not in bpy.data.collections:
            raise AddonError(f"there is no collection {self.collection!r}")
        return bpy.data.collections[self.collection].all_objects


class _Import(BegunWith, ImportHelper):
    """What importing asks for."""

    filter_glob: bpy.props.StringProperty(**FILTER)  # type: ignore[valid-type]
    replace: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Replace Defects", description="Remove the defects that the object already has"
    )
    labels: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Labels",
        description="Labels of the new defects",
        items=(
            ("KEEP", "Keep", "Keep the labels of the file, even if the object already has them"),
            ("PAST", "Number Past", "Number them after the labels that the object already has"),
        ),
    )


def taken(obj: Any, added: Any) -> list[str]:
    """A line about the labels of added defects that others on the object have already."""
    labels = ", ".join(map(str, taken_labels(obj, added)))
    if not labels:
        return []
    return [
        f"{obj.name}: label {labels} existed already, so defects cannot be told apart; choose "
        "Labels: Number Past in the panel at the lower left, or Renumber Labels"
    ]


class FLAWSMITH_OT_import_recipe(_Import, PartOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Add the defects of a recipe to the active object."""

    bl_idname = "flawsmith.import_recipe"
    bl_label = "Import Recipe"
    bl_description = "Add the defects of a recipe to the active object, or to all selected ones"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    selected: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="All Selected", description="Add them to every selected mesh object"
    )

    def execute(self, context: Any) -> Any:
        """Read the chosen file."""
        with reported(self) as result:
            objects = self._objects(context)
            recipe, renumber = load_recipe(chosen_file(self)), self.labels == "PAST"
            added = apply_to_all(objects, recipe, replace=self.replace, renumber=renumber)
            count, names = sum(map(len, added)), ", ".join(obj.name for obj in objects)
            warnings = [text for each in zip(objects, added, strict=True) for text in taken(*each)]
            report_done(self, f"Added {count} defects to {names or 'nothing'}", warnings)
        return result

    def _objects(self, context: Any) -> list[Any]:
        if not self.selected:
            return [self.part(context)]
        chosen = self.selected_objects(context)
        return [obj for obj in chosen if obj.type == "MESH" and obj.is_editable]


class FLAWSMITH_OT_export_template(_Export, PartOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Write the defects of the active object, with their ranges, as a template."""

    bl_idname = "flawsmith.export_template"
    bl_label = "Export Template"
    bl_description = (
        "Write the defects of the active object with their ranges and place rules as a template, "
        "from which recipes are drawn"
    )

    def execute(self, context: Any) -> Any:
        """Write the chosen file."""
        with reported(self) as result:
            obj = self.part(context)
            save_template(chosen_file(self), obj)
            report_done(self, f"Wrote {chosen_file(self)}", recipe_warnings(obj))
        return result


class FLAWSMITH_OT_import_template(_Import, PartOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
    """Add the defects of a template to the active object, with their ranges."""

    bl_idname = "flawsmith.import_template"
    bl_label = "Import Template"
    bl_description = (
        "Add the defects of a template to the active object, with values in the middle of their "
        "ranges, and with the ranges beside them"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: Any) -> Any:
        """Read the chosen file."""
        with reported(self) as result:
            obj, template = self.part(context), load_template(chosen_file(self))
            renumber = self.labels == "PAST"
            added = apply_template(obj, template, replace=self.replace, renumber=renumber)
            done = f"Added {len(added)} defects with ranges to {obj.name}"
            report_done(self, done, taken(obj, added))
        return result


class FLAWSMITH_OT_validate(PartOperator, bpy.types.Operator):  # noqa: N801
    """Report every problem of the active object and its defects."""

    bl_idname = "flawsmith.validate"
    bl_label = "Check Defects"
    bl_description = "Report every problem of the active object and its defects"
    changes_part = False

    def execute(self, context: Any) -> Any:
        """Report all problems at once, errors last, because Blender shows the last report."""
        found = findings(context.active_object)
        warnings = [one.text for one in found if not one.is_error]
        errors = [one.text for one in found if one.is_error]
        if warnings:
            self.report({"WARNING"}, "\n".join(warnings))
        if errors:
            self.report({"ERROR"}, "\n".join(errors))
            return {"CANCELLED"}
        if not warnings:
            self.report({"INFO"}, f"{context.active_object.name}: no problems")
        return {"FINISHED"}


class FLAWSMITH_OT_forget_applied(PartOperator, bpy.types.Operator):  # noqa: N801
    """Take the marks of applied defects out of the mesh of the active object."""

    bl_idname = "flawsmith.forget_applied"
    bl_label = "Forget Applied Defects"
    bl_description = (
        "Remove the marks of applied defects from the mesh; its shape stays, and counts as nominal "
        "from then on"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: Any) -> Any:
        """Take them out."""
        forget_baked(context.active_object)
        return {"FINISHED"}


class FLAWSMITH_OT_apply_scale(PartOperator, bpy.types.Operator):  # noqa: N801
    """Bring the scale of the active object into its mesh and its defects."""

    bl_idname = "flawsmith.apply_scale"
    bl_label = "Apply Scale"
    bl_description = (
        "Bring the scale of the active object into its mesh and its defects, which then look "
        "as before but have the lengths that the view shows"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: Any) -> Any:
        """Apply it."""
        with reported(self) as result:
            factor = apply_scale(context.active_object)
            self.report({"INFO"}, f"Lengths are now {factor:.6g} times as large")
        return result


class FLAWSMITH_OT_match_units(PartOperator, bpy.types.Operator):  # noqa: N801
    """Show lengths in the unit of the active object."""

    bl_idname = "flawsmith.match_units"
    bl_label = "Show Part's Unit"
    bl_description = "Set the scene's units to the unit of the active object; nothing is converted"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012
    changes_part = False

    def execute(self, context: Any) -> Any:
        """Set the scene's units."""
        show_in_unit(context.scene, part_unit(context.active_object))
        return {"FINISHED"}


CLASSES = (
    FLAWSMITH_OT_export_recipe,
    FLAWSMITH_OT_export_recipes,
    FLAWSMITH_OT_import_recipe,
    FLAWSMITH_OT_export_template,
    FLAWSMITH_OT_import_template,
    FLAWSMITH_OT_validate,
    FLAWSMITH_OT_apply_scale,
    FLAWSMITH_OT_forget_applied,
    FLAWSMITH_OT_match_units,
)
