"""The evaluation table, on scores made by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import trapezoid

from backend.cloud import LabeledCloud
from backend.evaluation.cases import ScoredCase, TestCase
from backend.evaluation.measure import NOT_FOUND, EvaluationReport, kinds_called, report
from backend.scoring.detector import Scores
from backend.scoring.verdict import Judgement

POINTS = np.stack(np.meshgrid(np.arange(10.0), np.arange(10.0), [0.0]), axis=-1).reshape(-1, 3)


def case(category: str, kind: str, object_score: float, anomalous: bool, good: bool) -> ScoredCase:
    """A 10 × 10 plate whose first column is anomalous, and scores that show it or its opposite."""
    mask = (POINTS[:, 0] < 1) & anomalous
    count = len(POINTS)
    cloud = LabeledCloud(
        POINTS, None, mask, mask.astype(np.int32), mask.astype(float), np.arange(count)
    )
    scores = (mask if good else ~mask).astype(np.float32)
    nowhere = np.zeros(len(scores), np.int32)
    result = Scores(scores, object_score, Judgement(None), 0.5, nowhere, ())
    return ScoredCase(TestCase(cloud, category, kind), result)


@pytest.fixture
def table() -> EvaluationReport:
    """Dents found in category a, missed in b; object scores of b are all far higher than in a."""
    return report(
        [
            case("a", "nominal", 1.0, anomalous=False, good=True),
            case("a", "dent", 2.0, anomalous=True, good=True),
            case("a", "crack", 0.5, anomalous=True, good=True),
            case("b", "nominal", 11.0, anomalous=False, good=True),
            case("b", "dent", 10.0, anomalous=True, good=False),
        ]
    )


def test_kinds_are_counted_by_what_they_are_taken_for() -> None:
    def called(kind: str, *regions: str | None) -> ScoredCase:
        """The first region holds a third of the defect, the second the rest; a third none of it."""
        one = case("a", kind, 1.0, anomalous=True, good=True)
        numbers = np.zeros(len(POINTS), np.int32)
        for number in range(1, len(regions) + 1):
            rows = np.flatnonzero(one.case.cloud.mask if number < 3 else ~one.case.cloud.mask)
            numbers[rows[:3] if number == 1 else rows[3:]] = number
        return replace(one, result=replace(one.result, region=numbers, region_kinds=regions))

    scored = [
        called("dent", "crack", "dent", "hole"),
        called("dent", "crack"),
        called("dent"),
        called("crack", "crack", "dent"),
        case("a", "nominal", 1.0, anomalous=False, good=True),
    ]
    found = report(scored).called
    assert found == {"dent": {"dent": 1, "crack": 1, NOT_FOUND: 1}, "crack": {"dent": 1}}
    assert kinds_called(found) == ["dent", "crack", NOT_FOUND]
    assert report([called("dent", None, None)]).called == {}


def test_rows_are_means_over_categories(table: EvaluationReport) -> None:
    dent, crack, overall = table.rows
    assert [row.kind for row in table.rows] == ["dent", "crack", "all"]
    assert (dent.anomalous_clouds, dent.nominal_clouds) == (2, 2)
    # Right in a, wrong in b. Pooled over the categories it would be 0.75.
    assert dent.o_auroc == pytest.approx(0.5)
    assert dent.p_auroc == pytest.approx(0.5)
    assert dent.aupro == pytest.approx(0.5)
    assert overall.anomalous_clouds == 3
    assert overall.o_auroc == pytest.approx(0.25)
    # Only category a has cracks: it alone counts.
    assert (crack.o_auroc, crack.p_auroc, crack.aupro) == pytest.approx((0.0, 1.0, 1.0))


def test_curves_and_record(table: EvaluationReport) -> None:
    assert set(table.object_curves) == set(table.point_curves) == {"dent", "crack", "all"}
    false, true = table.point_curves["crack"]
    assert trapezoid(true, false) == pytest.approx(1.0)
    record = json.loads(json.dumps(table.to_record(), allow_nan=False))
    assert record[0]["kind"] == "dent" and record[0]["o_auroc"] == pytest.approx(0.5)


def test_without_nominal_clouds_the_object_columns_are_undefined() -> None:
    row = report([case("a", "dent", 2.0, anomalous=True, good=True)]).rows[-1]
    assert math.isnan(row.o_auroc) and all(math.isnan(end) for end in row.o_auroc_interval)
    assert row.p_auroc == pytest.approx(1.0)


def test_nominal_clouds_alone_make_one_empty_row() -> None:
    table = report([case("a", "nominal", 1.0, anomalous=False, good=True)])
    assert [row.kind for row in table.rows] == ["all"]
    assert table.to_record()[0]["p_auroc"] is None
