"""Regions of anomalous points: which points hang together, how large they are and how deep."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.cloud.thinned_scan import thinned_scan
from backend.models.family import Heights
from backend.scoring.regions import ThinSurface, find_regions, region_numbers

RADIUS = 50.0


@pytest.fixture(scope="module")
def ball() -> np.ndarray:
    """Evenly thinned points of a sphere of radius 50."""
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(40_000, 3))
    points = RADIUS * normals / np.linalg.norm(normals, axis=1, keepdims=True)
    return thinned_scan(PointCloud(points), 1.5).points


def cap(points: np.ndarray, towards: tuple[float, float, float], degrees: float) -> np.ndarray:
    """Which points lie within an angle of a direction."""
    direction = np.array(towards) / np.linalg.norm(towards)
    return points @ direction > RADIUS * np.cos(np.radians(degrees))


def test_caps_of_a_sphere_have_the_area_and_the_length_that_they_have(ball: np.ndarray) -> None:
    large, small = cap(ball, (0, 0, 1), 20.0), cap(ball, (1, 0, 0), 8.0)
    scores = np.where(large, 6.0, np.where(small, 5.0, 1.0))
    first, second = find_regions(ThinSurface.of(ball), scores, 2.0)
    for region, degrees, rows in ((first, 20.0, large), (second, 8.0, small)):
        np.testing.assert_array_equal(region.rows, np.flatnonzero(rows))
        angle = np.radians(degrees)
        assert region.area == pytest.approx(2 * np.pi * RADIUS**2 * (1 - np.cos(angle)), rel=0.15)
        assert region.extent == pytest.approx(2 * RADIUS * np.sin(angle), rel=0.15)
        assert region.width == pytest.approx(region.extent, rel=0.15)
    assert first.score == 6.0 and first.center[2] > 45.0 and second.center[0] > 45.0
    np.testing.assert_array_equal(
        region_numbers([first, second], len(ball)), np.where(large, 1, np.where(small, 2, 0))
    )


def test_a_strip_has_a_direction(ball: np.ndarray) -> None:
    strip = (np.abs(ball[:, 1]) < 3.0) & (ball[:, 2] > 40.0)
    (region,) = find_regions(ThinSurface.of(ball), np.where(strip, 5.0, 0.0), 2.0)
    assert abs(region.direction[0]) > 0.98
    assert region.extent == pytest.approx(60.0, rel=0.1) and region.width < 15.0


def test_a_few_points_are_no_region(ball: np.ndarray) -> None:
    scores = np.zeros(len(ball))
    scores[[3, 500, 900]] = 9.0
    assert find_regions(ThinSurface.of(ball), scores, 2.0) == []
    assert ThinSurface.of(ball).largest_extent(scores > 2.0) == 0.0
    assert find_regions(ThinSurface.of(ball), np.zeros(len(ball)), 2.0) == []


def test_depth_is_signed_and_has_an_uncertainty(ball: np.ndarray) -> None:
    hit = cap(ball, (0, 0, 1), 15.0)
    heights = Heights(np.where(hit, -0.8, 0.1), np.full(len(ball), 0.05))
    scores = np.where(hit, 5.0, 0.0)
    (region,) = find_regions(ThinSurface.of(ball), scores, 2.0, heights)
    assert region.deviation is not None
    assert region.deviation.lowest == region.deviation.highest == pytest.approx(-0.8)
    assert region.deviation.uncertainty == pytest.approx(0.05)


@pytest.mark.parametrize("factor", [1e-3, 25.4])
def test_they_move_with_the_scan_and_follow_its_unit(ball: np.ndarray, factor: float) -> None:
    strip = (np.abs(ball[:, 1]) < 3.0) & (ball[:, 2] > 40.0)
    scores = np.where(strip, 5.0, 0.0)
    turn, shift = Rotation.random(random_state=4).as_matrix(), np.array([3.0, -400.0, 7.0])
    (plain,) = find_regions(ThinSurface.of(ball), scores, 2.0)
    (moved,) = find_regions(ThinSurface.of(factor * (ball @ turn.T + shift)), scores, 2.0)
    scaled = plain.scaled(factor)
    assert moved.area == pytest.approx(scaled.area) == pytest.approx(plain.area * factor**2)
    assert moved.extent == pytest.approx(scaled.extent) and moved.width == pytest.approx(
        scaled.width
    )
    np.testing.assert_allclose(moved.center, factor * (turn @ plain.center + shift))
    assert abs(moved.direction @ (turn @ plain.direction)) == pytest.approx(1.0)


def test_a_place_in_the_part_is_told_where_the_part_is_placed(ball: np.ndarray) -> None:
    hit = cap(ball, (0, 0, 1), 15.0)
    turn = Rotation.from_euler("x", 90, degrees=True).as_matrix()
    in_part = ball @ turn.T + [1.0, 2.0, 3.0]
    (region,) = find_regions(ThinSurface.of(ball), np.where(hit, 5.0, 0.0), 2.0, in_part=in_part)
    assert region.center_in_part is not None
    np.testing.assert_allclose(region.center_in_part, turn @ region.center + [1.0, 2.0, 3.0])
