"""Bring a nominal model and a scan of it together, from any starting pose.

Thousands of coarse starts are improved at once on few points, the better ones go on with more, and
the best fit wins; other poses that fit as well are told. Each improvement is a damped Gauss-Newton
step on point-to-plane distances (Chen and Medioni, "Object modelling by registration of multiple
range images", 1992), in which far points, such as a table's, weigh next to nothing. The last rounds
also estimate how much larger or smaller than nominal the part is all over, as by coating, shrinkage
or a blooming sensor: unless that is taken out, a closed shape that is a little too large fits best
when tilted. All of it runs at unit size, so that the unit of the clouds does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.errors import RegistrationError
from backend.geometry.chunks import each_chunk
from backend.geometry.rotations import even_rotations
from backend.geometry.surface import subsample_surface, thin
from backend.geometry.transform import transform_points

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MIN_FITNESS = 0.8
# Scan points this near to the nominal surface, as a ratio of its diagonal, count as fitting.
FIT_DISTANCE = 0.01
# Another pose fits as well if so much less of the scan fits at most, ...
RIVAL_FITNESS = 0.01
# ... and its RMSE is at most so many times as large, and this ratio of the diagonal.
RIVAL_RMSE = 1.25
RIVAL_DISTANCE = 5e-4
# Poses are clearly different from this far apart: radians, or ratios of the scan's radius.
DISTINCT = 0.2
# A pose that shows the sensor so much less of its outside than another one does is none.
FACING_MARGIN = 0.5

# Points up to so far over or under the surface tell how noisy the points on the part are.
NOISE_REACH = 0.05
NOISE_BINS = 1_000
NOISE_STEPS = 50
LEAST_NOISE = 1e-4
# Points of the part lie within so many standard deviations, and the samples' own error.
ON_PART = 3.0
SURFACE_ERROR = 5e-4

# How well a pose fits is measured on about as many points, at even steps of their order.
MOST_MEASURED = 200_000

COARSE_ROTATIONS = 400
COARSE_ANCHORS = 12
# Points farther from the surface, at unit size, are not looked at.
REACH = 0.25
# A scan that is smaller than this, as a ratio of the nominal diagonal, fits anywhere.
MIN_EXTENT = 0.05
# Keeps a step bounded along motions that slide the scan within the surface.
DAMPING = 1e-3
# Poses whose matrices differ by less, at unit size, are the same: about 3 degrees of rotation.
SAME_POSE = 0.07
# A motion is free if it moves points across the surface this much less than along it (squared).
FREE_RATIO = 5e-4


@dataclass(frozen=True)
class _Round:
    """How many poses go on, on how many points of scan and surface, for how many steps.

    Lengths are in ``FIT_DISTANCE``: a misfit counts in full up to ``width``, ever less beyond, and
    grows no more from ``cap`` on. ``twins`` of the poses are also tried after a half turn. The
    offset is held near zero as by ``offset_prior`` times as many points of height zero.
    """

    poses: int
    scan_points: int
    surface_points: int
    steps: int
    cap: float
    width: float = 1.0
    twins: int = 0
    offset_prior: float = 1e6


ROUNDS: Sequence[_Round] = (
    _Round(5_000, 60, 4_000, 5, cap=4.0),
    _Round(400, 250, 10_000, 8, cap=2.0, width=0.5),
    _Round(40, 800, 20_000, 8, cap=2.0, width=0.3, twins=6),
    _Round(10, 2_500, 20_000, 7, cap=1.0, width=0.2, offset_prior=0.1),
    # So many steps, because a narrow band of a part creeps to where its axis is right.
    _Round(4, 8_000, 60_000, 45, cap=1.0, width=0.5, offset_prior=0.1),
)
# Of starts that are near: few steps do, and there are few to choose from.
NEAR_ROUNDS: Sequence[_Round] = (
    _Round(40, 250, 10_000, 8, cap=4.0),
    _Round(8, 800, 20_000, 8, cap=2.0, width=0.3),
    _Round(2, 2_500, 20_000, 7, cap=1.0, width=0.2, offset_prior=0.1),
    _Round(2, 8_000, 60_000, 9, cap=1.0, width=0.5, offset_prior=0.1),
)


@dataclass(frozen=True, eq=False)
class Fit:
    """A pose and how well it fits.

    Attributes:
        T_part_scan: (4, 4) from the scan's frame to the nominal model's, rotation and shift.
        fitness: share of the scan within ``FIT_DISTANCE`` of the nominal surface, in [0, 1].
        rmse: root mean square distance of those points to the surface, in the clouds' unit.
    """

    T_part_scan: FloatArray
    fitness: float
    rmse: float


@dataclass(frozen=True, eq=False)
class Registration(Fit):
    """Where a scan lies in the part frame, and how well it fits.

    Attributes:
        noise: robust standard deviation of the distances of the points on the part from the
            surface moved by the offset, in the clouds' unit: mostly the sensor's own noise.
        on_part: (N,) bool, the points of the scan within three times the noise of the surface.
        offset: how far outside the nominal surface the points that fit lie on average, in the
            clouds' unit.
        free_motions: how many of the six directions of motion the scan leaves open, such as the
            turn about the axis of a turned part.
        facing: share of the points that fit where the outside of the surface is turned to the
            viewpoint, or as the scan's normals are, in [0, 1]; None where neither is known.
        alternatives: other, clearly different poses that fit as well, as a symmetric part has
            them, but for those along the free motions. The search looks for a few, not for all.
    """

    noise: float
    on_part: BoolArray
    offset: float
    free_motions: int
    facing: float | None
    alternatives: tuple[Fit, ...]


@dataclass(frozen=True)
class _Scan:
    """Scan points (P, 3) at unit size.

    Attributes:
        outward: (P, 3) to where the surface must face, or None where unknown.
        seen: ``outward`` is to the sensor and can be relied on; else it is what a file says.
    """

    points: FloatArray
    outward: FloatArray | None
    seen: bool

    def every(self, step: int) -> _Scan:
        outward = None if self.outward is None else self.outward[::step]
        return _Scan(self.points[::step], outward, self.seen)

    def thinned(self, count: int) -> _Scan:
        keep = thin(self.points, count)
        outward = None if self.outward is None else self.outward[keep]
        return _Scan(self.points[keep], outward, self.seen)


@dataclass(frozen=True)
class _Matches:
    """Points of several poses against the surface; S poses of P points each, or just P points.

    Attributes:
        points: (S, P, 3).
        normals: (S, P, 3) of the surface where it is nearest.
        height: (S, P) over the surface there, negative inside.
        aside: (S, P) how far beside the surface, such as beyond its edge.
    """

    points: FloatArray
    normals: FloatArray
    height: FloatArray
    aside: FloatArray

    def distance(self, offset: FloatArray | float = 0.0) -> FloatArray:
        """Distance (S, P) to the surface moved outward by ``offset``."""
        return np.hypot(self.height - offset, self.aside)


@dataclass(frozen=True)
class _Surface:
    """Samples of the nominal surface: each stands for a disc of ``radius`` around it."""

    points: FloatArray
    normals: FloatArray
    tree: cKDTree
    radius: float

    @classmethod
    def of(cls, mesh: PointCloud, count: int, rng: np.random.Generator) -> _Surface:
        cloud = subsample_surface(mesh, count, rng)
        assert cloud.normals is not None  # a subsampled surface has them
        return cls(cloud.points, cloud.normals, cloud.tree, cloud.spacing)

    def match(self, points: FloatArray) -> _Matches:
        """``points`` (..., 3) against the nearest discs; beyond ``REACH`` all are beside it."""
        distance, nearest = self.tree.query(points, distance_upper_bound=REACH, workers=-1)
        near = np.isfinite(distance)
        nearest = np.where(near, nearest, 0)
        normals = self.normals[nearest]
        apart = points - self.points[nearest]
        height = np.einsum("...i,...i->...", apart, normals)
        aside = np.linalg.norm(apart - height[..., None] * normals, axis=-1) - self.radius
        return _Matches(
            points, normals, np.where(near, height, 0.0), np.where(near, aside.clip(0.0), REACH)
        )


class Target:
    """A nominal model that several scans are registered to: its surface is sampled but once."""

    def __init__(self, nominal: PointCloud) -> None:
        nominal = nominal.surface
        self.nominal = nominal
        self.center: FloatArray = nominal.points.mean(axis=0)
        self.mesh = nominal.moved((nominal.points - self.center) / nominal.diagonal, None)
        self._surfaces: dict[_Round, _Surface] = {}

    def surface(self, stage: _Round, rng: np.random.Generator) -> _Surface:
        """Samples at unit size for a round, drawn when they are first asked for."""
        if stage not in self._surfaces:
            self._surfaces[stage] = _Surface.of(self.mesh, stage.surface_points, rng)
        return self._surfaces[stage]


def register(
    nominal: PointCloud | Target,
    scan: PointCloud,
    *,
    rng: np.random.Generator,
    min_fitness: float = MIN_FITNESS,
    viewpoint: FloatArray | None = None,
    prefer: FloatArray | None = None,
    starts: FloatArray | None = None,
) -> Registration:
    """Find the rigid motion that brings ``scan`` onto the surface of ``nominal``.

    The scan may show a part of the surface only; what it shows beside the part lowers the fitness.

    Args:
        nominal: a mesh, in the part frame; as a ``Target`` where more scans follow.
        scan: points in any pose, in the nominal's unit. Its normals, where it has them, choose
            between poses that fit as well.
        rng: the only source of chance; the same state gives the same result.
        min_fitness: what must be reached.
        viewpoint: (3,) where the sensor stood, in the scan's frame: the surface must face it.
        prefer: (4, 4) a pose ``T_part_scan`` to start from beside all others; of those that fit as
            well, the nearest to it is taken.
        starts: (S, 4, 4) poses ``T_part_scan``, such as ``principal_poses``: only these are
            improved, in a tenth of the time. None: starts all around.

    Raises:
        CloudError: the nominal model has no faces.
        RegistrationError: the fitness stays below ``min_fitness``.
    """
    target = nominal if isinstance(nominal, Target) else Target(nominal)
    nominal = target.nominal
    _check_sizes(nominal, scan, min_fitness)
    frames = _Frames(target.center, np.median(scan.points, axis=0), nominal.diagonal)
    small = _at_unit_size(scan, viewpoint, frames)
    start = None if prefer is None else frames.to_unit(prefer)
    rounds = ROUNDS if starts is None else NEAR_ROUNDS
    coarse = (
        _starts(target.mesh, rng) if starts is None else np.stack([*map(frames.to_unit, starts)])
    )
    transforms, surface = _search(target, small, rounds, coarse, start, rng)
    few = small.every(-(-len(scan) // MOST_MEASURED))
    fits = _rivals([_measure(surface, few, transform) for transform in transforms])
    if not fits or fits[0].fitness < min_fitness:
        fitness = fits[0].fitness if fits else 0.0
        raise RegistrationError(_refusal(fitness, min_fitness, nominal, scan))
    if start is not None:
        fits.sort(key=lambda fit: _apart(fit.transform, start, few.points))
    best = fits[0]
    return Registration(
        frames.to_part(best.transform),
        best.fitness,
        best.rmse * frames.size,
        noise=best.noise.sigma * frames.size,
        on_part=_on_part(surface, small, best),
        offset=best.offset * frames.size,
        free_motions=best.free.shape[1],
        facing=best.facing,
        alternatives=tuple(
            Fit(frames.to_part(fit.transform), fit.fitness, fit.rmse * frames.size)
            for fit in fits[1:]
        ),
    )


@dataclass(frozen=True)
class _Frames:
    """Part and scan are moved by ``center`` and ``middle`` (3,) and divided by ``size``."""

    center: FloatArray
    middle: FloatArray
    size: float

    def to_part(self, transform: FloatArray) -> FloatArray:
        """A pose (4, 4) at unit size, between the clouds as they are."""
        pose = transform.copy()
        pose[:3, 3] = self.center + self.size * transform[:3, 3] - pose[:3, :3] @ self.middle
        return pose

    def to_unit(self, pose: FloatArray) -> FloatArray:
        """The reverse of ``to_part``."""
        transform = np.array(pose, dtype=np.float64)
        transform[:3, 3] = (transform_points(transform, self.middle) - self.center) / self.size
        return transform


def _at_unit_size(scan: PointCloud, viewpoint: FloatArray | None, frames: _Frames) -> _Scan:
    points = (scan.points - frames.middle) / frames.size
    if viewpoint is None:
        return _Scan(points, scan.normals, seen=False)
    return _Scan(points, (viewpoint - frames.middle) / frames.size - points, seen=True)


@dataclass(frozen=True, eq=False)
class _UnitFit:
    """A pose at unit size, as ``Registration`` describes it; ``free`` is (6, F), see ``_free``."""

    transform: FloatArray
    fitness: float
    rmse: float
    noise: _Noise
    offset: float
    facing: float | None
    middle: FloatArray
    length: float
    free: FloatArray


def _measure(surface: _Surface, scan: _Scan, transform: FloatArray) -> _UnitFit:
    """How ``scan`` fits under ``transform`` (4, 4)."""
    matches = surface.match(transform_points(transform, scan.points))
    noise = _noise(matches)
    fits = matches.distance() <= FIT_DISTANCE
    if not fits.any():
        return _UnitFit(transform, 0.0, np.inf, noise, 0.0, None, np.zeros(3), 1.0, np.eye(6))
    points, normals, height = matches.points[fits], matches.normals[fits], matches.height[fits]
    facing = None
    if scan.outward is not None:
        outward = scan.outward[fits] @ transform[:3, :3].T
        facing = float((np.einsum("pi,pi->p", outward, normals) > 0).mean())
    rmse = float(np.sqrt(np.mean(height**2)))
    middle, length, free = _free(points, normals)
    return _UnitFit(
        transform,
        float(fits.mean()),
        rmse,
        noise,
        float(height.mean()),
        facing,
        middle,
        length,
        free,
    )


@dataclass(frozen=True, eq=False)
class _Noise:
    """Of the points on the part: their spread about the surface, at unit size.

    Attributes:
        sigma: standard deviation of their heights.
        middle: mean of their heights.
    """

    sigma: float
    middle: float


def _noise(matches: _Matches) -> _Noise:
    """Tell points (P,) on the part from the others about it by their heights alone.

    The heights are a normal distribution of the sensor's and an even one of whatever else lies
    about the surface, told apart by expectation maximisation (Dempster, Laird and Rubin, 1977).
    """
    over = (matches.aside <= FIT_DISTANCE) & (np.abs(matches.height) <= NOISE_REACH)
    counts, edges = np.histogram(
        matches.height[over], bins=NOISE_BINS, range=(-NOISE_REACH, NOISE_REACH)
    )
    heights = (edges[1:] + edges[:-1]) / 2.0
    middle, sigma, share = 0.0, FIT_DISTANCE, 0.5
    for _ in range(NOISE_STEPS if over.any() else 0):
        normal = share * np.exp(-(((heights - middle) / sigma) ** 2) / 2.0) / sigma
        even = (1.0 - share) * np.sqrt(2.0 * np.pi) / (2.0 * NOISE_REACH)
        weights = counts * normal / (normal + even)
        share = weights.sum() / counts.sum()
        middle = (weights @ heights) / weights.sum()
        sigma = max(np.sqrt(weights @ (heights - middle) ** 2 / weights.sum()), LEAST_NOISE)
    return _Noise(float(sigma), float(middle))


def _on_part(surface: _Surface, scan: _Scan, fit: _UnitFit) -> BoolArray:
    """Which of the points (P,) of ``scan`` are on the part, as ``fit`` has placed it."""
    on_part = np.empty(len(scan.points), dtype=bool)
    farthest = ON_PART * max(fit.noise.sigma, SURFACE_ERROR)

    def fill(part: slice) -> None:
        matches = surface.match(transform_points(fit.transform, scan.points[part]))
        on_part[part] = matches.distance(fit.noise.middle) <= farthest

    each_chunk(len(on_part), fill)
    return on_part


def _rivals(fits: list[_UnitFit]) -> list[_UnitFit]:
    """The best of ``fits``, best first, and the clearly different ones that fit as well."""
    best = fits[0]
    limit = RIVAL_RMSE * best.rmse + RIVAL_DISTANCE
    equal = [
        fit for fit in fits if fit.fitness >= best.fitness - RIVAL_FITNESS and fit.rmse <= limit
    ]
    facing = max((fit.facing for fit in equal if fit.facing is not None), default=None)
    if facing is not None:
        # What is turned away from the sensor by no more than chance does not count.
        equal.sort(key=lambda fit: round((facing - (fit.facing or 0.0)) / FACING_MARGIN))
        equal = [fit for fit in equal if (fit.facing or 0.0) > facing - FACING_MARGIN]
    kept: list[_UnitFit] = []
    for fit in equal:
        if all(_motion_between(other, fit) > DISTINCT for other in kept):
            kept.append(fit)
    return kept


def _motion_between(fit: _UnitFit, other: _UnitFit) -> float:
    """How far the pose of ``other`` is from ``fit``'s, but for what its free motions cover.

    The motion from one to the other is a screw. Its twist about the middle of the scan (Murray, Li
    and Sastry, "A mathematical introduction to robotic manipulation", 1994, app. A) lies in the
    span of the free motions if they alone lead from one to the other, however far.
    """
    motion = other.transform @ np.linalg.inv(fit.transform)
    turn = Rotation.from_matrix(motion[:3, :3]).as_rotvec()
    shift = transform_points(motion, fit.middle) - fit.middle
    twist = np.concatenate([turn, _along(turn, shift) / fit.length])
    return float(np.linalg.norm(twist - fit.free @ (fit.free.T @ twist)))


def _along(turn: FloatArray, shift: FloatArray) -> FloatArray:
    """Velocity (3,) that, while turning by ``turn`` (3,) in unit time, ends at ``shift`` (3,)."""
    angle = np.linalg.norm(turn)
    if angle < 1e-6:
        return shift
    across = np.cross(turn, shift)
    rest = (1.0 - angle / 2.0 / np.tan(angle / 2.0)) / angle**2
    return np.asarray(shift - across / 2.0 + rest * np.cross(turn, across))


def _apart(transform: FloatArray, other: FloatArray, points: FloatArray) -> float:
    """Root mean square distance between ``points`` (P, 3) under two transforms."""
    between = transform_points(transform, points) - transform_points(other, points)
    return float(np.sqrt((between**2).sum(axis=1).mean()))


def _search(
    target: Target,
    scan: _Scan,
    rounds: Sequence[_Round],
    transforms: FloatArray,
    start: FloatArray | None,
    rng: np.random.Generator,
) -> tuple[FloatArray, _Surface]:
    """The best poses (S, 4, 4) from coarse ones, and the finest samples of the surface.

    ``start`` (4, 4) is tried in every round.
    """
    scan = scan.thinned(max(stage.scan_points for stage in rounds))
    for stage in rounds:
        surface = target.surface(stage, rng)
        few = scan.thinned(stage.scan_points)
        transforms = transforms[: stage.poses]
        if stage.twins:
            twins = _twins(transforms[: stage.twins], surface.points, scan.points)
            transforms = np.concatenate([transforms, twins])
        if start is not None:
            transforms = np.concatenate([transforms, start[None]])
        transforms = _improve(surface, few, transforms, stage)
    return transforms, surface


def _twins(transforms: FloatArray, surface: FloatArray, points: FloatArray) -> FloatArray:
    """The poses (6 S, 4, 4) turned by half about each principal axis of the part and of the scan.

    Parts are often nearly the same after such a turn, and then one of the two poses is easily lost
    among the many, whichever is the right one.
    """
    middle, axes = _principal(surface)
    scan_middle, scan_axes = _principal(points)
    own = _half_turns(scan_axes, scan_middle)
    of_part = _half_turns(axes, middle)[:, None] @ transforms
    return np.concatenate([of_part, transforms @ own[:, None]]).reshape(-1, 4, 4)


def principal_poses(nominal: PointCloud, scan: PointCloud) -> FloatArray:
    """Poses (24, 4, 4) ``T_part_scan`` that bring middle and principal axes together.

    Good starts for a scan that shows most of the part: one of them is near, but for parts that are
    as long as wide as high.
    """
    surface = subsample_surface(nominal, 4_000, np.random.default_rng(0), even=False)
    middle, axes = _principal(surface.points)
    scan_middle, scan_axes = _principal(scan.points)
    scan_axes[0] *= np.linalg.det(scan_axes) * np.linalg.det(axes)
    poses = np.tile(np.eye(4), (24, 1, 1))
    poses[:, :3, :3] = axes.T @ Rotation.create_group("O").as_matrix() @ scan_axes
    poses[:, :3, 3] = middle - poses[:, :3, :3] @ scan_middle
    return poses


def _principal(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean (3,) and principal axes (3, 3), one a row, of ``points`` (N, 3)."""
    middle = points.mean(axis=0)
    arms = points - middle
    return middle, np.linalg.eigh(arms.T @ arms)[1].T


