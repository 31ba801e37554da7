"""AUROC, average precision and the ROC curve against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from backend.evaluation.metrics.auroc import auroc, resampled_auroc
from backend.evaluation.metrics.average_precision import average_precision
from backend.evaluation.metrics.roc import roc_curve, thinned

CASES = {
    "truth": st.lists(st.booleans(), min_size=1, max_size=40),
    "seed": st.integers(0, 1000),
    "ties": st.booleans(),
}


def draw(truth: list[bool], seed: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    labels = np.array([True, False, *truth])
    scores = np.random.default_rng(seed).random(len(labels))
    return labels, np.round(scores * 4) / 4 if ties else scores


@settings(max_examples=60, deadline=None)
@given(**CASES)
def test_auroc_is_the_chance_of_ranking_right(truth: list[bool], seed: int, ties: bool) -> None:
    labels, scores = draw(truth, seed, ties)
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0 for a in scores[labels] for b in scores[~labels]
    ]
    assert auroc(labels, scores) == pytest.approx(np.mean(wins))


@settings(max_examples=60, deadline=None)
@given(**CASES)
def test_average_precision_sums_precision_over_recall(
    truth: list[bool], seed: int, ties: bool
) -> None:
    labels, scores = draw(truth, seed, ties)
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        above = scores >= threshold
        recall = labels[above].sum() / labels.sum()
        total += (recall - recall_before) * labels[above].mean()
        recall_before = recall
    assert average_precision(labels, scores) == pytest.approx(total)


def test_one_class_has_no_value() -> None:
    assert np.isnan(auroc([True, True], [0.1, 0.2]))
    assert np.isnan(auroc([], []))
    assert np.isnan(average_precision([False], [0.1]))
    for truth in ([True, True], [False, False]):
        assert [len(rate) for rate in roc_curve(truth, [0.1, 0.2])] == [0, 0]
        drawn = resampled_auroc(truth, [0.1, 0.2], np.random.default_rng(0), 3)
        assert drawn.shape == (3,) and np.isnan(drawn).all()


def test_a_short_curve_is_whole_and_a_long_one_keeps_its_ends() -> None:
    steps = np.linspace(0.0, 1.0, 200)
    assert thinned(steps, steps**2)[0] is steps
    longer = np.linspace(0.0, 1.0, 201)
    x, y = thinned(longer, longer**2, points=5)
    assert (x[0], x[-1], y[0], y[-1]) == (0.0, 1.0, 0.0, 1.0)
    # Even steps of the way along both rates, and the ends.
    assert len(x) == 5
    np.testing.assert_allclose((x + y) / 2.0, np.linspace(0.0, 1.0, 5), atol=0.01)


def test_area_under_the_thinned_curve_is_the_auroc() -> None:
    rng = np.random.default_rng(3)
    labels = rng.random(20000) < 0.1
    scores = rng.normal(size=20000) + labels
    false, true = roc_curve(labels, scores, points=200)
    assert len(false) <= 210
    assert (false[0], true[0], false[-1], true[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert (np.diff(false) >= 0).all() and (np.diff(true) >= 0).all()
    assert trapezoid(true, false) == pytest.approx(auroc(labels, scores), abs=2e-3)


def test_bootstrap_centres_on_the_value_and_tightens_with_more_items() -> None:
    rng = np.random.default_rng(4)
    spreads = []
    for count in (20, 500):
        labels = np.arange(count) % 2 == 0
        scores = rng.normal(size=count) + labels
        drawn = resampled_auroc(labels, scores, rng, 400)
        assert drawn.mean() == pytest.approx(auroc(labels, scores), abs=0.03)
        spreads.append(drawn.std())
    assert spreads[1] < spreads[0] / 3


def test_bootstrap_of_ties_counts_half() -> None:
    drawn = resampled_auroc([True, False], [1.0, 1.0], np.random.default_rng(0), 5)
    assert drawn.tolist() == [0.5] * 5
