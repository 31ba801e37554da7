"""What a defect's template calls the dimensions that documents state: the one table of both."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from shared_schema.defects import DefectTemplate, Distribution, Range
from shared_schema.instruction import SizeName

# From this ratio of its ends on, a range of sizes is drawn evenly by its logarithm.
WIDE = 3.0


@dataclass(frozen=True)
class Measure:
    """A field of a template that holds a dimension.

    Attributes:
        field: its name.
        factor: the dimension is this many times the field's value; 2 for a radius.
    """

    field: str
    factor: float = 1.0


@dataclass(frozen=True)
class Shape:
    """The measures of one kind of defect.

    Attributes:
        depth: how far it goes into the material or out of it; None for a bend.
        width: its smaller extent along the surface; None for a bend.
        length: its larger extent along the surface, where that is a field of its own.
        stated: the measure that each dimension of a document sets.
        steepest: largest depth as a multiple of the width that still looks like this kind.
        slimmest: largest width as a multiple of the length.
    """

    depth: Measure | None
    width: Measure | None
    length: Measure | None = None
    stated: dict[SizeName, Measure] = field(default_factory=dict)
    steepest: float = math.inf
    slimmest: float = math.inf


def _round(width: Measure, depth: Measure) -> dict[SizeName, Measure]:
    """Dimensions of a kind whose foot has one diameter."""
    return {
        SizeName.DIAMETER: width,
        SizeName.WIDTH: width,
        SizeName.LENGTH: width,
        SizeName.DEPTH: depth,
        SizeName.HEIGHT: depth,
    }


_RADIUS, _DEPTH, _HEIGHT = Measure("radius", 2.0), Measure("depth"), Measure("height")
_LENGTH, _WIDTH, _GAP = Measure("length"), Measure("width"), Measure("gap")
# A drawn hull is `size` long and 0.8 `size` wide on each side of its middle.
_SIZE, _AMPLITUDE = Measure("size", 2.0), Measure("amplitude")

SHAPES = {
    "dent": Shape(_DEPTH, _RADIUS, stated=_round(_RADIUS, _DEPTH), steepest=0.75),
    "scratch": Shape(
        _DEPTH,
        _WIDTH,
        _LENGTH,
        stated={
            SizeName.LENGTH: _LENGTH,
            SizeName.WIDTH: _WIDTH,
            SizeName.DIAMETER: _WIDTH,
            SizeName.DEPTH: _DEPTH,
            SizeName.HEIGHT: _DEPTH,
        },
        steepest=2.0,
        slimmest=0.5,
    ),
    "hole": Shape(_DEPTH, _RADIUS, stated=_round(_RADIUS, _DEPTH)),
    "crack": Shape(
        _DEPTH,
        _GAP,
        _LENGTH,
        stated={
            SizeName.LENGTH: _LENGTH,
            SizeName.DIAMETER: _LENGTH,
            SizeName.WIDTH: _GAP,
            SizeName.DEPTH: _DEPTH,
        },
        slimmest=0.5,
    ),
    "deposit": Shape(_HEIGHT, _RADIUS, stated=_round(_RADIUS, _HEIGHT), steepest=1.0),
    "bend": Shape(None, None, stated={SizeName.ANGLE: Measure("angle", 180.0 / math.pi)}),
    "freeform": Shape(_AMPLITUDE, _SIZE, stated=_round(_SIZE, _AMPLITUDE), steepest=0.5),
}

Ends = tuple[float, float]


def ends_of(value: Any) -> Ends:
    """Least and largest amount, without sign, of a field's number or range."""
    values = [value.min, value.max] if isinstance(value, Range) else [float(value)]
    if min(values) < 0 < max(values):
        return 0.0, max(-min(values), max(values))
    amounts = sorted(abs(one) for one in values)
    return amounts[0], amounts[-1]


def measured(defect: DefectTemplate, measure: Measure) -> Ends:
    """Least and largest amount of a dimension of ``defect``, in its template's lengths."""
    low, high = ends_of(getattr(defect, measure.field))
    return measure.factor * low, measure.factor * high


def with_ends(value: Any, ends: Ends) -> float | Range:
    """A field's value with other ends; it keeps its sign, and whether both signs are drawn."""
    low, high = ends
    sign = -1.0 if _is_negative(value) else 1.0
    if low == high:
        return sign * low
    return Range(
        min=min(sign * low, sign * high),
        max=max(sign * low, sign * high),
        distribution=_distribution(low, high) if sign > 0 else Distribution.UNIFORM,
        random_sign=has_both_signs(value),
    )


def _is_negative(value: Any) -> bool:
    if isinstance(value, Range):
        return value.max <= 0 and value.min < 0
    return bool(value < 0)


def _distribution(low: float, high: float) -> Distribution:
    wide = low > 0 and high / low > WIDE
    return Distribution.LOG_UNIFORM if wide else Distribution.UNIFORM


def has_both_signs(value: Any) -> bool:
    """Whether a field's value may be drawn with either sign."""
    if isinstance(value, Range):
        return value.random_sign or value.min < 0 < value.max
    return False


def goes_in(defect: DefectTemplate) -> bool:
    """Whether the defect takes the surface into the material, in some draws at least."""
    shape = SHAPES[defect.kind]
    if shape.depth is None or defect.kind == "deposit":
        return False
    value = getattr(defect, shape.depth.field)
    return has_both_signs(value) or not _is_negative(value)
