# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tool holds on to while it waits for the mouse, and how all of it is let go.

Meanwhile anything may happen, in another window, by a script or another extension: the part is
deleted, another object becomes the active one, a file is opened, this extension is switched off.
So nothing of Blender's is kept but numbers and names, and whoever ends the waiting can do so at any
time: the tool itself, or ``end_all`` where the tool is not asked.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from .preview import Preview

_running: list[Waiting] = []


class Waiting:
    """The waiting of one tool, from its start until ``end``.

    Attributes:
        preview: what is drawn over the views.
        shown: name of the modifier that is there only to show what would be made, if any.
    """

    def __init__(self, part: bpy.types.Object) -> None:
        self._uid, self._name = part.session_uid, part.name
        self.preview = Preview(part.matrix_world.copy())
        self.shown: str | None = None
        self.preview.show()
        _running.append(self)

    @property
    def goes_on(self) -> bool:
        """Whether nobody has ended it yet."""
        return self in _running

    def part(self, objects: Any) -> Any:
        """The part that it began with; None where it is no longer among ``objects``."""
        named = objects.get(self._name)
        if named is not None and named.session_uid == self._uid:
            return named
        # It may have been renamed.
        return next((obj for obj in objects if obj.session_uid == self._uid), None)

    def shown_modifier(self) -> Any:
        """The modifier that is shown; None where there is none, or not any more."""
        part = self.part(bpy.data.objects) if self.shown is not None else None
        return part.modifiers.get(self.shown) if part is not None else None

    def discard(self) -> None:
        """Take the modifier away that is shown."""
        modifier = self.shown_modifier()
        if modifier is not None:
            modifier.id_data.modifiers.remove(modifier)
        self.shown = None

    def end(self) -> None:
        """Leave nothing behind: no modifier, no lines over the views, no text, no cursor."""
        if not self.goes_on:
            return
        _running.remove(self)
        try:
            self.discard()
        finally:
            self.preview.remove()
            restore_windows()

    def leave(self) -> None:
        """Let go of the views alone, where Blender is on its way out and has no windows left."""
        if self.goes_on:
            _running.remove(self)
            self.preview.remove()


def restore_windows() -> None:
    """Give back cursors, status bars and headers, of all screens: it may be another one by now."""
    context: Any = bpy.context
    for window in context.window_manager.windows:
        window.cursor_modal_restore()
    for workspace in bpy.data.workspaces:
        workspace.status_text_set(None)
    for screen in bpy.data.screens:
        for area in screen.areas:
            if area.type == "VIEW_3D":
                area.header_text_set(None)
                area.tag_redraw()


@persistent  # type: ignore[untyped-decorator]
def end_all(*_: Any) -> None:
    """End every tool that waits; Blender calls it before it opens another file."""
    for waiting in list(_running):
        waiting.end()


def register() -> None:
    """Watch for other files."""
    bpy.app.handlers.load_pre.append(end_all)


def unregister() -> None:
    """End the tools that wait, and watch no more."""
    end_all()
    if end_all in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(end_all)
