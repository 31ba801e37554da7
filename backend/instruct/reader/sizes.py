"""Which size of a clause is which dimension of its defect."""

from __future__ import annotations

import re

from backend.instruct.knowledge import Defect
from backend.instruct.quantities import Dimension, Measure, Quantity
from backend.instruct.reader.clause import Clause, Marks
from shared_schema.instruction import Interval, SizeName

_FACTORS = (SizeName.LENGTH, SizeName.WIDTH, SizeName.DEPTH)
# A product of three numbers is the part's, unless it follows such words.
_MEASURES = re.compile(r"(?:of|measuring|sized?|about|up to|von|mit|约|为|尺寸|大小)\W{0,3}$")


def bind(clause: Clause, row: Defect, marks: Marks) -> dict[SizeName, Interval]:
    """The sizes that a clause states of a defect, in mm and degrees."""
    sizes: dict[SizeName, Interval] = {}
    if row.leading is None:
        return sizes
    told = {one.dimension.value for one in clause.quantities if one.dimension and not one.aside}
    for one in clause.quantities:
        if one.aside or one.measure is Measure.RELATIVE:
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
        sizes[name] = _joined(sizes[name], one) if name in sizes else (one.low, one.high)
    return sizes


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


def _joined(first: Interval, one: Quantity) -> Interval:
    """Two sizes of the same dimension: "more than 0.2 mm and less than 0.5 mm"."""
    low, high = first
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
