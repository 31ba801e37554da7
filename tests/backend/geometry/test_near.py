"""Points about a place are found without an index as with one, however many there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from backend.cloud import PointCloud, point_cloud
from backend.geometry import chunks
from backend.geometry.near import nearest_point, points_in_box, points_within
from backend.geometry.normals import estimate_normals
from backend.geometry.polyline import nearest_on_polyline, points_near_polyline
from backend.geometry.thinning import thin

POINTS = np.random.default_rng(0).normal(size=(3_000, 3))


@given(st.integers(0, 1000), st.floats(0.01, 3.0))
def test_points_within_a_ball_are_those_of_an_index(seed: int, radius: float) -> None:
    center = np.random.default_rng(seed).normal(size=3)
    expected = cKDTree(POINTS).query_ball_point(center, radius, return_sorted=True)
    np.testing.assert_array_equal(points_within(POINTS, center, radius), expected)


def test_points_in_a_box_are_in_order_and_on_its_border_too() -> None:
    low, high = POINTS[5] - 1.0, POINTS[5]
    rows = points_in_box(POINTS, low, high)
    expected = ((low <= POINTS) & (high >= POINTS)).all(axis=1)
    np.testing.assert_array_equal(rows, np.flatnonzero(expected))
    assert 5 in rows


def test_no_point_near_a_polyline_is_missed() -> None:
    path = np.array([[-1.0, 0.0, 0.0], [0.5, 1.0, 0.0], [2.0, 1.0, 1.0]])
    near = points_near_polyline(POINTS, path, 0.3)
    within = np.flatnonzero(nearest_on_polyline(POINTS, path).distance <= 0.3)
    assert np.isin(within, near).all() and len(within) > 20
    assert nearest_on_polyline(POINTS[near], path).distance.max() <= 0.5
    assert len(points_near_polyline(POINTS + 100.0, path, 0.3)) == 0


def test_the_nearest_point_is_that_of_an_index(monkeypatch: pytest.MonkeyPatch) -> None:
    places = np.random.default_rng(1).normal(size=(8, 3))
    expected = cKDTree(POINTS).query(places)[1]
    monkeypatch.setattr("backend.geometry.near.CHUNK", 700)
    assert [nearest_point(POINTS, place) for place in places] == expected.tolist()
    monkeypatch.setattr(point_cloud, "INDEXED", 1_000)
    large = PointCloud(POINTS)
    np.testing.assert_array_equal(large.nearest(places), expected)
    assert "tree" not in large.__dict__


def test_in_chunks_normals_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = cKDTree(POINTS)
    whole = estimate_normals(POINTS, tree)
    monkeypatch.setattr(chunks, "CHUNK", 700)
    np.testing.assert_array_equal(estimate_normals(POINTS, tree), whole)


def test_an_error_in_a_chunk_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 10)

    def fail(part: slice) -> None:
        raise ValueError(part.start)

    with pytest.raises(ValueError, match="0"):
        chunks.each_chunk(25, fail)


def test_of_very_many_points_about_as_many_stay_as_are_wanted() -> None:
    many = np.random.default_rng(0).random((250_000, 3)) * [1.0, 1.0, 0.0]
    kept = many[thin(many, 1_000)]
    assert 800 < len(kept) < 1_200
    distance = cKDTree(kept).query(many[::50])[0]
    assert distance.max() < 3.0 / np.sqrt(1_000)
