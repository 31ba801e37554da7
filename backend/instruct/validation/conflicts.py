"""Rules on defects together: conflicts, and how much a template asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from backend.instruct.shapes import ends_of
from backend.instruct.validation.context import Context, Sized
from backend.instruct.validation.problems import Edit, Problem
from shared_schema.defects import Range
from shared_schema.locations import HullLocation, LassoLocation, PathLocation, PointLocation

# Most defects that a template lists, and that one recipe of it has, repeats included.
MOST_LISTED = 20
MOST_EXPANDED = 1_000
# Largest share of the surface that the defects of one recipe cover.
MOST_COVERED = 0.5
# Defects at given places conflict if they are nearer than this share of their mean width.
NEAREST = 0.5


def conflicts(context: Context) -> Iterator[Problem]:
    """V50: one piece is broken off at most, bends come first, and given places are apart."""
    yield from _severed_twice(context)
    yield from _bends_after_others(context)
    yield from _at_one_place(context)


def _severing(defect: Sized) -> bool:
    return getattr(defect.defect, "severed", "no") != "no"


def _severed_twice(context: Context) -> Iterator[Problem]:
    severing = [defect for defect in context.defects() if _severing(defect)]
    draws = context.template.draws
    if draws is None:
        for defect in severing[1:]:
            yield defect.problem(
                "V50",
                "error",
                f"it breaks the part through, which {severing[0].name!r} does already.",
                acceptable="without it",
                edit=Edit(defect.number, {}),
            )
    elif severing and ends_of(draws)[1] >= 1.5:
        yield severing[0].problem(
            "V50",
            "error",
            f"it breaks the part through, and up to {ends_of(draws)[1]:.0f} defects are drawn for "
            "a recipe, so that it may be drawn twice.",
            value=ends_of(draws)[1],
            acceptable=1.0,
            edit=Edit(None, {"draws": 1.0}),
        )


def _bends_after_others(context: Context) -> Iterator[Problem]:
    kinds = [defect.kind for defect in context.template.defects]
    if context.template.draws is not None or "bend" not in kinds:
        return
    first = sorted(range(len(kinds)), key=lambda number: kinds[number] != "bend")
    if first == list(range(len(kinds))):
        return
    moved = next(d for d in context.defects() if d.defect.kind == "bend")
    ordered = [context.template.defects[number].model_dump() for number in first]
    yield moved.problem(
        "V50",
        "warning",
        "it bends defects that were made before it; bends come first.",
        acceptable="first",
        edit=Edit(None, {"defects": ordered}),
    )


def _at_one_place(context: Context) -> Iterator[Problem]:
    if context.template.draws is not None:
        return
    given = [(defect, place) for defect in context.defects() if (place := _given(defect))]
    for number, (defect, place) in enumerate(given):
        for other, other_place in given[:number]:
            apart = math.dist(place, other_place) * context.scale
            widths = [one.ends(one.shape.width)[1] for one in (defect, other) if one.shape.width]
            if widths and apart < NEAREST * float(np.mean(widths)):
                yield defect.problem(
                    "V50",
                    "warning",
                    f"it lies {defect.length(apart)} from {other.name!r}, within it.",
                    value=apart,
                    acceptable="without it",
                    edit=Edit(defect.number, {}),
                )
                break


def _given(defect: Sized) -> tuple[float, ...] | None:
    """The place of a defect that is not drawn at random, in the template's lengths."""
    match defect.defect.location:
        case PointLocation(position=position):
            return position
        case PathLocation(path=path):
            return path.points[len(path.points) // 2]
        case HullLocation(points=points) | LassoLocation(points=points):
            return tuple(np.mean(points, axis=0).tolist())
    return None


def budget(context: Context) -> Iterator[Problem]:
    """V70: the template does not list, draw or cover more than makes sense."""
    template = context.template
    defects = list(context.defects())
    for defect in defects[MOST_LISTED:]:
        yield defect.problem(
            "V70",
            "error",
            f"the template lists {len(defects)} defects; {MOST_LISTED} are allowed.",
            value=float(len(defects)),
            acceptable=float(MOST_LISTED),
            edit=Edit(defect.number, {}),
        )
    drawn = float(len(defects)) if template.draws is None else ends_of(template.draws)[1]
    repeats = [_repeats(defect) for defect in defects]
    expanded = drawn * max(repeats) if template.draws is not None else sum(repeats)
    if expanded > MOST_EXPANDED and template.draws is not None:
        fewer = max(1.0, math.floor(MOST_EXPANDED / max(repeats)))
        yield defects[0].problem(
            "V70",
            "error",
            f"a recipe may have {expanded:.0f} defects; {MOST_EXPANDED} are allowed.",
            value=expanded,
            acceptable=fewer,
            edit=_fewer_draws(context, fewer),
        )
        return
    area = float(context.target.cloud.areas.sum())
    covered = [_area(defect) * repeat for defect, repeat in zip(defects, repeats, strict=True)]
    total = drawn * float(np.mean(covered)) if template.draws is not None else sum(covered)
    if area > 0 and total > MOST_COVERED * area:
        fewer = max(1.0, math.floor(MOST_COVERED * area / max(float(np.mean(covered)), 1e-30)))
        mend = template.draws is not None and drawn > fewer
        yield defects[0].problem(
            "V70",
            "error",
            f"the defects of a recipe would cover {total / area:.0%} of the surface; at most "
            f"{MOST_COVERED:.0%} makes sense. Draw fewer, or make them smaller.",
            value=total / area,
            acceptable=MOST_COVERED,
            edit=_fewer_draws(context, fewer) if mend else None,
        )


def _fewer_draws(context: Context, most: float) -> Edit:
    low = ends_of(context.template.draws)[0]
    draws = most if low >= most else Range(min=low, max=most).model_dump()
    return Edit(None, {"draws": draws})


def _repeats(defect: Sized) -> float:
    repeat = defect.defect.repeat
    return 1.0 if repeat is None else ends_of(repeat.count)[1]


def _area(defect: Sized) -> float:
    """Area of a middling one along the surface, in the part's unit squared."""
    shape = defect.shape
    if shape.width is None:
        return 0.0
    width = float(np.mean(defect.ends(shape.width)))
    length = width if shape.length is None else float(np.mean(defect.ends(shape.length)))
    return width * length
