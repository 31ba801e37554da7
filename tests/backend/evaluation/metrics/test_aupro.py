"""AUPRO against a loop over thresholds, and on cases with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.evaluation.metrics.aupro import (
    aupro,
    label_image,
    label_regions,
    pro_curve,
    stack_regions,
)


def reference_aupro(regions: np.ndarray, scores: np.ndarray, limit: float) -> float:
    """The definition, threshold by threshold, the polygon clipped at the limit by bisection."""
    rates, overlaps = [0.0], [0.0]
    for threshold in sorted(set(scores.tolist()), reverse=True):
        above = scores >= threshold
        rates.append(float(above[regions == 0].mean()))
        names = [r for r in set(regions.tolist()) if r != 0]
        overlaps.append(float(np.mean([above[regions == r].mean() for r in names])))
    area = 0.0
    for i in range(1, len(rates)):
        left, right = rates[i - 1], min(rates[i], limit)
        if right <= left:
            continue
        slope = (overlaps[i] - overlaps[i - 1]) / (rates[i] - rates[i - 1])
        end = overlaps[i - 1] + slope * (right - left)
        area += (right - left) * (overlaps[i - 1] + end) / 2.0
    return area / limit


@settings(max_examples=60, deadline=None)
@given(
    regions=st.lists(st.integers(0, 3), min_size=4, max_size=40),
    seed=st.integers(0, 1000),
    ties=st.booleans(),
    limit=st.sampled_from([0.1, 0.3, 1.0]),
)
def test_matches_the_definition(regions: list[int], seed: int, ties: bool, limit: float) -> None:
    region = np.array([0, 1, *regions])
    scores = np.random.default_rng(seed).random(len(region))
    scores = np.round(scores * 4) / 4 if ties else scores
    assert aupro(region, scores, limit) == pytest.approx(reference_aupro(region, scores, limit))


def test_perfect_constant_and_inverted_scores() -> None:
    regions = np.array([0] * 80 + [1] * 10 + [2] * 10)
    truth = (regions > 0).astype(float)
    assert aupro(regions, truth) == pytest.approx(1.0)
    assert aupro(regions, np.zeros(100)) == pytest.approx(0.15)
    assert aupro(regions, -truth) == pytest.approx(0.0)


def test_small_region_counts_as_much_as_a_large_one() -> None:
    regions = np.array([0] * 100 + [1] * 90 + [2] * 10)
    only_large, only_small = (regions == 1).astype(float), (regions == 2).astype(float)
    assert aupro(regions, only_large) == pytest.approx(aupro(regions, only_small))


def test_undefined_without_regions_or_nominal_points() -> None:
    assert np.isnan(aupro(np.zeros(5, int), np.arange(5)))
    assert np.isnan(aupro(np.ones(5, int), np.arange(5)))


def test_regions_are_connected_components_of_the_mask() -> None:
    edges = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]])
    mask = np.array([True, True, False, False, True, True])
    assert label_regions(mask, edges).tolist() == [1, 1, 0, 0, 2, 2]
    lonely = label_regions(np.array([False, True, False, True, False, True]), edges)
    assert lonely.tolist() == [0, 1, 0, 2, 0, 3]


def test_pixels_that_touch_by_their_corners_are_one_region() -> None:
    truth = np.array([[1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 1]], dtype=bool)
    regions = label_image(truth)
    assert regions.tolist() == [[1, 0, 0, 0], [0, 1, 0, 2], [0, 0, 0, 2]]


def test_the_curve_has_a_point_for_each_threshold() -> None:
    """Scores in their order: region 1, nominal, region 1 and nominal together, region 2."""
    regions = np.array([1, 0, 1, 0, 2])
    rate, overlap = pro_curve(regions, np.array([5.0, 4.0, 3.0, 3.0, 1.0]))
    assert rate.tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]
    assert overlap.tolist() == [0.0, 0.25, 0.25, 0.5, 1.0]


def test_stacked_regions_stay_apart() -> None:
    stacked = stack_regions([np.array([0, 1, 2]), np.array([0, 0]), np.array([1, 0, 1])])
    assert stacked.tolist() == [0, 1, 2, 0, 0, 3, 0, 3]
