# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of an object's defects, and the values of the active one."""

from __future__ import annotations

from typing import Any

import bpy

from ..documents.schema import fields
from ..nodes.inputs import input_property
from ..operators import stack
from ..stack.editing import shares_supports
from ..stack.labels import shared_labels
from ..stack.modifiers import active_defect, defect_kind, read_value
from .menus import ICONS, FLAWSMITH_MT_add_defect, FLAWSMITH_MT_stack
from .section import Section, active_part

ROWS = 5
# In Blender's units of a button's height.
LABEL_WIDTH = 1.1


class FLAWSMITH_UL_defects(bpy.types.UIList):  # noqa: N801
    """The defects of a stack, in its order."""

    bl_idname = "FLAWSMITH_UL_defects"
    # Labels that several have; found once for all rows.
    shared: frozenset[int] = frozenset()

    def draw_item(
        self,
        context: Any,
        layout: Any,
        data: Any,
        item: Any,
        icon: Any,
        active_data: Any,
        active_property: Any,
        index: Any = 0,
        flags: Any = 0,
    ) -> None:
        """Kind, name, label, and whether it is shown in the viewport and in renders."""
        row = layout.row(align=True)
        row.prop(item, "name", text="", emboss=False, icon=ICONS[defect_kind(item) or ""])
        number = read_value(item, "label")
        is_shared = number in self.shared and item.show_viewport
        label = row.row()
        label.ui_units_x, label.alignment = (1.0 + is_shared) * LABEL_WIDTH, "RIGHT"
        label.label(text=str(number), icon="ERROR" if is_shared else "NONE")
        row.prop(item, "show_viewport", text="", emboss=False)
        row.prop(item, "show_render", text="", emboss=False)

    def filter_items(self, context: Any, data: Any, name: str) -> Any:
        """Leave out modifiers that are no defects, and what does not match the search."""
        wanted = self.filter_name.casefold()
        shown = [
            self.bitflag_filter_item
            if defect_kind(modifier) and wanted in modifier.name.casefold()
            else 0
            for modifier in getattr(data, name)
        ]
        return shown, []


def draw_stack(layout: Any, obj: Any) -> None:
    """The list with its buttons, and below it the active defect."""
    row = layout.row()
    FLAWSMITH_UL_defects.shared = frozenset(shared_labels(obj))
    row.template_list(
        FLAWSMITH_UL_defects.bl_idname, "", obj, "modifiers", obj, PROPERTY, rows=ROWS
    )
    buttons = row.column(align=True)
    buttons.menu(FLAWSMITH_MT_add_defect.bl_idname, text="", icon="ADD")
    buttons.operator(stack.FLAWSMITH_OT_remove.bl_idname, text="", icon="REMOVE")
    buttons.operator(stack.FLAWSMITH_OT_duplicate.bl_idname, text="", icon="DUPLICATE")
    buttons.menu(FLAWSMITH_MT_stack.bl_idname, text="", icon="DOWNARROW_HLT")
    buttons.separator()
    for direction, icon in (("UP", "TRIA_UP"), ("DOWN", "TRIA_DOWN")):
        mover = buttons.operator(stack.FLAWSMITH_OT_move.bl_idname, text="", icon=icon)
        mover.direction = direction
    if FLAWSMITH_UL_defects.shared:
        labels = ", ".join(map(str, sorted(FLAWSMITH_UL_defects.shared)))
        box = layout.box().column()
        box.label(text=f"Defects share label {labels}", icon="ERROR")
        for which, text in (("LATER", "Renumber Later Ones"), ("ALL", "Renumber All")):
            box.operator(stack.FLAWSMITH_OT_renumber.bl_idname, text=text).which = which
    if shares_supports(obj):
        box = layout.box().column()
        box.label(text="Shares paths with another object", icon="ERROR")
        box.operator(stack.FLAWSMITH_OT_make_independent.bl_idname)


class FLAWSMITH_PT_values(Section, bpy.types.Panel):  # noqa: N801
    """The values of the active defect."""

    bl_idname = "FLAWSMITH_PT_values"
    bl_label = "Active Defect"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether there is one."""
        obj = active_part(context)
        return obj is not None and active_defect(obj) is not None

    def draw(self, context: Any) -> None:
        """Its size and shape, its path, hull and bumps; the rest is in the Modifiers tab."""
        layout: Any = self.layout
        layout.use_property_split = True
        modifier = active_defect(context.active_object)
        for field in fields(str(defect_kind(modifier))):
            if field.type != "triple":
                layout.prop(*input_property(modifier, field.title), text=field.title)


# The list shows the active item by a number that is a property.
PROPERTY = "flawsmith_active_defect"


def _place(obj: Any) -> int:
    """The active modifier's place in the stack, -1 where there is none."""
    active = obj.modifiers.active
    return int(obj.modifiers.find(active.name)) if active is not None else -1


def _choose(obj: Any, place: int) -> None:
    if 0 <= place < len(obj.modifiers):
        obj.modifiers.active = obj.modifiers[place]


def register() -> None:
    """Let the list show and set the active modifier by its place."""
    props: Any = bpy.props
    place = props.IntProperty(name="Active Defect", get=_place, set=_choose, options={"SKIP_SAVE"})
    setattr(bpy.types.Object, PROPERTY, place)


def unregister() -> None:
    """Take the property away."""
    delattr(bpy.types.Object, PROPERTY)


CLASSES = (FLAWSMITH_UL_defects, FLAWSMITH_PT_values)
