"""Scans of a part on a turntable: one motion for all of them.

Between the scans the part turns by known angles about an axis that nobody knows. Every two scans
with a pose each propose an axis; the one that agrees with most scans is right (as in Fischler and
Bolles, "Random sample consensus", 1981). So scans that fit several poses alone are told which is
theirs, and scans that fit none well are placed too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from backend.arrays import BoolArray, FloatArray
from backend.cloud import PointCloud
from backend.errors import RegistrationError
from backend.geometry.transform import transform_points
from backend.registration.acceptance import MIN_FITNESS, objection
from backend.registration.candidates import candidate_at, fits_as_well, measured
from backend.registration.nominal_model import NominalModel, nominal_model
from backend.registration.poses import Found, find_poses
from backend.registration.register import Registration, as_registration

# Largest error at which a pose agrees with a motion: radians, and ratio of the part's diagonal.
SAME_TURN = 0.12
SAME_PLACE = 0.08
# Smaller turns, and half turns, do not determine an axis; radians.
LEAST_TURN = 0.05
# Largest error of a placed scan against the turntable: degrees, and ratio of the diagonal.
MOST_TURN_ERROR = 3.0
MOST_SHIFT_ERROR = 0.015
# With the other scans of a turn, a noisier scan is accepted than alone.
TURNTABLE_NOISE = 0.02
# Two scans tell the axis roughly, so that others are found near it only now.
REFINEMENTS = 2
# At least this share of the scans must agree on one motion. Of blurred ones a third may by chance.
LEAST_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class TurntableView:
    """One scan of the turntable.

    Attributes:
        registration: where it lies.
        alone: where it lies by itself, and what fits as well.
        refusal: why it would be refused by itself; None if it would not.
        turn_error, shift_error: how far its own pose is from the one that the turntable gives it,
            in degrees, and of the part's middle in the clouds' unit.
        contradiction: a sentence about how the scan contradicts the turntable or the model; None.
    """

    registration: Registration
    alone: Registration
    refusal: str | None
    turn_error: float
    shift_error: float
    contradiction: str | None


@dataclass(frozen=True, eq=False)
class Turntable:
    """The motion of all scans.

    Attributes:
        axis: (3,) unit, in the scans' frame; the part turns about it by the right-hand rule.
        center: (3,) a place on it.
        T_scan_part: (4, 4) of the part at angle zero.
        views: one a scan.
    """

    axis: FloatArray
    center: FloatArray
    T_scan_part: FloatArray
    views: tuple[TurntableView, ...]


def register_turntable(
    nominal: PointCloud | NominalModel,
    scans: Sequence[PointCloud],
    angles: Sequence[float],
    *,
    rng: np.random.Generator,
    min_fitness: float = MIN_FITNESS,
) -> Turntable:
    """Place all ``scans`` of a part that turned by ``angles`` before a fixed sensor.

    Args:
        nominal: a mesh, in the part frame.
        scans: at least two, in one frame and the nominal's unit.
        angles: of each, in degrees.
        rng: the only source of chance.
        min_fitness: as in ``register``.

    Raises:
        CloudError: the nominal model has no faces.
        RegistrationError: fewer than half of the scans agree on one motion; the message says by
            how much they seem to turn.
    """
    model = nominal if isinstance(nominal, NominalModel) else nominal_model(nominal)
    found = [find_poses(model, scan, rng) for scan in scans]
    turns = np.radians(np.asarray(angles, dtype=np.float64))
    motion = _consensus(model, found, turns)
    for _ in range(REFINEMENTS):
        motion = _refined(model, motion, found, turns)
    views = tuple(
        _view(model, motion, one, turn, min_fitness) for one, turn in zip(found, turns, strict=True)
    )
    return Turntable(motion.axis, motion.center, motion.T_scan_part, views)


@dataclass(frozen=True, eq=False)
class _Motion:
    """A turn about ``axis`` (3,) through ``center`` (3,), and the part at angle zero."""

    axis: FloatArray
    center: FloatArray
    T_scan_part: FloatArray

    def part_in_scan(self, turn: float) -> FloatArray:
        """``T_scan_part`` (4, 4) after the part has turned by ``turn`` radians."""
        return _turned(self.axis, self.center, turn) @ self.T_scan_part


def _turned(axis: FloatArray, center: FloatArray, turn: float) -> FloatArray:
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec(turn * axis).as_matrix()
    motion[:3, 3] = center - motion[:3, :3] @ center
    return motion


def _consensus(model: NominalModel, found: Sequence[Found], turns: FloatArray) -> _Motion:
    """The motion that most scans agree with, the more likely poses counting more."""
    poses = [
        np.stack([np.linalg.inv(one.frames.to_part(c.transform)) for c in one.candidates])
        for one in found
    ]
    weights = [
        np.exp(np.array([c.likelihood for c in one.candidates]) - one.candidates[0].likelihood)
        for one in found
    ]
    best, most = None, 0.0
    for motion in _proposals(poses, turns):
        votes = _votes(model, motion, poses, turns)
        total = sum(
            float((vote * weight).max()) for vote, weight in zip(votes, weights, strict=True)
        )
        if total > most:
            best, most = motion, total
    if best is None or most < LEAST_SHARE * len(found):
        raise RegistrationError(_disagreement(poses, turns, most))
    return best


def _proposals(poses: Sequence[FloatArray], turns: FloatArray) -> Iterator[_Motion]:
    """A motion from every two poses (4, 4) of different scans that turn as far as they should."""
    for i in range(len(poses)):
        for j in range(i + 1, len(poses)):
            turn = (turns[j] - turns[i] + np.pi) % (2.0 * np.pi) - np.pi
            if LEAST_TURN < abs(turn) < np.pi - LEAST_TURN:
                for first in poses[i]:
                    for second in poses[j]:
                        motion = _proposal(first, second, turn, turns[i])
                        if motion is not None:
                            yield motion


def _proposal(first: FloatArray, second: FloatArray, turn: float, start: float) -> _Motion | None:
    between = second @ np.linalg.inv(first)
    vector = Rotation.from_matrix(between[:3, :3]).as_rotvec()
    angle = float(np.linalg.norm(vector))
    if abs(angle - abs(turn)) > SAME_TURN:
        return None
    axis = vector / angle * np.sign(turn)
    center = np.linalg.pinv(np.eye(3) - between[:3, :3], rcond=1e-3) @ between[:3, 3]
    return _Motion(axis, center, _turned(axis, center, -start) @ first)


def _votes(
    model: NominalModel, motion: _Motion, poses: Sequence[FloatArray], turns: FloatArray
) -> list[BoolArray]:
    """Which of the poses of each scan agree with ``motion``."""
    return [
        np.array([_agrees(model, pose, motion.part_in_scan(turn)) for pose in own])
        for own, turn in zip(poses, turns, strict=True)
    ]


def _agrees(model: NominalModel, pose: FloatArray, other: FloatArray) -> bool:
    turn, shift = _errors(model, pose, other)
    return turn < SAME_TURN and shift < SAME_PLACE * model.mesh.diagonal


def _errors(model: NominalModel, pose: FloatArray, other: FloatArray) -> tuple[float, float]:
    """How far two poses ``T_scan_part`` are apart: in radians, and of the part's middle."""
    cosine = (np.trace(pose[:3, :3].T @ other[:3, :3]) - 1.0) / 2.0
    apart = transform_points(pose, model.center) - transform_points(other, model.center)
    return float(np.arccos(np.clip(cosine, -1.0, 1.0))), float(np.linalg.norm(apart))


