"""From items of documents to a template: the knowledge base gives each defect its shape.

The bundled template of an item's row is brought to the sizes that the document states. Dimensions
that it does not state keep their ratio to those that it does, because the ratios are what makes a
defect look like itself. An item without sizes has those of the template on this part, within what
is typical of the defect.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.errors import InstructionError
from backend.instruct.knowledge import Defect
from backend.instruct.places import AnyLocation, Located, PartShape, locate
from backend.instruct.shapes import SHAPES, Ends, ends_of, measured, with_ends
from backend.sampling.places import Surface
from backend.templates import load_template
from shared_schema.defects import CrackTemplate, DefectTemplate, Range
from shared_schema.instruction import Basis, Finding, InstructedDefect, Interval, SizeName
from shared_schema.locations import BoxRegion, NearLocation, SurfaceRandomLocation
from shared_schema.recipe import MM_PER_UNIT, Lengths, Part, RecipeTemplate
from shared_schema.scale import SCALED_QUANTITIES, quantity_of

# How far beyond a limit the sizes of a defect reach that is made because it exceeds the limit.
BEYOND_LIMIT = 5.0
# Ratio of the ends of a range of which a document states one end only, if the template's is less.
OPEN_RANGE = 2.0
# Kinds whose depth goes into the material where it is positive, and out of it where negative.
SIGNED = ("dent", "scratch", "freeform")
# Most defects of one recipe.
MOST_DRAWS = 30
NOWHERE: Mapping[int, AnyLocation] = {}
ANYWHERE = SurfaceRandomLocation()


@dataclass(frozen=True)
class Compiled:
    """A template made of items.

    Attributes:
        template: in the part's own unit, in absolute lengths.
        items: the item of each of its defects, in the same order.
        findings: what could not be made as the documents say.
    """

    template: RecipeTemplate
    items: tuple[InstructedDefect, ...]
    findings: tuple[Finding, ...]


def compile_template(
    items: Sequence[InstructedDefect],
    rows: Mapping[str, Defect],
    surface: Surface,
    *,
    name: str,
    seen: Mapping[int, AnyLocation] = NOWHERE,
) -> Compiled:
    """Make the template of all items that are used.

    Args:
        items: what documents say, in canonical order.
        rows: the knowledge base by key.
        surface: the part, whose shape tells where places are.
        name: of the template.
        seen: locations that were marked in views, by the number of the item.

    Raises:
        InstructionError: no item is used.
    """
    used = [item for item in items if item.used]
    if not used:
        raise InstructionError(
            f"none of the {len(items)} defects that the documents name can be made; the items say "
            "why"
        )
    part, shape = surface.part, PartShape(surface)
    made: list[DefectTemplate] = []
    owners: list[InstructedDefect] = []
    regions: dict[str, BoxRegion] = {}
    findings: list[Finding] = []
    for number, item in enumerate(items):
        if not item.used:
            continue
        located = Located((seen[number],)) if number in seen else _located(item, shape)
        regions |= located.regions
        names = _free_names(item, made)
        if located.doubt:
            findings.append(_doubt(next(_free_names(item, made)), item, located.doubt))
        for defect in _defects(item, rows[item.defect], part):
            for location, share in zip(located.locations, located.shares, strict=True):
                where, chance = _place(defect, location), _chance(item) * share
                fields = {"name": next(names), "location": where, "chance": chance}
                made.append(_changed(defect, fields))
                owners.append(item)
    template = RecipeTemplate(
        name=name,
        unit=part.unit,
        lengths=Lengths.ABSOLUTE,
        regions=regions,
        draws=_draws(used, rows),
        defects=tuple(made),
    )
    return Compiled(template, tuple(owners), tuple(findings))


def _located(item: InstructedDefect, shape: PartShape) -> Located:
    """All places that an item names, each with the same share of the draws."""
    found = [locate(place, shape) for place in (item.place, *item.more_places)]
    return Located(
        tuple(location for one in found for location in one.locations),
        tuple(share / len(found) for one in found for share in one.shares),
        {name: region for one in found for name, region in one.regions.items()},
        " ".join(one.doubt for one in found if one.doubt),
    )


def _doubt(name: str, item: InstructedDefect, sentences: str) -> Finding:
    return Finding(rule="V20", severity="warning", where=name, message=sentences, value=item.place)


def _place(defect: DefectTemplate, said: AnyLocation) -> AnyLocation | NearLocation:
    """Where a defect goes: where it is said to, or else in a cluster, if the template makes one."""
    cluster = defect.location
    return cluster if said == ANYWHERE and isinstance(cluster, NearLocation) else said


def _changed(defect: DefectTemplate, fields: Mapping[str, Any]) -> DefectTemplate:
    """A copy with other fields, checked."""
    return type(defect).model_validate(defect.model_dump() | dict(fields))


def _free_names(item: InstructedDefect, made: Sequence[DefectTemplate]) -> Iterator[str]:
    """Names for the item's defects that no other has."""
    base = item.defect.rpartition("/")[2]
    taken = {defect.name for defect in made}
    number = 0
    while True:
        number += 1
        name = base if number == 1 else f"{base} {number}"
        if name not in taken:
            yield name


