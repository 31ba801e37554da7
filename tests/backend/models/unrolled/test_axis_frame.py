"""Scans about their own axis."""

from __future__ import annotations

import numpy as np
import pytest

from backend.models.unrolled.axis_frame import AxisFrame, facing_direction
from backend.samples import load_sample
from backend.sensor.virtual_scan import virtual_scan
from tests.backend.turned import mesh, scan


def frame_of(seed: int) -> AxisFrame:
    cloud = scan(seed)
    assert cloud.normals is not None
    return AxisFrame.of(cloud.points, cloud.normals)


def test_frame_does_not_depend_on_where_the_scan_lies() -> None:
    cloud = scan(1)
    assert cloud.normals is not None
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    one = AxisFrame.of(cloud.points, cloud.normals)
    other = AxisFrame.of(cloud.points @ turn.T - 50.0, cloud.normals @ turn.T)
    sign = np.sign(one.tilt * other.tilt)
    other = other.moved(sign, 0.0)
    shift = one.place[0, 0] - other.place[0, 0]
    assert other.place + np.array([shift, 0.0]) == pytest.approx(one.place, abs=1e-5)
    assert np.cos(other.angle - one.angle).min() > 1 - 1e-9
    assert other.tilt == pytest.approx(one.tilt, abs=1e-6)


def test_angle_is_measured_from_where_the_sensor_stands() -> None:
    frame = frame_of(2)
    assert np.sin(frame.angle).mean() > 0.5
    assert abs(np.cos(frame.angle).mean()) < 0.1


def test_reversed_axis_is_half_a_turn_about_the_line_of_sight() -> None:
    frame = frame_of(3)
    back = frame.moved(-1.0, 4.0).moved(-1.0, 4.0)
    assert back.place == pytest.approx(frame.place)
    assert np.cos(back.angle - frame.angle).min() > 1 - 1e-12
    assert frame.moved(-1.0, 0.0).tilt == pytest.approx(-frame.tilt)


def test_view_along_the_axis_has_an_angle_too() -> None:
    rng = np.random.default_rng(0)
    end = virtual_scan(mesh(0.0), views=1, points=3000, noise=0.0, rng=rng)
    assert end.normals is not None
    facing = end.normals[:, 2] > -0.01
    frame = AxisFrame.of(end.points[facing], np.tile([0.0, 0.0, 1.0], (int(facing.sum()), 1)))
    assert np.isfinite(frame.angle).all() and np.isfinite(frame.place).all()
    assert frame.roundness == 0.0


def test_direction_that_a_half_sphere_faces() -> None:
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(4000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    towards = np.array([0.6, 0.0, 0.8])
    seen = normals[normals @ towards > 0.05]
    found = facing_direction(seen)
    assert found is not None
    assert found @ towards > 0.995
    assert facing_direction(normals) is None


def test_round_parts_are_told_from_others() -> None:
    rng = np.random.default_rng(0)
    for name, is_round in (("pawn", True), ("upper_arm", False), ("plate_holes", False)):
        views = [
            virtual_scan(load_sample(name), views=1, points=3000, noise=0.0, rng=rng)
            for _ in range(5)
        ]
        values = [AxisFrame.of(v.points, v.normals).roundness for v in views]  # type: ignore[arg-type]
        assert (np.median(values) > 0.985) == is_round, (name, values)
    assert frame_of(4).roundness > 0.985