def _half_turns(axes: FloatArray, middle: FloatArray) -> FloatArray:
    """Half turns (A, 4, 4) about unit ``axes`` (A, 3) through ``middle`` (3,)."""
    return _motion(np.pi * axes, np.zeros_like(axes), np.broadcast_to(middle, axes.shape))


def _starts(mesh: PointCloud, rng: np.random.Generator) -> FloatArray:
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


def _improve(surface: _Surface, scan: _Scan, transforms: FloatArray, stage: _Round) -> FloatArray:
    """``transforms`` (S, 4, 4), each at its best after the steps of ``stage``, best first."""
    best, least = transforms.copy(), np.full(len(transforms), np.inf)
    for _ in range(stage.steps + 1):
        turns = transforms[:, :3, :3].transpose(0, 2, 1)
        matches = surface.match(scan.points @ turns + transforms[:, None, :3, 3])
        cost = _cost(matches, stage, _turned_away(matches, scan, turns))
        better = cost < least
        best[better], least[better] = transforms[better], cost[better]
        transforms = _step(matches, stage) @ transforms
    return _distinct(best[np.argsort(least, kind="stable")])


def _distinct(transforms: FloatArray) -> FloatArray:
    """``transforms`` (S, 4, 4) without those that are near one before them."""
    flat = transforms[:, :3].reshape(len(transforms), -1)
    near = cKDTree(flat).query_pairs(SAME_POSE, output_type="ndarray")
    kept = np.ones(len(flat), dtype=bool)
    for first, second in near[np.lexsort(near.T[::-1])]:
        kept[second] &= not kept[first]
    return transforms[kept]


