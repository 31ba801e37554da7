"""What is left of a map when nominal ones have explained it."""

from __future__ import annotations

import numpy as np
import pytest

from backend.models.unrolled.height_map import HeightMap
from backend.models.unrolled.matching import MapBank, Windows, compare

ROWS, COLUMNS = 48, 64
WINDOWS = Windows(12, 4, 60)


def height_map(height: np.ndarray, seen: np.ndarray | None = None, tilt: float = 0.0) -> HeightMap:
    mask = np.ones(height.shape) if seen is None else seen
    return HeightMap(
        (height * mask).astype(np.float32),
        mask.astype(np.float32),
        np.arange(height.size),
        height.ravel().astype(np.float32),
        tilt,
    )


def surface(seed: int) -> np.ndarray:
    """Ribs around the axis, beginning anywhere, with a little noise."""
    rng = np.random.default_rng(seed)
    around = np.arange(COLUMNS) + rng.integers(COLUMNS)
    along = np.arange(ROWS)[:, None]
    ribs = np.sin(2 * np.pi * around / 8) * (along > 20) + 2.0 * (along > 34)
    return ribs + 0.05 * rng.normal(size=(ROWS, COLUMNS))


@pytest.fixture(scope="module")
def bank() -> MapBank:
    return MapBank.of([height_map(surface(seed)) for seed in range(6)])


def test_turned_part_is_explained_but_for_its_noise(bank: MapBank) -> None:
    found = compare(height_map(surface(20)), bank, WINDOWS)
    assert np.median(found.magnitude) < 0.1
    assert found.magnitude.max() < 0.4
    assert (found.windows > 0).all()
    assert found.missing.max() == 0.0


def test_bump_is_left_in_its_place_with_its_sign_and_size(bank: MapBank) -> None:
    for sign in (1.0, -1.0):
        height = surface(21)
        height[24:28, 30:34] += sign * 0.9
        found = compare(height_map(height), bank, WINDOWS)
        inside, outside = found.signed[24:28, 30:34], np.delete(found.signed, range(18, 34), axis=0)
        assert sign * inside.mean() == pytest.approx(0.9, abs=0.25)
        assert np.abs(outside).max() < 0.4


def test_large_bump_does_not_lift_its_surroundings(bank: MapBank) -> None:
    height = surface(22)
    height[24:30, 30:36] += 4.0
    found = compare(height_map(height), bank, WINDOWS)
    assert np.abs(found.signed[24:30, 38:42]).mean() < 0.25
    assert found.magnitude[24:30, 30:36].mean() > 2.5


def test_other_angles_explain_what_nominal_scans_have_not_shown(bank: MapBank) -> None:
    height = surface(24)
    height[4:14] += 0.8  # all round, as a coating would be, or another batch
    height[24:30, 30:36] += 0.9
    scan = height_map(height)
    alone, by_peers = (compare(scan, bank, WINDOWS, peers=peers) for peers in (False, True))
    all_round = slice(6, 12)
    assert by_peers.magnitude[all_round].mean() < 0.1 < 0.15 < alone.magnitude[all_round].mean()
    # A bump has no peer, and does not explain itself.
    assert by_peers.signed[24:30, 30:36].mean() == pytest.approx(0.9, abs=0.25)


def test_missing_surface_is_seen_where_nominal_has_some(bank: MapBank) -> None:
    seen = np.ones((ROWS, COLUMNS))
    seen[10:16, 40:46] = 0
    found = compare(height_map(surface(23), seen), bank, WINDOWS)
    assert found.missing[10:16, 40:46].min() > 0.9
    assert found.missing[30:].max() == 0.0


def test_wrong_order_along_the_axis_is_not_explained_from_elsewhere(bank: MapBank) -> None:
    """Ribs are nominal, but not in the rows that have none."""
    height = surface(24)
    height[:18] = height[22:34].repeat(2, axis=0)[:18]
    found = compare(height_map(height), bank, WINDOWS)
    assert found.magnitude[4:14].mean() > 0.3


def test_map_is_the_same_all_round(bank: MapBank) -> None:
    height = surface(25)
    first = compare(height_map(height), bank, WINDOWS)
    turned = compare(height_map(np.roll(height, 2 * WINDOWS.step, axis=1)), bank, WINDOWS)
    assert np.roll(turned.magnitude, -2 * WINDOWS.step, axis=1) == pytest.approx(
        first.magnitude, abs=1e-5
    )


def test_only_scans_from_a_like_direction_are_asked() -> None:
    maps = [height_map(surface(seed), tilt=seed / 10) for seed in range(6)]
    bank = MapBank.of(maps)
    assert bank.seen_alike(0.2, 0.11, 1).tilt == pytest.approx([0.1, 0.2, 0.3])
    assert len(bank.seen_alike(5.0, 0.1, 4).tilt) == 4
    assert len(bank.seen_alike(0.0, 0.01, 99).tilt) == 6
