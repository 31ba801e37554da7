"""How much nominal scans deviate, by place and direction of view."""

from __future__ import annotations

import numpy as np
import pytest

from backend.models.unrolled.spread import Spread

SHAPE = (20, 40)


def test_spread_is_the_root_mean_square_of_each_place() -> None:
    rng = np.random.default_rng(0)
    true = np.where(np.arange(20)[:, None] < 10, 0.2, 1.0) * np.ones(SHAPE)
    fields = [np.abs(true * rng.normal(size=SHAPE)) for _ in range(60)]
    spread = Spread.fit(fields, [np.ones(SHAPE, np.float32)] * 60, [0.0] * 60, 0.0).at(0.0)
    assert spread[2:6].mean() == pytest.approx(0.2, rel=0.05)
    assert spread[14:18].mean() == pytest.approx(1.0, rel=0.05)


def test_spread_depends_on_the_direction_of_view() -> None:
    tilts = np.linspace(-0.5, 0.5, 41)
    fields = [np.full(SHAPE, 1.0 + tilt) for tilt in tilts]
    spread = Spread.fit(fields, [np.ones(SHAPE, np.float32)] * 41, tilts, 0.0)
    assert spread.at(-0.4).mean() < 0.75 < spread.at(0.0).mean() < 1.1 < spread.at(0.4).mean()
    assert spread.at(-9.0) == pytest.approx(spread.at(-0.5))
    between = 0.5 * (spread.values[3] + spread.values[4])
    assert spread.at(float(spread.tilts[3:5].mean())) == pytest.approx(between)


def test_place_that_was_hardly_seen_takes_its_row_s_word() -> None:
    seen = np.ones(SHAPE, np.float32)
    seen[:, 20:] = 0.0
    spread = Spread.fit([np.full(SHAPE, 0.5)] * 8, [seen] * 8, [0.0] * 8, 0.0).at(0.0)
    assert spread[:, 30] == pytest.approx(0.5, rel=0.02)


def test_floor_is_what_no_place_is_below() -> None:
    ones = np.ones(SHAPE, np.float32)
    spread = Spread.fit([np.zeros(SHAPE)] * 3, [ones] * 3, [0.0, 0.1, 0.2], 0.075)
    assert spread.at(0.1) == pytest.approx(0.075, rel=1e-3)