def _turned_away(matches: _Matches, scan: _Scan, turns: FloatArray) -> NDArray[np.bool_]:
    """Where (S, P) the surface cannot have been seen, its outside being turned from the sensor."""
    if scan.outward is None or not scan.seen:
        return np.zeros(matches.height.shape, dtype=bool)
    return np.einsum("spi,spi->sp", scan.outward @ turns, matches.normals) < 0


def _cost(matches: _Matches, stage: _Round, away: NDArray[np.bool_]) -> FloatArray:
    """Mean misfit (S,) to the surface, offset as the points have it: Cauchy's loss, capped.

    Where the surface is turned ``away`` (S, P) nothing fits.
    """
    offset = (_weights(matches, stage) * matches.height).sum(axis=1) / (1.0 + stage.offset_prior)
    cap = stage.cap * FIT_DISTANCE
    misfit = np.where(away, cap, np.minimum(matches.distance(offset[:, None]), cap))
    width = stage.width * FIT_DISTANCE
    loss = width**2 * np.log1p((misfit / width) ** 2).mean(axis=1)
    return np.asarray(loss + stage.offset_prior * offset**2)


def _step(matches: _Matches, stage: _Round) -> FloatArray:
    """Small motions (S, 4, 4) that bring the points of each pose nearer to the surface."""
    middle = matches.points.mean(axis=1, keepdims=True)
    arms = matches.points - middle
    # With arms about one long, a unit of rotation moves points as far as a unit of shift.
    length = np.sqrt((arms**2).sum(axis=2).mean(axis=1))[:, None, None]
    jacobian = np.concatenate(
        [
            np.cross(arms / length, matches.normals),
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
    return _motion(solution[:, :3] / length[:, 0], solution[:, 3:6], middle[:, 0])


def _weights(matches: _Matches, stage: _Round) -> FloatArray:
    """Geman-McClure weights (S, P), sum one, as wide as each pose's own misfit.

    They fall with the fourth power of the distance: clutter pulls at nothing.
    """
    distance = matches.distance()
    width = np.median(distance, axis=1, keepdims=True) + stage.width * FIT_DISTANCE
    weights = 1.0 / (1.0 + (distance / width) ** 2) ** 2
    return weights / weights.sum(axis=1, keepdims=True)


def _motion(turn: FloatArray, shift: FloatArray, about: FloatArray) -> FloatArray:
    """Transforms (S, 4, 4) that turn by rotation vectors (S, 3) ``about`` places, then shift."""
    motion = np.tile(np.eye(4), (len(turn), 1, 1))
    motion[:, :3, :3] = Rotation.from_rotvec(turn).as_matrix()
    motion[:, :3, 3] = about + shift - np.einsum("sij,sj->si", motion[:, :3, :3], about)
    return motion


def _free(points: FloatArray, normals: FloatArray) -> tuple[FloatArray, float, FloatArray]:
    """Small motions that slide ``points`` (P, 3) along a surface with ``normals`` (P, 3).

    Small eigenvalues of the point-to-plane information matrix (Gelfand et al., "Geometrically
    stable sampling for the ICP algorithm", 2003).

    Returns:
        The points' middle (3,) and radius, and an orthonormal basis (6, F) of the free motions: a
        rotation vector about the middle, and a shift as a ratio of the radius.
    """
    middle = points.mean(axis=0)
    arms = points - middle
    length = float(np.sqrt((arms**2).sum(axis=1).mean()))
    jacobian = np.hstack([np.cross(arms / length, normals), normals])
    values, motions = np.linalg.eigh(jacobian.T @ jacobian / len(points))
    return middle, length, motions[:, values < FREE_RATIO]


def _check_sizes(nominal: PointCloud, scan: PointCloud, min_fitness: float) -> None:
    """Refuse at once what cannot fit, or would fit anywhere: mostly a wrong unit."""
    if scan.diagonal < MIN_EXTENT * nominal.diagonal:
        raise RegistrationError(f"the scan is too small to be placed. {_hint(nominal, scan)}")
    # What lies within the part lies within this reach of the median, if it is most of the scan.
    reach = np.sqrt(3.0) * nominal.diagonal * (1.0 + 2.0 * FIT_DISTANCE)
    apart = np.linalg.norm(scan.points - np.median(scan.points, axis=0), axis=1)
    possible = float((apart <= reach).mean())
    if possible < min_fitness:
        raise RegistrationError(_refusal(possible, min_fitness, nominal, scan))


def _refusal(fitness: float, needed: float, nominal: PointCloud, scan: PointCloud) -> str:
    return (
        f"only {fitness:.1%} of the scan lies on the nominal model, {needed:.1%} are needed. "
        f"{_hint(nominal, scan)}; if the part is as it should be, lower --min-fitness or give a "
        "pose to start from"
    )


def _hint(nominal: PointCloud, scan: PointCloud) -> str:
    return (
        f"The scan is {scan.diagonal:.4g} across and the model {nominal.diagonal:.4g}: check that "
        "both are of the same part and in the same unit, and cut away table and fixtures"
    )
