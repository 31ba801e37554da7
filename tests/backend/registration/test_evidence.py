"""Which poses are accepted, and what is told: noise, surroundings, wrong parts, units, mirrors."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import permutations

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.errors import RegistrationError
from backend.geometry.transform import transform_points
from backend.registration import (
    MIN_FITNESS,
    Registration,
    Turntable,
    register,
    register_at,
    register_turntable,
)
from backend.registration.acceptance import MOST_NOISE, objection
from backend.registration.mistakes import plausible_factors, wrong_unit
from backend.registration.poses import found_at
from backend.registration.view import seen_along
from backend.samples import load_sample
from backend.sensor.virtual_scan import virtual_scan
from shared_schema.recipe import MM_PER_UNIT, Unit
from tests.backend.registration.models import nominal_of


@cache
def _one_view(name: str, *, noise: float = 0.1, points: int = 6_000, seed: int = 1) -> PointCloud:
    """Points alone, as a depth camera gives them."""
    rng = np.random.default_rng(seed)
    scan = virtual_scan(load_sample(name), views=1, points=points, noise=noise, rng=rng)
    return PointCloud(scan.points)


def _register(name: str, scan: PointCloud, **settings: object) -> Registration:
    return register(nominal_of(name), scan, rng=np.random.default_rng(0), **settings)  # type: ignore[arg-type]


def _is_in_place(found: Registration, points: np.ndarray, most: float) -> bool:
    apart = transform_points(found.T_part_scan, points) - points
    return bool(np.linalg.norm(apart, axis=1).max() < most)


def test_a_noisy_view_among_surroundings_is_placed_and_tells_its_noise() -> None:
    part = _one_view("motor_holder", noise=0.4)
    rng = np.random.default_rng(2)
    axis = seen_along(part.points)
    assert axis is not None
    # A wall behind the part, seen from the same side, and strays before it.
    behind = np.linalg.svd(axis[None, :])[2][1:]
    size = load_sample("motor_holder").diagonal
    towards = axis * np.sign(_outward("motor_holder") @ axis)
    wall = part.points.mean(axis=0) - 0.6 * size * towards
    wall = wall + rng.uniform(-0.8, 0.8, (4_000, 2)) * size @ behind
    shadow = cKDTree(part.points @ behind.T).query(wall @ behind.T)[0] < 0.03 * size
    wall = wall[~shadow]
    found = _register("motor_holder", PointCloud(np.vstack([part.points, wall])))
    assert _is_in_place(found, part.points, 0.01 * size)
    assert found.noise == pytest.approx(0.25, abs=0.08)
    assert found.agreement > 0.85
    assert found.on_part[: len(part)].mean() > 0.9
    assert found.on_part[len(part) :].mean() < 0.05


def test_a_scan_is_measured_at_a_pose_that_is_known_whatever_that_is() -> None:
    scan, nominal = _one_view("motor_holder"), nominal_of("motor_holder")
    aside = np.eye(4)
    aside[2, 3] = 0.2 * nominal.mesh.diagonal
    right, wrong = (register_at(nominal, scan, pose) for pose in (np.eye(4), aside))
    assert right.fitness > 0.99 and right.noise < 0.2
    assert wrong.fitness < 0.5
    np.testing.assert_allclose(wrong.T_part_scan, aside, atol=1e-9)


@pytest.mark.parametrize(("ratio", "accepted"), [(0.2, True), (0.95, False)])
def test_the_noisier_a_scan_is_the_more_of_it_must_agree(ratio: float, accepted: bool) -> None:
    """Of the points that should lie on the model 85 % do; the noise is a ratio of the most."""
    model = nominal_of("motor_holder")
    best = found_at(model, _one_view("motor_holder"), np.eye(4), None).candidates[0]
    noise = replace(best.evidence.noise, sigma=ratio * MOST_NOISE * best.extent)
    evidence = replace(best.evidence, noise=noise, agreement=0.85)
    reason = objection(replace(best, evidence=evidence, roughness=1.0), MIN_FITNESS)
    assert (reason is None) == accepted
    assert accepted or (reason is not None and "85% of the points that should lie" in reason)


@cache
def _outward(name: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    scan = virtual_scan(load_sample(name), views=1, points=6_000, noise=0.0, rng=rng)
    assert scan.normals is not None
    return np.asarray(scan.normals.mean(axis=0))


def _ball(size: float) -> PointCloud:
    directions = np.random.default_rng(0).normal(size=(6_000, 3))
    return PointCloud(size * directions / np.linalg.norm(directions, axis=1, keepdims=True))


def _plane(size: float) -> PointCloud:
    return PointCloud(np.random.default_rng(0).uniform(-size, size, (6_000, 3)) * (1.0, 1.0, 0.002))


@pytest.mark.parametrize(
    "scan",
    [_ball(20.0), _plane(40.0), _one_view("wrist_roll")],
    ids=["ball", "plane", "another part"],
)
def test_what_is_not_the_part_is_refused(scan: PointCloud) -> None:
    with pytest.raises(RegistrationError, match=r"% (of|are)|fits"):
        _register("motor_holder", scan)


def test_the_scan_of_a_mirrored_part_is_refused_by_name() -> None:
    """The part is nearly the same in a mirror, so that its mirror image fits by itself."""
    scan = _one_view("upper_arm")
    assert _is_in_place(_register("upper_arm", scan), scan.points, 1.0)
    with pytest.raises(RegistrationError, match="mirror"):
        _register("upper_arm", PointCloud(scan.points * (-1.0, 1.0, 1.0)))


@pytest.mark.parametrize(
    ("taken", "right"), [(Unit.MM, Unit.CM), (Unit.MM, Unit.INCH), (Unit.INCH, Unit.FT)]
)
def test_a_scan_in_another_unit_is_refused_with_that_unit(taken: Unit, right: Unit) -> None:
    rng = np.random.default_rng(0)
    scan = virtual_scan(load_sample("motor_holder"), views=6, points=6_000, noise=0.05, rng=rng)
    smaller = PointCloud(scan.points * MM_PER_UNIT[taken] / MM_PER_UNIT[right])
    with pytest.raises(RegistrationError, match=f"likely {right}, not {taken}.*--unit {right}"):
        _register("motor_holder", smaller, unit=taken, model_unit=Unit.MM)


@pytest.mark.parametrize(("taken", "right"), [*permutations(Unit, 2)])
def test_the_ratio_of_any_two_units_is_tried_and_told(taken: Unit, right: Unit) -> None:
    factor = MM_PER_UNIT[right] / MM_PER_UNIT[taken]
    assert np.isclose(plausible_factors(1.0 / factor), factor, rtol=1e-6).any()
    assert f"--unit {right}" in wrong_unit(factor, taken, None)
    assert f"--nominal-unit {right}" in wrong_unit(1.0 / factor, None, taken)
    larger, smaller = (right, taken) if factor > 1.0 else (taken, right)
    assert f"{larger} to {smaller}" in wrong_unit(factor, None, None)


def test_a_viewpoint_that_cannot_be_is_told_and_does_not_move_the_pose() -> None:
    scan = _one_view("motor_holder")
    inside_out = -1_000.0 * _outward("motor_holder")
    found = _register("motor_holder", scan, viewpoint=inside_out)
    assert _is_in_place(found, scan.points, 1.0)
    assert "not where the sensor stood" in found.notices[0]


@pytest.mark.parametrize(("views", "one"), [(1, True), (6, False)])
def test_a_scan_of_one_view_is_told_from_one_of_several(views: int, one: bool) -> None:
    rng = np.random.default_rng(3)
    scan = virtual_scan(load_sample("wrist_roll"), views=views, points=8_000, noise=0.1, rng=rng)
    assert scan.normals is not None
    axis = seen_along(scan.points)
    assert (axis is not None) == one
    if axis is not None:
        assert (np.abs(np.sign(scan.normals @ axis).mean())) > 0.95


AXIS = np.array([0.0, 0.6, 0.8])
STEP = 40.0


def _turned(turn: float) -> np.ndarray:
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec(np.radians(turn) * AXIS).as_matrix()
    motion[:3, 3] = (30.0, 0.0, 0.0) - motion[:3, :3] @ (30.0, 0.0, 0.0)
    return motion


@pytest.fixture(scope="module")
def turning() -> list[PointCloud]:
    """Views of a part that turns before a fixed sensor."""
    nominal = load_sample("motor_holder")
    scans = [
        virtual_scan(
            nominal.transformed(_turned(STEP * row)),
            views=1,
            points=5_000,
            noise=0.3,
            rng=np.random.default_rng(4),
        )
        for row in range(3)
    ]
    return [PointCloud(scan.points) for scan in scans]


@pytest.fixture(scope="module")
def turntable(turning: list[PointCloud]) -> Turntable:
    angles = [STEP * row for row in range(3)]
    return register_turntable(
        nominal_of("motor_holder"), turning, angles, rng=np.random.default_rng(0)
    )


def test_the_scans_of_a_turntable_share_one_axis(turntable: Turntable) -> None:
    np.testing.assert_allclose(turntable.axis, AXIS, atol=0.02)
    for row, view in enumerate(turntable.views):
        error = view.registration.T_part_scan @ _turned(STEP * row)
        assert np.degrees(Rotation.from_matrix(error[:3, :3]).magnitude()) < 1.0
        assert view.turn_error < 1.0
        assert view.contradiction is None


def test_scans_that_turn_otherwise_are_refused_with_how_they_turn(
    turning: list[PointCloud],
) -> None:
    with pytest.raises(RegistrationError, match=r"turn by 25 degrees; the scans alone say 40\.\d"):
        register_turntable(
            nominal_of("motor_holder"), turning, [0.0, 25.0, 50.0], rng=np.random.default_rng(0)
        )
