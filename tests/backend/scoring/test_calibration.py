"""Thresholds, tail tables, object scores, prototypes and upsampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from backend.scoring.calibration import (
    Limit,
    conformal_threshold,
    false_alarm_interval,
    limits,
    scans_needed,
)
from backend.scoring.object_score import object_score, widespread
from backend.scoring.tails import LARGEST_SCORE, TailTable


@pytest.mark.parametrize(("rate", "needed"), [(0.05, 19), (0.1, 9), (0.2, 4), (0.01, 99)])
def test_certification_needs_exactly_the_stated_number_of_scans(rate: float, needed: int) -> None:
    assert scans_needed(rate) == needed
    scores = list(np.arange(needed, dtype=float))
    assert conformal_threshold(scores, rate) == needed - 1
    assert conformal_threshold(scores[:-1], rate) is None
    assert conformal_threshold([], rate) is None


def test_false_alarms_stay_below_the_rate_on_average() -> None:
    rng = np.random.default_rng(0)
    alarms = []
    for _ in range(3000):
        scores = rng.exponential(size=26)
        limit = conformal_threshold(scores[:25].tolist(), 0.1)
        assert limit is not None
        alarms.append(scores[25] > limit)
    assert np.mean(alarms) <= 0.1 + 3 * np.sqrt(0.09 / 3000)


@pytest.mark.parametrize(("scans", "rate"), [(19, 0.05), (25, 0.1), (200, 0.05)])
def test_interval_holds_the_rate_of_nineteen_calibrations_in_twenty(
    scans: int, rate: float
) -> None:
    """The true rate above a threshold is known where scores are uniform."""
    rng = np.random.default_rng(0)
    interval = false_alarm_interval(scans, rate)
    assert interval is not None
    limits = [conformal_threshold(rng.random(scans).tolist(), rate) for _ in range(4000)]
    rates = 1.0 - np.array(limits, dtype=float)
    inside = (rates > interval[0]) & (rates < interval[1])
    assert inside.mean() == pytest.approx(0.95, abs=0.015)
    assert false_alarm_interval(5, 0.05) is None


def test_the_interval_of_the_fewest_scans_is_known() -> None:
    """The threshold is the largest of n scores, so the rate is the least of n uniform numbers."""
    quantile = [1.0 - (1.0 - level) ** (1.0 / 19.0) for level in (0.025, 0.975)]
    assert false_alarm_interval(19, 0.05) == pytest.approx(quantile)
    assert Limit(1.0, 0.05, 19, 19).interval == false_alarm_interval(19, 0.05)
    assert Limit(None, 0.05, 3, 3).interval is None


def test_a_category_with_enough_scans_has_a_limit_of_its_own() -> None:
    rng = np.random.default_rng(0)
    values = {"many": rng.normal(size=30), "few": 100.0 + rng.normal(size=4)}
    found = limits(values, 0.05)
    assert found["many"].value == conformal_threshold(values["many"], 0.05)
    assert not found["many"].is_shared and found["many"].scans == 30
    assert found["few"].is_shared and (found["few"].own_scans, found["few"].scans) == (4, 34)
    assert found["few"].value is not None and 100.0 < found["few"].value < 110.0


def test_a_category_of_one_scan_has_no_limit_and_says_nothing_to_others() -> None:
    rng = np.random.default_rng(1)
    values = {str(number): rng.normal(size=4) for number in range(6)}
    with_one = limits({**values, "one": [1e6]}, 0.05)
    assert with_one.pop("one") == Limit(None, 0.05, 1, 1)
    assert with_one == limits(values, 0.05)
    assert limits({"a": [1.0, 2.0], "b": [1.0]}, 0.05)["a"].value is None


def test_limits_follow_the_unit_and_the_zero_of_the_values() -> None:
    rng = np.random.default_rng(2)
    values = {str(number): rng.normal(size=4) for number in range(6)}
    moved = {name: 25.4 * own + 7.0 for name, own in values.items()}
    for name, limit in limits(values, 0.05).items():
        assert limit.value is not None
        assert limits(moved, 0.05)[name].value == pytest.approx(25.4 * limit.value + 7.0)


@pytest.mark.parametrize("draw", ["normal", "exponential", "standard_t"])
def test_shared_limits_hold_the_rate(draw: str) -> None:
    """Categories differ in where their scores lie and how far they scatter."""
    rng = np.random.default_rng(3)
    arguments = (3,) if draw == "standard_t" else ()
    above = []
    for _ in range(300):
        places, scatter = rng.uniform(1, 4, 8), rng.uniform(0.1, 0.8, 8)

        def scores(category: int, count: int) -> np.ndarray:
            drawn = getattr(rng, draw)(*arguments, size=count)
            return places[category] + scatter[category] * drawn  # noqa: B023

        found = limits({str(n): scores(n, 4) for n in range(8)}, 0.05)
        above += [(scores(n, 100) > found[str(n)].value).mean() for n in range(8)]
    assert 0.01 < np.mean(above) < 0.05


def test_the_threshold_is_no_higher_than_it_has_to_be() -> None:
    # The ceil(26 * 0.9) = 24th smallest, in whatever order they come.
    scores = np.random.default_rng(0).permutation(25) + 1.0
    assert conformal_threshold(scores.tolist(), 0.1) == 24.0


def test_the_smallest_score_is_the_lowest_threshold() -> None:
    assert conformal_threshold([3.0, 1.0, 2.0], 0.75) == 1.0
    assert conformal_threshold([3.0, 1.0, 2.0], 1.0) is None


def test_tail_score_is_minus_log10_of_the_tail_probability() -> None:
    deviations = np.random.default_rng(1).exponential(size=200_000)
    table = TailTable.fit(deviations)
    probability = np.array([0.5, 0.1, 0.01, 0.001])
    np.testing.assert_allclose(table.score(-np.log(probability)), -np.log10(probability), atol=0.05)
    # Beyond the table an exponential tail is exactly what goes on.
    assert table.score([-np.log(1e-5)])[0] == pytest.approx(5.0, abs=0.3)


@given(
    hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1e6, 1e6, width=32)),
    hnp.arrays(np.float64, 20, elements=st.floats(-1e7, 1e7, width=32)),
)
def test_tail_score_is_monotone_and_bounded(nominal: np.ndarray, values: np.ndarray) -> None:
    scores = TailTable.fit(nominal).score(np.sort(values))
    assert (np.diff(scores) >= 0).all()
    assert scores.min() >= 0.0 and scores.max() <= LARGEST_SCORE


def test_what_no_nominal_point_reaches_has_the_largest_score() -> None:
    table = TailTable.fit(np.zeros(10))
    assert table.score([-1.0, 1.0]).tolist() == [0.0, LARGEST_SCORE]


def test_object_score_is_the_mean_of_the_top() -> None:
    scores = np.random.default_rng(2).permutation(1000).astype(float)
    assert object_score(scores, 0.005) == pytest.approx(np.mean([999, 998, 997, 996, 995]))
    assert object_score(np.array([3.0, 1.0]), 0.005) == 3.0


@pytest.mark.parametrize(
    ("share", "added"), [(0.0, 0.0), (0.25, 0.0), (0.375, 6.0), (0.5, 12.0), (1.0, 12.0)]
)
def test_what_is_anomalous_all_over_counts_beyond_doubt(share: float, added: float) -> None:
    scores = np.where(np.arange(1000) < 1000 * share, 2.0, 1.0)
    assert widespread(scores, 1.5) == pytest.approx(added)


def test_a_point_on_the_threshold_is_not_above_it() -> None:
    assert widespread(np.full(4, 1.5), 1.5) == 0.0
