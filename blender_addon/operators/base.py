# SPDX-License-Identifier: GPL-3.0-or-later
"""Code that the operators share: the choice of the object, and the report of errors."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ..documents.errors import AddonError
from ..stack.modifiers import active_defect

Context = bpy.types.Context

# Letters; Blender cuts a line of a popup at the edge of its window.
REPORT_WIDTH = 100


class PartOperator:
    """Works on the active object, which must be a mesh with faces.

    Attributes:
        changes_part: whether the object must be one that can be edited.
    """

    changes_part = True

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
        if cls.changes_part and not obj.is_editable:
            cls.poll_message_set(  # type: ignore[attr-defined]
                "The object is linked from a library; make a library override or a local copy"
            )
            return False
        return True


class DefectOperator(PartOperator):
    """Works on the active defect of the active object."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether the active modifier is a defect; if not, the tooltip says so."""
        if not super().poll(context):
            return False
        obj: Any = context.active_object
        if active_defect(obj) is None:
            cls.poll_message_set("Choose a defect in the list")  # type: ignore[attr-defined]
            return False
        return True


class BegunWith:
    """Keeps to the objects that were chosen when the file browser was opened.

    Until a file is chosen, objects can be made active, deleted and renamed. A script that gives a
    file works on what is chosen then.
    """

    begun: bpy.props.StringProperty(  # type: ignore[valid-type]
        description="Objects that were chosen when the file browser was opened",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def invoke(self: Any, context: Any, event: Any) -> Any:
        """Store the chosen objects, and ask for the file."""
        active = context.active_object
        self.begun = json.dumps(
            {
                "active": [] if active is None else [_known_by(active)],
                "selected": [_known_by(obj) for obj in context.selected_objects],
                "collection": [_known_by(context.collection)],
            }
        )
        return super().invoke(context, event)  # type: ignore[misc]

    def part(self: Any, context: Any) -> Any:
        """The object that was active.

        Raises:
            AddonError: it is gone, or cannot be worked on by now.
        """
        if not self.begun:
            return context.active_object
        [part] = self._objects_that_were("active")
        if part.mode != "OBJECT":
            raise AddonError(f"{part.name!r} is being edited; leave edit mode and begin again")
        return part

    def selected_objects(self: Any, context: Any) -> list[Any]:
        """The objects that were selected; raises where one of them is gone."""
        return self._objects_that_were("selected") if self.begun else context.selected_objects

    def active_collection(self: Any, context: Any) -> Any:
        """The collection that was active; raises where it is gone."""
        if not self.begun:
            return context.collection
        scenes = [scene.collection for scene in bpy.data.scenes]
        return self._found("collection", [*bpy.data.collections, *scenes])[0]

    def _objects_that_were(self, what: str) -> list[Any]:
        # One that is in no scene is deleted, though the file may still hold it.
        return self._found(what, [obj for obj in bpy.data.objects if obj.users_scene])

    def _found(self: Any, what: str, there: Sequence[Any]) -> list[Any]:
        """The stored objects that still exist."""
        by_number = {thing.session_uid: thing for thing in there}
        noted = json.loads(self.begun)[what]
        for number, name in noted:
            if number not in by_number:
                raise AddonError(
                    f"{name!r} was deleted while the file browser was open; choose again"
                )
        return [by_number[number] for number, _ in noted]


def _known_by(thing: Any) -> tuple[int, str]:
    """What stays the same of an object while a file is open, and its name."""
    return thing.session_uid, thing.name


@contextmanager
def reported(operator: bpy.types.Operator) -> Iterator[set[str]]:
    """What the operator returns: it ends with a report where the block raises one of our errors."""
    result = {"FINISHED"}
    try:
        yield result
    except (AddonError, OSError) as error:
        operator.report({"ERROR"}, in_lines(str(error)))
        result.clear()
        result.add("CANCELLED")


def report_done(operator: bpy.types.Operator, done: str, warnings: Sequence[str]) -> None:
    """Report the result of an operator together with its warnings."""
    told = in_lines("\n".join([done, *warnings]))
    operator.report({"WARNING"} if warnings else {"INFO"}, told)


def in_lines(text: str) -> str:
    """A text as a report of a window shows it in full; as it is where there is no window."""
    if bpy.app.background:
        return text
    lines = (
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(
            paragraph, REPORT_WIDTH, break_long_words=False, break_on_hyphens=False
        )
    )
    # The status bar joins the lines.
    return " \n".join(lines)


def chosen_file(operator: Any) -> Path:
    """The file that was chosen in the file browser, or given by a script."""
    return Path(bpy.path.abspath(operator.filepath))
