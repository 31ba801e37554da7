"""Bring a nominal model and a scan of it together, from any starting pose.

Thousands of coarse starts are improved at once on few points, the better ones go on with more, and
the best fit wins. Each improvement is a damped Gauss-Newton step on point-to-plane distances (Chen
and Medioni, "Object modelling by registration of multiple range images", 1992). The last round also
estimates how much larger or smaller than nominal the part is all over, as by coating, shrinkage or
a blooming sensor: unless that is taken out, a closed shape that is a little too large fits best
when tilted. All of it runs at unit size, so that the unit of the clouds does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.errors import RegistrationError
from backend.geometry.rotations import even_rotations
from backend.geometry.surface import subsample_surface, thin
from backend.geometry.transform import transform_points

FloatArray = NDArray[np.float64]

MIN_FITNESS = 0.8
# Scan points this near to the nominal surface, as a ratio of its diagonal, count as fitting.
FIT_DISTANCE = 0.01
# Beyond this many times that distance a point's misfit no longer grows.
CAP = 5.0

COARSE_ROTATIONS = 400
COARSE_ANCHORS = 5
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

    The offset is held near zero as by ``offset_prior`` times as many points of height zero.
    """

    poses: int
    scan_points: int
    surface_points: int
    steps: int
    offset_prior: float = 1e6


ROUNDS = (
    _Round(2_000, 50, 3_000, 6),
    _Round(200, 200, 3_000, 8),
    _Round(20, 1_000, 20_000, 12),
    _Round(4, 3_000, 20_000, 10, offset_prior=0.1),
    _Round(1, 12_000, 60_000, 25, offset_prior=0.1),
)


@dataclass(frozen=True, eq=False)
class Registration:
    """Where a scan lies in the part frame, and how well it fits.

    Attributes:
        T_part_scan: (4, 4) from the scan's frame to the nominal model's, rotation and shift.
        fitness: share of the scan within ``FIT_DISTANCE`` of the nominal surface, in [0, 1].
        rmse: root mean square distance of those points to the surface, in the clouds' unit.
        offset: how far outside the nominal surface they lie on average, in the clouds' unit.
        free_motions: how many of the six directions of motion the scan leaves open, such as the
            turn about the axis of a turned part.
    """

    T_part_scan: FloatArray
    fitness: float
    rmse: float
    offset: float
    free_motions: int


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
        """``points`` (..., 3) against the nearest discs."""
        _, nearest = self.tree.query(points, workers=-1)
        normals = self.normals[nearest]
        apart = points - self.points[nearest]
        height = np.einsum("...i,...i->...", apart, normals)
        aside = np.linalg.norm(apart - height[..., None] * normals, axis=-1)
        return _Matches(points, normals, height, np.maximum(aside - self.radius, 0.0))


def register(
    nominal: PointCloud,
    scan: PointCloud,
    *,
    rng: np.random.Generator,
    min_fitness: float = MIN_FITNESS,
) -> Registration:
    """Find the rigid motion that brings ``scan`` onto the surface of ``nominal``.

    The scan may show a part of the surface only; what it shows beside the part lowers the fitness.

    Args:
        nominal: a mesh, in the part frame.
        scan: points in any pose, in the nominal's unit.
        rng: the only source of chance; the same state gives the same result.
        min_fitness: what must be reached.

    Raises:
        CloudError: the nominal model has no faces.
        RegistrationError: the fitness stays below ``min_fitness``.
    """
    _check_sizes(nominal, scan, min_fitness)
    size = nominal.diagonal
    center, middle = nominal.points.mean(axis=0), np.median(scan.points, axis=0)
    mesh = PointCloud((nominal.points - center) / size, faces=nominal.faces)
    points = (scan.points - middle) / size

    transform, surface = _search(mesh, points, rng)
    matches = surface.match(transform_points(transform, points))
    fits = matches.distance() <= FIT_DISTANCE
    fitness = float(fits.mean())
    if not fits.any() or fitness < min_fitness:
        raise RegistrationError(_refusal(fitness, min_fitness, nominal, scan))
    transform[:3, 3] = center + size * transform[:3, 3] - transform[:3, :3] @ middle
    height = size * matches.height[fits]
    return Registration(
        transform,
        fitness,
        rmse=float(np.sqrt(np.mean(height**2))),
        offset=float(height.mean()),
        free_motions=_free_motions(matches.points[fits], matches.normals[fits]),
    )


