"""Rules on places: they exist on the part, can be seen, and have room for the defect."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backend.errors import SamplingError
from backend.instruct.validation.context import Context, Sized, exceeds
from backend.instruct.validation.problems import Edit, Problem
from backend.sampling.places import find_place
from backend.sampling.view_boxes import find_camera
from shared_schema.locations import EdgeRandomLocation, SurfaceRandomLocation, ViewBoxLocation

# Angles at which edges are looked for when there are none at the template's.
GENTLER_EDGES = (0.4, 0.25, 0.15)
# Longest defect along the surface as a share of the part's longest side.
LONGEST_SHARE = 0.95
PLACE_SEED = 0


def view_known(context: Context) -> Iterator[Problem]:
    """V20: the view of a box is known, and the box lies within its picture."""
    for defect in context.defects():
        location = defect.defect.location
        if not isinstance(location, ViewBoxLocation):
            continue
        try:
            camera = find_camera(location.view, context.target.surface.views)
        except SamplingError as error:
            yield defect.problem("V20", "error", f"{error}.", value=location.view)
            continue
        left, top, right, bottom = location.box
        inside = (
            min(max(left, 0.0), camera.width - 1.0),
            min(max(top, 0.0), camera.height - 1.0),
            max(min(right, float(camera.width)), 1.0),
            max(min(bottom, float(camera.height)), 1.0),
        )
        if inside != location.box:
            fits = inside[0] < inside[2] and inside[1] < inside[3]
            moved = location.model_copy(update={"box": inside})
            yield defect.problem(
                "V20",
                "error",
                f"the box {location.box} leaves the picture of view {location.view!r}, which is "
                f"{camera.width} × {camera.height} pixels.",
                value=str(location.box),
                acceptable=str(inside) if fits else None,
                edit=Edit(defect.number, {"location": moved.model_dump()}) if fits else None,
            )


def on_surface(context: Context) -> Iterator[Problem]:
    """V21: a box of a view shows the part; V22: a region and an edge are on it."""
    for defect in context.defects():
        location = defect.defect.location
        reason = _missing(context, defect)
        if reason is None:
            continue
        if isinstance(location, EdgeRandomLocation):
            yield _without_edge(context, defect, location, reason)
        else:
            rule = "V21" if isinstance(location, ViewBoxLocation) else "V22"
            anywhere = SurfaceRandomLocation().model_dump()
            edit = Edit(defect.number, {"location": anywhere}) if rule == "V22" else None
            yield defect.problem(
                rule,
                "error",
                f"{reason}.",
                acceptable="anywhere on the surface" if edit else None,
                edit=edit,
            )


def _missing(context: Context, defect: Sized, location: object = None) -> str | None:
    """Why the place is not found; None if it is."""
    place = location or defect.defect.location
    rng = np.random.default_rng(PLACE_SEED)
    try:
        find_place(place, context.template, context.target.surface, rng)
    except SamplingError as error:
        return str(error)
    return None


def _without_edge(
    context: Context, defect: Sized, location: EdgeRandomLocation, reason: str
) -> Problem:
    for angle in GENTLER_EDGES:
        gentler = location.model_copy(update={"angle": angle})
        if angle < location.angle and _missing(context, defect, gentler) is None:
            edit = Edit(defect.number, {"location": gentler.model_dump()})
            return defect.problem(
                "V22", "error", f"{reason}.", value=location.angle, acceptable=angle, edit=edit
            )
    edit = Edit(defect.number, {"location": SurfaceRandomLocation().model_dump()})
    return defect.problem(
        "V22", "error", f"{reason}.", acceptable="anywhere on the surface", edit=edit
    )


def room(context: Context) -> Iterator[Problem]:
    """V23: the defect is no longer than the part."""
    low, high = context.target.cloud.box
    longest = LONGEST_SHARE * float((high - low).max())
    for defect in context.defects():
        measure = defect.shape.length or defect.shape.width
        if measure is None:
            continue
        length = defect.ends(measure)[1]
        if exceeds(length, longest):
            yield defect.problem(
                "V23",
                "error",
                f"the {measure.field} of {defect.length(length)} has no room on a part whose "
                f"longest side is {defect.length(longest / LONGEST_SHARE)}.",
                value=length,
                acceptable=longest,
                edit=defect.at_most(measure, longest),
            )
