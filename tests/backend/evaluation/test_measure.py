"""The evaluation table, on scores made by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.integrate import trapezoid

from backend.cloud import LabeledCloud
from backend.evaluation.cases import ScoredCase, TestCase
from backend.evaluation.measure import EvaluationReport, report
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
    result = Scores(scores, object_score, Judgement(None), 0.5)
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
