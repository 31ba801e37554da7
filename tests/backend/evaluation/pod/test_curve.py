"""The probability of detection against known truths, and what is not stated."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import chi2, norm

from backend.arrays import BoolArray, FloatArray
from backend.evaluation.pod.curve import hosmer_lemeshow, pod_curve

# A defect is found if its deviation, measured with normal noise, is above a threshold.
THRESHOLD, NOISE = 0.8, 0.2
A90 = THRESHOLD + NOISE * norm.ppf(0.9)


def examined(
    seed: int, count: int = 80, low: float = 0.2, high: float = 2.0
) -> tuple[FloatArray, BoolArray]:
    """Sizes (N,), and which of them such an inspection finds."""
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(np.log(low), np.log(high), count))
    return sizes, sizes + NOISE * rng.normal(size=count) > THRESHOLD


def test_a90_lies_within_its_bounds() -> None:
    """In at least 93 of 100 repetitions, as an interval of 95 % must, and below a90/95 too."""
    curves = [pod_curve(*examined(seed), band=False) for seed in range(100)]
    within = [one.a90_lower is not None and one.a90_lower <= A90 for one in curves]
    below = [one.a90_95 is not None and one.a90_95 >= A90 for one in curves]
    assert sum(np.array(within) & np.array(below)) >= 93
    assert sum(below) >= 93
    # They are no wider than they need be.
    assert np.median([one.a90_95 for one in curves if one.a90_95 is not None]) < 1.4 * A90


def test_many_defects_give_the_truth() -> None:
    curve = pod_curve(*examined(0, count=5000))
    assert curve.a50 == pytest.approx(THRESHOLD, rel=0.03)
    assert curve.a90 == pytest.approx(A90, rel=0.05)
    assert not curve.refusals and not curve.cautions
    assert curve.log_size is False
    by_pod = {one.pod: one for one in curve.points}
    assert by_pod[0.9].size == curve.a90 and by_pod[0.9].upper == curve.a90_95
    assert [one.size for one in curve.points] == sorted(one.size for one in curve.points)


def test_the_bounds_are_those_of_the_likelihood_ratio() -> None:
    """Of each curve, all that are within 3.841 of its best by twice the log-likelihood; a grid."""
    sizes, found = examined(3)
    curve = pod_curve(sizes, found, band=False)
    a90 = np.linspace(0.8, 1.9, 441)[:, None, None]
    steepness = np.geomspace(1.0, 100.0, 400)[None, :, None]
    likelihoods = []
    for probability, middle in ((expit, np.log(9.0)), (norm.cdf, norm.ppf(0.9))):
        for x, at in ((sizes, a90), (np.log(sizes), np.log(a90))):
            p = np.clip(probability(middle + steepness * (x - at)), 1e-300, 1.0 - 1e-16)
            likelihoods.append(np.log(np.where(found, p, 1.0 - p)).sum(axis=2).max(axis=1))
    best = np.max(likelihoods)
    allowed = [
        a90[:, 0, 0][own > own.max() - 3.841 / 2.0]
        for own in likelihoods
        if own.max() > best - 3.841 / 2.0
    ]
    assert curve.a90_lower == pytest.approx(min(map(np.min, allowed)), abs=0.005)
    assert curve.a90_95 == pytest.approx(max(map(np.max, allowed)), abs=0.005)


def test_a_small_number_is_told() -> None:
    curve = pod_curve(*examined(0, count=40), band=False)
    assert curve.cautions == (
        "MIL-HDBK-1823A asks for at least 60 defects where the answer is found or missed; these "
        "are 40",
    )


@pytest.mark.parametrize(
    ("sizes", "found", "why"),
    [
        (np.linspace(1, 2, 40), np.ones(40, bool), "40 hits and 0 misses; .*smaller defects"),
        (np.linspace(1, 2, 40), np.zeros(40, bool), "0 hits and 40 misses; .*larger defects"),
        ([], [], "0 hits and 0 misses"),
        (np.linspace(1, 2, 40), np.arange(40) >= 20, "up to 1.49 mm are missed and all from 1.51"),
        (np.linspace(1, 2, 40), np.arange(40) % 2 == 0, "not found more often the larger"),
        (np.linspace(1, 2, 40), np.arange(40) % 40 < 15, "not found more often the larger"),
        (
            np.linspace(1, 3, 90),
            (np.abs(np.arange(90) - 45) < 18) ^ (np.arange(90) % 13 == 0),
            "not found more often|up to some size and less often beyond it",
        ),
    ],
)
def test_what_the_data_do_not_support_is_not_stated(
    sizes: FloatArray, found: BoolArray, why: str
) -> None:
    curve = pod_curve(sizes, found, unit="mm")
    assert curve.a50 is curve.a90 is curve.a90_95 is curve.link is None
    [refusal] = curve.refusals
    assert re.search(why, refusal), refusal


def test_what_rises_and_falls_again_is_refused() -> None:
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(np.log(0.2), np.log(8.0), 300))
    # Gross defects make the scan doubtful, and doubtful scans are not rejected.
    found = (sizes + NOISE * rng.normal(size=300) > THRESHOLD) & (
        sizes + rng.normal(size=300) < 5.0
    )
    curve = pod_curve(sizes, found)
    assert curve.a90 is None and "less often beyond it" in curve.refusals[0]


def test_nothing_is_stated_beyond_the_sizes_that_were_tried() -> None:
    sizes, found = examined(0, count=200, low=0.2, high=1.0)
    curve = pod_curve(sizes, found, unit="mm", band=False)
    assert curve.a50 is not None and curve.a90 is curve.a90_95 is None
    assert "a90 lies beyond the largest that was tried, " in curve.refusals[0]
    sizes, found = examined(0, count=40, low=0.2, high=1.15)
    curve = pod_curve(sizes, found, unit="mm", band=False)
    assert curve.a90_95 is None
    assert "a90/95" in curve.refusals[-1] and "beyond the largest size" in curve.refusals[-1]


def test_a_curve_that_does_not_fit_has_no_bound() -> None:
    """Half of the defects are in a place where none is found, and four in ten by chance."""
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(np.log(0.1), np.log(100.0), 800))
    found = np.where(sizes < 1.0, rng.random(800) < 0.05, rng.random(800) < 0.93)
    curve = pod_curve(sizes, found, band=False)
    assert curve.a90_95 is None
    assert any("does not fit the hits and misses" in one for one in curve.refusals)


def test_sizes_are_checked() -> None:
    with pytest.raises(ValueError, match="the smallest is 0"):
        pod_curve([0.0, 1.0], [True, False])
    with pytest.raises(ValueError, match="positive size and an answer"):
        pod_curve([1.0, 2.0], [True])


def test_the_unit_does_not_matter() -> None:
    sizes, found = examined(0)
    one, other = pod_curve(sizes, found, band=False), pod_curve(25.4 * sizes, found, band=False)
    assert other.a90_95 == pytest.approx(25.4 * (one.a90_95 or np.nan), rel=1e-3)


def test_hosmer_and_lemeshow() -> None:
    """Ten groups of fifty, by the published definition."""
    rng = np.random.default_rng(0)
    fitted = np.sort(rng.uniform(0.1, 0.9, 500))
    hit = rng.random(500) < fitted
    groups = np.array_split(np.arange(500), 10)
    statistic = sum(
        (hit[rows].sum() - fitted[rows].sum()) ** 2
        / (fitted[rows].sum() * (1.0 - fitted[rows].mean()))
        for rows in groups
    )
    assert hosmer_lemeshow(hit, fitted) == pytest.approx(chi2.sf(statistic, 8))
    assert hosmer_lemeshow(hit[:20], np.full(20, 1e-6)) is None