# --- sizes --------------------------------------------------------------------------------------


def _defects(item: InstructedDefect, row: Defect, part: Part) -> Iterator[DefectTemplate]:
    """The defects of the row's bundled template that are of the item's kind, at its sizes."""
    assert row.template is not None  # rows without a template are not used
    bundled = load_template(row.template)
    ratio = bundled.lengths is Lengths.RATIO
    unit = part.diagonal if ratio else MM_PER_UNIT[bundled.unit] / MM_PER_UNIT[part.unit]
    for defect in bundled.defects:
        if defect.kind == item.kind:
            yield _sized(_facing(_scaled(defect, unit), row), item, row, part)


def _facing(defect: DefectTemplate, row: Defect) -> DefectTemplate:
    """The defect going in or out of the material, as its row says."""
    depth = SHAPES[defect.kind].depth
    if row.direction not in ("in", "out") or depth is None or defect.kind not in SIGNED:
        return defect
    low, high = ends_of(getattr(defect, depth.field))
    sign = 1.0 if row.direction == "in" else -1.0
    return _changed(defect, {depth.field: with_ends(sign, (low, high))})


def _sized(
    defect: DefectTemplate, item: InstructedDefect, row: Defect, part: Part
) -> DefectTemplate:
    stated = dict(_stated(defect, item, part))
    lengths: dict[SizeName, Ends] = {
        name: ends for name, ends in stated.items() if name is not SizeName.ANGLE
    }
    factor = _mean_factor(defect, lengths) if lengths else _typical_factor(defect, row, part)
    defect = _scaled(defect, factor)
    measures = SHAPES[defect.kind].stated
    fields: dict[str, Any] = {}
    for name, (low, high) in stated.items():
        measure = measures[name]
        value = getattr(defect, measure.field)
        fields[measure.field] = with_ends(value, (low / measure.factor, high / measure.factor))
    if any(item.sizes.get(SizeName.HEIGHT, ())) and isinstance(defect, CrackTemplate):
        fields["offset"] = _shift(defect, item, part)
    return _changed(defect, fields)


def _shift(defect: CrackTemplate, item: InstructedDefect, part: Part) -> tuple[float, ...]:
    """By how much the two sides of a break are shifted: the height of the step that it leaves."""
    size = math.hypot(*defect.offset)
    if size == 0.0:
        return defect.offset
    unit = MM_PER_UNIT[item.unit] / MM_PER_UNIT[part.unit]
    step = _middle(closed(item.sizes[SizeName.HEIGHT], (size, size), item.basis)) * unit
    return tuple(step / size * one for one in defect.offset)


def _stated(
    defect: DefectTemplate, item: InstructedDefect, part: Part
) -> Iterator[tuple[SizeName, Ends]]:
    """The stated dimensions that this kind has, closed, in the part's unit."""
    unit = MM_PER_UNIT[item.unit] / MM_PER_UNIT[part.unit]
    measures = SHAPES[defect.kind].stated
    taken = set()
    for name in SizeName:
        if name not in item.sizes or name not in measures or measures[name].field in taken:
            continue
        if not any(item.sizes[name]):
            continue  # neither end is more than zero, which is no size
        taken.add(measures[name].field)
        low, high = closed(item.sizes[name], measured(defect, measures[name]), item.basis)
        scale = 1.0 if name is SizeName.ANGLE else unit
        yield name, (low * scale, high * scale)