def _disagreement(poses: Sequence[FloatArray], turns: FloatArray, most: float) -> str:
    """What the best poses of neighbouring scans say instead."""
    steps = [
        np.degrees(Rotation.from_matrix((b[0] @ np.linalg.inv(a[0]))[:3, :3]).magnitude())
        for a, b in pairwise(poses)
    ]
    said = np.degrees(np.median(np.abs(np.diff(turns))))
    return (
        f"only {most:.1f} of {len(poses)} scans agree on one motion of the turntable. From scan to "
        f"scan it should turn by {said:.4g} degrees; the scans alone say {np.median(steps):.1f}. "
        "Check the angles, the order of the scans, that they are in one frame, and that the camera "
        "does not average its depth pictures over time"
    )


def _refined(
    model: NominalModel, motion: _Motion, found: Sequence[Found], turns: FloatArray
) -> _Motion:
    """``motion`` at its best for all poses that agree with it."""
    size = model.mesh.diagonal
    corners = model.center + size / 2.0 * np.vstack([np.eye(3), -np.eye(3)])
    agreeing = []
    for one, turn in zip(found, turns, strict=True):
        predicted = motion.part_in_scan(turn)
        unit = one.frames.to_unit(np.linalg.inv(predicted))
        near = candidate_at(model.fine, one.scan, one.seen, unit)
        pose = np.linalg.inv(one.frames.to_part(near.transform))
        if _agrees(model, pose, predicted):
            agreeing.append((turn, transform_points(pose, corners)))
    start = np.concatenate(
        [
            motion.axis,
            motion.center / size,
            Rotation.from_matrix(motion.T_scan_part[:3, :3]).as_rotvec(),
            motion.T_scan_part[:3, 3] / size,
        ]
    )

    def residuals(values: FloatArray) -> FloatArray:
        of = _from_values(values, size)
        apart = [transform_points(of.part_in_scan(turn), corners) - seen for turn, seen in agreeing]
        return np.concatenate(apart).ravel() / size

    from scipy.optimize import least_squares  # it takes long to import, and is seldom needed

    best = least_squares(residuals, start, loss="soft_l1", f_scale=SAME_PLACE / 20.0)
    return _from_values(best.x, size)


def _from_values(values: FloatArray, size: float) -> _Motion:
    part = np.eye(4)
    part[:3, :3] = Rotation.from_rotvec(values[6:9]).as_matrix()
    part[:3, 3] = values[9:] * size
    return _Motion(values[:3] / np.linalg.norm(values[:3]), values[3:6] * size, part)


def _view(
    model: NominalModel, motion: _Motion, found: Found, turn: float, min_fitness: float
) -> TurntableView:
    """The scan where the turntable has it; or at its own pose near there, if that fits better."""
    predicted = motion.part_in_scan(turn)
    unit = found.frames.to_unit(np.linalg.inv(predicted))
    own = candidate_at(model.fine, found.scan, found.seen, unit)
    pose = np.linalg.inv(found.frames.to_part(own.transform))
    turn_error, shift_error = _errors(model, pose, predicted)
    turn_error = float(np.degrees(turn_error))
    near = turn_error <= MOST_TURN_ERROR and shift_error <= MOST_SHIFT_ERROR * model.mesh.diagonal
    placed = measured(model.fine, found.scan, found.seen, unit)
    if near and not fits_as_well(placed, own, found.seen):
        placed = own
    reason = objection(placed, min_fitness, TURNTABLE_NOISE)
    if reason is None and not near:
        reason = (
            f"alone it lies {turn_error:.1f} degrees and {shift_error:.3g} in place off where the "
            "turntable has it"
        )
    registration = as_registration(replace(found, candidates=[placed]))
    refusal = objection(found.equal[0], min_fitness)
    return TurntableView(
        registration, as_registration(found), refusal, turn_error, shift_error, reason
    )
