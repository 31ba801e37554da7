"""A set of points has one frame, in any pose."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from backend.geometry.own_frame import own_frame
from backend.geometry.transform import transform_points


def test_the_same_points_look_the_same_from_their_own_frame() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((500, 3)) ** 2 * (3.0, 2.0, 1.0)
    frame = own_frame(points)
    np.testing.assert_allclose(frame[:3, :3] @ frame[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame[:3, :3]) > 0.0
    own = transform_points(frame, points)
    np.testing.assert_allclose(own.mean(axis=0), 0.0, atol=1e-12)
    assert (np.diff(own.std(axis=0)) < 0.0).all()
    for seed in range(20):
        turn = Rotation.random(random_state=seed).as_matrix()
        moved = points @ turn.T + 100.0 * rng.normal(size=3)
        np.testing.assert_allclose(transform_points(own_frame(moved), moved), own, atol=1e-9)
