"""Pictures show the near side, the right way up, in the colours that were said."""

from __future__ import annotations

import io

import matplotlib.image
import numpy as np
import pytest

from backend.cloud.surface import subsample_surface
from backend.report.pictures import (
    ANOMALY,
    HEAT_END,
    SURFACE,
    View,
    heat_colors,
    mask_colors,
    panels,
    roc_curves,
    score_colors,
    splat,
)
from backend.samples import load_sample

RED, BLUE = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
FRONT = View.along(np.array([0.0, -1.0, 0.0]))


def sheet(y: float, color: np.ndarray, z: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A square of points across the y axis, and their colours."""
    x, height = np.meshgrid(np.linspace(-1.0, 1.0, 60), np.linspace(-1.0, 1.0, 60))
    points = np.stack([x.ravel(), np.full(x.size, y), height.ravel() + z], axis=1)
    return points, np.tile(color, (x.size, 1))


def size_of(png: bytes) -> tuple[int, int]:
    height, width = matplotlib.image.imread(io.BytesIO(png), format="png").shape[:2]
    return width, height


@pytest.mark.parametrize("seed", range(5))
def test_view_is_a_rotation_that_looks_along_its_direction(seed: int) -> None:
    towards = np.random.default_rng(seed).normal(size=3)
    axes = View.along(towards).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    np.testing.assert_allclose(axes[2], towards / np.linalg.norm(towards), atol=1e-12)
    assert axes[1, 2] >= 0.0  # z is not upside down


def test_view_from_above_is_defined() -> None:
    axes = View.along(np.array([0.0, 0.0, 1.0])).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)


def test_view_onto_a_mask_faces_it() -> None:
    cloud = subsample_surface(load_sample("plate_holes"), 2_000, np.random.default_rng(0))
    assert cloud.normals is not None
    for side in (-1.0, 1.0):
        mask = cloud.normals[:, 2] * side > 0.9
        assert View.onto(cloud.normals, mask).axes[2, 2] * side > 0.5


@pytest.mark.parametrize("order", [1, -1])
def test_near_surface_hides_the_far_one_whatever_their_order(order: int) -> None:
    sheets = [sheet(-0.5, RED), sheet(0.5, BLUE)][::order]
    points, colors = (np.concatenate(parts) for parts in zip(*sheets, strict=True))
    image = splat(points, None, colors, FRONT, size=80)
    np.testing.assert_array_equal(image[40, 40], RED)


def test_z_is_up_and_x_is_right_seen_from_the_front() -> None:
    low, high = sheet(0.0, BLUE), sheet(0.0, RED, z=2.0)
    points, colors = (np.concatenate(parts) for parts in zip(low, high, strict=True))
    colors[points[:, 0] > 0.5] = (0.0, 1.0, 0.0)
    image = splat(points, None, colors, FRONT, size=80)
    np.testing.assert_array_equal(image[10, 35], RED)
    np.testing.assert_array_equal(image[70, 35], BLUE)
    np.testing.assert_array_equal(image[40, 56], (0.0, 1.0, 0.0))
    np.testing.assert_array_equal(image[40, 1], (1.0, 1.0, 1.0))


def test_light_comes_from_above() -> None:
    """Lit from below, a dent looks like a bump."""
    points, colors = sheet(0.0, RED)
    up, down = (np.tile([0.0, -0.6, z], (len(points), 1)) for z in (0.8, -0.8))
    bright, dark = (splat(points, normals, colors, FRONT, size=60) for normals in (up, down))
    assert bright[30, 30, 0] > dark[30, 30, 0]


def test_colors_of_masks_and_scores() -> None:
    np.testing.assert_array_equal(mask_colors(np.array([True, False])), [ANOMALY, SURFACE])
    beyond = heat_colors(np.array([-9.0, 1.0, 2.0, 9.0]), 1.0, 2.0)
    np.testing.assert_array_equal(beyond[0], beyond[1])
    np.testing.assert_array_equal(beyond[2], beyond[3])
    assert beyond[0, 2] > beyond[0, 0] and beyond[3, 0] > beyond[3, 2]  # blue to red
    scores = np.linspace(0.0, 5.0, 20)
    expected = heat_colors(scores, 0.0, 0.7 * HEAT_END)
    np.testing.assert_array_equal(score_colors(scores, 0.7), expected)


def test_same_content_gives_the_same_bytes() -> None:
    curve = (np.array([0.0, 0.2, 1.0]), np.array([0.0, 0.9, 1.0]))
    assert roc_curves({"all": curve}, "t") == roc_curves({"all": curve}, "t")
    image = splat(*sheet(0.0, RED)[:1], None, sheet(0.0, RED)[1], FRONT)
    assert panels({"a": image}) == panels({"a": image})


def test_panels_stand_side_by_side() -> None:
    image = np.zeros((50, 50, 3))
    (one, height), (two, same) = (
        size_of(panels({f"{n}": image for n in range(count)})) for count in (1, 2)
    )
    assert height == same and two == pytest.approx(2 * one, abs=2)
