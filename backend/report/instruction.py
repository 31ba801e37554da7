"""An instructed template as a page: what documents say, what was made of it, and how it looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import ReplayError, SamplingError
from backend.instruct.run import Instructed
from backend.instruct.validation import ValidTemplate
from backend.replay import Replayed, replay
from backend.report import render_report
from backend.report.pictures import View, mask_colors, panels, splat
from shared_schema.instruction import Finding, InstructedDefect, Interval

DRAWN = 8
# Attempts for each picture: a place may lie where a defect does not fit.
ATTEMPTS = 20
# By this many spacings marked points are drawn nearer to the eye.
LIFT = 4.0


@dataclass(frozen=True)
class ItemRow:
    """What the page shows of an item.

    Attributes:
        item: what the documents say.
        sizes: in words.
        png: the part with one such defect; None if it is not made.
    """

    item: InstructedDefect
    sizes: str
    png: bytes | None


def instruction_page(instructed: Instructed, *, title: str, part: str) -> str:
    """The page of a template, valid or not.

    Args:
        instructed: what came of the documents.
        title: heading of the page.
        part: name of the part's file.
    """
    valid = instructed.valid
    return render_report(
        "instruction.html.j2",
        title=title,
        part=part,
        valid=valid is not None,
        items=list(_rows(instructed, valid)),
        findings=sorted(instructed.report.findings, key=_weight),
        drawn=[] if valid is None else _drawn(valid),
        model=instructed.report.model,
    )


def _weight(finding: Finding) -> tuple[bool, int]:
    return finding.fixed, ("error", "warning", "note").index(finding.severity)


def _rows(instructed: Instructed, valid: ValidTemplate | None) -> Iterator[ItemRow]:
    defects = {} if valid is None else {one.name: one for one in valid.template.defects}
    for number, item in enumerate(instructed.report.items):
        names = [name for name, owner in instructed.owners.items() if owner == number]
        alone = [defects[name] for name in names if name in defects]
        png = None
        if valid is not None and alone:
            png = _picture(valid.only(alone[:1]), seed=0)
        yield ItemRow(item, _in_words(item), png)


def _in_words(item: InstructedDefect) -> str:
    return ", ".join(
        f"{name.value.removesuffix('_deg')} {_span(span)} "
        f"{'°' if name.value == 'angle_deg' else item.unit.value}"
        for name, span in item.sizes.items()
    )


def _span(span: Interval) -> str:
    low, high = span
    if low is None:
        return f"up to {high:g}"
    if high is None:
        return f"from {low:g}"
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _drawn(valid: ValidTemplate) -> Sequence[bytes]:
    pictures = (_picture(valid, seed * ATTEMPTS) for seed in range(DRAWN))
    return [png for png in pictures if png is not None]


def _picture(valid: ValidTemplate, seed: int) -> bytes | None:
    """The part with the first recipe from ``seed`` on that marks a point; None without one."""
    for attempt in range(ATTEMPTS):
        try:
            labeled = _replayed(valid, seed + attempt).labeled
        except (SamplingError, ReplayError):
            continue
        if labeled.mask.any():
            return _drawn_from_outside(labeled, valid.target.cloud)
    return None


def _drawn_from_outside(labeled: LabeledCloud, nominal: PointCloud) -> bytes:
    """The cloud, seen from where the surface under the marked points looks."""
    assert nominal.normals is not None  # surfaces have outward normals
    rows = nominal.nearest(labeled.points[labeled.mask])
    view = View.onto(nominal.normals, np.isin(np.arange(len(nominal)), rows))
    # What is marked within a hole is not hidden by the discs about the hole.
    lift = LIFT * nominal.spacing * view.axes[2]
    points = labeled.points + np.where(labeled.mask[:, None], lift, 0.0)
    image = splat(points, labeled.normals, mask_colors(labeled.mask), view)
    return panels({"": image})


def _replayed(valid: ValidTemplate, seed: int) -> Replayed:
    return replay(valid.draw(seed), valid.target.cloud)
