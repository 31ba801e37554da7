"""From what a detector finds only at times to what the next one draws while it learns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from backend.errors import SamplingError
from backend.evaluation.pod.sweep import sized
from shared_schema.defects import DefectTemplate
from shared_schema.pod import PodReport, PodSweep
from shared_schema.recipe import MM_PER_UNIT, Lengths, RecipeTemplate

# Defects that are always found teach nothing, and neither do those that nobody could find.
UNDECIDED = (0.2, 0.5, 0.8)


def closed_loop(template: RecipeTemplate, report: PodReport) -> RecipeTemplate:
    """``template`` with further entries of the sizes that a detector finds only at times.

    Each entry whose kind has a curve in ``report`` gets three like it, of the sizes that are found
    with a probability of 0.2, 0.5 and 0.8, and with the other lengths scaled as in the examination.
    Entries without a curve stay alone, so that they are drawn less often.

    Args:
        template: of defects that are drawn while training.
        report: what ``flawsmith pod`` found out about an earlier detector.

    Raises:
        SamplingError: no kind of the template has a curve.

    >>> report = fs.PodReport.model_construct(diagonal=80.0, sweeps=(), defects=())  # nothing found
    >>> try:
    ...     fs.closed_loop(fs.load_template("casting/porosity"), report)
    ... except fs.SamplingError as error:
    ...     print(error)
    the report has no curve for the kinds of the template, hole; examine the earlier detector ...
    """
    ratio = template.lengths is Lengths.RATIO
    scale = report.diagonal if ratio else MM_PER_UNIT[template.unit] / MM_PER_UNIT[report.unit]
    sweeps = {one.kind: one for one in reversed(report.sweeps) if one.curve.points}
    entries = [more for one in template.defects for more in _entries(one, sweeps, report, scale)]
    if len(entries) == len(template.defects):
        kinds = ", ".join(sorted({one.kind for one in template.defects}))
        raise SamplingError(
            f"the report has no curve for the kinds of the template, {kinds}; examine the earlier "
            "detector with this template: flawsmith pod --template"
        )
    draws = len(template.defects) if template.draws is None else template.draws
    return template.model_copy(update={"defects": tuple(entries), "draws": draws})


def _entries(
    entry: DefectTemplate, sweeps: Mapping[str, PodSweep], report: PodReport, scale: float
) -> Iterator[DefectTemplate]:
    """``entry``, and those like it of the sizes that are found only at times."""
    yield entry
    sweep = sweeps.get(entry.kind)
    if sweep is None:
        return
    made = sorted((one.size, one.value) for one in report.defects if one.sweep == sweep.key)
    sizes = {point.pod: point.size for point in sweep.curve.points}
    for pod in UNDECIDED:
        if pod in sizes:
            value = float(np.interp(sizes[pod], *np.transpose(made)))
            yield sized(entry, value, scale)
