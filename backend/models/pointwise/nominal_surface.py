"""Rigid parts against their nominal model: how high each point lies over it, place by place.

Comparison with the model sees what surroundings do not tell, such as a bend or a shallow dent.
Heights are in units of how much nominal scans differ at the same place, and from their mean there,
so that what is always a little off, as by shrinkage or a fillet left out of the model, is nominal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.children import threads
from backend.cloud import PointCloud
from backend.cloud.normals import orient_as
from backend.cloud.surface import SCANS, SPREAD, surface_points
from backend.errors import CheckpointError
from backend.geometry.normals import estimate_normals
from backend.geometry.transform import rotation_of, transform_points
from backend.models.family import Placement
from backend.models.pointwise.preparation import PreparedCloud
from backend.progress import Progress, silent, track
from backend.registration import Fit, NominalModel, principal_poses, register
from backend.registration.nominal_model import nominal_model
from backend.registration.part_finder import PartFinder

MOST_PLACES = 1_000
POINTS_PER_PLACE = 40
SMOOTHING = 16
# Number of nearest points; a height beyond all but one of theirs is that of a stray point.
AROUND = 8
SEED = 0
# With this many points, the statistics of a place weigh as much as those of all places.
PRIOR_POINTS = 10.0
SMALLEST_SPREAD = 1e-6
MOST_POSES = 8
# A scan is taken to be placed if it fits nearly as well as nominal ones; else all poses are tried.
LOST_FITNESS = 0.1
TIMES_RMSE = 4.0


@dataclass(frozen=True)
class UsualFit:
    """How well nominal scans fit the model, at worst; see ``Fit``. Lengths at unit scale.

    Attributes:
        fitness, rmse: of the poses.
        coverage: least share of the places that a nominal scan shows; 0 where it is not known.
    """

    fitness: float = 0.0
    rmse: float = 0.0
    coverage: float = 0.0

    @classmethod
    def of(cls, fits: Sequence[Fit], coverage: float = 0.0) -> UsualFit:
        """The worst of each."""
        return cls(min(fit.fitness for fit in fits), max(fit.rmse for fit in fits), coverage)

    def allows(self, fit: Fit) -> bool:
        """Whether a scan with a defect may fit like that, so that no other pose need be tried."""
        near = fit.rmse <= TIMES_RMSE * self.rmse
        return near and fit.fitness >= self.fitness - LOST_FITNESS

    def doubts(self, fit: Fit) -> Iterator[str]:
        """Why the pose of a scan with this fit may be wrong."""
        if not self.allows(fit):
            yield (
                f"the pose of the part is in doubt: {fit.fitness:.0%} of the scan lies on the "
                f"nominal model, of nominal scans at least {self.fitness:.0%}"
            )


@dataclass(frozen=True, eq=False)
class SurfaceComparison:
    """A scan of M points on the nominal surface, all at unit scale.

    Attributes:
        heights: (M,) above where nominal scans lie at the same place; negative below.
        spread: (M,) standard deviation of nominal scans there.
        placement: the points on the model.
    """

    heights: FloatArray
    spread: FloatArray
    placement: Placement

    @property
    def deviations(self) -> FloatArray:
        """(M,) heights in units of the spread, without their sign."""
        return np.abs(self.heights) / self.spread


@dataclass(frozen=True, eq=False)
class NominalSurface:
    """A category's nominal model at unit scale, and how nominal scans differ from it.

    Attributes:
        mesh: of V vertices and F faces; or, if the model is fused, V points with normals.
        places: K points spread over it, with normals.
        mean, spread: (K,) of the heights of nominal scans near each place.
        poses: (P, 4, 4) of nominal scans, where others are looked for first.
        usual: what nominal scans fit like.
        visible: (K,) bool, the places that nominal scans show, all together; None of models of
            earlier versions, which do not know it.
    """

    mesh: PointCloud
    places: PointCloud
    mean: FloatArray
    spread: FloatArray
    poses: FloatArray = field(default_factory=lambda: _poses([]))
    usual: UsualFit = field(default_factory=UsualFit)
    visible: BoolArray | None = None

    @classmethod
    def fit(
        cls,
        mesh: PointCloud,
        clouds: Sequence[PreparedCloud],
        progress: Progress = silent,
        step: str = "Placing scans",
    ) -> NominalSurface:
        """Learn from nominal ``clouds``.

        Args:
            mesh: the nominal model, a mesh or a fused one, in the clouds' unit, the normalization's
                scale; any frame.
            clouds: at least one.
            progress: follows the work on them.
            step: what the progress calls it.

        Raises:
            CloudError: the model has no faces.
            RegistrationError: a scan does not fit the model.
        """
        points = sum(len(cloud.rows) for cloud in clouds)
        count = min(MOST_PLACES, 1 + points // POINTS_PER_PLACE)
        places = surface_points(mesh, count, np.random.default_rng(SEED))
        surface = cls(mesh, places, np.zeros(len(places)), np.ones(len(places)))
        model = nominal_model(mesh)
        usual = UsualFit()
        fits: list[Fit] = []
        found = []
        for cloud in track(progress, clouds, step):
            poses = _poses(fits)
            fits.append(_place(model, _scan_of(cloud), poses, usual, judge=True))
            usual = UsualFit.of(fits)
            found.append(surface._heights(cloud, fits[-1].T_part_scan))
        heights, rows = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        mean, spread = _statistics(heights, rows, len(places))
        usual = UsualFit.of(fits, min(surface._seen(own).mean() for _, own in found))
        return replace(
            surface,
            mean=mean,
            spread=spread,
            poses=_poses(fits),
            usual=usual,
            visible=surface._seen(rows),
        )

    def compare(self, cloud: PreparedCloud) -> SurfaceComparison:
        """How the points of a scan lie over the usual height at their place.

        Raises:
            RegistrationError: it is much smaller than the part.
        """
        fit = _place(self._model, _scan_of(cloud), self.poses, self.usual)
        heights, rows = self._heights(cloud, fit.T_part_scan)
        return SurfaceComparison(
            heights - self.mean[rows],
            self.spread[rows],
            self._placement(cloud, fit, self._seen(rows)),
        )

    def _placement(self, cloud: PreparedCloud, fit: Fit, seen: BoolArray) -> Placement:
        visible = np.ones_like(seen) if self.visible is None else self.visible
        return Placement(
            transform_points(fit.T_part_scan, cloud.points),
            cloud.normals @ rotation_of(fit.T_part_scan).T,
            seen,
            visible,
            self.usual.coverage,
            tuple(self.usual.doubts(fit)),
        )

    def _seen(self, rows: IntArray) -> BoolArray:
        """(K,) the places to which some points of a scan belong; ``rows`` (M,) are theirs."""
        return np.bincount(rows, minlength=len(self.places)) > 0

    def outward(self, points: FloatArray) -> FloatArray:
        """Outward normals (M, 3) of the bare ``points`` (M, 3) of a scan, as the model has them.

        Where openings or deep places part a scan, its points alone do not tell its outside.

        Raises:
            RegistrationError: it is much smaller than the part.
        """
        pose = _place(self._model, PointCloud(points), self.poses, self.usual).T_part_scan
        placed = PointCloud(transform_points(pose, points))
        normals = estimate_normals(placed.points, placed.tree)
        return orient_as(self._model.even_samples, placed.points, normals) @ rotation_of(pose)

    def _heights(self, cloud: PreparedCloud, pose: FloatArray) -> tuple[FloatArray, IntArray]:
        """Heights (M,) of the placed points over the model, smoothed, and their places' rows."""
        points = transform_points(pose, cloud.points)
        samples = self._model.even_samples
        normals = samples.normals
        assert normals is not None  # a subsampled surface has them
        _, nearest = samples.tree.query(points, workers=threads())
        apart = points - samples.points[nearest]
        above = np.einsum("mi,mi->m", apart, normals[nearest])
        # Each sample stands for a disc about it: what lies beside the model is off it, too.
        beside = np.linalg.norm(apart - above[:, None] * normals[nearest], axis=1)
        heights = np.copysign(np.hypot(above, (beside - samples.spacing).clip(0.0)), above)
        heights = _without_spikes(heights, cloud.neighbors[:, 1 : AROUND + 1])
        smooth = heights[cloud.neighbors[:, :SMOOTHING]].mean(axis=1)
        return smooth, self._tree.query(self._oriented(samples.points, normals)[nearest])[1]

    @cached_property
    def finder(self) -> PartFinder:
        """Finds the part in scans at unit scale, first where nominal ones showed it."""
        return PartFinder(self._model, tuple(self.poses))

    @cached_property
    def _model(self) -> NominalModel:
        return nominal_model(self.mesh)

    @cached_property
    def _tree(self) -> cKDTree:
        assert self.places.normals is not None  # a subsampled surface has them
        return cKDTree(self._oriented(self.places.points, self.places.normals))

    def _oriented(self, points: FloatArray, normals: FloatArray) -> FloatArray:
        """Places (N, 6) that are far apart on the two sides of a thin wall."""
        return np.hstack([points, self.places.spacing * normals])

    def to_checkpoint(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and a JSON document."""
        normals = self.places.normals
        assert normals is not None  # it could not have been fitted
        arrays = {
            "vertices": self.mesh.points,
            **_surface_arrays(self.mesh),
            "places": self.places.points,
            "normals": normals,
            "mean": self.mean,
            "spread": self.spread,
            "poses": self.poses,
        }
        if self.visible is not None:
            arrays["visible"] = self.visible
        return {name: torch.from_numpy(a) for name, a in arrays.items()}, asdict(self.usual)

    @classmethod
    def from_checkpoint(
        cls, tensors: Mapping[str, torch.Tensor], document: Mapping[str, Any]
    ) -> NominalSurface:
        """The inverse of ``to_checkpoint``.

        Raises:
            CheckpointError: something is missing.
        """
        try:
            arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
            mesh = _surface_of(arrays)
            usual = UsualFit(**document)
            places = PointCloud(arrays["places"], arrays["normals"])
            statistics = (arrays["mean"], arrays["spread"])
            visible = arrays.get("visible")
            return cls(mesh, places, *statistics, arrays["poses"], usual, visible)
        except (KeyError, TypeError) as error:
            raise CheckpointError(f"the nominal surface is incomplete: {error}") from error


def _surface_arrays(mesh: PointCloud) -> dict[str, NDArray[Any]]:
    """The faces of a mesh; the normals and fields of a fused model."""
    if mesh.faces is not None:
        return {"faces": mesh.faces.astype(np.int32)}
    assert mesh.normals is not None  # a fused model has them
    fields = {f"vertex_{name}": mesh.fields[name] for name in (SCANS, SPREAD)}
    return {"vertex_normals": mesh.normals, **fields}


def _surface_of(arrays: Mapping[str, NDArray[Any]]) -> PointCloud:
    if "faces" in arrays:
        return PointCloud(arrays["vertices"], faces=arrays["faces"].astype(np.int64))
    fields = {name: arrays[f"vertex_{name}"] for name in (SCANS, SPREAD)}
    return PointCloud(arrays["vertices"], arrays["vertex_normals"], fields=fields)


def _scan_of(cloud: PreparedCloud) -> PointCloud:
    return PointCloud(cloud.points, cloud.normals)


def _place(
    model: NominalModel,
    scan: PointCloud,
    poses: FloatArray,
    usual: UsualFit,
    judge: bool = False,
) -> Fit:
    """Where a scan lies on the model: as nominal ones lay, or by principal axes, or anywhere.

    Raises:
        RegistrationError: it is much smaller than the part, or is judged and does not fit.
    """
    starts = np.concatenate([poses, principal_poses(model.mesh, scan)])
    search = partial(register, model, scan)
    near = search(rng=np.random.default_rng(SEED), starts=starts, judge=False)
    if usual.allows(near):
        return near
    anywhere = search(rng=np.random.default_rng(SEED), judge=judge)
    return max(near, anywhere, key=lambda fit: fit.fitness)


def _without_spikes(heights: FloatArray, around: NDArray[np.integer]) -> FloatArray:
    """Heights (M,), none beyond the second highest or lowest of those ``around`` (M, 8) it.

    So a stray point near the surface, or two, lift none of their neighbours. A crack as wide as one
    point stays, since each of its points has two others of it around.
    """
    others = np.sort(heights[around], axis=1)
    return np.clip(heights, others[:, 1], others[:, -2])


def _poses(fits: Sequence[Fit]) -> FloatArray:
    """Of the first scans, (P, 4, 4)."""
    return np.array([fit.T_part_scan for fit in fits[:MOST_POSES]]).reshape(-1, 4, 4)


def _statistics(heights: FloatArray, rows: IntArray, places: int) -> tuple[FloatArray, FloatArray]:
    """Mean and spread (K,) at each place, of heights (N,) that belong to ``rows`` (N,).

    Both are drawn towards those of all places, the more the fewer points a place has.
    """
    count = np.bincount(rows, minlength=places)
    weight = PRIOR_POINTS + count
    middle = float(np.median(heights))
    mean = (PRIOR_POINTS * middle + np.bincount(rows, heights, places)) / weight
    squared = (heights - mean[rows]) ** 2
    variance = (PRIOR_POINTS * squared.mean() + np.bincount(rows, squared, places)) / weight
    return mean, np.maximum(np.sqrt(variance), SMALLEST_SPREAD)
