"""Where a scan may lie on the nominal model: the whole search, in the clouds' own lengths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray
from backend.children import threads
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
class UnitFrame:
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


@dataclass(frozen=True, eq=False)
class Shape:
    """What a scan shows whatever its pose and size, of the points that poses are measured by.

    Attributes:
        strays: (P,) bool, points that are far from all others.
        axis: (3,) unit, along which it was seen, in either sense; None for one of several views.
    """

    strays: BoolArray
    axis: FloatArray | None

    @classmethod
    def of(cls, points: FloatArray) -> Shape:
        """Of ``points`` (P, 3)."""
        strays = isolated(points)
        return cls(strays, seen_along(points[~strays]))

    def mirrored(self, signs: FloatArray) -> Shape:
        """Of the same scan whose coordinates are taken times ``signs`` (3,)."""
        return Shape(self.strays, None if self.axis is None else self.axis * signs)


def _at_unit_size(
    points: FloatArray,
    normals: FloatArray | None,
    axis: FloatArray | None,
    eye: FloatArray | None,
    *,
    from_viewpoint: bool,
) -> Scan:
    """The ``points`` (P, 3) with what is known of their sides; all of it is at unit size."""
    said = normals
    if eye is not None:
        rays = eye - points
        said = rays / np.linalg.norm(rays, axis=1, keepdims=True).clip(1e-12)
    if from_viewpoint:
        return Scan(points, said, Side.VIEWPOINT, said)
    if axis is not None:
        return Scan(points, np.broadcast_to(axis, points.shape), Side.AXIS, said)
    return Scan(points, None, Side.UNKNOWN, said)


@dataclass(frozen=True, eq=False)
class Found:
    """The poses of a scan.

    Attributes:
        frames: between the clouds and unit size.
        points: (N, 3) of the scan, as it is.
        scan: the points that poses are measured by.
        shape: of these points.
        body: those of them that may be of the part.
        seen: fewer points, that they were judged by.
        candidates: the most likely ones, best first.
        viewpoint: (3,) that was given, in the scan's frame, or None.
        start: (4, 4) that is preferred, at unit size, or None.
    """

    frames: UnitFrame
    points: FloatArray
    scan: Scan
    shape: Shape
    body: Scan
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
        facing = None if self.viewpoint is None else self.equal[0].on_all.facing
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
    counts = cKDTree(points).query_ball_point(
        few, size / 2.0, return_length=True, workers=threads()
    )
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
    shape: Shape | None = None,
    least: float = -np.inf,
) -> Found:
    """Search for the poses of ``scan`` on ``target``; the arguments are those of ``register``.

    Args:
        from_viewpoint: only poses that show the surface to it are looked for.
        shape: of the scan, if it is known already.
        least: likelihood that must be reached; where no pose can, no candidates are found.
    """
    found = _prepared(model, scan, viewpoint, prefer, from_viewpoint=from_viewpoint, shape=shape)
    if starts is None:
        rounds, coarse = ROUNDS, coarse_poses(model.unit_mesh, rng)
    else:
        rounds, coarse = NEAR_ROUNDS, np.stack([*map(found.frames.to_unit, starts)])
    transforms = search(model, found.body, rounds, coarse, found.start)
    candidates = best_candidates(model, found.scan, found.seen, transforms, least)
    return replace(found, candidates=candidates)


def candidates_near(model: NominalModel, found: Found, starts: FloatArray) -> list[Candidate]:
    """The poses of the same scan to which ``starts`` (S, 4, 4) at unit size lead, best first."""
    transforms = search(model, found.body, NEAR_ROUNDS, starts, None)
    return best_candidates(model, found.scan, found.seen, transforms)


def found_at(
    model: NominalModel, scan: PointCloud, pose: FloatArray, viewpoint: FloatArray | None
) -> Found:
    """The one ``pose`` (4, 4) ``T_part_scan`` that ``scan`` is known to have."""
    found = _prepared(model, scan, viewpoint)
    one = measured(model.fine, found.scan, found.seen, found.frames.to_unit(pose))
    return replace(found, candidates=[one])


def _prepared(
    model: NominalModel,
    scan: PointCloud,
    viewpoint: FloatArray | None,
    prefer: FloatArray | None = None,
    *,
    from_viewpoint: bool = False,
    shape: Shape | None = None,
) -> Found:
    """As many of the points as are enough to tell a pose, at unit size, and no pose yet."""
    step = -(-len(scan) // MOST_MEASURED)
    few, normals = scan.points[::step], None if scan.normals is None else scan.normals[::step]
    frames = UnitFrame(model.center, _middle(few, model.mesh.diagonal), model.mesh.diagonal)
    points = (few - frames.middle) / frames.size
    eye = None if viewpoint is None else (viewpoint - frames.middle) / frames.size
    shape = shape or Shape.of(points)
    small = _at_unit_size(points, normals, shape.axis, eye, from_viewpoint=from_viewpoint)
    # No point of the part is farther than its diagonal from its middle.
    body = small.of((np.linalg.norm(points, axis=1) <= 1.0) & ~shape.strays)
    seen = Seen.of(body.thinned(FINE_POINTS), eye)
    start = None if prefer is None else frames.to_unit(prefer)
    return Found(frames, scan.points, small, shape, body, seen, [], viewpoint, start)


def _vector(values: FloatArray) -> str:
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"
