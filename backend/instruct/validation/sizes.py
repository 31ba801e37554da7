"""Rules on sizes: unit, walls, curvature, proportions, and what is typical of the defect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from backend.instruct.shapes import Measure, goes_in
from backend.instruct.validation.context import Context, Sized, exceeds
from backend.instruct.validation.problems import Edit, Problem
from shared_schema.locations import EdgeRandomLocation
from shared_schema.recipe import MM_PER_UNIT

# A size of less or more than this share of the diagonal was mostly read in a wrong unit.
SMALLEST_SHARE, LARGEST_SHARE = 1e-4, 1.0
# The factors between the units that are mistaken for one another.
UNIT_FACTORS = (10.0, 25.4, 1000.0, 0.1, 1 / 25.4, 0.001)
# A defect that leaves the wall whole goes no deeper than this share of it.
DEEPEST_IN_WALL = 0.8
# The walls that count are all but the thinnest places.
THIN_QUANTILE = 0.05
# A defect on a curved surface is no wider than this share of its smallest radius of curvature.
WIDEST_IN_RADIUS = 0.8
# How far from its typical range a size may be.
FAR_FROM_TYPICAL = 10.0


def unit_of_sizes(context: Context) -> Iterator[Problem]:
    """V10: sizes are between a ten-thousandth of the part and the part."""
    diagonal = context.target.surface.part.diagonal
    for defect in context.defects():
        measure = _leading(defect)
        if measure is None:
            continue
        low, high = defect.ends(measure)
        if not exceeds(SMALLEST_SHARE * diagonal, low) and not exceeds(
            high, LARGEST_SHARE * diagonal
        ):
            continue
        outside = low if low < SMALLEST_SHARE * diagonal else high
        factor = _unit_factor(low, high, diagonal)
        message = (
            f"the {measure.field} of {defect.length(outside)} does not suit a part of "
            f"{defect.length(diagonal)}"
        )
        edit, acceptable = None, None
        if factor is None:
            message += "; give the size and its unit"
        else:
            message += f"; it fits when multiplied by {factor:g}, so that its unit was misread"
            acceptable = outside * factor
            edit = _in_other_unit(defect, factor)
        yield defect.problem(
            "V10", "error", f"{message}.", value=outside, acceptable=acceptable, edit=edit
        )


def _leading(defect: Sized) -> Measure | None:
    return defect.shape.length or defect.shape.width


def _unit_factor(low: float, high: float, diagonal: float) -> float | None:
    for factor in UNIT_FACTORS:
        if low * factor >= SMALLEST_SHARE * diagonal and high * factor <= 0.5 * diagonal:
            return factor
    return None


def _in_other_unit(defect: Sized, factor: float) -> Edit:
    fields: dict[str, Any] = {}
    for measure in {defect.shape.length, defect.shape.width, defect.shape.depth} - {None}:
        assert measure is not None
        low, high = defect.ends(measure)
        fields |= defect.resized(measure, (low * factor, high * factor)).fields
    return Edit(defect.number, fields)


def walls(context: Context) -> Iterator[Problem]:
    """V11: what goes into the material does not go through the wall, unless it is a hole."""
    for defect in context.defects():
        depth = defect.shape.depth
        if depth is None or not goes_in(defect.defect) or _goes_through(defect):
            continue
        if _at_edges(defect):
            continue
        inside = context.target.probes_at(defect.defect, context.template)
        wall = float(np.quantile(context.target.walls[inside], THIN_QUANTILE, method="lower"))
        deepest, largest = defect.ends(depth)[1], DEEPEST_IN_WALL * wall
        if exceeds(deepest, largest):
            yield defect.problem(
                "V11",
                "error",
                f"the depth of {defect.length(deepest)} goes through the wall, which is "
                f"{defect.length(wall)} thick; {defect.length(largest)} is the deepest that leaves "
                "it whole.",
                value=deepest,
                acceptable=largest,
                edit=defect.at_most(depth, largest),
            )


def _goes_through(defect: Sized) -> bool:
    """Whether the kind is meant to go through a wall: open holes, and breaks."""
    if defect.defect.kind == "crack":
        return getattr(defect.defect, "severed", "no") != "no"
    return defect.defect.kind == "hole" and getattr(defect.defect, "walls", "none") != "closed"


def _at_edges(defect: Sized) -> bool:
    """Whether it takes off an edge, where neither wall nor curvature bound it."""
    return isinstance(defect.defect.location, EdgeRandomLocation)


def curvature(context: Context) -> Iterator[Problem]:
    """V12: a round defect is no wider than the surface is curved."""
    for defect in context.defects():
        width = defect.shape.width
        if width is None or width.field != "radius":
            continue
        if _at_edges(defect):
            continue
        inside = context.target.probes_at(defect.defect, context.template)
        radius = float(np.median(context.target.curvature_radii[inside]))
        widest, largest = defect.ends(width)[1], 2.0 * WIDEST_IN_RADIUS * radius
        if exceeds(widest, largest):
            yield defect.problem(
                "V12",
                "error",
                f"the diameter of {defect.length(widest)} is too large for a surface that is "
                f"curved with a radius of {defect.length(radius)}; at most "
                f"{defect.length(largest)} fits.",
                value=widest,
                acceptable=largest,
                edit=defect.at_most(width, largest),
            )


def proportions(context: Context) -> Iterator[Problem]:
    """V13: depth to width and width to length are those of the kind."""
    for defect in context.defects():
        shape = defect.shape
        if shape.depth is not None and shape.width is not None:
            yield from _ratio(defect, shape.depth, shape.width, shape.steepest)
        if shape.width is not None and shape.length is not None:
            yield from _ratio(defect, shape.width, shape.length, shape.slimmest)


def _ratio(defect: Sized, above: Measure, below: Measure, most: float) -> Iterator[Problem]:
    """The largest ``above`` is compared with the largest ``below``, which it grows with."""
    high, base = defect.ends(above)[1], defect.ends(below)[1]
    if not exceeds(high, most * base):
        return
    yield defect.problem(
        "V13",
        "error",
        f"the {above.field} of {defect.length(high)} is too large for a {below.field} of "
        f"{defect.length(base / below.factor)}; a {defect.defect.kind} looks like itself up to "
        f"{defect.length(most * base)}.",
        value=high,
        acceptable=most * base,
        edit=defect.at_most(above, most * base),
    )


def typical(context: Context) -> Iterator[Problem]:
    """V14: sizes are not ten times smaller or larger than what is typical of the defect."""
    mm = MM_PER_UNIT[context.target.surface.part.unit]
    for defect in context.defects():
        for name, (low, high) in context.typical.get(defect.name, {}).items():
            measure = defect.shape.stated.get(name)
            if measure is None or defect.defect.kind == "bend":
                continue
            least, most = (end * mm for end in defect.ends(measure))
            if (low is not None and most * FAR_FROM_TYPICAL < low) or (
                high is not None and least > high * FAR_FROM_TYPICAL
            ):
                yield defect.problem(
                    "V14",
                    "warning",
                    f"the {name.value} of {least:.3g} to {most:.3g} mm is far from what is typical "
                    f"of this defect, {_words(low, high)}; check the document.",
                    value=most,
                    acceptable=low if low is not None and most < low else high,
                )


def _words(low: float | None, high: float | None) -> str:
    if low is None:
        return f"up to {high:g} mm"
    return f"from {low:g} mm on" if high is None else f"{low:g} to {high:g} mm"
