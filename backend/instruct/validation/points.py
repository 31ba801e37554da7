"""Rules on scans: the defect marks enough of their points, and is above their noise."""

from __future__ import annotations

import math
from collections.abc import Iterator

from backend.instruct.shapes import Measure
from backend.instruct.validation.context import Context, Sized, exceeds
from backend.instruct.validation.problems import Problem
from backend.sampling.drawing import FEWEST_MARKED

# Of the points within a defect's outline, the share that exceeds the threshold of the mask.
MARKED_SHARE = 0.6
# A defect is above the noise from this many standard deviations on.
ABOVE_NOISE = 2.0
# and is resolved from this many spacings on.
SPACINGS_WIDE = 3.0


def enough_points(context: Context) -> Iterator[Problem]:
    """V30: the smallest defect marks as many points as a sample needs, on every scan."""
    scan = context.target.coarsest
    if scan is None:
        return
    for defect in context.defects():
        width = defect.shape.width
        if width is None or getattr(defect.defect, "severed", "no") != "no":
            continue
        marked = MARKED_SHARE * _area(defect) / scan.spacing**2
        if not exceeds(FEWEST_MARKED, marked):
            continue
        growing = _widening(defect)
        growth = FEWEST_MARKED / max(marked, 1e-9)
        factor = growth if defect.shape.length is not None else math.sqrt(growth)
        low, high = defect.ends(growing)
        smallest = low * factor
        yield defect.problem(
            "V30",
            "error",
            f"the smallest one marks some {marked:.0f} points of {scan.name}, whose points are "
            f"{defect.length(scan.spacing)} apart; {FEWEST_MARKED} are needed, so that its "
            f"{growing.field} has to be {defect.length(smallest / growing.factor)} at least.",
            value=low / growing.factor,
            acceptable=smallest / growing.factor,
            edit=defect.resized(growing, (smallest, max(high, smallest))),
        )


def _widening(defect: Sized) -> Measure:
    """What grows where a defect marks too little: the flank of a crack, or the width."""
    if defect.defect.kind == "crack":
        return Measure("flank", 2.0)
    assert defect.shape.width is not None
    return defect.shape.width


def _area(defect: Sized) -> float:
    """Area along the surface of the smallest one, in the part's unit squared."""
    shape = defect.shape
    assert shape.width is not None
    width = defect.ends(shape.width)[0]
    if defect.defect.kind == "crack":
        width += defect.ends(Measure("flank", 2.0))[0]
    if shape.length is not None:
        return width * defect.ends(shape.length)[0]
    return math.pi / 4.0 * width**2


def above_noise(context: Context) -> Iterator[Problem]:
    """V31: the shallowest defect is above the noise, and the narrowest is resolved."""
    scan, noise = context.target.coarsest, context.target.noisiest
    if scan is None:
        return
    for defect in context.defects():
        depth, width = defect.shape.depth, defect.shape.width
        if depth is not None and defect.defect.kind not in ("hole", "crack"):
            shallowest = defect.ends(depth)[0]
            if exceeds(ABOVE_NOISE * noise, shallowest):
                yield defect.problem(
                    "V31",
                    "warning",
                    f"the {depth.field} of {defect.length(shallowest)} cannot be told from the "
                    f"scans' noise of {defect.length(noise)}; "
                    f"{defect.length(ABOVE_NOISE * noise)} can.",
                    value=shallowest,
                    acceptable=ABOVE_NOISE * noise,
                    edit=defect.at_least(depth, ABOVE_NOISE * noise),
                )
        if width is not None and defect.defect.kind != "crack":
            narrowest, resolved = defect.ends(width)[0], SPACINGS_WIDE * scan.spacing
            if exceeds(resolved, narrowest):
                yield defect.problem(
                    "V31",
                    "warning",
                    f"the width of {defect.length(narrowest)} is not resolved by points that are "
                    f"{defect.length(scan.spacing)} apart; {defect.length(resolved)} is.",
                    value=narrowest,
                    acceptable=resolved,
                    edit=defect.at_least(width, resolved),
                )
