# SPDX-License-Identifier: GPL-3.0-or-later
"""Add defects at random places of the active object."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bpy
import numpy as np

from ..documents.errors import AddonError
from ..documents.schema import fields
from ..placing.places import placed_values
from ..placing.random_places import random_places
from ..placing.surface_paths import Surface
from ..stack.modifiers import KINDS, add_defect, diagonal, free_label
from .base import PartOperator, reported

# Random ones are local: a bend turns the part, whichever place it is given.
CHOICES = [
    (kind, kind.title(), f"{kind.title()}s may be among them") for kind in KINDS if kind != "bend"
]


class FLAWSMITH_OT_random_place(PartOperator, bpy.types.Operator):  # noqa: N801
    """Add defects at random places, the same ones for the same seed."""

    bl_idname = "flawsmith.random_place"
    bl_label = "Scatter Defects"
    bl_description = (
        "Add defects at random places of the active object's surface, evenly by area; the same "
        "seed gives the same defects"
    )
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    kinds: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Kinds", items=CHOICES, options={"ENUM_FLAG"}, default={"dent"}
    )
    count: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Count", default=5, min=1, soft_max=50, max=500, description="Number of defects"
    )
    smallest: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Smallest",
        default=0.5,
        min=0.01,
        max=10.0,
        description="Smallest size, as a multiple of the usual one",
    )
    largest: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Largest",
        default=1.0,
        min=0.01,
        max=10.0,
        description="Largest size, as a multiple of the usual one",
    )
    apart: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Apart",
        default=0.1,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        description="Smallest distance between two defects, as a ratio of the part's diagonal",
    )
    vertex_group: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Vertex Group",
        description="Place defects only where this group's weight exceeds one half",
    )
    seed: bpy.props.IntProperty(name="Seed", min=0, description="Seed of all random values")  # type: ignore[valid-type]

    def execute(self, context: Any) -> Any:
        """Add all defects or none."""
        with reported(self) as result:
            self._scatter(context.active_object)
        return result

    def _scatter(self, obj: Any) -> None:
        if not self.kinds or self.smallest > self.largest:
            raise AddonError("choose at least one kind, and a smallest size below the largest")
        rng = np.random.default_rng(self.seed)
        size, surface = diagonal(obj), Surface(obj)
        group, apart = self.vertex_group, self.apart * size
        places = random_places(obj, surface, self.count, size, rng, group=group, apart=apart)
        allowed = [kind for kind in KINDS if kind in self.kinds]
        defects = []
        for place in places:
            kind = allowed[rng.integers(len(allowed))]
            scaled = replace(place, size=size * rng.uniform(self.smallest, self.largest))
            values = {**placed_values(kind, surface, scaled), **_varied(kind, rng)}
            defects.append((kind, values))
        for label, (kind, values) in enumerate(defects, start=free_label(obj)):
            add_defect(obj, kind, {**values, "label": label})

    def draw(self, context: Any) -> None:
        """The redo panel, with the object's own vertex groups to choose from."""
        layout: Any = self.layout
        layout.use_property_split = True
        layout.column(align=True).prop(self, "kinds")
        for name in ("count", "smallest", "largest", "apart"):
            layout.prop(self, name)
        layout.prop_search(self, "vertex_group", context.active_object, "vertex_groups")
        layout.prop(self, "seed")


def _varied(kind: str, rng: np.random.Generator) -> dict[str, Any]:
    """A seed of its own for each defect whose shape is rough by chance."""
    rough = any(field.quantity == "seed" for field in fields(kind))
    return {"seed": int(rng.integers(1_000_000))} if rough else {}


CLASSES = (FLAWSMITH_OT_random_place,)
