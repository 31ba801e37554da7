"""Where a scan may lie on the nominal model: the whole search, in the clouds' own lengths."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.geometry.thinning import thin
from backend.geometry.transform import transform_points
from backend.registration.ambiguity import apart
from backend.registration.candidates import Candidate, best_candidates, measured, rivals
from backend.registration.evidence import LEAST_FACING, Seen
from backend.registration.nominal_model import NominalModel, Scan, Side, isolated
from backend.registration.search import (
    NEAR_ROUNDS,
    ROUNDS,
    coarse_poses,
    search,
)
from backend.registration.view import seen_along

# So many points of a scan weigh its poses.
FINE_POINTS = 6_000
# How well a pose fits is measured on about as many points, at even steps of their order.
MOST_MEASURED = 200_000
# A scan shows the part alone if at least the share CLEAN of it is within the part's size of its
# middle. Otherwise its densest piece is searched around FEW places.
CLEAN = 0.9
FEW = 300


@dataclass(frozen=True)
class Frames:
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


def _at_unit_size(
    scan: PointCloud, viewpoint: FloatArray | None, frames: Frames, *, from_viewpoint: bool
) -> Scan:
    points = (scan.points - frames.middle) / frames.size
    said = scan.normals
    if viewpoint is not None:
        rays = (viewpoint - frames.middle) / frames.size - points
        said = rays / np.linalg.norm(rays, axis=1, keepdims=True).clip(1e-12)
    axis = None if from_viewpoint else seen_along(points[~isolated(points)])
    if axis is not None:
        return Scan(points, np.broadcast_to(axis, points.shape), Side.AXIS, said)
    if from_viewpoint:
        return Scan(points, said, Side.VIEWPOINT, said)
    return Scan(points, None, Side.UNKNOWN, said)


@dataclass(frozen=True, eq=False)
class Found:
    """The poses of a scan.

    Attributes:
        frames: between the clouds and unit size.
        points: (N, 3) of the scan, as it is.
        scan: the points that poses are measured by.
        seen: fewer points, that they were judged by.
        candidates: the most likely ones, best first.
        viewpoint: (3,) that was given, in the scan's frame, or None.
        start: (4, 4) that is preferred, at unit size, or None.
    """

    frames: Frames
    points: FloatArray
    scan: Scan
    seen: Seen
    candidates: list[Candidate]
    viewpoint: FloatArray | None
    start: FloatArray | None

    @cached_property
    def equal(self) -> list[Candidate]:
        """The best candidate and the clearly different ones that fit as well, best first."""
        equal = rivals(self.candidates, self.seen)
        if self.start is not None:
            start = self.start
            equal.sort(key=lambda one: apart(one.transform, start, self.scan.points))
        return equal

    @property
    def doubts(self) -> tuple[str, ...]:
        """Whole sentences."""
        facing = self.equal[0].facing
        if self.viewpoint is None or facing is None or facing > LEAST_FACING:
            return ()
        return (
            f"Only {facing:.0%} of the surface under the scan faces the given viewpoint, "
            f"{_vector(self.viewpoint)}: it is not where the sensor stood, and does not tell the "
            "pose.",
        )


def _middle(points: FloatArray, size: float) -> FloatArray:
    """The median (3,) of a scan; among surroundings, of where most of its points are together."""
    middle = np.median(points, axis=0)
    if (np.linalg.norm(points - middle, axis=1) <= size).mean() >= CLEAN:
        return np.asarray(middle)
    few = points[thin(points, FEW)]
    counts = cKDTree(points).query_ball_point(few, size / 2.0, return_length=True, workers=-1)
    apart = np.linalg.norm(points - few[int(np.argmax(counts))], axis=1)
    return np.asarray(np.median(points[apart <= size / 2.0], axis=0))


def find_poses(
    model: NominalModel,
    scan: PointCloud,
    rng: np.random.Generator,
    viewpoint: FloatArray | None = None,
    prefer: FloatArray | None = None,
    starts: FloatArray | None = None,
    *,
    from_viewpoint: bool = False,
) -> Found:
    """Search for the poses of ``scan`` on ``target``; the arguments are those of ``register``.

    ``from_viewpoint``: only poses that show the surface to it are looked for.
    """
    frames, small = _prepared(model, scan, viewpoint, from_viewpoint=from_viewpoint)
    start = None if prefer is None else frames.to_unit(prefer)
    if starts is None:
        rounds, coarse = ROUNDS, coarse_poses(model.unit_mesh, rng)
    else:
        rounds, coarse = NEAR_ROUNDS, np.stack([*map(frames.to_unit, starts)])
    body = _body(small)
    transforms = search(model, body, rounds, coarse, start)
    seen = _seen(body, viewpoint, frames)
    candidates = best_candidates(model, small, seen, transforms)
    return Found(frames, scan.points, small, seen, candidates, viewpoint, start)


def found_at(
    model: NominalModel, scan: PointCloud, pose: FloatArray, viewpoint: FloatArray | None
) -> Found:
    """The one ``pose`` (4, 4) ``T_part_scan`` that ``scan`` is known to have."""
    frames, small = _prepared(model, scan, viewpoint, from_viewpoint=False)
    seen = _seen(_body(small), viewpoint, frames)
    candidate = measured(model.fine, small, seen, frames.to_unit(pose))
    return Found(frames, scan.points, small, seen, [candidate], viewpoint, None)


def _prepared(
    model: NominalModel, scan: PointCloud, viewpoint: FloatArray | None, *, from_viewpoint: bool
) -> tuple[Frames, Scan]:
    """As many of the points as are enough to tell a pose, at unit size."""
    step = -(-len(scan) // MOST_MEASURED)
    normals = None if scan.normals is None else scan.normals[::step]
    few = PointCloud(scan.points[::step], normals)
    size = model.mesh.diagonal
    frames = Frames(model.center, _middle(few.points, size), size)
    return frames, _at_unit_size(few, viewpoint, frames, from_viewpoint=from_viewpoint)


def _body(scan: Scan) -> Scan:
    """The points that may be of the part: none is farther than its diagonal from its middle."""
    near = np.linalg.norm(scan.points, axis=1) <= 1.0
    return scan.of(near & ~isolated(scan.points))


def _seen(body: Scan, viewpoint: FloatArray | None, frames: Frames) -> Seen:
    eye = None if viewpoint is None else (viewpoint - frames.middle) / frames.size
    return Seen.of(body.thinned(FINE_POINTS), eye)


def _vector(values: FloatArray) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"
