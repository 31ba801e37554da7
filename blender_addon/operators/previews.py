# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the active object's defects."""

from __future__ import annotations

from typing import Any

import bpy
from bpy_extras.io_utils import ExportHelper

from ..rendering.preview import render_preview
from .base import BegunWith, PartOperator, chosen_file, reported


class FLAWSMITH_OT_render_preview(BegunWith, ExportHelper, PartOperator, bpy.types.Operator):  # type: ignore[misc]  # noqa: N801
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
        with reported(self) as result:
            render_preview(self.part(context), chosen_file(self), self.size)
            self.report({"INFO"}, f"Wrote {chosen_file(self)}")
        return result


CLASSES = (FLAWSMITH_OT_render_preview,)
