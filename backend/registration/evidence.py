"""What speaks for a pose and what against it: noise, surface that is seen, and free space.

A sensor measures one depth along each ray. Of the nominal surface that should be seen it therefore
tells three things: it is seen where a point lies on it; it is hidden where something nearer was
measured; and it is contradicted where the ray went on through it. What a scan shows beside the part
counts for nothing. All of it runs at unit size, in the part's frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, Delaunay, QhullError, cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.children import threads
from backend.geometry.transform import transform_points
from backend.registration.improve import MOST_OFFSET, STRAY, SURFACE_ERROR, log_likelihood
from backend.registration.nominal_model import FIT_DISTANCE, Matches, Scan, Side, SurfaceSamples
from backend.registration.view import cell_keys, picture, roughness, visible

# Points up to so far over or under the surface tell how noisy the points on the part are.
NOISE_REACH = 0.05
NOISE_BINS = 1_000
NOISE_STEPS = 50
LEAST_NOISE = 1e-4
# Points of the part lie within this many standard deviations plus the error of the samples.
ON_PART = 3.0

# Whether surface at a smaller cosine of incidence is in the scan is a matter of chance.
LEAST_COSINE = 0.35
# A sample counts as seen if a point lies within this many spacings plus the noise.
SEEN_IN_SPACINGS = 1.5
# A given viewpoint is used if more than this share of the surface faces it.
LEAST_FACING = 0.7
# Points this near to the surface, at unit size, are said to be of the part or not.
NEAR = 0.1
# Cells of a picture hold a few points each.
CELL_IN_SPACINGS = 2.0
# Where the sensor may have stood, in diagonals from the part, if nobody says.
STANDPOINTS = (1.5, 6.0)


@dataclass(frozen=True, eq=False)
class Noise:
    """Of the points on the part: their spread about the surface, at unit size.

    Attributes:
        sigma: standard deviation of their heights.
        middle: mean of their heights.
        on_part: (P,) bool, which points they are.
    """

    sigma: float
    middle: float
    on_part: BoolArray

    @property
    def reach(self) -> float:
        """How far from the surface, moved by ``middle``, points of the part lie at most."""
        return ON_PART * max(self.sigma, SURFACE_ERROR)


def measure_noise(matches: Matches) -> Noise:
    """Tell the points (P,) on the part from the others about it by their heights alone.

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
        share = min(float(weights.sum() / counts.sum()), 1.0 - STRAY)
        middle = float(weights @ heights / weights.sum())
        middle = float(np.clip(middle, -MOST_OFFSET, MOST_OFFSET))
        sigma = max(np.sqrt(weights @ (heights - middle) ** 2 / weights.sum()), LEAST_NOISE)
    found = Noise(float(sigma), float(middle), np.zeros(0, dtype=bool))
    return Noise(found.sigma, found.middle, matches.distance(middle) <= found.reach)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Of a pose.

    Attributes:
        noise: of the points against the surface that can be seen.
        likelihood: (P,) logarithm of each point's, by its distance from that surface.
        coverage: share of the surface that should be seen and is, in [0, 1]; None where it is not
            known from where the scan was taken.
        agreement: share of the points that should be on the surface and are, in [0, 1]: of those on
            rays that meet it, or of those near it where it is not known from where it was seen.
        contradiction: share of the rays that meet the surface but were measured clearly behind it,
            in [0, 1]; None likewise.
        front: samples of the surface that can be seen.
    """

    noise: Noise
    likelihood: FloatArray
    coverage: float | None
    agreement: float
    contradiction: float | None
    front: SurfaceSamples


@dataclass(frozen=True, eq=False)
class Seen:
    """Scan points (P, 3) at unit size, few enough to be compared with many poses."""

    scan: Scan
    eye: FloatArray | None
    tree: cKDTree
    spacing: float
    roughness: float

    @classmethod
    def of(cls, scan: Scan, eye: FloatArray | None) -> Seen:
        """Index the points; ``eye`` (3,) is where the sensor stood, if known."""
        tree = cKDTree(scan.points)
        spacing = float(np.median(tree.query(scan.points, k=2)[0][:, 1]))
        return cls(scan, eye, tree, spacing, roughness(scan.points))

    def moved(self, transform: FloatArray) -> Seen:
        """The same seen through ``transform`` (4, 4), a reflection."""
        outward, turn = self.scan.outward, transform[:3, :3]
        scan = Scan(
            transform_points(transform, self.scan.points),
            None if outward is None else outward @ turn.T,
            self.scan.side,
            None,
        )
        eye = None if self.eye is None else transform_points(transform, self.eye)
        return Seen(scan, eye, cKDTree(scan.points), self.spacing, self.roughness)


def weigh(surface: SurfaceSamples, seen: Seen, pose: FloatArray) -> Evidence:
    """Compare the samples of ``surface`` with what was seen under ``pose`` (4, 4)."""
    points = transform_points(pose, seen.scan.points)
    eyes = _eyes(surface, seen, pose, points)
    found = [_from(surface, seen, pose, points, eye) for eye in eyes]
    return max(found, key=lambda evidence: float(evidence.likelihood.mean()))


def _eyes(
    surface: SurfaceSamples, seen: Seen, pose: FloatArray, points: FloatArray
) -> list[FloatArray] | list[None]:
    """Where (3,) in the part's frame the sensor may have stood; None for a scan of several views.

    A given viewpoint that most of the surface is turned away from is not where it stood.
    """
    if seen.scan.side is Side.UNKNOWN or seen.scan.outward is None:
        return [None]
    matches = surface.match(points)
    on = matches.distance() <= 2.0 * FIT_DISTANCE
    if seen.eye is not None:
        eye = transform_points(pose, seen.eye)
        rays = np.einsum("pi,pi->p", eye - points[on], matches.normals[on])
        if seen.scan.side is Side.VIEWPOINT or (rays > 0.0).sum() > LEAST_FACING * on.sum():
            return [eye]
    axis = pose[:3, :3] @ seen.scan.outward[0]
    towards = np.copysign(1.0, (matches.normals[on] @ axis).sum()) * axis
    middle = points[on].mean(axis=0) if on.any() else points.mean(axis=0)
    return [middle + far * towards for far in STANDPOINTS]


def _from(
    surface: SurfaceSamples,
    seen: Seen,
    pose: FloatArray,
    points: FloatArray,
    eye: FloatArray | None,
) -> Evidence:
    """The evidence if the sensor stood at ``eye`` (3,)."""
    if eye is None:
        matches = surface.match(points)
        noise, likelihood = _likelihood(matches)
        near = matches.distance() <= NEAR
        return Evidence(noise, likelihood, None, _share(noise.on_part, near), None, surface)
    cosine = visible(surface.points, surface.normals, surface.radius, eye)
    front = surface.subset(cosine > 0.0)
    noise, likelihood = _likelihood(front.match(points))
    steady = cosine[cosine > 0.0] > LEAST_COSINE
    reach = noise.reach + SEEN_IN_SPACINGS * surface.radius + seen.spacing
    back = (front.points - pose[:3, 3]) @ pose[:3, :3]
    found = np.isfinite(seen.tree.query(back, distance_upper_bound=reach, workers=threads())[0])
    view = _View.of(front.points - eye, points - eye, max(front.radius, seen.spacing))
    expected = steady & (found | view.looked_at(reach))
    met = view.point_cell >= 0
    return Evidence(
        noise,
        likelihood,
        _share(found, expected),
        _share(noise.on_part, met),
        _share(view.behind(reach) & ~noise.on_part, met),
        front,
    )


def _share(kind: BoolArray, among: BoolArray) -> float:
    return float(kind[among].mean()) if among.any() else 0.0


def _likelihood(matches: Matches) -> tuple[Noise, FloatArray]:
    noise = measure_noise(matches)
    return noise, log_likelihood(matches.distance(noise.middle), max(noise.sigma, SURFACE_ERROR))


@dataclass(frozen=True, eq=False)
class _View:
    """Visible samples (N,) and scan points (P,) in one picture.

    Attributes:
        sample_cell, point_cell: (N,) and (P,) rows of the same cells; -1 of points where no sample
            is.
        sample_far, point_far: their distances from the eye.
        in_field: (N,) bool, samples within the outline of all points.
        cell: edge of a cell.
    """

    sample_cell: IntArray
    point_cell: IntArray
    sample_far: FloatArray
    point_far: FloatArray
    in_field: BoolArray
    cell: float

    @classmethod
    def of(cls, samples: FloatArray, points: FloatArray, spacing: float) -> _View:
        """Of rays (N, 3) and (P, 3) from the eye."""
        axis, cell = samples.mean(axis=0), CELL_IN_SPACINGS * spacing
        flat, _ = picture(samples, axis)
        points_flat, before = picture(points, axis)
        keys, sample_cell = np.unique(cell_keys(flat, cell), return_inverse=True)
        point_keys = cell_keys(points_flat, cell)
        row = np.searchsorted(keys, point_keys).clip(0, len(keys) - 1)
        return cls(
            sample_cell,
            np.where(before & (keys[row] == point_keys), row, -1),
            np.linalg.norm(samples, axis=1),
            np.linalg.norm(points, axis=1),
            _within_outline(points_flat[before], flat),
            cell,
        )

    def behind(self, reach: float) -> BoolArray:
        """Points (P,) that were measured clearly behind all surface of their cell."""
        last = np.zeros(self.sample_cell.max() + 1)
        np.maximum.at(last, self.sample_cell, self.sample_far)
        met = self.point_cell >= 0
        return met & (self.point_far > last[self.point_cell] + reach + 2.0 * self.cell)

    def looked_at(self, reach: float) -> BoolArray:
        """Samples (N,) in the scan's outline that nothing hides which was measured before them."""
        nearest = np.full(self.sample_cell.max() + 1, np.inf)
        met = self.point_cell >= 0
        np.minimum.at(nearest, self.point_cell[met], self.point_far[met])
        hidden = nearest[self.sample_cell] < self.sample_far - reach - 2.0 * self.cell
        return self.in_field & ~hidden


def _within_outline(outline: FloatArray, places: FloatArray) -> BoolArray:
    """Which of ``places`` (N, 2) lie in the convex hull of ``outline`` (P, 2)."""
    try:
        hull = outline[ConvexHull(outline).vertices]
    except (QhullError, ValueError):
        return np.zeros(len(places), dtype=bool)  # a line, or nothing at all
    return np.asarray(Delaunay(hull).find_simplex(places) >= 0)
