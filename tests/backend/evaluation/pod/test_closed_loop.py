"""What a training draws more of, by what an earlier detector found only at times."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backend.errors import SamplingError
from backend.evaluation.pod.closed_loop import closed_loop
from backend.evaluation.pod.curve import pod_curve
from shared_schema.defects import DentTemplate
from shared_schema.pod import PodReport
from shared_schema.recipe import Lengths, RecipeTemplate
from tests.backend.evaluation.pod.test_needs import report

SIZES = np.geomspace(0.1, 3.0, 90)
FOUND = SIZES + 0.2 * np.random.default_rng(0).normal(size=90) > 1.0
DENT = {"kind": "dent", "radius": {"min": 4.0, "max": 8.0}, "depth": {"min": 0.2, "max": 3.2}}
HOLE = {"kind": "hole", "radius": 2.0, "depth": 2.0, "rim_width": 1.0}


def template(*entries: dict[str, Any], **given: Any) -> RecipeTemplate:
    document = {"name": "mixed", "unit": "mm", "lengths": "absolute", "defects": entries}
    return RecipeTemplate.model_validate(document | given)


def examination() -> PodReport:
    """Ninety dents; half of those of 1 mm are found."""
    curve = pod_curve(SIZES, FOUND)
    dents = [
        {
            "sweep": "000-dent",
            "number": number,
            "scan": "0.ply",
            "value": size,
            "size": size,
            "position": (0, 0, 0),
            "normal": (0, 0, 1),
            "points": 30,
            "verdict": "reject" if found else "pass",
            "object_score": 1.0,
            "overlapped": found,
        }
        for number, (size, found) in enumerate(zip(SIZES.tolist(), FOUND.tolist(), strict=True))
    ]
    return report(sweep={"curve": curve.model_dump()}, defects=dents)


@pytest.fixture(scope="module")
def examined() -> PodReport:
    return examination()


def test_dents_that_are_found_at_times_are_drawn_more_often(examined: PodReport) -> None:
    given = template(DENT, HOLE)
    aimed = closed_loop(given, examined)
    first, *more, last = aimed.defects
    assert (first, last) == given.defects and aimed.draws == 2
    dents = [one for one in more if isinstance(one, DentTemplate)]
    assert len(dents) == len(more) == 3
    depths = [one.depth.ends()[0] for one in dents]  # type: ignore[union-attr]
    assert 0.5 < depths[0] < depths[1] < depths[2] < 1.5
    assert depths[1] == pytest.approx(1.0, abs=0.15)
    # As in the examination, a shallower dent is narrower: its usual depth is 0.8 mm.
    assert dents[1].radius.ends() == pytest.approx(np.array([4.0, 8.0]) * depths[1] / 0.8)  # type: ignore[union-attr]
    RecipeTemplate.model_validate(aimed.model_dump())


def test_sizes_as_ratios_are_of_the_part_that_was_examined(examined: PodReport) -> None:
    ratios = {"kind": "dent", "radius": 0.06, "depth": {"min": 0.002, "max": 0.032}}
    of_length = closed_loop(template(DENT), examined).defects[2]
    of_ratio = closed_loop(template(ratios, lengths=Lengths.RATIO, draws=1), examined)
    assert of_ratio.draws == 1
    depth, length = of_ratio.defects[2].depth, of_length.depth  # type: ignore[union-attr]
    assert depth.ends()[0] == pytest.approx(length.ends()[0] / examined.diagonal)


def test_a_template_of_other_kinds_is_refused(examined: PodReport) -> None:
    with pytest.raises(SamplingError, match="no curve for the kinds of the template, hole"):
        closed_loop(template(HOLE), examined)
