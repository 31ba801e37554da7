# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools share: they wait for the mouse, leave the view to its user, and clean up.

A tool begins in a 3D view, shows what it would make, and ends by ``execute``, which works from the
operator's properties alone. Escape and the right mouse button leave everything as it was. It goes
on with the part it began with, whatever becomes the active object, and ends where that is gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

from ..documents.errors import AddonError
from ..operators.base import PartOperator, reported
from ..placing.surface_paths import Surface
from ..stack.modifiers import diagonal
from .preview import Preview
from .views import Aim, aim_at
from .waiting import Waiting

Result = set[str] | None

# Events that move the view, on whatever device. Tools that want the wheel take it themselves.
NAVIGATION = (
    "MIDDLEMOUSE",
    "WHEEL",
    "TRACKPAD",
    "MOUSEROTATE",
    "MOUSESMARTZOOM",
    "NUMPAD_",
    "NDOF_",
    "HOME",
)
# A click becomes a drag where the mouse moves farther than this, in pixels.
DRAG = 6
MISSED = "There is no surface here: click on the part"


class PickingTool(PartOperator):
    """A modal operator that picks places on the active object.

    A tool says what it does at each event by ``on_move``, ``on_press``, ``on_release`` and
    ``on_key``: each returns what the operator returns when the tool is through, else None.

    Attributes:
        KEYS: icon and meaning of each button, for the status bar.
        SIZES: names of the properties that are lengths or angles; 0 takes the suggested value.
    """

    KEYS: tuple[tuple[str, str], ...] = ()
    SIZES: tuple[str, ...] = ()

    target: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Part",
        description="Name of the object that gets the defect; the active one if empty",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    sized_for: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    untouched: bpy.props.StringProperty(  # type: ignore[valid-type]
        default="{}", options={"HIDDEN"}
    )

    # While it waits for the mouse: the surface as it was at the start, and what is drawn over it.
    _surface: Surface
    _waiting: Waiting | None = None
    _mouse = (0, 0)
    _pressed: tuple[int, int] | None = None

    @property
    def _preview(self) -> Preview:
        assert self._waiting is not None
        return self._waiting.preview

    def part(self: Any, context: Any) -> Any:
        """The part that the tool began with, else the one that is named, else the active object.

        Raises:
            AddonError: it is gone.
        """
        if self._waiting is not None and self._waiting.goes_on:
            found = self._waiting.part(bpy.data.objects)
        elif self.target:
            found = bpy.data.objects.get(self.target)
        else:
            found = context.active_object
        if found is None or found.type != "MESH":
            raise AddonError(f"the part {self.target!r} is gone; choose another mesh object")
        return found

    def invoke(self: Any, context: Any, event: Any) -> Any:
        """Begin to wait for the mouse."""
        if context.area is None or context.area.type != "VIEW_3D":
            self.report({"ERROR"}, "Start the tool in a 3D view, where you can click on the part")
            return {"CANCELLED"}
        with reported(self) as result:
            part = context.active_object
            surface = Surface(part)
            self._waiting = Waiting(part)
            result.clear()
            result.add(self._begun(context, event, part, surface))
        return result

    def _begun(self: Any, context: Any, event: Any, part: Any, surface: Surface) -> str:
        """Set everything up and return the operator's result."""
        try:
            self._begin(context, part, surface)
            if self._takes(context, event):
                context.window_manager.modal_handler_add(self)
                return "RUNNING_MODAL"
        except BaseException:
            self._waiting.end()
            raise
        self._waiting.end()
        return "CANCELLED"

    def _takes(self: Any, context: Any, event: Any) -> bool:
        """Whether it can begin: by a tool of the toolbar it does with a click, on the part."""
        if (event.type, event.value) != ("LEFTMOUSE", "PRESS"):
            return True
        self._mouse = (event.mouse_x, event.mouse_y)
        self._dispatched(context, event)
        return self._pressed is not None

    def _begin(self: Any, context: Any, part: Any, surface: Surface) -> None:
        self._surface, self.target = surface, part.name
        self._forget_sizes_of_other_parts(f"{self.subject()} {diagonal(part):.5g}")
        self.prepare()
        context.window.cursor_modal_set("CROSSHAIR")
        context.workspace.status_text_set(self._draw_keys())
        self.say(context, self.hint())

    def modal(self: Any, context: Any, event: Any) -> Any:
        """Go on with the next event."""
        result = {"CANCELLED"}
        try:
            if self._is_possible(context):
                result = self._next(context, event)
        finally:
            if not result & {"RUNNING_MODAL", "PASS_THROUGH"}:
                self._waiting.end()
        return result

    def _is_possible(self: Any, context: Any) -> bool:
        """Whether it still waits, and its part is still there to be changed."""
        if not self._waiting.goes_on:
            return False
        part = self._waiting.part(context.view_layer.objects)
        if part is None or part.mode != "OBJECT" or not part.is_editable:
            return False
        self.target = part.name
        return True

    def cancel(self: Any, context: Any) -> None:
        """Leave everything as it was; Blender calls it, too, where a window closes."""
        if self._waiting is None:
            return
        if context.window is None:
            self._waiting.leave()
        else:
            self._waiting.end()

    def subject(self: Any) -> str:
        """What sizes are remembered for."""
        return str(getattr(self, "kind", self.bl_idname))

    def prepare(self) -> None:
        """Forget what an earlier use has drawn."""

    def hint(self) -> str:
        """What to do next, for the header."""
        raise NotImplementedError

    def on_move(self, context: Any, aim: Aim | None) -> Result:
        """The mouse points elsewhere."""

    def on_press(self, context: Any, aim: Aim) -> Result:
        """The left button went down over a 3D view; ``missed`` where that is of no use."""

    def on_release(self, context: Any, aim: Aim | None) -> Result:
        """The left button went up."""

    def on_double_click(self, context: Any) -> Result:
        """The left button went down again at once, instead of ``on_press``."""

    def on_key(self, context: Any, event: Any) -> Result:
        """Any other key or button went down."""

    def show_again(self: Any, context: Any) -> Result:
        """Draw what would be made where the mouse is now, in place of what was drawn before."""
        self._preview.clear()
        return self.on_move(context, self._aim(context))

    def missed(self, context: Any) -> None:
        """Say that a click had nothing to be placed on, and take it as not made."""
        self.say(context, MISSED)
        self._pressed = None

    def dragged(self) -> bool:
        """Whether the mouse has moved away from where the left button went down."""
        if self._pressed is None:
            return False
        return float(np.hypot(*np.subtract(self._mouse, self._pressed))) > DRAG

    def say(self, context: Any, text: str) -> None:
        """Show ``text`` in the header of the 3D views."""
        for area in _views(context):
            area.header_text_set(text)

    def _next(self: Any, context: Any, event: Any) -> set[str]:
        if event.type in ("ESC", "RIGHTMOUSE") and event.value == "PRESS":
            return {"CANCELLED"}
        self._mouse = (event.mouse_x, event.mouse_y)
        result = self._dispatched(context, event)
        for area in _views(context):
            area.tag_redraw()
        if result is not None:
            return result
        if event.type.startswith((*NAVIGATION, "TIMER", "WINDOW")) or _orbits(context, event):
            return {"PASS_THROUGH"}
        return {"PASS_THROUGH"} if event.type == "MOUSEMOVE" else {"RUNNING_MODAL"}

    def _dispatched(self: Any, context: Any, event: Any) -> Result:
        """What the tool makes of an event; None where it goes on and has no use for it."""
        if _orbits(context, event):
            return None
        if event.type in ("MOUSEMOVE", "INBETWEEN_MOUSEMOVE"):
            return self.show_again(context)
        if event.type != "LEFTMOUSE":
            return self.on_key(context, event) if event.value == "PRESS" else None
        if event.value == "DOUBLE_CLICK":
            return self.on_double_click(context)
        aim = self._aim(context)
        if event.value == "RELEASE":
            pressed, result = self._pressed, None
            if pressed is not None:
                result = self.on_release(context, aim)
            self._pressed = None
            return result
        if aim is None:
            return None
        self._pressed = self._mouse
        return self.on_press(context, aim)

    def _aim(self: Any, context: Any) -> Aim | None:
        return aim_at(context, self._mouse, self.part(context), self._surface)

    def _draw_keys(self: Any) -> Any:
        """What draws the status bar: what each button does."""
        # The status bar may outlive the operator by a redraw.
        keys = (*self.KEYS, ("EVENT_ESC", "Cancel"), ("MOUSE_MMB", "Turn the View"))

        def draw(header: Any, context: Any) -> None:
            for icon, meaning in keys:
                header.layout.label(text=meaning, icon=icon)

        return draw

    def _forget_sizes_of_other_parts(self: Any, subject: str) -> None:
        """Sizes set by hand are kept by Blender from use to use; on another part they mislead."""
        if self.sized_for != subject:
            for name in self.SIZES:
                setattr(self, name, 0.0)
            self.sized_for, self.untouched = subject, "{}"

    def sizes(self: Any, suggested: Mapping[str, float]) -> dict[str, float]:
        """Sizes to use by property: those set by hand, else the ``suggested`` ones.

        The properties take the suggested values, so that the redo panel shows them; which ones
        these are is kept in ``untouched``, so that they go on following what they are suggested
        for.
        """
        untouched = json.loads(self.untouched)
        for name, value in suggested.items():
            if getattr(self, name) in (0.0, untouched.get(name)):
                setattr(self, name, value)
                untouched[name] = getattr(self, name)
            else:
                untouched.pop(name, None)
        self.untouched = json.dumps(untouched)
        return {name: getattr(self, name) for name in suggested}


def parsed_points(text: str) -> list[list[float]]:
    """Points from a tool's property, JSON of lists of three numbers.

    Raises:
        AddonError: it is none.
    """
    try:
        points = np.array(json.loads(text), dtype=np.float64)
    except (ValueError, TypeError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise AddonError(
            f"points: {text[:80]!r} is not a JSON list of points with three numbers each"
        )
    return points.tolist()


def _views(context: Any) -> list[Any]:
    return [area for area in context.window.screen.areas if area.type == "VIEW_3D"]


def _orbits(context: Any, event: Any) -> bool:
    """Whether the left button stands in for the middle one, as it does on laptops."""
    emulated = context.preferences.inputs.use_mouse_emulate_3_button
    return bool(emulated and event.alt and event.type == "LEFTMOUSE")
