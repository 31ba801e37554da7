"""The box about a scan is that of the part, whatever flies about it."""

from __future__ import annotations

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.geometry.main_box import main_box
from backend.samples import load_sample, sample_names
from backend.sensor.virtual_scan import virtual_scan


def rod(count: int, rng: np.random.Generator) -> np.ndarray:
    """A head, 20 across, in which nine of ten points lie, and a handle of 200."""
    head = rng.uniform(-10.0, 10.0, (9 * count, 3))
    head[:, 2] = np.round(head[:, 2] / 10.0) * 10.0
    handle = rng.uniform((0.0, -1.0, -1.0), (200.0, 1.0, 1.0), (count, 3))
    return np.concatenate([head, handle])


@pytest.mark.parametrize("name", sample_names("mesh"))
def test_of_a_clean_scan_it_is_the_box_of_all(name: str) -> None:
    part = load_sample(name)
    rng = np.random.default_rng(0)
    for views in (1, 6):
        points = virtual_scan(part, views=views, points=5_000, noise=0.0, rng=rng).points
        low, high = main_box(points)
        np.testing.assert_array_equal(low, points.min(axis=0))
        np.testing.assert_array_equal(high, points.max(axis=0))
        far = low + (high - low) * rng.uniform(3.0, 50.0, (5, 3)) * rng.choice([-1.0, 1.0], (5, 3))
        np.testing.assert_array_equal(main_box(np.concatenate([points, far])), (low, high))


def test_a_thin_handle_is_no_stray() -> None:
    points = rod(500, np.random.default_rng(1))
    np.testing.assert_array_equal(main_box(points)[1], points.max(axis=0))


def test_points_at_one_place_and_few_points_keep_theirs() -> None:
    many = np.concatenate([np.zeros((50, 3)), [[9.0, 0.0, 0.0]]])
    for points in (many, many[-1:], np.eye(3)):
        np.testing.assert_array_equal(main_box(points)[1], points.max(axis=0))


def test_vertices_of_a_mesh_are_never_stray() -> None:
    part = load_sample("pawn")
    spike = np.concatenate([part.points, [[9000.0, 0.0, 0.0]]])
    faces = np.concatenate([part.faces, [[0, 1, len(part.points)]]])
    assert PointCloud(spike, faces=faces).part_diagonal > 9000.0
