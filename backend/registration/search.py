"""Poses that fit best, from coarse ones all around.

Thousands of coarse starts are improved at once on few points, the better ones go on with more, and
the best fit wins. Each improvement is a damped Gauss-Newton step on point-to-plane distances (Chen
and Medioni, "Object modelling by registration of multiple range images", 1992), in which far
points, such as a table's, weigh next to nothing. The last rounds also estimate how much larger or
smaller than nominal the part is all over, as by coating, shrinkage or a blooming sensor: unless
that is taken out, a closed shape that is a little too large fits best when tilted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from backend.arrays import BoolArray, FloatArray
from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.geometry.rotations import even_rotations
from backend.geometry.thinning import thin
from backend.registration.nominal_model import (
    CELL,
    FIT_DISTANCE,
    REACH,
    SPLIT,
    Matches,
    NominalModel,
    Scan,
    Side,
    Surface,
)

COARSE_ROTATIONS = 400
COARSE_ANCHORS = 12
# Keeps a step bounded along motions that slide the scan within the surface.
DAMPING = 1e-3
# Poses whose matrices differ by less, at unit size, are the same: about 3 degrees of rotation.
SAME_POSE = 0.07
# A pose that its last step moved by less, at unit size, has come to rest.
STILL = 1e-5
# The nearest samples are searched again after points have moved by this many sample radii.
STALE = 0.5
# Scan points and steps at the end, on the visible surface. The steps are many because a narrow band
# of a part converges slowly; most poses converge long before.
POLISHING = ((2_000, 200), (6_000, 20))
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


ROUNDS: Sequence[Round] = (
    Round(5_000, 60, 5, cap=4.0),
    Round(400, 250, 8, cap=2.0, width=0.5),
    Round(40, 800, 8, cap=2.0, width=0.3, twins=6, by_noise=True),
    Round(10, 2_500, 7, cap=1.0, width=0.2, offset_prior=0.1, by_noise=True),
)
# Of starts that are near: few steps do, and there are few to choose from.
NEAR_ROUNDS: Sequence[Round] = (
    Round(40, 250, 8, cap=4.0),
    Round(8, 800, 8, cap=2.0, width=0.3),
    Round(2, 2_500, 12, cap=1.0, width=0.2, offset_prior=0.1),
)


def search(
    model: NominalModel,
    scan: Scan,
    rounds: Sequence[Round],
    transforms: FloatArray,
    start: FloatArray | None,
) -> FloatArray:
    """The best poses (S, 4, 4) from coarse ones.

    ``start`` (4, 4) is tried in every round.
    """
    scan = scan.thinned(max(stage.scan_points for stage in rounds))
    surface = model.surface
    for stage in rounds:
        few = scan.thinned(stage.scan_points)
        transforms = transforms[: stage.poses]
        if stage.twins:
            twins = _twins(transforms[: stage.twins], surface.points, scan.points)
            transforms = np.concatenate([transforms, twins])
        if start is not None:
            transforms = np.concatenate([transforms, start[None]])
        transforms = _improve(surface, few, transforms, stage)
    return transforms


def polish(surface: Surface, scan: Scan, transform: FloatArray, sigma: float) -> FloatArray:
    """``transform`` (4, 4) at its best on ``surface`` where points are off it by ``sigma``."""
    wide = sigma / FIT_DISTANCE
    for points, steps in POLISHING:
        few = scan.thinned(points)
        stage = Round(
            1,
            points,
            steps,
            cap=max(1.0, 3.0 * wide),
            width=max(0.5, 2.0 * wide),
            offset_prior=0.1,
            fine=True,
        )
        transform = _improve(surface, few, transform[None], stage)[0]
    return transform


def _twins(transforms: FloatArray, surface: FloatArray, points: FloatArray) -> FloatArray:
    """The poses (6 S, 4, 4) turned by half about each principal axis of the part and of the scan.

    Parts are often nearly the same after such a turn, and then one of the two poses is easily lost
    among the many, whichever is the right one.
    """
    middle, axes = principal_axes(surface)
    scan_middle, scan_axes = principal_axes(points)
    own = _half_turns(scan_axes, scan_middle)
    of_part = _half_turns(axes, middle)[:, None] @ transforms
    return np.concatenate([of_part, transforms @ own[:, None]]).reshape(-1, 4, 4)


def principal_poses(nominal: PointCloud, scan: PointCloud) -> FloatArray:
    """Poses (24, 4, 4) ``T_part_scan`` that bring middle and principal axes together.

    Good starts for a scan that shows most of the part: one of them is near, but for parts that are
    as long as wide as high.
    """
    surface = subsample_surface(nominal, 4_000, np.random.default_rng(0), even=False)
    middle, axes = principal_axes(surface.points)
    scan_middle, scan_axes = principal_axes(scan.points)
    scan_axes[0] *= np.linalg.det(scan_axes) * np.linalg.det(axes)
    poses = np.tile(np.eye(4), (24, 1, 1))
    poses[:, :3, :3] = axes.T @ Rotation.create_group("O").as_matrix() @ scan_axes
    poses[:, :3, 3] = middle - poses[:, :3, :3] @ scan_middle
    return poses


def principal_axes(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean (3,) and principal axes (3, 3), one a row, of ``points`` (N, 3)."""
    middle = points.mean(axis=0)
    arms = points - middle
    return middle, np.linalg.eigh(arms.T @ arms)[1].T


