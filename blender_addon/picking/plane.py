# SPDX-License-Identifier: GPL-3.0-or-later
"""Two clicks that give a plane: the mouth of a crack, or the hinge of a bend."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..documents.errors import AddonError
from ..documents.schema import fields
from ..operators.base import reported
from ..placing.surface_paths import Surface
from ..stack.modifiers import add_defect, diagonal
from .preview import FAINT, Preview
from .tool import MISSED, PickingTool, Result
from .values import Values, bend_values, crack_values, flipped, suggested_ratio
from .views import Aim

Floats = NDArray[np.float64]

KIND_ITEMS = [
    ("crack", "Crack", "Click the two ends of a crack's mouth"),
    ("bend", "Bend", "Click two places of the line about which the part bends"),
]
HINTS = {
    "crack": ("click one end of its mouth", "click the other end of its mouth"),
    "bend": ("click where its hinge begins", "click where its hinge ends; F turns the other side"),
}
ANGLE = next(field for field in fields("bend") if field.name == "angle")
# Steps of a drawn mouth, and of the front of a crack.
STEPS = 33
# Length of the arrow to the side that turns, and of its head, as ratios of the part's reach.
ARROW, ARROW_HEAD = 0.5, 0.12


class FLAWSMITH_OT_place_plane(PickingTool, bpy.types.Operator):  # noqa: N801
    """Place a crack or a bend by two clicks on the surface."""

    bl_idname = "flawsmith.place_plane"
    bl_label = "Place Crack or Bend"
    bl_description = "Place a crack or a bend by two clicks on the surface"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    SIZES = ("depth", "gap", "angle", "band")

    kind: bpy.props.EnumProperty(name="Kind", items=KIND_ITEMS)  # type: ignore[valid-type]
    start: bpy.props.FloatVectorProperty(  # type: ignore[valid-type]
        name="Start",
        description="Where the first click met the surface, in the object's local space",
        subtype="TRANSLATION",
        options={"SKIP_SAVE"},
    )
    end: bpy.props.FloatVectorProperty(  # type: ignore[valid-type]
        name="End",
        description="Where the second click met the surface, in the object's local space",
        subtype="TRANSLATION",
        options={"SKIP_SAVE"},
    )
    sight: bpy.props.FloatVectorProperty(  # type: ignore[valid-type]
        name="Line of Sight",
        description="From the eye to the hinge, in the object's local space; 0 looks against the "
        "surface's normal",
        subtype="XYZ",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    flip: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Flip", description="Turn the other side of the hinge", options={"SKIP_SAVE"}
    )
    depth: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Depth",
        description="Depth of the crack; 0 takes a depth that suits its length",
        min=0.0,
        subtype="DISTANCE",
    )
    gap: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Gap",
        description="Gap of the crack at its mouth; 0 takes a gap that suits its length",
        min=0.0,
        subtype="DISTANCE",
    )
    angle: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Angle",
        description="Angle of the bend; 0 takes an angle that suits the part's thickness",
        min=ANGLE.low,
        max=ANGLE.high,
        subtype="ANGLE",
    )
    band: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Band",
        description="Length over which the part bends; 0 takes one that suits the part",
        min=0.0,
        subtype="DISTANCE",
    )

    _first: Floats | None = None

    @property
    def KEYS(self) -> tuple[tuple[str, str], ...]:  # type: ignore[override]  # noqa: N802
        """Icon and meaning of each button."""
        side = (("EVENT_F", "Turn the Other Side"),) if self.kind == "bend" else ()
        return (("MOUSE_LMB", "Click Both Ends, or Drag from End to End"), *side)

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """The tooltip of a button for one kind."""
        return next(text for kind, _, text in KIND_ITEMS if kind == properties.kind)

    def draw(self, context: Any) -> None:
        """The redo panel: what belongs to the kind."""
        layout: Any = self.layout
        layout.use_property_split = True
        sizes = ("depth", "gap") if self.kind == "crack" else ("angle", "band", "flip")
        for name in ("start", "end", *sizes):
            layout.prop(self, name)

    def execute(self, context: Any) -> Any:
        """Add the crack or bend between start and end."""
        with reported(self) as result:
            part = self.part(context)
            picked = (np.array(v, dtype=np.float64) for v in (self.start, self.end, self.sight))
            add_defect(part, self.kind, self._values(Surface(part), part, *picked))
        return result

    def _values(
        self, surface: Surface, part: Any, start: Floats, end: Floats, sight: Floats
    ) -> Values:
        if self.kind == "crack":
            crack = crack_values(surface, start, end)
            return {**crack, **self.sizes({name: crack[name] for name in ("depth", "gap")})}
        if not sight.any():
            sight = -surface.normal_near(0.5 * (start + end))
        suggested = suggested_ratio("bend", "band") * diagonal(part)
        band = self.sizes({"band": suggested})["band"]
        bend = bend_values(surface, start, end, sight, band)
        bend = {**bend, **self.sizes({"angle": bend["angle"]})}
        return flipped(bend) if self.flip else bend

    def hint(self) -> str:
        """What to do next."""
        return f"{self.kind.title()}: {HINTS[self.kind][self._first is not None]}"

    def on_move(self, context: Any, aim: Aim | None) -> Result:
        """Show what would be placed with its other end under the mouse."""
        end = None if aim is None else self._place(aim)
        self.say(context, MISSED if end is None else self.hint())
        if end is None or aim is None:
            return None
        self._preview.points.append(end)
        if self._first is not None:
            self._preview.points.append(self._first)
            self._show(context, self._first, end, aim.sight)
        return None

    def _place(self, aim: Aim) -> Floats | None:
        """Where (3,) an end is put; that of a hinge may lie beside the part."""
        if aim.spot is not None:
            return aim.spot.position
        if self.kind == "crack":
            return None
        through = self._surface.middle if self._first is None else self._first
        return aim.on_plane(through, aim.sight)

    def _show(self, context: Any, start: Floats, end: Floats, sight: Floats) -> None:
        try:
            values = self._values(self._surface, self.part(context), start, end, sight)
        except AddonError as error:
            self.say(context, str(error))
            return
        if self.kind == "crack":
            show_crack(self._preview, self._surface, values, start, end)
        else:
            show_bend(self._preview, self._surface, values)

    def on_press(self, context: Any, aim: Aim) -> Any:
        """Fix an end."""
        place = self._place(aim)
        if place is None:
            self.missed(context)
        elif self._first is None:
            self._first = place
            self.say(context, self.hint())
        else:
            return self._finished(context, place, aim)
        return None

    def on_release(self, context: Any, aim: Aim | None) -> Any:
        """Fix the second end where the first one was dragged from."""
        if not self.dragged() or self._first is None or aim is None:
            return None
        place = self._place(aim)
        return None if place is None else self._finished(context, place, aim)

    def _finished(self, context: Any, end: Floats, aim: Aim) -> Any:
        if self._first is None or np.array_equal(end, self._first):
            return None
        self.start, self.end, self.sight = self._first, end, aim.sight
        return self.execute(context)

    def on_key(self, context: Any, event: Any) -> Result:
        """Turn the other side."""
        if event.type != "F" or self.kind != "bend":
            return None
        self.flip = not self.flip
        self.show_again(context)
        return {"RUNNING_MODAL"}


def show_crack(
    preview: Preview, surface: Surface, crack: Values, start: Floats, end: Floats
) -> None:
    """The mouth on the surface, and the half ellipse that opens below it."""
    along = np.linspace(0.0, 1.0, STEPS)[:, None]
    preview.line(surface.onto(start + along * (end - start)))
    origin, inward = np.array(crack["origin"]), np.array(crack["direction"])
    mouth = 0.5 * crack["length"] * np.cross(crack["normal"], inward)
    turn = np.linspace(0.0, np.pi, STEPS)
    axes = np.stack([mouth, crack["depth"] * inward])
    front = origin + np.stack([np.cos(turn), np.sin(turn)], axis=1) @ axes
    preview.line(front, FAINT)
    preview.fills.append(front)


def show_bend(preview: Preview, surface: Surface, bend: Values) -> None:
    """The hinge across the part, the band that bends, and an arrow to where the side turns."""
    hinge, axis = np.array(bend["hinge_point"]), np.array(bend["hinge_axis"])
    side = np.array(bend["side"])
    up = np.cross(axis, side)
    along = (surface.points - hinge) @ axis
    ends = np.stack([hinge + reach * axis for reach in (along.min(), along.max())])
    preview.line(ends)
    preview.fills.append(np.concatenate([ends, ends[::-1] + bend["band"] * side]))
    tip = hinge + ARROW * surface.reach * side + bend["angle"] * ARROW * surface.reach * up
    head = ARROW_HEAD * surface.reach
    back = (tip - hinge) / np.linalg.norm(tip - hinge)
    preview.line(np.array([hinge, tip]))
    barbs = [tip - head * (back + slant * 0.6 * axis) for slant in (-1.0, 1.0)]
    preview.line(np.array([barbs[0], tip, barbs[1]]))


CLASSES = (FLAWSMITH_OT_place_plane,)
