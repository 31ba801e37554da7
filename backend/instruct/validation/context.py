"""What the rules look at: a template, the part, and the sizes of each defect on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from backend.instruct.shapes import SHAPES, Ends, Measure, Shape, measured, with_ends
from backend.instruct.validation.problems import Edit, Problem
from backend.instruct.validation.target import Target
from shared_schema.defects import DefectTemplate
from shared_schema.instruction import Finding, Interval, SizeName
from shared_schema.recipe import RecipeTemplate

# A value that was set to a limit may differ from it by this share.
ROUNDING = 1e-9

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, eq=False)
class Context:
    """One template on one part.

    Attributes:
        template: what is checked.
        target: the part and its scans.
        typical: sizes in mm that are typical of each defect, by its name in the template; of
            defects that documents ask for.
    """

    template: RecipeTemplate
    target: Target
    typical: Mapping[str, Mapping[SizeName, Interval]] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """What the template's lengths are multiplied by on this part."""
        return self.target.surface.scale_of(self.template)

    @property
    def unit(self) -> str:
        """The part's unit, in which lengths are told."""
        return self.target.surface.part.unit.value

    def defects(self) -> Iterator[Sized]:
        """Each defect with its sizes."""
        for number, defect in enumerate(self.template.defects):
            yield Sized(self, number, defect)


@dataclass(frozen=True, eq=False)
class Sized:
    """One defect of a template, with its sizes on the part."""

    context: Context
    number: int
    defect: DefectTemplate

    @property
    def name(self) -> str:
        """Its name, or its kind and number where it has none."""
        return self.defect.name or f"{self.defect.kind} {self.number + 1}"

    @property
    def shape(self) -> Shape:
        """The measures of its kind."""
        return SHAPES[self.defect.kind]

    def ends(self, measure: Measure) -> Ends:
        """Least and largest amount of a length, in the part's unit."""
        low, high = measured(self.defect, measure)
        return low * self.context.scale, high * self.context.scale

    def resized(self, measure: Measure, ends: Ends) -> Edit:
        """The edit that gives a length other ends, in the part's unit."""
        unit = measure.factor * self.context.scale
        value = getattr(self.defect, measure.field)
        return Edit(
            self.number, {measure.field: with_ends(value, (ends[0] / unit, ends[1] / unit))}
        )

    def at_most(self, measure: Measure, largest: float) -> Edit:
        """The edit by which no length exceeds ``largest``, in the part's unit."""
        low, high = self.ends(measure)
        return self.resized(measure, (min(low, largest), min(high, largest)))

    def at_least(self, measure: Measure, smallest: float) -> Edit:
        """The edit by which no length is below ``smallest``, in the part's unit."""
        low, high = self.ends(measure)
        return self.resized(measure, (max(low, smallest), max(high, smallest)))

    def problem(
        self,
        rule: str,
        severity: Severity,
        message: str,
        *,
        value: float | str | None = None,
        acceptable: float | str | None = None,
        edit: Edit | None = None,
    ) -> Problem:
        """A problem of this defect; numbers are rounded to four digits."""
        finding = Finding(
            rule=rule,
            severity=severity,
            where=self.name,
            message=message,
            value=_rounded(value),
            acceptable=_rounded(acceptable),
        )
        return Problem(finding, edit)

    def length(self, amount: float) -> str:
        """A length in words."""
        return f"{amount:.3g} {self.context.unit}"


def exceeds(value: float, limit: float) -> bool:
    """Whether a value is above a limit by more than its rounding."""
    return value > limit * (1.0 + ROUNDING)


def _rounded(value: float | str | None) -> float | str | None:
    return float(f"{value:.4g}") if isinstance(value, float) else value
