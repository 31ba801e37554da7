# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw a closed line over the surface; within it the surface becomes freeform."""

from __future__ import annotations

import json
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..operators.base import reported
from ..placing.surface_paths import Surface
from ..stack.modifiers import add_defect
from .preview import FAINT
from .tool import MISSED, PickingTool, Result, parsed_points
from .values import Values, largest_amplitude, lasso_values, with_amplitude
from .views import Aim

Floats = NDArray[np.float64]


class FLAWSMITH_OT_lasso(PickingTool, bpy.types.Operator):  # noqa: N801
    """Draw a closed line over the surface, within which bumps deform it."""

    bl_idname = "flawsmith.lasso"
    bl_label = "Lasso Freeform"
    bl_description = "Draw a closed line over the surface, within which bumps deform it"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    KEYS = (("MOUSE_LMB_DRAG", "Draw a Closed Line"),)
    SIZES = ("amplitude",)

    points: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Points",
        description="JSON list of the line's points, in the object's local space",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    bumps: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Bumps",
        description="Number of bumps that deform the surface",
        default=6,
        min=0,
        max=64,
    )
    amplitude: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Amplitude",
        description="Height of the largest bump, inwards; 0 takes one that suits the line",
        subtype="DISTANCE",
    )
    smoothing: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Smoothing",
        description="How often the surface within the line is smoothed",
        default=0,
        min=0,
        max=100,
    )
    seed: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Seed", description="Each seed spreads the bumps differently", min=0, max=999_999
    )

    _line: list[Floats]

    def execute(self, context: Any) -> Any:
        """Add the defect within the line."""
        with reported(self) as result:
            part = self.part(context)
            values = self._values(Surface(part), parsed_points(self.points))
            add_defect(part, "freeform", {**values, "smoothing": self.smoothing})
        return result

    def _values(self, surface: Surface, line: list[list[float]]) -> Values:
        values = lasso_values(surface, line, self.bumps, np.random.default_rng(self.seed))
        if not values["bumps"]:
            return values
        sizes = self.sizes({"amplitude": largest_amplitude(values)})
        return with_amplitude(values, sizes["amplitude"])

    def prepare(self) -> None:
        """Begin with nothing drawn."""
        self._line = []

    def hint(self) -> str:
        """What to do first."""
        return "Freeform: draw a closed line on the surface with the left button held"

    def on_move(self, context: Any, aim: Aim | None) -> Result:
        """Go on with the line."""
        spot = aim.spot if aim is not None else None
        if self._pressed is None or spot is None:
            self.say(context, MISSED if spot is None else self.hint())
        else:
            self._line.append(spot.position)
            self.say(context, "Freeform: release to close the line")
        if self._line:
            self._preview.line(np.array(self._line))
            self._preview.line(np.array([self._line[-1], self._line[0]]), FAINT)
        elif spot is not None:
            self._preview.points.append(spot.position)
        return None

    def on_press(self, context: Any, aim: Aim) -> Result:
        """Begin the line."""
        if aim.spot is None:
            self.missed(context)
        else:
            self._line = [aim.spot.position]
        return None

    def on_release(self, context: Any, aim: Aim | None) -> Any:
        """Close the line."""
        if len(self._line) < 3:
            self._line = []
            self.say(context, self.hint())
            return None
        self.points = json.dumps(np.array(self._line).tolist())
        return self.execute(context)


CLASSES = (FLAWSMITH_OT_lasso,)