def _search(
    mesh: PointCloud, points: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, _Surface]:
    """The best pose (4, 4) from starts all around, and the finest samples of the surface."""
    transforms = _starts(mesh, rng)
    points = points[thin(points, max(stage.scan_points for stage in ROUNDS))]
    for stage in ROUNDS:
        surface = _Surface.of(mesh, stage.surface_points, rng)
        few = points[thin(points, stage.scan_points)]
        transforms = _improve(surface, few, transforms[: stage.poses], stage)
    return transforms[0], surface


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


def _improve(
    surface: _Surface, points: FloatArray, transforms: FloatArray, stage: _Round
) -> FloatArray:
    """``transforms`` (S, 4, 4), each at its best after the steps of ``stage``, best first."""
    best, least = transforms.copy(), np.full(len(transforms), np.inf)
    for _ in range(stage.steps + 1):
        moved = points @ transforms[:, :3, :3].transpose(0, 2, 1) + transforms[:, None, :3, 3]
        matches = surface.match(moved)
        cost = _cost(matches, stage)
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


def _cost(matches: _Matches, stage: _Round) -> FloatArray:
    """Mean square misfit (S,) to the surface, offset as the points have it on average."""
    offset = matches.height.mean(axis=1) / (1.0 + stage.offset_prior)
    misfit = np.minimum(matches.distance(offset[:, None]), CAP * FIT_DISTANCE)
    return np.asarray((misfit**2).mean(axis=1) + stage.offset_prior * offset**2)


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
    weighted = jacobian * _weights(matches)[..., None]
    hessian = weighted.transpose(0, 2, 1) @ jacobian
    prior = np.diag([DAMPING] * 6 + [stage.offset_prior])
    gradient = np.einsum("spi,sp->si", weighted, matches.height)
    solution = np.linalg.solve(hessian + prior, -gradient[..., None])[..., 0]
    return _motion(solution[:, :3] / length[:, 0], solution[:, 3:6], middle[:, 0])


def _weights(matches: _Matches) -> FloatArray:
    """Cauchy weights (S, P), sum one, as wide as each pose's own misfit: clutter pulls little."""
    distance = matches.distance()
    width = np.median(distance, axis=1, keepdims=True) + FIT_DISTANCE
    weights = 1.0 / (1.0 + (distance / width) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def _motion(turn: FloatArray, shift: FloatArray, about: FloatArray) -> FloatArray:
    """Transforms (S, 4, 4) that turn by rotation vectors (S, 3) ``about`` places, then shift."""
    motion = np.tile(np.eye(4), (len(turn), 1, 1))
    motion[:, :3, :3] = Rotation.from_rotvec(turn).as_matrix()
    motion[:, :3, 3] = about + shift - np.einsum("sij,sj->si", motion[:, :3, :3], about)
    return motion


def _free_motions(points: FloatArray, normals: FloatArray) -> int:
    """How many independent small motions slide ``points`` along a surface with ``normals``.

    Small eigenvalues of the point-to-plane information matrix (Gelfand et al., "Geometrically
    stable sampling for the ICP algorithm", 2003).
    """
    arms = points - points.mean(axis=0)
    length = np.sqrt((arms**2).sum(axis=1).mean())
    jacobian = np.hstack([np.cross(arms / length, normals), normals])
    return int((np.linalg.eigvalsh(jacobian.T @ jacobian / len(points)) < FREE_RATIO).sum())


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
        f"{_hint(nominal, scan)}; if the part is as it should be, lower min_fitness"
    )


def _hint(nominal: PointCloud, scan: PointCloud) -> str:
    return (
        f"The scan is {scan.diagonal:.4g} across and the model {nominal.diagonal:.4g}: check that "
        "both are of the same part and in the same unit, and cut away table and fixtures"
    )
