"""Which triangle each ray of a grid meets first."""

from __future__ import annotations

import numpy as np
import pytest

from backend.geometry import row_spans
from backend.geometry.first_faces import first_faces

X, Y = np.linspace(-1.0, 1.0, 23), np.linspace(-0.8, 0.8, 17)


def plainly(corners: np.ndarray, x: float, y: float) -> tuple[int, float]:
    """The first triangle and its depth, one system of equations for each triangle."""
    first, nearest = -1, np.inf
    for number, (a, b, c) in enumerate(corners):
        # a + u (b − a) + v (c − a) = t (x, y, 1)
        u, v, t = np.linalg.solve(np.stack([b - a, c - a, (-x, -y, -1.0)], axis=1), -a)
        if u >= 0 and v >= 0 and u + v <= 1 and 0 < t < nearest:
            first, nearest = number, t
    return first, nearest


@pytest.mark.parametrize("middle", [4.0, 0.5])
def test_it_is_the_nearest_of_those_that_the_ray_meets(middle: float) -> None:
    """Also where triangles lie beside the origin and reach behind it."""
    corners = np.random.default_rng(3).normal(size=(30, 3, 3))
    corners[:, :, 2] += middle
    face, depth = first_faces(corners, X, Y)
    for row, column in np.ndindex(face.shape):
        expected = plainly(corners, X[column], Y[row])
        assert face[row, column] == expected[0]
        assert depth[row, column] == pytest.approx(expected[1], rel=1e-9)


def test_no_ray_passes_between_triangles_that_share_a_side() -> None:
    rng = np.random.default_rng(0)
    ticks = np.linspace(-3.0, 3.0, 12)
    x, y = np.meshgrid(ticks, ticks)
    points = np.stack([x, y, 2.0 + 0.3 * rng.random(x.shape)], axis=-1).reshape(-1, 3)
    corner = (np.arange(11)[:, None] * 12 + np.arange(11)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + 13], 1),
            np.stack([corner, corner + 13, corner + 12], 1),
        ]
    )
    face, _ = first_faces(points[faces], np.linspace(-1, 1, 401), np.linspace(-1, 1, 401))
    assert (face >= 0).all()


def test_flat_triangles_and_those_behind_are_met_nowhere() -> None:
    corners = np.array(
        [
            [[-1.0, -1.0, -2.0], [1.0, -1.0, -2.0], [0.0, 1.0, -2.0]],
            [[-1.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 3.0]],
            [[-1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]],
        ]
    )
    face, depth = first_faces(corners, X, Y)
    assert (face == -1).all()
    assert np.isinf(depth).all()


def test_parts_give_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    corners = np.random.default_rng(5).normal(size=(40, 3, 3))
    corners[:, :, 2] += 4.0
    whole = first_faces(corners, X, Y)
    monkeypatch.setattr(row_spans, "CHUNK", 7)
    for one, other in zip(whole, first_faces(corners, X, Y), strict=True):
        np.testing.assert_array_equal(one, other)
