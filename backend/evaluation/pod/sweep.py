"""Which defects are made: one entry of a template, from small to large.

The size of a kind is one named length. A defect of another size has the same shape: the other
lengths of the template are scaled with it, so that a shallower dent is narrower, too. The sizes
reach from the largest of the template down to below its smallest, to where a defect is no wider
than the distance of neighbouring points of the scan. They are spread evenly in the logarithm. One
half of the defects is for the whole range, the other half for where hits and misses meet, which
tells most about the curve.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backend.arrays import FloatArray
from backend.errors import SamplingError
from backend.sampling.places import Surface
from backend.sampling.recipes import sample_recipe
from shared_schema.defects import DefectTemplate, Range, Severed
from shared_schema.pod import PodDefect
from shared_schema.recipe import Recipe, RecipeTemplate
from shared_schema.scale import quantity_of

# A template with a single size, or with sizes of either sign, is swept from this share of it.
SHARE = 0.25
# No sweep begins below this share of its largest size.
LEAST = 0.01
# The narrow half goes on beyond where hits and misses meet, by so many steps of the wide half.
MARGIN = 1.5
# From so many hits or misses on, one that lies farthest out may be a chance.
SOME = 5


@dataclass(frozen=True)
class SizeName:
    """What the size of a kind is.

    Attributes:
        field: of the template, which is swept.
        name: of the size, for people.
        across: the field that tells how wide such a defect is; None for the swept field's own.
        measured: the size is the largest displacement of the scan, because the field is no length.
    """

    field: str
    name: str
    across: str | None = None
    measured: bool = False


SIZES = {
    "dent": SizeName("depth", "depth", "radius"),
    "scratch": SizeName("depth", "depth", "width"),
    "bend": SizeName("angle", "deflection", measured=True),
    "crack": SizeName("length", "length"),
    "freeform": SizeName("amplitude", "amplitude", "size"),
    "hole": SizeName("radius", "radius"),
    "deposit": SizeName("height", "height", "radius"),
}


@dataclass(frozen=True)
class Sweep:
    """One entry of a template, over its sizes.

    Attributes:
        key: names it in files.
        title: names it for people.
        source: name of the template that it is of.
        template: that entry alone.
        low, high: ends of the swept field, in the unit of the part, or in radians.
    """

    key: str
    title: str
    source: str
    template: RecipeTemplate
    low: float
    high: float

    @property
    def entry(self) -> DefectTemplate:
        """The entry."""
        return self.template.defects[0]

    @property
    def size(self) -> SizeName:
        """What its size is."""
        return SIZES[self.entry.kind]

    def draw(self, value: float, surface: Surface, rng: np.random.Generator) -> Recipe:
        """A recipe whose swept field is ``value`` but for its sign, in the unit of the part.

        Raises:
            SamplingError: the template does not fit the surface.
        """
        entry = sized(self.entry, value, surface.scale_of(self.template))
        template = self.template.model_copy(update={"defects": (entry,)})
        return sample_recipe(template, surface, rng=rng)

    def wide(self, count: int, rng: np.random.Generator) -> FloatArray:
        """``count`` values over the whole range, one in each of as many equal steps."""
        return _spread(self.low, self.high, count, rng)

    def narrow(
        self, count: int, first: Sequence[PodDefect], rng: np.random.Generator
    ) -> FloatArray:
        """``count`` values where the hits and misses among the ``first`` defects meet."""
        hits = sorted(one.value for one in first if one.found)
        misses = sorted((one.value for one in first if not one.found), reverse=True)
        ends = sorted((_outermost(hits, self.high), _outermost(misses, self.low)))
        step = (self.high / self.low) ** (MARGIN / max(1, len(first)))
        low, high = np.clip([ends[0] / step, ends[1] * step], self.low, self.high)
        return _spread(float(low), float(high), count, rng)


def sweeps(templates: Sequence[RecipeTemplate], surface: Surface) -> Iterator[Sweep]:
    """The sweeps of all entries of ``templates``, on a part like ``surface``.

    Raises:
        SamplingError: an entry has no size.
    """
    count = 0
    for template in templates:
        for entry in template.defects:
            low, high = _ends(entry, surface, surface.scale_of(template))
            alone = template.model_copy(update={"defects": (entry,), "draws": None})
            name = entry.name or entry.kind.capitalize()
            region = getattr(entry.location, "region", None)
            title = name if region is None else f"{name}, {region}"
            yield Sweep(f"{count:03d}-{entry.kind}", title, template.name, alone, low, high)
            count += 1


def sized(entry: DefectTemplate, value: float, scale: float) -> DefectTemplate:
    """``entry`` with its size at ``value``, and its other lengths scaled with it.

    Args:
        entry: of a template.
        value: of the swept field, in the unit of the part or in radians.
        scale: what lengths of the template are multiplied by to be in that unit.
    """
    size = SIZES[entry.kind]
    update: dict[str, Any] = {}
    if size.measured:
        update[size.field] = _signed(getattr(entry, size.field), value)
    else:
        value /= scale
        factor = value / _center(getattr(entry, size.field))
        for name in type(entry).model_fields:
            if _is_length(entry, name):
                update[name] = _times(getattr(entry, name), factor)
        update[size.field] = _signed(getattr(entry, size.field), value)
    return entry.model_copy(update=update)


def _spread(low: float, high: float, count: int, rng: np.random.Generator) -> FloatArray:
    share = (np.arange(count) + rng.uniform(size=count)) / max(1, count)
    values: FloatArray = low * (high / low) ** share
    return values


def _outermost(values: Sequence[float], nothing: float) -> float:
    """The first of ``values``, or the second where there are several."""
    return values[1 if len(values) >= SOME else 0] if values else nothing


def _ends(entry: DefectTemplate, surface: Surface, scale: float) -> tuple[float, float]:
    """The range of the swept field, in the unit of the part or in radians."""
    if getattr(entry, "severed", Severed.NO) != Severed.NO:
        raise SamplingError(
            f"the {entry.kind} {entry.name!r} may sever the part, which is no matter of size; "
            "leave its field severed out"
        )
    size, spacing = SIZES[entry.kind], surface.cloud.spacing
    lowest, highest = _magnitudes(getattr(entry, size.field))
    if highest == 0.0:
        raise SamplingError(f"the {size.field} of the {entry.kind} {entry.name!r} is 0")
    if size.measured:
        # The far end of a part that turns about its middle moves by the spacing.
        floor = 2.0 * spacing / surface.part.diagonal
    else:
        across = _magnitudes(getattr(entry, size.across or size.field))[1] * scale
        lowest, highest = lowest * scale, highest * scale
        floor = _center(getattr(entry, size.field)) * scale * min(1.0, spacing / across)
    return max(min(lowest, floor), LEAST * highest), highest


def _magnitudes(value: float | Range) -> tuple[float, float]:
    """Smallest and largest absolute value of a field, the smallest above zero."""
    ends = value.ends() if isinstance(value, Range) else (value,)
    highest = max(map(abs, ends))
    is_signed = isinstance(value, Range) and value.min * value.max <= 0.0
    lowest = SHARE * highest if is_signed or len(ends) == 1 else min(map(abs, ends))
    return lowest, highest


def _center(value: float | Range) -> float:
    """Geometric mean of the absolute values of a field."""
    if not isinstance(value, Range):
        return abs(value)
    return float(np.sqrt(np.prod(_magnitudes(value))))


def _signed(value: float | Range, size: float) -> float | Range:
    """``size`` with the sign that ``value`` has, or with either."""
    if not isinstance(value, Range):
        return float(np.copysign(size, value))
    either = value.random_sign or value.min * value.max < 0.0
    sign = -1.0 if value.max <= 0.0 else 1.0
    return Range(min=sign * size, max=sign * size, random_sign=either)


def _is_length(entry: DefectTemplate, name: str) -> bool:
    fields = entry.spec.model_fields
    return quantity_of(fields.get(name) or type(entry).model_fields[name]) == "length"


def _times(value: float | Range, factor: float) -> float | Range:
    if isinstance(value, Range):
        return value.model_copy(update={"min": factor * value.min, "max": factor * value.max})
    return factor * value
