# SPDX-License-Identifier: GPL-3.0-or-later
"""The sidebar's section of documents: which one is read, and what was found in it."""

from __future__ import annotations

from typing import Any

import bpy

from ..knowledge.program import EXTENSION, missing_command
from ..knowledge.reading import running
from ..knowledge.results import knowledge_of
from ..operators import knowledge
from .menus import ICONS
from .section import PartSection
from .wrapping import draw_text

ROWS = 6
SEVERITIES = {"error": "CANCEL", "warning": "ERROR", "note": "INFO"}


class FLAWSMITH_UL_known_defects(bpy.types.UIList):  # noqa: N801
    """The defects that a document names."""

    bl_idname = "FLAWSMITH_UL_known_defects"

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
        """Kind, name, and whether the template makes it."""
        row = layout.row(align=True)
        row.active = item.used
        row.label(text=item.name, icon=ICONS.get(item.kind, "QUESTION"))
        said = row.row()
        said.alignment = "RIGHT"
        said.label(text="", icon="CHECKMARK" if item.used else "PANEL_CLOSE")


class FLAWSMITH_PT_knowledge(PartSection, bpy.types.Panel):  # noqa: N801
    """Read a document about the active object."""

    bl_idname = "FLAWSMITH_PT_knowledge"
    bl_label = "Knowledge"
    bl_options = {"DEFAULT_CLOSED"}  # noqa: RUF012

    def draw(self, context: Any) -> None:
        """The document, the button, and what was found."""
        layout: Any = self.layout
        known = knowledge_of(context.active_object)
        draw_source(layout, known)
        missing = missing_command()
        if missing is not None:
            box = layout.box().column()
            draw_text(box, context, missing, "ERROR")
            show = box.operator("preferences.addon_show", text="Show Preferences")
            show.module = EXTENSION
        reading = running()
        if reading is None:
            layout.operator(knowledge.FLAWSMITH_OT_read_document.bl_idname, icon="FILE_TEXT")
        else:
            box = layout.box().column()
            draw_text(box, context, knowledge.progress_text(reading), "SORTTIME")
            box.operator(knowledge.FLAWSMITH_OT_cancel_reading.bl_idname, icon="X")
        if known.message and known.message != missing:
            draw_text(layout.box(), context, known.message, "ERROR")
        draw_found(layout, context, known)


def draw_source(layout: Any, known: Any) -> None:
    """The document and how it is read."""
    layout.row().prop(known, "source", expand=True)
    column = layout.column(align=True)
    if known.source == "FILE":
        column.prop(known, "filepath", text="", placeholder="Choose a document")
    else:
        column.prop(known, "text", text="", icon="TEXT")
    row = layout.split(factor=0.3)
    row.label(text="Process")
    row.prop(known, "process", text="")
    layout.prop(known, "replace")


def draw_found(layout: Any, context: Any, known: Any) -> None:
    """The items, the findings, and the way to the report."""
    if len(known.items):
        used = sum(item.used for item in known.items)
        named = knowledge.counted(len(known.items), "defect")
        verb = "is" if used == 1 else "are"
        draw_text(layout, context, f"{known.read} names {named}, of which {used} {verb} made.")
        kind, rows = FLAWSMITH_UL_known_defects.bl_idname, min(len(known.items), ROWS)
        layout.template_list(kind, "", known, "items", known, "active", rows=rows, maxrows=rows)
        if 0 <= known.active < len(known.items):
            draw_item(layout.box(), context, known.items[known.active])
    if len(known.findings):
        header, body = layout.panel("FLAWSMITH_PT_known_findings", default_closed=True)
        header.label(text=f"Findings ({len(known.findings)})")
        for finding in known.findings if body is not None else ():
            fixed = "Mended: " if finding.fixed else ""
            text = f"{fixed}{finding.name}: {finding.message}"
            icon = "CHECKMARK" if finding.fixed else SEVERITIES.get(finding.severity, "INFO")
            draw_text(body, context, text, icon)
    if known.page:
        layout.operator(knowledge.FLAWSMITH_OT_open_report.bl_idname, icon="URL")


def draw_item(layout: Any, context: Any, item: Any) -> None:
    """What a document says of a defect, and the passage that says so."""
    made = f"made as a {item.kind}" if item.used else "not made"
    draw_text(layout, context, f"{item.name}, {made}.")
    for title, value in (("Sizes", item.sizes), ("Place", item.place), ("Number", item.count)):
        if value:
            draw_text(layout, context, f"{title}: {value}.")
    if item.quote:
        draw_text(layout, context, f"“{item.quote}” ({item.source})")
    if item.reason:
        draw_text(layout, context, item.reason, "CHECKMARK" if item.used else "PANEL_CLOSE")


CLASSES = (FLAWSMITH_UL_known_defects, FLAWSMITH_PT_knowledge)
