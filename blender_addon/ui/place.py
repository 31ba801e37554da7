# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar's section of tools that place defects by hand."""

from __future__ import annotations

from typing import Any

import bpy

from ..picking.lasso import FLAWSMITH_OT_lasso
from ..picking.place import FLAWSMITH_OT_place
from ..picking.plane import FLAWSMITH_OT_place_plane
from ..picking.scratch import FLAWSMITH_OT_draw_scratch
from .menus import ICONS
from .section import PartSection

# Title, and the operator that places it; its kind where it places several.
TOOLS: dict[str, tuple[str, bool]] = {
    "dent": (FLAWSMITH_OT_place.bl_idname, True),
    "hole": (FLAWSMITH_OT_place.bl_idname, True),
    "deposit": (FLAWSMITH_OT_place.bl_idname, True),
    "scratch": (FLAWSMITH_OT_draw_scratch.bl_idname, False),
    "crack": (FLAWSMITH_OT_place_plane.bl_idname, True),
    "bend": (FLAWSMITH_OT_place_plane.bl_idname, True),
    "freeform": (FLAWSMITH_OT_lasso.bl_idname, False),
}


class FLAWSMITH_PT_place(PartSection, bpy.types.Panel):  # noqa: N801
    """Tools that place a defect on the active object by hand."""

    bl_idname = "FLAWSMITH_PT_place"
    bl_label = "Place by Hand"

    def draw(self, context: Any) -> None:
        """One button a kind."""
        layout: Any = self.layout
        grid = layout.grid_flow(columns=2, even_columns=True, align=True, row_major=True)
        for kind, (operator, several) in TOOLS.items():
            button = grid.operator(operator, text=kind.title(), icon=ICONS[kind])
            if several:
                button.kind = kind


CLASSES = (FLAWSMITH_PT_place,)