def _half_turns(axes: FloatArray, middle: FloatArray) -> FloatArray:
    """Half turns (A, 4, 4) about unit ``axes`` (A, 3) through ``middle`` (3,)."""
    return small_motions(np.pi * axes, np.zeros_like(axes), np.broadcast_to(middle, axes.shape))


def coarse_poses(mesh: PointCloud, rng: np.random.Generator) -> FloatArray:
    """Poses (S, 4, 4): every rotation of an even grid, with the scan's middle at each anchor."""
    turn = Rotation.random(random_state=rng).as_matrix()
    rotations = even_rotations(COARSE_ROTATIONS) @ turn
    surface = subsample_surface(mesh, 1_000, rng, even=False).points
    # A scan of all of a part has its middle at the center, a scan of one end of it there.
    spread = surface[thin(surface, 4 * COARSE_ANCHORS)]
    anchors = np.vstack([surface.mean(axis=0), rng.permutation(spread)[: COARSE_ANCHORS - 1]])
    transforms = np.tile(np.eye(4), (len(anchors), len(rotations), 1, 1))
    transforms[:, :, :3, :3] = rotations
    transforms[:, :, :3, 3] = anchors[:, None]
    return transforms.reshape(-1, 4, 4)


def _improve(surface: Surface, scan: Scan, transforms: FloatArray, stage: Round) -> FloatArray:
    """``transforms`` (S, 4, 4), each at its best after the steps of ``stage``, best first."""
    best, least = transforms.copy(), np.full(len(transforms), np.inf)
    nearest = np.empty((len(transforms), len(scan.points)), dtype=np.int64)
    drift = np.full(len(transforms), np.inf)
    look_up = surface.nearest if stage.fine else surface.cells.nearest
    moving = np.arange(len(transforms))
    for _ in range(stage.steps + 1):
        turns = transforms[:, :3, :3].transpose(0, 2, 1)
        points = scan.points @ turns + transforms[:, None, :3, 3]
        stale = drift[moving] > STALE * surface.radius
        nearest[moving[stale]] = look_up(points[stale])
        drift[moving[stale]] = 0.0
        matches = surface.against(
            points, nearest[moving], 0.0 if stage.fine else CELL / SPLIT / 2.0
        )
        cost = _cost(matches, stage, _turned_away(matches, scan, turns))
        better = cost < least[moving]
        best[moving[better]], least[moving[better]] = transforms[better], cost[better]
        steps, sizes = _step(matches, stage)
        going = sizes > STILL
        moving, transforms = moving[going], steps[going] @ transforms[going]
        drift[moving] += sizes[going]
    return _distinct(best[np.argsort(least, kind="stable")])


def _distinct(transforms: FloatArray) -> FloatArray:
    """``transforms`` (S, 4, 4) without those that are near one before them."""
    flat = transforms[:, :3].reshape(len(transforms), -1)
    near = cKDTree(flat).query_pairs(SAME_POSE, output_type="ndarray")
    kept = np.ones(len(flat), dtype=bool)
    for first, second in near[np.lexsort(near.T[::-1])]:
        kept[second] &= not kept[first]
    return transforms[kept]


