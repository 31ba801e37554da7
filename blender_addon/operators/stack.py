# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on the stack of the active object: remove, duplicate, reorder, mirror, copy, renumber."""

from __future__ import annotations

from typing import Any

import bpy

from ..stack import editing
from ..stack.labels import renumber, renumber_later
from ..stack.modifiers import active_defect, defect_modifiers, remove_defect
from .base import Context, DefectOperator, PartOperator, reported

AXES = [(axis, axis, f"Across the plane at right angles to {axis}") for axis in "XYZ"]
PLANES = [
    ("MIDDLE", "Middle", "The plane goes through the middle of the part's own mesh"),
    ("ORIGIN", "Origin", "The plane goes through the object's origin"),
]
DIRECTIONS = [("UP", "Up", "Earlier in the stack"), ("DOWN", "Down", "Later in the stack")]


class OwnDefectOperator(DefectOperator):
    """Takes the active defect from its place, which a library override would put back."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether the file may do so; if not, the tooltip says so."""
        if not super().poll(context):
            return False
        obj: Any = context.active_object
        if obj.override_library is not None and obj.modifiers.active.is_override_data:
            cls.poll_message_set(  # type: ignore[attr-defined]
                "The defect comes from the library; switch it off instead"
            )
            return False
        return True


class FLAWSMITH_OT_remove(OwnDefectOperator, bpy.types.Operator):  # noqa: N801
    """Remove the active defect, and its path, hull and bumps where nothing else uses them."""

    bl_idname = "flawsmith.remove"
    bl_label = "Remove Defect"
    bl_description = (
        "Remove the active defect, and its path, hull and bumps if no other defect uses them"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: Any) -> Any:
        """Remove it; the next one becomes the active one."""
        obj = context.active_object
        place = defect_modifiers(obj).index(obj.modifiers.active)
        remove_defect(obj.modifiers.active)
        left = defect_modifiers(obj)
        if left:
            obj.modifiers.active = left[min(place, len(left) - 1)]
        return {"FINISHED"}


class FLAWSMITH_OT_duplicate(DefectOperator, bpy.types.Operator):  # noqa: N801
    """Add a copy of the active defect after it, with a path, hull and bumps of its own."""

    bl_idname = "flawsmith.duplicate"
    bl_label = "Duplicate Defect"
    bl_description = (
        "Add a copy of the active defect after it, with a path, hull and bumps of its own"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    same_label: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Same Label", description="Give the copy the same label instead of a new one"
    )

    def execute(self, context: Any) -> Any:
        """Add the copy, which becomes the active one."""
        obj = context.active_object
        with reported(self) as result:
            copy = editing.duplicate(obj.modifiers.active, same_label=self.same_label)
            obj.modifiers.active = copy
        return result


class FLAWSMITH_OT_move(OwnDefectOperator, bpy.types.Operator):  # noqa: N801
    """Move the active defect up or down the stack."""

    bl_idname = "flawsmith.move"
    bl_label = "Move Defect"
    bl_description = "Move the active defect up or down the stack; no label changes"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    direction: bpy.props.EnumProperty(name="Direction", items=DIRECTIONS)  # type: ignore[valid-type]

    def execute(self, context: Any) -> Any:
        """Move it by one defect."""
        modifier = context.active_object.modifiers.active
        editing.move(modifier, -1 if self.direction == "UP" else 1)
        return {"FINISHED"}


