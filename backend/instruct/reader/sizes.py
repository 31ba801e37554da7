"""Which size of a clause is which dimension of its defect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from backend.instruct.knowledge import Defect
from backend.instruct.quantities import Dimension, Measure, Quantity
from backend.instruct.reader.clause import Clause, Marks
from shared_schema.instruction import Interval, SizeName

_FACTORS = (SizeName.LENGTH, SizeName.WIDTH, SizeName.DEPTH)
# So many words may stand between a defect and its size with a tolerance.
MOST_BETWEEN = 2
# A product of three numbers is the part's, unless it follows such words.
_MEASURES = re.compile(r"(?:of|measuring|sized?|about|up to|von|mit|约|为|尺寸|大小)\W{0,3}$")


def bind(clause: Clause, row: Defect, marks: Marks) -> dict[SizeName, Interval]:
    """The sizes that a clause states of a defect, in mm and degrees."""
    sizes: dict[SizeName, Interval] = {}
    if row.leading is None:
        return sizes
    stated = list(_stated(clause, marks))
    last: Quantity | None = None
    told = {one.dimension.value for one in stated if one.dimension}
    for one in stated:
        if one.dimension is Dimension.THICKNESS and SizeName.WIDTH.value in told:
            continue
        if one.factors:
            _add_factors(sizes, one, marks)
            continue
        name = _name(one, row)
        if name is None:
            continue
        if one.dimension is None and name.value in told and row.kind in ("scratch", "crack"):
            # "Undercut of 40 mm, 0.6 mm deep": the bare size is no second depth.
            name = SizeName.LENGTH
        sizes[name] = (
            _joined(sizes[name], one, listed=last is not None and _listed(marks, last, one))
            if name in sizes
            else (one.low, one.high)
        )
        last = one
    return sizes


_BETWEEN_LISTED = re.compile(r"\s?(?:,|/|;|、)?\s?(?:and|und|or|oder|和|及|或|bzw\.?)?\s?")


def _listed(marks: Marks, last: Quantity, one: Quantity) -> bool:
    """Whether two sizes are of several defects of one kind: "1.2 mm, 1.8 mm and 2.5 mm"."""
    joined = _BETWEEN_LISTED.fullmatch(marks.text, last.end, one.start)
    return joined is not None and not (last.limited or one.limited)


def _stated(clause: Clause, marks: Marks) -> Iterator[Quantity]:
    """The sizes of a clause that may be those of its defect."""
    for one in clause.quantities:
        if one.about is not None and _is_of_defect(one, clause, marks):
            yield replace(one, low=one.about[0], high=one.about[1], aside="")
        elif not one.aside and one.measure is not Measure.RELATIVE:
            yield one


def _is_of_defect(one: Quantity, clause: Clause, marks: Marks) -> bool:
    """Whether a size with a tolerance follows a defect, with no more than its place between."""
    before = [defect for defect in clause.defects if defect.end <= one.start]
    if not before:
        return False
    between = list(marks.text[before[-1].end : one.start])
    for place in clause.places:
        for at in range(place.start, min(place.end, one.start)):
            if at >= before[-1].end:
                between[at - before[-1].end] = " "
    return len("".join(between).split()) <= MOST_BETWEEN


def _name(one: Quantity, row: Defect) -> SizeName | None:
    """The dimension of a size; a bare one is the row's leading dimension."""
    if one.measure is Measure.ANGLE:
        return SizeName.ANGLE
    if one.dimension is None:
        return SizeName.HEIGHT if row.leading is SizeName.ANGLE else row.leading
    if one.dimension is Dimension.ANGLE:
        return None
    if one.dimension is Dimension.THICKNESS:
        return SizeName.WIDTH if row.kind in ("scratch", "crack", "dent") else SizeName.HEIGHT
    return SizeName(one.dimension.value)


def _joined(first: Interval, one: Quantity, listed: bool) -> Interval:
    """Two sizes of the same dimension: "more than 0.2 mm and less than 0.5 mm"."""
    low, high = first
    lows = [end for end in (low, one.low) if end is not None]
    highs = [end for end in (high, one.high) if end is not None]
    if listed and len(lows) == len(highs) == 2:
        return min(lows), max(highs)
    if low is None and one.high is None and one.low == high:
        return first  # What is permitted up to a limit is rejected from there on.
    if low is None and one.high is None and one.low is not None and one.low <= (high or one.low):
        return one.low, high
    if high is None and one.low is None and one.high is not None and (low or 0) <= one.high:
        return low, one.high
    return first


def _add_factors(sizes: dict[SizeName, Interval], one: Quantity, marks: Marks) -> None:
    """Of "5 x 3 mm" the length and the width."""
    before = marks.text[max(0, one.start - 24) : one.number]
    if len(one.factors) > 2 and not _MEASURES.search(before):
        return
    for name, value in zip(_FACTORS, one.factors, strict=False):
        sizes.setdefault(name, (value, value))
