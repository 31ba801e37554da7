"""The part in the scene: which points of a placed scan belong to the part.

Points are told apart by their distance to the nominal surface that faces the same way, in pieces:
what does not fit the surface stays where it is a defect, such as a deposit or a bent arm, and goes
where it is a table, a fixture, the background or a stray point. A defect reaches a little out of
the part, or lies over surface that it has taken the place of; a table meets the part along a line.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.children import threads
from backend.cloud import PointCloud
from backend.geometry.normals import estimate_normals, orient_towards
from backend.registration.nominal_model import NominalModel
from shared_schema.record import CroppingReport

METHOD = "pieces over the nominal surface"
# Points fit the surface within this many standard deviations plus the spacing of the samples.
SIGMAS = 4.0
# Number of points that are judged; every other point follows the nearest of these.
LOOKED_AT = 60_000
# Normals are fitted to a disc of this many standard deviations of the noise, within these numbers
# of points.
NORMAL_SIGMAS = 3.0
FEWEST_NORMAL_POINTS, MOST_NORMAL_POINTS = 16, 64
# A normal that is turned by this cosine counts as much as a distance of the whole reach.
TURNED = 0.5
# Normals are used if they point outward on at least this share of the points that fit.
ORIENTED = 0.8
# The scan shows one side if the mean of its unit normals is at least this long.
ONE_SIDED = 0.3
# Points up to this many spacings apart belong to one piece.
GAP = 4.0
AREA_NEIGHBORS = 8
NEIGHBORS = 16
TINY = float(np.finfo(float).tiny)


# A crop is in doubt if it would take more than this share of the points on the nominal surface.
MOST_LOST = 0.3


@dataclass(frozen=True)
class CropSettings:
    """What of a scan stays beside the points that fit; the same settings give the same points.

    Attributes:
        margin: a piece that touches the part may reach so far out of it, as a ratio of the nominal
            diagonal.
        displaced: a piece that touches the part and lies over nominal surface of about its own area
            may reach so far.
        apart: likewise a piece that does not touch it, as the sensor does not see its flanks.
        area: at most how many times as large as that surface the piece is.
        agreement: at least how much its normals are those of that surface, as a mean cosine.
        fewest: smallest number of points of a piece that does not touch the part.
    """

    margin: float = 0.06
    displaced: float = 0.3
    apart: float = 0.12
    area: float = 3.0
    agreement: float = 0.4
    fewest: int = 30


DEFAULT = CropSettings()


@dataclass(frozen=True, eq=False)
class Crop:
    """What was found.

    Attributes:
        stays: (N,) bool, the points that belong to the part; all of them where that is in doubt.
        record: how it was found, as a document: all that is needed to find it again, and a
            ``notice``, a whole sentence for the user, or None.
    """

    stays: BoolArray
    record: CroppingReport

    def of(self, cloud: PointCloud) -> PointCloud:
        """The points of ``cloud``, the scan in any frame, that stay; its notices tell of it."""
        part = cloud if self.stays.all() else cloud.cropped(self.stays)
        return replace(part, notices=(*part.notices, *self.notices))

    @property
    def notices(self) -> tuple[str, ...]:
        """The notices for the user, as in ``PointCloud.notices``."""
        return () if self.record.notice is None else (self.record.notice,)


def crop(
    placed: PointCloud,
    nominal: NominalModel,
    *,
    noise: float,
    on_part: BoolArray,
    viewpoint: FloatArray | None = None,
    settings: CropSettings = DEFAULT,
) -> Crop:
    """Tell the points of a placed scan that belong to the part, unless the pose is in doubt.

    Args:
        placed: N points in the part frame and unit.
        nominal: the nominal model, in the same.
        noise: standard deviation of the points on the part about its surface.
        on_part: (N,) bool, the points that the registration found on the surface.
        viewpoint: (3,) where the sensor stood, in the part frame.
        settings: what else stays.
    """
    stays = part_of_scene(placed, nominal, noise=noise, viewpoint=viewpoint, settings=settings)
    lost = int((on_part & ~stays).sum())
    doubt = lost > MOST_LOST * on_part.sum()
    cut = 0 if doubt else int((~stays).sum())
    notice = f"{cut:,} of {len(placed):,} points do not belong to the part and were cut away"
    if doubt:
        stays = np.ones(len(placed), dtype=bool)
        notice = (
            f"the scan was not cropped, because that would cut {lost:,} of {on_part.sum():,} "
            "points on the nominal model; check the pose, or cut the surroundings away by hand"
        )
    record = CroppingReport(
        method=METHOD,
        settings=asdict(settings),
        noise=noise,
        points=len(placed),
        cut=cut,
        in_doubt=bool(doubt),
        notice=notice if doubt or cut else None,
    )
    return Crop(stays, record)


def part_of_scene(
    placed: PointCloud,
    nominal: NominalModel,
    *,
    noise: float,
    viewpoint: FloatArray | None = None,
    settings: CropSettings = DEFAULT,
) -> BoolArray:
    """Which points (N,) of a placed scan belong to the part; arguments as of ``crop``."""
    rows = np.arange(0, len(placed), max(1, -(-len(placed) // LOOKED_AT)))
    looked = _look(placed.points[rows], nominal, noise, viewpoint)
    stays = _stays(looked, nominal.mesh.diagonal, settings)
    if len(rows) == len(placed):
        return stays
    distance, nearest = looked.cloud.tree.query(placed.points, workers=threads())
    # Beyond the gap from all that was looked at, a point is a stray one.
    return np.asarray(stays[nearest] & (distance <= GAP * looked.spacing))


@dataclass(frozen=True, eq=False)
class _Looked:
    """Some points of the scan against the nominal surface.

    Attributes:
        cloud: P points in the part frame.
        spacing: edge of the square that each of them stands for, in the middle.
        normals: (P, 3) unit.
        distance: (P,) to the surface.
        nearest: (P, 3) place on it.
        towards: (P, 3) its normals there.
        fits: (P,) bool, near enough to surface that faces the same way.
    """

    cloud: PointCloud
    spacing: float
    normals: FloatArray
    distance: FloatArray
    nearest: FloatArray
    towards: FloatArray
    fits: BoolArray


def _look(
    points: FloatArray, nominal: NominalModel, noise: float, viewpoint: FloatArray | None
) -> _Looked:
    surface, cloud = nominal.even_samples, PointCloud(points)
    assert surface.normals is not None  # a subsampled surface has them
    reach, spacing = SIGMAS * noise + surface.spacing, _spacing(cloud)
    distance, rows = surface.tree.query(points, workers=threads())
    near, towards = distance <= reach, surface.normals[rows]
    normals = _oriented(cloud, noise / spacing, towards, near, viewpoint)
    # In six dimensions, surface that faces another way is far.
    weight = reach / np.sqrt(2.0 - 2.0 * TURNED)
    tree = cKDTree(np.hstack([surface.points, weight * surface.normals]))
    turned, _ = tree.query(
        np.hstack([points, weight * normals]), distance_upper_bound=1.5 * reach, workers=threads()
    )
    fits = near & (turned <= np.sqrt(2.0) * reach)
    return _Looked(cloud, spacing, normals, distance, surface.points[rows], towards, fits)


def _spacing(cloud: PointCloud) -> float:
    """Edge of the square that a point stands for, from the median reach of eight neighbours.

    Of the nearest one alone it would be zero where points were scanned twice.
    """
    count = min(AREA_NEIGHBORS + 1, len(cloud))
    reach = np.ravel(cloud.tree.query(cloud.points, k=[count], workers=threads())[0])
    return max(float(np.median(reach)) * np.sqrt(np.pi / AREA_NEIGHBORS), TINY)


def _oriented(
    cloud: PointCloud,
    noise: float,
    towards: FloatArray,
    near: BoolArray,
    viewpoint: FloatArray | None,
) -> FloatArray:
    """Normals (P, 3) that point to the side from which the surface was seen, where that is known.

    It is by the viewpoint, or by the mean normal of the surface that was seen. Where neither agrees
    with the nominal surface, each normal is turned to it. ``noise`` is in spacings.
    """
    area = np.pi * (NORMAL_SIGMAS * noise) ** 2
    count = int(np.clip(area, FEWEST_NORMAL_POINTS, MOST_NORMAL_POINTS))
    normals = estimate_normals(cloud.points, cloud.tree, count)
    mean = towards[near].mean(axis=0) if near.any() else np.zeros(3)
    eyes = [] if viewpoint is None else [viewpoint]
    if np.linalg.norm(mean) >= ONE_SIDED:
        eyes.append(cloud.points + mean)
    for eye in eyes:
        oriented = orient_towards(cloud.points, normals, eye)
        if (np.einsum("pi,pi->p", oriented, towards)[near] > 0).mean() >= ORIENTED:
            return oriented
    return orient_towards(cloud.points, normals, cloud.points + towards)


def _stays(looked: _Looked, diagonal: float, settings: CropSettings) -> BoolArray:
    """Which points (P,) fit, or are of a piece that stays."""
    stays = looked.fits.copy()
    off = np.flatnonzero(~looked.fits)
    if len(off) == 0:
        return stays
    edges = _edges(looked.cloud, GAP * looked.spacing)
    across = looked.fits[edges[:, 0]] != looked.fits[edges[:, 1]]
    piece = _pieces(edges[~across], len(looked.cloud))
    of = piece[off]
    count, cosine = np.bincount(of), np.einsum("pi,pi->p", looked.normals, looked.towards)
    agreement = np.bincount(of, cosine[off]) / np.maximum(count, 1)
    farthest = np.zeros(len(count))
    np.maximum.at(farthest, of, looked.distance[off] / diagonal)
    touches = np.zeros(len(count), dtype=bool)
    beside = piece[edges[across]].ravel()
    touches[beside[beside < len(count)]] = True
    cell = 2.0 * looked.spacing
    area, beneath = (_cells(p[off], of, cell) for p in (looked.cloud.points, looked.nearest))
    reach = np.where(touches, settings.displaced, settings.apart)
    displaced = (farthest <= reach) & (area <= settings.area * beneath)
    displaced &= (agreement >= settings.agreement) & (touches | (count >= settings.fewest))
    stays[off] = (displaced | (touches & (farthest <= settings.margin)))[of]
    return stays


def _edges(cloud: PointCloud, gap: float) -> IntArray:
    """Pairs (E, 2) of neighbours that are not farther apart than ``gap``."""
    count = min(NEIGHBORS + 1, len(cloud))
    _, ends = cloud.tree.query(cloud.points, k=count, distance_upper_bound=gap, workers=threads())
    pairs = np.stack([np.repeat(np.arange(len(cloud)), count), np.ravel(ends)], axis=1)
    return pairs[(pairs[:, 1] < len(cloud)) & (pairs[:, 1] != pairs[:, 0])]


def _pieces(edges: IntArray, count: int) -> IntArray:
    """The number (P,) of each point's piece, of ``count`` points."""
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _cells(places: FloatArray, of: IntArray, cell: float) -> FloatArray:
    """How many cubes of a grid the places (Q, 3) of each piece lie in."""
    index = np.floor((places - places.min(axis=0)) / cell).astype(np.int64)
    rows = np.unique(np.column_stack([of, index]), axis=0)
    return np.bincount(rows[:, 0], minlength=int(of.max()) + 1).astype(np.float64)