def _turned_away(matches: Matches, scan: Scan, turns: FloatArray) -> BoolArray:
    """Where (S, P) the surface cannot have been seen, its outside being turned from the sensor."""
    if scan.outward is None:
        return np.zeros(matches.height.shape, dtype=bool)
    cosine = np.einsum("spi,spi->sp", scan.outward @ turns, matches.normals)
    if scan.side is Side.VIEWPOINT:
        return cosine < 0.0
    # Of the two ends of the axis, the one that more of the surface faces is where the sensor was.
    facing = np.where(matches.aside == 0.0, cosine, 0.0).sum(axis=1, keepdims=True)
    return np.where(facing < 0.0, -cosine, cosine) < -AXIS_ERROR


def _cost(matches: Matches, stage: Round, away: BoolArray) -> FloatArray:
    """How unlikely (S,) the points are to be of the surface, offset as they have it.

    In the early rounds Cauchy's loss, capped; then by each pose's own noise, as evidence has it.
    Where the surface is turned ``away`` (S, P) nothing fits.
    """
    offset = (_weights(matches, stage) * matches.height).sum(axis=1) / (1.0 + stage.offset_prior)
    distance = matches.distance(offset.clip(-MOST_OFFSET, MOST_OFFSET)[:, None])
    if stage.by_noise:
        median = np.median(distance, axis=1, keepdims=True)
        sigma = np.maximum(TO_SIGMA * median, SURFACE_ERROR)
        likelihood = log_likelihood(np.where(away, REACH, distance), sigma)
        return np.asarray(-likelihood.mean(axis=1))
    cap = stage.cap * FIT_DISTANCE
    misfit = np.where(away, cap, np.minimum(distance, cap))
    width = stage.width * FIT_DISTANCE
    loss = width**2 * np.log1p((misfit / width) ** 2).mean(axis=1)
    return np.asarray(loss + stage.offset_prior * offset**2)


def log_likelihood(distance: FloatArray, sigma: FloatArray | float) -> FloatArray:
    """Of points at ``distance`` from the surface, if those of the part are off by ``sigma``."""
    normal = (1.0 - STRAY) * np.exp(-((distance / sigma) ** 2) / 2.0) / (sigma * ROOT_OF_TWO_PI)
    return np.asarray(np.log(normal + STRAY / STRAY_REACH))


def _step(matches: Matches, stage: Round) -> tuple[FloatArray, FloatArray]:
    """Small motions (S, 4, 4) of each pose towards the surface, and how far points move (S,)."""
    middle = matches.points.mean(axis=1, keepdims=True)
    arms = matches.points - middle
    # With arms about one long, a unit of rotation moves points as far as a unit of shift.
    length = np.sqrt((arms**2).sum(axis=2).mean(axis=1))[:, None, None]
    jacobian = np.concatenate(
        [
            _cross(arms / length, matches.normals),
            matches.normals,
            -np.ones((*matches.height.shape, 1)),
        ],
        axis=-1,
    )
    weighted = jacobian * _weights(matches, stage)[..., None]
    hessian = weighted.transpose(0, 2, 1) @ jacobian
    prior = np.diag([DAMPING] * 6 + [stage.offset_prior])
    gradient = np.einsum("spi,sp->si", weighted, matches.height)
    solution = np.linalg.solve(hessian + prior, -gradient[..., None])[..., 0]
    motions = small_motions(solution[:, :3] / length[:, 0], solution[:, 3:6], middle[:, 0])
    return motions, np.linalg.norm(solution[:, :6], axis=1)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Cross products (..., 3); numpy's own takes three times as long."""
    x, y, z = np.moveaxis(a, -1, 0)
    u, v, w = np.moveaxis(b, -1, 0)
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=-1)


def _weights(matches: Matches, stage: Round) -> FloatArray:
    """Geman-McClure weights (S, P), sum one, as wide as each pose's own misfit.

    They fall with the fourth power of the distance: clutter pulls at nothing.
    """
    distance = matches.distance()
    width = np.median(distance, axis=1, keepdims=True) + stage.width * FIT_DISTANCE
    weights = 1.0 / (1.0 + (distance / width) ** 2) ** 2
    return weights / weights.sum(axis=1, keepdims=True)


def small_motions(turn: FloatArray, shift: FloatArray, about: FloatArray) -> FloatArray:
    """Transforms (S, 4, 4) that turn by rotation vectors (S, 3) ``about`` places, then shift."""
    motion = np.tile(np.eye(4), (len(turn), 1, 1))
    if len(turn) == 0:  # scipy before 1.16 refuses no rotations
        return motion
    motion[:, :3, :3] = Rotation.from_rotvec(turn).as_matrix()
    motion[:, :3, 3] = about + shift - np.einsum("sij,sj->si", motion[:, :3, :3], about)
    return motion
