# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operators share: which object they work on, and how they say what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ..modifiers import active_defect
from ..parts import PartError
from ..schema import RecipeError

Context = bpy.types.Context


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


@contextmanager
def reported(operator: bpy.types.Operator) -> Iterator[set[str]]:
    """What the operator returns: it ends with a report where the block raises one of our errors."""
    result = {"FINISHED"}
    try:
        yield result
    except (RecipeError, PartError, OSError) as error:
        operator.report({"ERROR"}, str(error))
        result.clear()
        result.add("CANCELLED")


def report_done(operator: bpy.types.Operator, done: str, warnings: Sequence[str]) -> None:
    """Report what an operator has done, and with it what its user should know about that."""
    operator.report({"WARNING"} if warnings else {"INFO"}, "\n".join([done, *warnings]))


def chosen_file(operator: Any) -> Path:
    """The file that was chosen in the file browser, or given by a script."""
    return Path(bpy.path.abspath(operator.filepath))
