"""The axis of parts of revolution."""

from __future__ import annotations

import numpy as np
import pytest

from backend.geometry.revolution import revolution_axis
from tests.backend.turned import posed_scan, scan


@pytest.mark.parametrize("seed", range(8))
def test_axis_is_found_from_one_side_whatever_the_nut_does(seed: int) -> None:
    cloud, point, direction = posed_scan(seed)
    assert cloud.normals is not None
    axis = revolution_axis(cloud.points, cloud.normals)
    assert abs(axis.direction @ direction) > np.cos(np.radians(0.5))
    assert np.linalg.norm(np.cross(axis.point - point, direction)) < 0.1


def test_axis_follows_the_part() -> None:
    cloud = scan(5)
    assert cloud.normals is not None
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    first = revolution_axis(cloud.points, cloud.normals)
    second = revolution_axis(cloud.points @ turn.T + 100.0, cloud.normals @ turn.T)
    assert abs(second.direction @ turn @ first.direction) == pytest.approx(1.0, abs=1e-9)
    moved = turn @ first.point + 100.0
    assert np.linalg.norm(np.cross(second.point - moved, second.direction)) < 1e-5
    assert second.residual == pytest.approx(first.residual, rel=1e-6)


def test_length_unit_changes_lengths_alone() -> None:
    cloud = scan(6)
    assert cloud.normals is not None
    mm, metres = (revolution_axis(cloud.points * s, cloud.normals) for s in (1.0, 1e-3))
    assert metres.direction == pytest.approx(mm.direction, abs=1e-9)
    assert metres.residual == pytest.approx(1e-3 * mm.residual, rel=1e-9)
