# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw a scratch over the surface: a stroke of the hand, or clicks joined by shortest paths."""

from __future__ import annotations

import json
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..documents.errors import AddonError
from ..operators.base import reported
from ..placing.surface_paths import Surface, SurfacePath, length_of, stroke_path, surface_path
from ..stack.modifiers import add_defect, diagonal
from .preview import FAINT
from .tool import DRAG, MISSED, PickingTool, Result, parsed_points
from .values import suggested_ratio
from .views import Aim

Floats = NDArray[np.float64]

WAYS = [
    ("STROKE", "Stroke", "The points are a stroke of the hand, smoothed a little"),
    ("SHORTEST", "Shortest Paths", "The points are joined by shortest paths over the surface"),
]
ENTER = ("RET", "NUMPAD_ENTER")
# Steps of the line from the last click to the mouse, laid on the surface.
LEAD_STEPS = 24
# How deep a scratch is suggested to be, as a ratio of its width.
DEPTH_OF_WIDTH = suggested_ratio("scratch", "depth") / suggested_ratio("scratch", "width")
# Vertices of the path in a width.
STEPS_IN_WIDTH = 2


class FLAWSMITH_OT_draw_scratch(PickingTool, bpy.types.Operator):  # noqa: N801
    """Draw a scratch over the surface with the mouse held, or click places to join."""

    bl_idname = "flawsmith.draw_scratch"
    bl_label = "Draw Scratch"
    bl_description = "Draw a scratch with the button held, or click places that paths then join"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    KEYS = (
        ("MOUSE_LMB_DRAG", "Draw"),
        ("MOUSE_LMB", "Add a Place"),
        ("EVENT_BACKSPACE", "Take the Last Place Back"),
        ("EVENT_RETURN", "Finish"),
    )
    SIZES = ("width", "depth")

    points: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Points",
        description="JSON list of the points drawn, in the object's local space",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    way: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Way", description="How the points are joined", items=WAYS, options={"SKIP_SAVE"}
    )
    smoothing: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Smoothing",
        description="How often the stroke is smoothed",
        default=4,
        min=0,
        max=200,
    )
    width: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Width",
        description="Width of the groove; 0 takes one that suits the part",
        min=0.0,
        subtype="DISTANCE",
    )
    depth: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Depth",
        description="Depth of the groove; 0 takes one that suits the width",
        subtype="DISTANCE",
    )

    # What has been drawn so far, the anchors, and the paths between those.
    _stroke: list[Floats]
    _anchors: list[Floats]
    _legs: list[Floats]
    _clicked = (0, 0)

    def execute(self, context: Any) -> Any:
        """Add the scratch along the points."""
        with reported(self) as result:
            part = self.part(context)
            width, depth = self._width_and_depth(part)
            path = self._path(Surface(part), parsed_points(self.points), width)
            values = {"path": path.as_document(), "width": width, "depth": depth}
            add_defect(part, "scratch", values)
        return result

    def _width_and_depth(self, part: bpy.types.Object) -> tuple[float, float]:
        suggested = suggested_ratio("scratch", "width") * diagonal(part)
        width = self.sizes({"width": suggested})["width"]
        return width, self.sizes({"depth": DEPTH_OF_WIDTH * width})["depth"]

    def _path(self, surface: Surface, points: list[list[float]], width: float) -> SurfacePath:
        step = width / STEPS_IN_WIDTH
        if self.way == "SHORTEST":
            return surface_path(surface, points, step)
        return stroke_path(surface, points, step, self.smoothing)

    def prepare(self) -> None:
        """Begin with nothing drawn."""
        self._stroke, self._anchors, self._legs = [], [], []

    def hint(self) -> str:
        """What to do first."""
        return (
            "Scratch: draw on the surface with the left button held, or click from place to place"
        )

    def on_move(self, context: Any, aim: Aim | None) -> Result:
        """Go on with the stroke, or lead a line to the mouse."""
        spot = aim.spot if aim is not None else None
        if spot is None:
            self.say(context, MISSED)
        elif self.dragged() and not self._anchors:
            self._stroke.append(spot.position)
            self.say(context, "Scratch: release to finish")
        elif not self._anchors:
            self.say(context, self.hint())
        self._show(context, None if spot is None else spot.position)
        return None

    def _show(self, context: Any, lead: Floats | None) -> None:
        preview = self._preview
        if self.dragged() and self._stroke:
            preview.line(np.array(self._stroke))
            return
        for leg in self._legs:
            preview.line(leg)
        preview.points.extend(self._anchors)
        if lead is not None:
            preview.points.append(lead)
        if lead is not None and self._anchors:
            fractions = np.linspace(0.0, 1.0, LEAD_STEPS)[:, None]
            last = self._anchors[-1]
            preview.line(self._surface.onto(last + fractions * (lead - last)), FAINT)

    def on_press(self, context: Any, aim: Aim) -> Result:
        """Begin a stroke, or add a place."""
        if aim.spot is None:
            self.missed(context)
        else:
            self._stroke = [aim.spot.position]
        return None

    def on_release(self, context: Any, aim: Aim | None) -> Any:
        """End the stroke, or join the place to those before it."""
        if self.dragged() and not self._anchors:
            return self._finished(context, "STROKE", self._stroke)
        if self._anchors and np.hypot(*np.subtract(self._mouse, self._clicked)) < DRAG:
            return self._enter(context)
        self._clicked = self._mouse
        self._add_anchor(context, self._stroke[0])
        return None

    def _add_anchor(self, context: Any, position: Floats) -> None:
        try:
            for last in self._anchors[-1:]:
                leg = surface_path(self._surface, [last, position], self._step(context))
                self._legs.append(leg.points)
        except AddonError as error:
            self.say(context, str(error))
            return
        self._anchors.append(position)
        self.say(
            context, "Scratch: click the next place; Enter, or a click on the last one, finishes"
        )
        self._show(context, None)

    def _step(self, context: Any) -> float:
        return self._width_and_depth(self.part(context))[0] / STEPS_IN_WIDTH

    def on_key(self, context: Any, event: Any) -> Any:
        """Finish, or take the last place back."""
        if event.type in ENTER:
            return self._enter(context)
        if event.type == "BACK_SPACE" and self._anchors:
            self._anchors.pop()
            self._legs = self._legs[: max(len(self._anchors) - 1, 0)]
            self._preview.clear()
            self._show(context, None)
            return {"RUNNING_MODAL"}
        return None

    def on_double_click(self, context: Any) -> Any:
        """Finish at the place that has just been clicked."""
        return self._enter(context)

    def _enter(self, context: Any) -> Any:
        if len(self._anchors) < 2:
            self.say(context, "Scratch: click at least two places, or draw")
            return {"RUNNING_MODAL"}
        return self._finished(context, "SHORTEST", self._anchors)

    def _finished(self, context: Any, way: str, points: list[Floats]) -> Any:
        if length_of(np.array(points)) == 0.0:
            self.say(context, "Scratch: draw a longer one")
            return None
        self.way, self.points = way, json.dumps(np.array(points).tolist())
        return self.execute(context)


CLASSES = (FLAWSMITH_OT_draw_scratch,)