class FLAWSMITH_OT_mirror(DefectOperator, bpy.types.Operator):  # noqa: N801
    """Mirror the active defect, or the whole stack, across a plane of the object's local space."""

    bl_idname = "flawsmith.mirror"
    bl_label = "Mirror Defect"
    bl_description = (
        "Mirror the active defect, or the whole stack, across a plane of the object's local space"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    axis: bpy.props.EnumProperty(name="Axis", items=AXES)  # type: ignore[valid-type]
    plane: bpy.props.EnumProperty(name="Through", items=PLANES)  # type: ignore[valid-type]
    copy: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Copy", default=True, description="Keep the defect, and mirror a copy of it"
    )
    whole_stack: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Whole Stack", description="Mirror all defects of the object, not only the active one"
    )

    def execute(self, context: Any) -> Any:
        """Mirror the defects or copies of them; the active one's copy becomes active."""
        obj = context.active_object
        active = obj.modifiers.active
        through = editing.middle(obj) if self.plane == "MIDDLE" else (0.0, 0.0, 0.0)
        with reported(self) as result:
            # What cannot be read is reported before anything has changed.
            chosen = defect_modifiers(obj) if self.whole_stack else [active]
            editing.require_readable(chosen)
            for modifier in chosen:
                mirrored = editing.duplicate(modifier) if self.copy else modifier
                editing.mirror(mirrored, "XYZ".index(self.axis), through=through)
                if modifier == active:
                    now_active = mirrored
            # At the end, because Blender makes each new modifier the active one.
            obj.modifiers.active = now_active
        return result


class FLAWSMITH_OT_copy_to_selected(PartOperator, bpy.types.Operator):  # noqa: N801
    """Copy the defects of the active object to the other selected mesh objects."""

    bl_idname = "flawsmith.copy_to_selected"
    bl_label = "Copy Defects to Selected"
    bl_description = "Copy the defects of the active object to the other selected mesh objects"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    only_active: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Only the Active Defect", description="Do not copy the other defects"
    )
    in_place: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Keep in Place",
        description="Keep their places in the world; otherwise keep their local coordinates",
    )
    move: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Move", description="Remove them from the active object"
    )

    def execute(self, context: Any) -> Any:
        """Copy them to all, or to none."""
        source = context.active_object
        targets = [o for o in context.selected_objects if o != source and o.type == "MESH"]
        chosen = [active_defect(source)] if self.only_active else defect_modifiers(source)
        if not targets or not chosen or chosen[0] is None:
            self.report(
                {"WARNING"}, "Select the objects to copy to, and make an object with defects active"
            )
            return {"CANCELLED"}
        with reported(self) as result:
            editing.copy_to(chosen, targets, in_place=self.in_place)
            if self.move:
                for modifier in chosen:
                    remove_defect(modifier)
            self.report(
                {"INFO"}, f"Defects copied: {len(chosen)}; objects that got them: {len(targets)}"
            )
        return result


class FLAWSMITH_OT_renumber(PartOperator, bpy.types.Operator):  # noqa: N801
    """Give each defect a label of its own, in the order of the stack."""

    bl_idname = "flawsmith.renumber"
    bl_label = "Renumber Labels"
    bl_description = (
        "Give each defect a label of its own, in the order of the stack: 1, 2, … or after the "
        "labels of defects that were applied to the mesh"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    which: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Which",
        description="Defects that get another label",
        items=(
            ("ALL", "All", "All defects, in the order of the stack"),
            ("LATER", "Later Ones", "Only defects whose label an earlier defect already has"),
        ),
    )

    def execute(self, context: Any) -> Any:
        """Renumber them."""
        number = renumber if self.which == "ALL" else renumber_later
        number(context.active_object)
        return {"FINISHED"}


class FLAWSMITH_OT_make_independent(PartOperator, bpy.types.Operator):  # noqa: N801
    """Give the defects of a duplicated object paths, hulls and bumps of their own."""

    bl_idname = "flawsmith.make_independent"
    bl_label = "Make Defects Independent"
    bl_description = (
        "Give the defects of a duplicated object paths, hulls and bumps of their own, so that "
        "editing them leaves the first object alone"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: Any) -> Any:
        """Copy paths, hulls and bumps that are shared."""
        with reported(self) as result:
            count = editing.make_independent(context.active_object)
            self.report({"INFO"}, f"Defects that got paths, hulls or bumps of their own: {count}")
        return result


CLASSES = (
    FLAWSMITH_OT_remove,
    FLAWSMITH_OT_duplicate,
    FLAWSMITH_OT_move,
    FLAWSMITH_OT_mirror,
    FLAWSMITH_OT_copy_to_selected,
    FLAWSMITH_OT_renumber,
    FLAWSMITH_OT_make_independent,
)