def closed(interval: Interval, usual: Ends, basis: Basis) -> Ends:
    """A stated range with both ends.

    Args:
        interval: the range; one end may be open, as one of zero is.
        usual: the range of the template, whose ratio an open range takes.
        basis: above a limit, the range reaches to five times it.

    >>> closed((0.2, None), (1.0, 1.5), Basis.LIMIT)
    (0.2, 1.0)
    >>> closed((None, 4.0), (1.0, 4.0), Basis.STATED)
    (1.0, 4.0)
    """
    low, high = interval[0] or None, interval[1]
    reach = max(OPEN_RANGE, usual[1] / usual[0] if usual[0] > 0 else OPEN_RANGE)
    if low is not None and high is not None:
        return low, high
    if low is not None:
        return low, low * (BEYOND_LIMIT if basis is Basis.LIMIT else reach)
    assert high is not None  # an item states at least one end
    return high / reach, high


def _mean_factor(defect: DefectTemplate, stated: Mapping[SizeName, Ends]) -> float:
    """By how much the stated dimensions exceed the template's, on the whole."""
    measures = SHAPES[defect.kind].stated
    factors = [
        _middle(ends) / _middle(measured(defect, measures[name])) for name, ends in stated.items()
    ]
    return math.prod(factors) ** (1.0 / len(factors))


def _typical_factor(defect: DefectTemplate, row: Defect, part: Part) -> float:
    """By how much the template's sizes must change to be typical of the defect; mostly 1."""
    measures = SHAPES[defect.kind].stated
    for name, (low, high) in row.sizes.items():
        if name is SizeName.ANGLE or name not in measures:
            continue
        size = _middle(measured(defect, measures[name])) * MM_PER_UNIT[part.unit]
        return min(max(size, low), high) / size
    return 1.0


def _middle(ends: Ends) -> float:
    low, high = ends
    return math.sqrt(low * high) if low > 0 else high / 2.0


def _scaled(defect: DefectTemplate, factor: float) -> DefectTemplate:
    """A copy with all lengths, ranges included, multiplied by ``factor``."""
    fields = {}
    for name, field in type(defect).model_fields.items():
        spec_field = defect.spec.model_fields.get(name, field)
        if quantity_of(spec_field) in SCALED_QUANTITIES:
            fields[name] = _times(getattr(defect, name), factor)
    if defect.repeat is not None:
        spacing = _times(defect.repeat.spacing, factor)
        fields["repeat"] = defect.repeat.model_copy(update={"spacing": spacing})
    if isinstance(defect.location, NearLocation):
        fields["location"] = NearLocation(distance=defect.location.distance * factor)
    return _changed(defect, fields)


def _times(value: Any, factor: float) -> Any:
    if value is None:
        return None
    if isinstance(value, Range):
        return value.model_copy(update={"min": value.min * factor, "max": value.max * factor})
    if isinstance(value, tuple):
        return tuple(factor * one for one in value)
    return factor * value


# --- counts -------------------------------------------------------------------------------------


def _chance(item: InstructedDefect) -> float:
    """More of what is said to be more of."""
    return 1.0 if item.count is None else max(1.0, sum(item.count) / 2.0)


def _draws(items: Sequence[InstructedDefect], rows: Mapping[str, Defect]) -> Range | float:
    """How many defects a recipe has: as many as a document says of one, or a template draws."""
    counts = [_count(item, rows[item.defect]) for item in items]
    low = min(MOST_DRAWS, min(count[0] for count in counts))
    high = min(MOST_DRAWS, max(count[1] for count in counts))
    return float(low) if low >= high else Range(min=low, max=high)


def _count(item: InstructedDefect, row: Defect) -> Ends:
    if item.count is not None:
        return max(1, item.count[0]), max(1, item.count[1])
    assert row.template is not None
    bundled = load_template(row.template)
    draws = bundled.draws
    if draws is None:  # each of its defects once
        every = sum(defect.kind == item.kind for defect in bundled.defects)
        return every, every
    return (draws.min, draws.max) if isinstance(draws, Range) else (float(draws), float(draws))
