# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a document about the active object, and add the defects that it names."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Any

import bpy

from ..documents.errors import AddonError
from ..knowledge.loading import page_of, take_up
from ..knowledge.reading import Reading, Source, file_source, running, text_source
from ..knowledge.results import FROM_TEXT, PROCESS_ITEMS, knowledge_of
from .base import PartOperator, reported

# Seconds between two looks at the process.
TICK = 0.25
GIVEN: Any = {"options": {"HIDDEN", "SKIP_SAVE"}}


class FLAWSMITH_OT_read_document(PartOperator, bpy.types.Operator):  # noqa: N801
    """Have the backend read a document, and add the defects that it names.

    A script gives the document; the button of the sidebar takes what is chosen there. In a window
    it goes on while Blender is used; called by a script, it waits for the end.
    """

    bl_idname = "flawsmith.read_document"
    bl_label = "Read"
    bl_description = (
        "Have the flawsmith command read the document, and add the defects that it names to the "
        "active object, with their ranges"
    )
    # Without REGISTER: the panel of the last step would read the document once more.
    bl_options = {"UNDO"}  # noqa: RUF012

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Document", description="Document; empty for what the object keeps", **GIVEN
    )
    text: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Text", description="Name of a text block, instead of a document", **GIVEN
    )
    process: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Process", items=PROCESS_ITEMS, description="Process that made the part", **GIVEN
    )
    replace: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Replace Defects", description="Remove the defects that the object has", **GIVEN
    )

    _reading: Reading | None = None

    def execute(self, context: Any) -> Any:
        """Read the document and wait for the end."""
        with reported(self) as result:
            reading = self._begin(context)
            try:
                reading.wait()
                self._finish(reading)
            finally:
                reading.end()
        return result

    def invoke(self, context: Any, event: Any) -> Any:
        """Start the command; ``modal`` looks after it."""
        if bpy.app.background:
            return self.execute(context)
        with reported(self) as result:
            self._reading = self._begin(context)
            hold_windows(self._reading, context)
            context.window_manager.modal_handler_add(self)
            result.clear()
            result.add("RUNNING_MODAL")
        return result

    def modal(self, context: Any, event: Any) -> Any:
        """Wait for the end of the command, or for Esc; all else is for Blender."""
        reading = self._reading
        if reading is None or not reading.goes_on:
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            reading.end()
            self.report({"INFO"}, f"Cancelled reading {reading.name}")
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        show_progress(reading)
        # In edit mode the step could not be undone.
        if not reading.is_done or context.mode != "OBJECT":
            return {"PASS_THROUGH"}
        with reported(self) as result:
            try:
                self._finish(reading)
            finally:
                reading.end()
        return result

    def cancel(self, context: Any) -> None:
        """Blender calls it where the window is closed."""
        if self._reading is not None:
            self._reading.end()

    def _begin(self, context: Any) -> Reading:
        obj = context.active_object
        known = knowledge_of(obj)
        try:
            if not self.properties.is_property_set("process"):
                self.process = known.process
            if not self.properties.is_property_set("replace"):
                self.replace = known.replace
            process = "" if self.process == FROM_TEXT else self.process
            reading = Reading(obj, self._source(known), process)
        except AddonError as error:
            known.message = str(error)
            raise
        known.message = ""
        return reading

    def _source(self, known: Any) -> Source:
        """What is read; the object keeps what a script gives."""
        if self.filepath:
            known.source, known.filepath = "FILE", self.filepath
        if self.text:
            if self.text not in bpy.data.texts:
                raise AddonError(f"There is no text block {self.text!r}.")
            known.source, known.text = "TEXT", bpy.data.texts[self.text]
        if known.source == "TEXT":
            if known.text is None:
                raise AddonError("Choose a text block first.")
            return text_source(known.text.name, known.text.as_string())
        if not known.filepath:
            raise AddonError("Choose a document first.")
        return file_source(Path(bpy.path.abspath(known.filepath)))

    def _finish(self, reading: Reading) -> None:
        added = take_up(reading, replace=self.replace)
        done = f"Added {counted(len(added), 'defect')} that {reading.name} names"
        severities = [one.severity for one in knowledge_of(reading.part()).findings]
        if severities:
            done += f"; the Knowledge section has {counted(len(severities), 'finding')}"
        self.report({"INFO"} if set(severities) <= {"note"} else {"WARNING"}, done)


def counted(number: int, name: str) -> str:
    """A number of things, such as ``1 defect`` or ``2 defects``."""
    return f"{number} {name}{'' if number == 1 else 's'}"


def hold_windows(reading: Reading, context: Any) -> None:
    """Have a timer in the window, and progress in the sidebar, until the reading is ended."""
    timer = context.window_manager.event_timer_add(TICK, window=context.window)

    def release() -> None:
        now: Any = bpy.context
        now.window_manager.event_timer_remove(timer)
        for workspace in bpy.data.workspaces:
            workspace.status_text_set(None)
        redraw_sidebars()

    reading.release = release
    show_progress(reading)


def show_progress(reading: Reading) -> None:
    """Tell in the status bar and in the sidebar how long the document is being read."""
    text = progress_text(reading)
    if text == reading.told:
        return
    reading.told = text
    for workspace in bpy.data.workspaces:
        workspace.status_text_set(f"{text}    Esc: cancel")
    redraw_sidebars()


def progress_text(reading: Reading) -> str:
    """What is going on, in a line."""
    if reading.is_done and bpy.context.mode != "OBJECT":
        return f"{reading.name} is read: leave edit mode to get its defects"
    return f"Reading {reading.name}: {reading.seconds:.0f} s"


def redraw_sidebars() -> None:
    """Have the sidebars of all 3D views drawn again, but not what they show."""
    context: Any = bpy.context
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions if area.type == "VIEW_3D" else ():
                if region.type == "UI":
                    region.tag_redraw()


class FLAWSMITH_OT_cancel_reading(bpy.types.Operator):  # noqa: N801
    """End the command that reads a document."""

    bl_idname = "flawsmith.cancel_reading"
    bl_label = "Cancel"
    bl_description = "Stop reading the document; nothing is added"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether one is being read."""
        return running() is not None

    def execute(self, context: Any) -> Any:
        """End it."""
        reading = running()
        if reading is not None:
            reading.end()
        return {"FINISHED"}


class FLAWSMITH_OT_open_report(PartOperator, bpy.types.Operator):  # noqa: N801
    """Show the page of the last document in the web browser."""

    bl_idname = "flawsmith.open_report"
    bl_label = "Open Report"
    bl_description = (
        "Show the page with the passages, the findings and pictures of each defect in the web "
        "browser"
    )
    changes_part = False

    def execute(self, context: Any) -> Any:
        """Open it."""
        with reported(self) as result:
            page = page_of(knowledge_of(context.active_object))
            if page is None:
                raise AddonError(
                    "There is no report; it is kept until Blender is closed, so read the document "
                    "again."
                )
            webbrowser.open(page.as_uri())
        return result


CLASSES = (FLAWSMITH_OT_read_document, FLAWSMITH_OT_cancel_reading, FLAWSMITH_OT_open_report)
