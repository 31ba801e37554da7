# SPDX-License-Identifier: GPL-3.0-or-later
"""Click a dent, a hole or a deposit onto the surface."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ..operators.base import reported
from ..parts.frame import part_unit
from ..placing.places import unit
from ..placing.surface_paths import Surface
from ..stack.modifiers import add_defect, diagonal, write_values
from .tool import MISSED, PickingTool, Result
from .values import Values, point_values, suggested_ratio
from .views import Aim, Spot

# What the second size of each kind is called in the schema.
DEPTHS = {"dent": "depth", "hole": "depth", "deposit": "height"}
KIND_ITEMS = [(kind, kind.title(), f"Place a {kind}") for kind in DEPTHS]
WHEEL = {"WHEELUPMOUSE": 1.1, "WHEELDOWNMOUSE": 1.0 / 1.1}


class FLAWSMITH_OT_place(PickingTool, bpy.types.Operator):  # noqa: N801
    """Click a dent, a hole or a deposit onto the surface; drag to set its radius."""

    bl_idname = "flawsmith.place"
    bl_label = "Place Defect"
    bl_description = "Click a defect onto the surface; drag to set its radius"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    KEYS = (
        ("MOUSE_LMB", "Place"),
        ("MOUSE_LMB_DRAG", "Place and Set the Radius"),
        ("MOUSE_MMB_SCROLL", "Radius"),
    )
    SIZES = ("radius", "depth")

    kind: bpy.props.EnumProperty(name="Kind", items=KIND_ITEMS)  # type: ignore[valid-type]
    location: bpy.props.FloatVectorProperty(  # type: ignore[valid-type]
        name="Location",
        description="Place on the surface, in the object's local space",
        subtype="TRANSLATION",
        options={"SKIP_SAVE"},
    )
    normal: bpy.props.FloatVectorProperty(  # type: ignore[valid-type]
        name="Normal",
        description="Outward normal at the place, in local space; 0 takes that of the surface",
        subtype="XYZ",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    radius: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Radius",
        description="Radius of the defect; 0 takes one that suits the part",
        min=0.0,
        subtype="DISTANCE",
    )
    depth: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Depth",
        description="Depth of a dent or hole, height of a deposit; 0 takes one that suits the "
        "radius",
        subtype="DISTANCE",
    )

    _spot: Spot | None = None

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """The tooltip of a button for one kind."""
        return f"Click a {properties.kind} onto the surface; drag to set its radius"

    def execute(self, context: Any) -> Any:
        """Add the defect at the location."""
        with reported(self) as result:
            part = self.part(context)
            surface = Surface(part)
            position, _ = surface.nearest(self.location)
            normal = np.array(self.normal, dtype=np.float64)
            if not normal.any():
                normal = surface.normal_near(position)
            add_defect(part, self.kind, self._values(surface, Spot(position, unit(normal)), part))
        return result

    def _values(self, surface: Surface, spot: Spot, part: bpy.types.Object) -> Values:
        """The defect's fields for the sizes set so far."""
        suggested = suggested_ratio(self.kind, "radius") * diagonal(part)
        radius = self.sizes({"radius": suggested})["radius"]
        values = point_values(self.kind, surface, spot.position, spot.normal, radius)
        name = DEPTHS[self.kind]
        return {**values, name: self.sizes({"depth": values[name]})["depth"]}

    def hint(self) -> str:
        """What to do first."""
        return f"{self.kind.title()}: click on the surface, or drag to set the radius"

    def on_move(self, context: Any, aim: Aim | None) -> Result:
        """Show the ring under the mouse, or drag the radius of what has been placed."""
        if self._spot is None:
            self._hover(context, aim)
        elif aim is not None and self.dragged():
            self._drag(context, aim)
        if self._spot is not None:
            self._preview.ring(self._surface, self._spot, self.radius)
        return None

    def _hover(self, context: Any, aim: Aim | None) -> None:
        if aim is None or aim.spot is None:
            self.say(context, MISSED)
            return
        part = self.part(context)
        self._values(self._surface, aim.spot, part)
        self._preview.ring(self._surface, aim.spot, self.radius)
        self.say(context, f"{self.hint()}    Radius {self.radius:.4g} {part_unit(part)}")

    def _drag(self: Any, context: Any, aim: Aim) -> None:
        spot, part = self._spot, self.part(context)
        assert spot is not None
        away = np.linalg.norm(aim.on_plane(spot.position, spot.normal) - spot.position)
        if away == 0.0:
            return
        self.radius = float(away)
        values = self._values(self._surface, spot, part)
        shown = self._waiting.shown_modifier()
        if shown is None:
            self._waiting.shown = add_defect(part, self.kind, values).name
        else:
            write_values(shown, values)
        self.say(context, f"{self.kind.title()}: radius {self.radius:.4g} {part_unit(part)}")

    def on_press(self, context: Any, aim: Aim) -> Result:
        """Fix the place."""
        if aim.spot is None:
            self.missed(context)
        else:
            self._spot = aim.spot
        return None

    def on_release(self: Any, context: Any, aim: Aim | None) -> Any:
        """Place the defect."""
        if self._spot is None:
            return None
        self._waiting.discard()
        self.location, self.normal = self._spot.position, self._spot.normal
        return self.execute(context)

    def on_key(self, context: Any, event: Any) -> Result:
        """The wheel makes the ring larger and smaller."""
        factor = WHEEL.get(event.type)
        if factor is None or event.ctrl or event.shift or event.alt:
            return None
        self.radius *= factor
        self.show_again(context)
        return {"RUNNING_MODAL"}


CLASSES = (FLAWSMITH_OT_place,)
