"""Checking a template against the part and the scans that it is meant for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from backend.errors import InstructionError
from backend.instruct.validation.conflicts import budget, conflicts
from backend.instruct.validation.context import Context
from backend.instruct.validation.places import on_surface, room, view_known
from backend.instruct.validation.points import above_noise, enough_points
from backend.instruct.validation.problems import Problem
from backend.instruct.validation.sizes import (
    curvature,
    proportions,
    typical,
    unit_of_sizes,
    walls,
)
from backend.instruct.validation.target import Target
from backend.instruct.validation.trial import Replayable, surface_holds
from backend.progress import Progress, silent
from backend.sampling.recipes import sample_recipe
from shared_schema.defects import DefectTemplate
from shared_schema.instruction import Finding, Interval, SizeName
from shared_schema.recipe import Recipe, RecipeTemplate

Rule = Callable[[Context], Iterable[Problem]]

# In the order in which they are judged, and mended: scans ask for larger defects than the part
# has room for, so that the rules of the part come after them once more.
RULES: tuple[Rule, ...] = (
    budget,
    unit_of_sizes,
    view_known,
    on_surface,
    enough_points,
    above_noise,
    room,
    walls,
    curvature,
    proportions,
    typical,
    conflicts,
)
# Rounds of mending: what one rule changes may break another.
ROUNDS = 3
# Depths are halved as often as this before a surface that folds is given up.
HALVINGS = 3


@dataclass(frozen=True)
class ValidTemplate:
    """A template that passed every rule on its part; only :func:`validate` makes one.

    What is replayed is drawn from it, so that nothing that was not checked is ever replayed.

    Attributes:
        template: as it was mended.
        target: the part that it was checked on.

    >>> surface = fs.surface_of(scans[0], "plate", fs.Unit.MM)  # the scans of ``train``'s example
    >>> template = fs.load_template("sheet_metal/dents")
    >>> valid = fs.validate(template, surface, progress=None).checked()
    >>> {defect.kind for defect in valid.draw(seed=0).defects}
    {'dent'}
    """

    template: RecipeTemplate
    target: Target

    def draw(self, seed: int) -> Recipe:
        """A concrete recipe.

        Raises:
            SamplingError: this draw does not fit the part.
        """
        rng = np.random.default_rng(seed)
        return sample_recipe(self.template, self.target.surface, rng=rng)

    def only(self, defects: Sequence[DefectTemplate]) -> ValidTemplate:
        """The same template with some of its defects alone, each of them once."""
        update = {"defects": tuple(defects), "draws": None}
        return ValidTemplate(self.template.model_copy(update=update), self.target)


@dataclass(frozen=True)
class Validation:
    """What a template was found to be.

    Attributes:
        findings: in the order of the rules; those that were mended say so.
        valid: the template, mended; None where an error is left.
        template: as it was mended so far, valid or not.

    >>> surface = fs.surface_of(scans[0], "plate", fs.Unit.MM)  # the scans of ``train``'s example
    >>> template = fs.load_template("sheet_metal/dents")
    >>> [defect] = template.defects
    >>> huge = defect.model_copy(update={"radius": 5.0})  # in diagonals of the part
    >>> template = template.model_copy(update={"defects": (huge,)})
    >>> validation = fs.validate(template, surface, progress=None)
    >>> validation.valid is None, validation.findings[0].severity
    (True, 'error')
    """

    findings: tuple[Finding, ...]
    valid: ValidTemplate | None
    template: RecipeTemplate

    def checked(self) -> ValidTemplate:
        """The valid template.

        Raises:
            InstructionError: an error is left.
        """
        if self.valid is None:
            errors = [one for one in self.findings if one.severity == "error" and not one.fixed]
            first = errors[0]
            raise InstructionError(
                f"the template is not valid: {first.where}: {first.message} ({first.rule}; "
                f"{len(errors)} errors in all)"
            )
        return self.valid


def validate(
    template: RecipeTemplate,
    target: Target,
    *,
    fix: bool = False,
    typical_sizes: Mapping[str, Mapping[SizeName, Interval]] | None = None,
    progress: Progress = silent,
) -> Validation:
    """Check a template against a part and its scans.

    Args:
        template: what is checked.
        target: the part, and what its scans show.
        fix: take the nearest acceptable values.
        typical_sizes: sizes in mm that are typical of its defects, by their names.
        progress: is told of each defect that was tried out.

    Returns:
        The findings, and the template as a :class:`ValidTemplate` where no error is left.
    """
    context = Context(template, target, typical_sizes or {})
    findings: list[Finding] = []
    if fix:
        context, mended = _mend(context)
        findings += mended
    left = [problem.finding for problem in _problems(context)]
    if not _has_errors(left):
        context, tried = _try_out(context, fix, progress)
        left += tried
    findings += left
    valid = None if _has_errors(left) else ValidTemplate(context.template, target)
    return Validation(tuple(findings), valid, context.template)


def _has_errors(findings: Iterable[Finding]) -> bool:
    return any(one.severity == "error" and not one.fixed for one in findings)


def _problems(context: Context) -> Iterator[Problem]:
    for rule in RULES:
        yield from rule(context)


def _mend(context: Context) -> tuple[Context, list[Finding]]:
    """Apply the edits of all rules, one after another, until there are none or too many rounds."""
    mended: list[Finding] = []
    for _ in range(ROUNDS):
        before = context.template
        for rule in RULES:
            context, findings = _mend_one(context, rule)
            mended += findings
        if context.template == before:
            break
    return context, mended


def _mend_one(context: Context, rule: Rule) -> tuple[Context, list[Finding]]:
    """Apply a rule's edits one at a time: an edit may take away a defect and renumber the rest."""
    mended: list[Finding] = []
    tried = 0
    while tried <= 2 * len(context.template.defects) + 2:
        tried += 1
        problem = next((one for one in rule(context) if one.edit is not None), None)
        if problem is None:
            break
        assert problem.edit is not None
        if not problem.edit.fields and len(context.template.defects) == 1:
            break
        template = problem.edit.applied(context.template)
        context = Context(template, context.target, context.typical)
        mended.append(problem.finding.model_copy(update={"fixed": True}))
    return context, mended


def _try_out(context: Context, fix: bool, progress: Progress) -> tuple[Context, list[Finding]]:
    """Judge replayed draws; where the surface folds or tears, halve the depths if that is asked."""
    mended: list[Finding] = []
    problems = list(surface_holds(Replayable(context), progress))
    for _ in range(HALVINGS if fix else 0):
        edits = [problem for problem in problems if problem.edit is not None]
        if not edits:
            break
        template = context.template
        for problem in edits:
            assert problem.edit is not None
            template = problem.edit.applied(template)
            mended.append(problem.finding.model_copy(update={"fixed": True}))
        context = Context(template, context.target, context.typical)
        problems = list(surface_holds(Replayable(context), progress))
    return context, mended + [problem.finding for problem in problems]
