"""Poses improved step by step, many at once.

Each step is a damped Gauss-Newton step on point-to-plane distances (Chen and Medioni, "Object
modelling by registration of multiple range images", 1992), in which far points, such as a table's,
weigh next to nothing. Arrays hold one coordinate after another, (3, S, P) for P points of S poses,
and few poses at a time, so that the numbers of a step stay in the processor's cache.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.registration.nominal_model import (
    CELL,
    FIT_DISTANCE,
    REACH,
    SPLIT,
    Scan,
    Side,
    SurfaceSamples,
)

# Keeps a step bounded along motions that slide the scan within the surface.
DAMPING = 1e-3
# A pose that its last step moved by less, at unit size, has come to rest, ...
STILL = 1e-5
# ... and so has one that no step of so many has made better.
PATIENCE = 40
# The nearest sample is searched again for a point that has moved by so many sample radii, or, where
# it is far from the surface, by this share of its distance. If near points could move farther, a
# narrow band of a part would come to rest tilted.
STALE = 0.1
FAR_STALE = 0.2
# So many points, of however many poses, are looked at together.
TOGETHER = 12_000
# Of a normal distribution, the ratio of standard deviation and median distance.
TO_SIGMA = 1.4826
ROOT_OF_TWO_PI = float(np.sqrt(2.0 * np.pi))
# The samples' own error, at unit size.
SURFACE_ERROR = 5e-4
# Parts are larger or smaller than nominal by no more than this all over, at unit size.
MOST_OFFSET = 0.005
# How likely a point of the scan is not of the part, and how far such points are spread.
STRAY = 0.03
STRAY_REACH = 0.25
# Sine of how far the true ray to a point may be off the direction that all are said to have.
AXIS_ERROR = 0.3


@dataclass(frozen=True)
class Round:
    """How many poses go on, on how many points of the scan, for how many steps.

    Lengths are in ``FIT_DISTANCE``: a misfit counts in full up to ``width``, ever less beyond, and
    grows no more from ``cap`` on. ``twins`` of the poses are also tried after a half turn. The
    offset is held near zero as by ``offset_prior`` times as many points of height zero. A
    ``fine`` round searches for the nearest samples, the others look them up in cells.
    """

    poses: int
    scan_points: int
    steps: int
    cap: float
    width: float = 1.0
    twins: int = 0
    offset_prior: float = 1e6
    fine: bool = False
    by_noise: bool = False


def improve(
    surface: SurfaceSamples, scan: Scan, transforms: FloatArray, stage: Round
) -> FloatArray:
    """``transforms`` (S, 4, 4), each at its best after the steps of ``stage``, best first."""
    count = max(1, TOGETHER // len(scan.points))
    parts = [
        _improved(surface, scan, transforms[first : first + count], stage)
        for first in range(0, len(transforms), count)
    ]
    best, least = (np.concatenate(results) for results in zip(*parts, strict=True))
    return np.asarray(best[np.argsort(least, kind="stable")])


def _improved(
    surface: SurfaceSamples, scan: Scan, transforms: FloatArray, stage: Round
) -> tuple[FloatArray, FloatArray]:
    """``transforms`` (S, 4, 4), each at its best, and what each costs there (S,)."""
    best, least = transforms.copy(), np.full(len(transforms), np.inf)
    columns = np.ascontiguousarray(scan.points.T)
    outward = None if scan.outward is None else np.ascontiguousarray(scan.outward.T)
    look_up = _Searched(surface, len(transforms), len(scan.points)) if stage.fine else None
    error = 0.0 if stage.fine else CELL / SPLIT / 2.0
    moving, waited = np.arange(len(transforms)), np.zeros(len(transforms), dtype=np.int64)
    for _ in range(stage.steps + 1):
        points = _turned(transforms, columns) + transforms.transpose(1, 0, 2)[:3, :, 3:]
        nearest = look_up.of(points, moving) if look_up else surface.cells.nearest(points)
        posed = _Posed.of(surface, points, nearest, error)
        weights = _weights(posed.distance, stage)
        away = None if outward is None else _away(posed, scan.side, _turned(transforms, outward))
        cost = _cost(posed, weights, stage, away)
        better = cost < least[moving]
        best[moving[better]], least[moving[better]] = transforms[better], cost[better]
        waited[moving] = np.where(better, 0, waited[moving] + 1)
        steps, sizes = _step(posed, weights, stage)
        going = (sizes > STILL) & (waited[moving] < PATIENCE)
        if not going.any():
            break
        moving, transforms = moving[going], steps[going] @ transforms[going]
    return best, least


def _turned(transforms: FloatArray, columns: FloatArray) -> FloatArray:
    """Vectors in ``columns`` (3, P), turned by each of ``transforms`` (S, 4, 4): (3, S, P)."""
    turned = np.empty((3, len(transforms), columns.shape[1]))
    for axis in range(3):
        np.matmul(transforms[:, axis, :3], columns, out=turned[axis])
    return turned


class _Searched:
    """The nearest samples of points, searched again only for those that have moved."""

    def __init__(self, surface: SurfaceSamples, poses: int, points: int) -> None:
        self.surface = surface
        self.rows: IntArray = np.empty((poses, points), dtype=np.int64)
        self.places: FloatArray = np.full((3, poses, points), np.inf)
        self.limits: FloatArray = np.zeros((poses, points))

    def of(self, points: FloatArray, moving: IntArray) -> IntArray:
        """Rows (S, P) for ``points`` (3, S, P) of the poses in rows ``moving`` (S,)."""
        moved = ((points - self.places[:, moving]) ** 2).sum(axis=0)
        pose, point = np.nonzero(moved > self.limits[moving])
        if len(pose):
            stale = points[:, pose, point]
            distance, rows = self.surface.nearest_within(stale.T)
            row = moving[pose]
            self.rows[row, point], self.places[:, row, point] = rows, stale
            limit = np.maximum(STALE * self.surface.radius, FAR_STALE * distance.clip(max=REACH))
            self.limits[row, point] = limit**2
        return self.rows[moving]


@dataclass(frozen=True)
class _Posed:
    """P points of S poses against the surface.

    Attributes:
        points, normals: (3, S, P), and of the surface where it is nearest.
        height: (S, P) over the surface there, negative inside.
        aside: (S, P) how far beside the surface.
        distance: (S, P) to it.
    """

    points: FloatArray
    normals: FloatArray
    height: FloatArray
    aside: FloatArray
    distance: FloatArray

    @classmethod
    def of(
        cls, surface: SurfaceSamples, points: FloatArray, rows: IntArray, error: float
    ) -> _Posed:
        """``points`` (3, S, P) against the samples in ``rows`` (S, P)."""
        places, outward = surface.columns
        normals, height, square = np.empty_like(points), np.zeros(rows.shape), np.zeros(rows.shape)
        for axis in range(3):
            apart = points[axis] - places[axis].take(rows)
            normals[axis] = outward[axis].take(rows)
            height += apart * normals[axis]
            square += apart * apart
        aside = np.sqrt((square - height * height).clip(0.0)) - (surface.radius + error)
        far = rows < 0
        height[far], aside[far] = 0.0, REACH
        aside = aside.clip(0.0)
        return cls(points, normals, height, aside, np.sqrt(height * height + aside * aside))


def _away(posed: _Posed, side: Side, outward: FloatArray) -> BoolArray:
    """Where (S, P) the surface cannot have been seen, its outside being turned from the sensor.

    ``outward`` (3, S, P) is where the outside must be turned to, as ``side`` says.
    """
    cosine = (outward * posed.normals).sum(axis=0)
    if side is Side.VIEWPOINT:
        return np.asarray(cosine < 0.0)
    # Of the two ends of the axis, the one that more of the surface faces is where the sensor was.
    facing = np.where(posed.aside == 0.0, cosine, 0.0).sum(axis=1, keepdims=True)
    return np.asarray(np.where(facing < 0.0, -cosine, cosine) < -AXIS_ERROR)


def _cost(posed: _Posed, weights: FloatArray, stage: Round, away: BoolArray | None) -> FloatArray:
    """How unlikely (S,) the points are to be of the surface, offset as they have it.

    In the early rounds Cauchy's loss, capped; then by each pose's own noise, as evidence has it.
    Where the surface is turned ``away`` (S, P) nothing fits.
    """
    offset = (weights * posed.height).sum(axis=1) / (1.0 + stage.offset_prior)
    moved = posed.height - offset.clip(-MOST_OFFSET, MOST_OFFSET)[:, None]
    distance = np.sqrt(moved * moved + posed.aside * posed.aside)
    if stage.by_noise:
        median = np.median(distance, axis=1, keepdims=True)
        sigma = np.maximum(TO_SIGMA * median, SURFACE_ERROR)
        if away is not None:
            distance[away] = REACH
        return np.asarray(-log_likelihood(distance, sigma).mean(axis=1))
    cap = stage.cap * FIT_DISTANCE
    misfit = np.minimum(distance, cap)
    if away is not None:
        misfit[away] = cap
    width = stage.width * FIT_DISTANCE
    loss = width**2 * np.log1p((misfit / width) ** 2).mean(axis=1)
    return np.asarray(loss + stage.offset_prior * offset**2)


def log_likelihood(distance: FloatArray, sigma: FloatArray | float) -> FloatArray:
    """Of points at ``distance`` from the surface, if those of the part are off by ``sigma``."""
    normal = (1.0 - STRAY) * np.exp(-((distance / sigma) ** 2) / 2.0) / (sigma * ROOT_OF_TWO_PI)
    return np.asarray(np.log(normal + STRAY / STRAY_REACH))


def _step(posed: _Posed, weights: FloatArray, stage: Round) -> tuple[FloatArray, FloatArray]:
    """Small motions (S, 4, 4) of each pose towards the surface, and how far points move (S,)."""
    middle = posed.points.mean(axis=2)
    arms = posed.points - middle[:, :, None]
    # With arms about one long, a unit of rotation moves points as far as a unit of shift.
    length = np.sqrt((arms * arms).sum(axis=0).mean(axis=1))
    arms /= length[:, None]
    jacobian = np.empty((7, *posed.height.shape))
    (x, y, z), (u, v, w) = arms, posed.normals
    jacobian[0], jacobian[1], jacobian[2] = y * w - z * v, z * u - x * w, x * v - y * u
    jacobian[3:6], jacobian[6] = posed.normals, -1.0
    of_pose = jacobian.transpose(1, 0, 2)
    weighted = of_pose * weights[:, None, :]
    hessian = weighted @ of_pose.transpose(0, 2, 1)
    gradient = weighted @ posed.height[..., None]
    prior = np.diag([DAMPING] * 6 + [stage.offset_prior])
    solution = np.linalg.solve(hessian + prior, -gradient)[..., 0]
    motions = small_motions(solution[:, :3] / length[:, None], solution[:, 3:6], middle.T)
    return motions, np.linalg.norm(solution[:, :6], axis=1)


def _weights(distance: FloatArray, stage: Round) -> FloatArray:
    """Geman-McClure weights (S, P), sum one, as wide as each pose's own misfit.

    They fall with the fourth power of the distance: clutter pulls at nothing.
    """
    width = np.median(distance, axis=1, keepdims=True) + stage.width * FIT_DISTANCE
    ratio = distance / width
    weights = 1.0 / (1.0 + ratio * ratio) ** 2
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def small_motions(turn: FloatArray, shift: FloatArray, about: FloatArray) -> FloatArray:
    """Transforms (S, 4, 4) that turn by rotation vectors (S, 3) ``about`` places, then shift."""
    motion = np.tile(np.eye(4), (len(turn), 1, 1))
    if len(turn) == 0:  # scipy before 1.16 refuses no rotations
        return motion
    motion[:, :3, :3] = Rotation.from_rotvec(turn).as_matrix()
    motion[:, :3, 3] = about + shift - np.einsum("sij,sj->si", motion[:, :3, :3], about)
    return motion
