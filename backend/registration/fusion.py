"""A nominal model made of nominal scans, for rigid parts of which there is no other.

One scan after another is placed on those that are placed already, beginning with the one that shows
most surface; so partial views are joined, too. Then each is placed anew on the half of the scans
that it is not of. Whether the model is to be trusted is told by nominal scans alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from backend.arrays import FloatArray
from backend.children import threads
from backend.cloud import PointCloud
from backend.cloud.normals import with_outward_normals
from backend.cloud.surface import SCANS, SPREAD
from backend.errors import RegistrationError
from backend.geometry.strays import stray_points
from backend.geometry.thinning import thin
from backend.geometry.transform import transform_points
from backend.progress import Following, Progress, following, track
from backend.registration.acceptance import objection
from backend.registration.ambiguity import motion_between
from backend.registration.candidates import DISTINCT, RIVAL_LIKELIHOOD, Candidate
from backend.registration.fused_surface import (
    fused_surface,
    heights,
    left_out_residuals,
    noise_of,
    shrunk_spread,
    square_edge,
)
from backend.registration.nominal_model import NominalModel
from backend.registration.poses import Found, Shape, find_poses
from backend.registration.search import principal_poses

# Points of a scan that are fused at most.
SCAN_POINTS = 30_000
# Fewer scans tell too little of how much nominal ones differ.
FEWEST_SCANS = 3
SEED = 0
# A scan with this share of its points on those placed before, to within 1 % of the diagonal and to
# within its noise, shows nearly the same surface; where several poses fit it alike, the surface is
# the same in all of them.
ENOUGH = 0.95
# A scan that shows other surface needs this share on those placed before, and one pose only.
OVERLAP = 0.3
SWEEPS = 2
# The model is trusted if this share of a scan lies on the surface of others, ...
LEAST_FITNESS = 0.9
# ... if so much of it is no farther from that than this ratio of the diagonal, or than so many
# standard deviations of the noise over short distances, ...
RESIDUAL_SHARE, MOST_RESIDUAL, NOISE_RESIDUAL = 0.9, 0.002, 2.0
# ... and if poses that fit as well are symmetries, which bring this share of the model onto itself.
SYMMETRIC = 0.95


@dataclass(frozen=True)
class Trust:
    """Whether scans can be compared by place, as the nominal ones tell.

    Attributes:
        is_trusted: the decision.
        why: half a sentence.
        scans: how many the model is made of.
        left_out: how many could not be placed.
        held_out: how many others were placed on it.
        fitness: least share of a scan within 1 % of the diagonal of the surface of scans that it is
            not of, in [0, 1]; None where there is no model.
        residual: how far nine tenths of the surface of a scan lie at most from where the other
            scans have it, as a ratio of the diagonal; None likewise.
        margin: by how much a scan is at least likelier, per point, in its pose than in another one
            that is no symmetry of the part; None where no other was found.
    """

    is_trusted: bool
    why: str
    scans: int = 0
    left_out: int = 0
    held_out: int = 0
    fitness: float | None = None
    residual: float | None = None
    margin: float | None = None

    @classmethod
    def declined(cls, why: str, left_out: int) -> Trust:
        """No model could be made of ``left_out`` scans."""
        return cls(False, why, left_out=left_out)


@dataclass(frozen=True, eq=False)
class FusedModel:
    """The surface that nominal scans have in common.

    Attributes:
        surface: M points with outward normals, evenly spread. Its field ``scans`` (M,) int32 counts
            the scans that show each place, ``spread`` (M,) is the standard deviation of their
            heights there, as a ratio of the diagonal.
        poses: (S, 4, 4) ``T_part_scan`` of each scan; NaN of those that could not be placed. The
            part frame is that of the scan that shows most surface.
        trust: whether the model is to be used.

    >>> part = fs.load_sample("motor_holder")
    >>> spread = [fs.subsample_surface(part, 4000, np.random.default_rng(n)) for n in range(3)]
    >>> fused = fs.fuse_scans(spread, progress=None)
    >>> fused.trust.is_trusted, fused.trust.scans, fused.poses.shape
    (True, 3, (3, 4, 4))
    >>> fused.surface
    <PointCloud: ... points with normals, ... mm across>
    """

    surface: PointCloud
    poses: FloatArray
    trust: Trust


@dataclass(frozen=True, eq=False)
class _View:
    """A scan to be fused: N points with outward normals, without strays."""

    cloud: PointCloud

    @classmethod
    def of(cls, scan: PointCloud) -> _View:
        kept = scan.cropped(~stray_points(scan.surroundings))
        few = kept.cropped(thin(kept.points, SCAN_POINTS))
        return cls(with_outward_normals(few)[0])

    @cached_property
    def shape(self) -> Shape:
        """What all searches for its pose need."""
        return Shape.of(self.cloud.points)

    @cached_property
    def area(self) -> float:
        """Of what it shows."""
        return len(self.cloud) * square_edge(self.cloud) ** 2

    def at(self, pose: FloatArray) -> PointCloud:
        """Its points, placed."""
        return self.cloud.transformed(pose)

    def facing_as(self, model: NominalModel, pose: FloatArray) -> _View:
        """With normals to the side that the model has outside; points alone may not tell it."""
        placed, samples = self.at(pose), model.even_samples
        assert placed.normals is not None and samples.normals is not None  # both were given some
        nearest = samples.tree.query(placed.points, workers=threads())[1]
        if (placed.normals * samples.normals[nearest]).sum() >= 0.0:
            return self
        assert self.cloud.normals is not None
        return replace(self, cloud=self.cloud.with_normals(-self.cloud.normals))

    def found(self, model: NominalModel, *, starts: FloatArray | None = None) -> Found:
        """Its poses on a model, near ``starts`` (S, 4, 4) and by its principal axes, or anywhere.

        They are looked for anywhere if the scan does not show nearly the same surface.
        """
        near = principal_poses(model.mesh, self.cloud)
        if starts is not None:
            near = np.concatenate([starts, near])
        found = self._search(model, near)
        if starts is not None or _is_whole(found):
            return found
        return self._search(model, None)

    def _search(self, model: NominalModel, starts: FloatArray | None) -> Found:
        rng = np.random.default_rng(SEED)
        return find_poses(model, self.cloud, rng, starts=starts, shape=self.shape)


def fuse_scans(
    scans: Sequence[PointCloud],
    *,
    held_out: Sequence[PointCloud] = (),
    progress: Following = "bars",
    step: str = "Fusing scans",
) -> FusedModel:
    """Make a nominal model of nominal scans of a rigid part.

    Args:
        scans: of the part alone, in any poses, in one unit; whole ones, or partial views that
            overlap in a chain.
        held_out: further nominal scans, which only tell whether the model is to be trusted.
        progress: ``"bars"`` shows a bar on standard error, if that is a terminal or a notebook;
            None shows nothing; a ``Progress`` is a function of yours, called after each scan.
        step: what the progress calls it.

    Raises:
        RegistrationError: there are fewer than three scans, or fewer than two can be placed.

    >>> fs.fuse_scans(scans[:2])
    Traceback (most recent call last):
    backend.errors.RegistrationError: a nominal model is fused from at least 3 nominal scans, ...
    """
    if len(scans) < FEWEST_SCANS:
        raise RegistrationError(
            f"a nominal model is fused from at least {FEWEST_SCANS} nominal scans, and there are "
            f"{len(scans)}"
        )
    unit = scans[0].unit
    views = [_View.of(scan if unit is None else scan.in_unit(unit)) for scan in scans]
    with following(progress) as follow:
        poses = _placed(views, follow, step)
    if len(poses) < 2:
        raise RegistrationError(
            f"none of the {len(scans)} nominal scans can be placed on another one: they have too "
            "little surface in common, or the part is flexible"
        )
    fits: list[_Fit] = []
    for _ in range(SWEEPS):
        fits = _refined(views, poses)
    placed = [views[n].at(own[0]) for n, own in poses.items()]
    surface = fused_surface(placed)
    over = np.stack([heights(surface, one) for one in placed], axis=1) / surface.diagonal
    model = NominalModel(surface)
    fits += [_Fit.of(model, _View.of(scan).found(model)) for scan in held_out]
    noise = float(np.median([noise_of(one) for one in placed])) / surface.diagonal
    counts = {"left_out": len(scans) - len(poses), "held_out": len(held_out)}
    trust = _trust(over, fits, noise, **counts)
    fields = {
        SCANS: np.isfinite(over).sum(axis=1).astype(np.int32),
        SPREAD: shrunk_spread(over),
    }
    found = np.full((len(scans), 4, 4), np.nan)
    found[list(poses)] = [own[0] for own in poses.values()]
    return FusedModel(replace(surface, fields=fields), found, trust)


def _placed(views: list[_View], progress: Progress, step: str) -> dict[int, FloatArray]:
    """Poses (A, 4, 4) by number, of the scans that can be placed on one another.

    The first is the likeliest; the others fit as well on what was placed before. The outside of the
    ``views`` becomes that of the first one.
    """
    first = int(np.argmax([view.area for view in views]))
    poses = {first: np.eye(4)[None]}
    waiting = [n for n in range(len(views)) if n != first]
    while waiting:
        model = NominalModel(fused_surface([views[n].at(own[0]) for n, own in poses.items()]))
        tried = track(progress, waiting, step, len(views), done=len(poses))
        found = {n: views[n].found(model) for n in tried}
        sure = [n for n in waiting if _is_sure(found[n])] or _likeliest(found)
        if not sure:
            break
        for n in sure:
            poses[n] = _in_part(found[n])
            views[n] = views[n].facing_as(model, poses[n][0])
        waiting = [n for n in waiting if n not in poses]
    return dict(sorted(poses.items()))


def _fitness(found: Found) -> float:
    return found.equal[0].on_all.fitness


def _is_whole(found: Found) -> bool:
    return min(_fitness(found), found.equal[0].evidence.agreement) >= ENOUGH


def _is_sure(found: Found) -> bool:
    if _is_whole(found):
        return True
    return len(found.equal) == 1 and objection(found.equal[0], OVERLAP) is None


def _likeliest(found: Mapping[int, Found]) -> list[int]:
    """The one scan that fits best, if it shows nearly the same surface; else none."""
    best = max(found, key=lambda n: _fitness(found[n]))
    accepted = objection(found[best].equal[0], LEAST_FITNESS) is None
    return [best] if accepted else []


@dataclass(frozen=True)
class _Fit:
    """How a scan fits on a model that it is not of; see ``Trust``."""

    fitness: float
    margin: float | None

    @classmethod
    def of(cls, model: NominalModel, found: Found) -> _Fit:
        return cls(_fitness(found), _margin(model, found))


def _refined(views: Sequence[_View], poses: dict[int, FloatArray]) -> list[_Fit]:
    """Place each scan anew on the half of them that it is not of; the poses are changed."""
    halves = list(poses)[::2], list(poses)[1::2]
    fits = []
    for half, others in (halves, halves[::-1]):
        model = NominalModel(fused_surface([views[n].at(poses[n][0]) for n in others]))
        for n in half:
            found = views[n].found(model, starts=poses[n])
            fits.append(_Fit.of(model, found))
            if objection(found.equal[0], OVERLAP) is None:
                poses[n] = np.concatenate([_in_part(found)[:1], poses[n][1:]])
    return fits


def _in_part(found: Found) -> FloatArray:
    """The likeliest pose and those that fit as well (A, 4, 4)."""
    return np.stack([found.frames.to_part(one.transform) for one in found.equal])


def _trust(
    over: FloatArray,
    fits: Sequence[_Fit],
    noise: float,
    *,
    left_out: int,
    held_out: int,
) -> Trust:
    """The figures, and the decision.

    Args:
        over: (M, S) heights of the scans over the model, as ratios of its diagonal.
        fits: of scans on the surface of others.
        noise: of a scan, likewise.
        left_out: how many scans could not be placed.
        held_out: how many of ``fits`` are of scans that the model is not made of.
    """
    scans = over.shape[1]
    residual = max(map(_nearly_largest, np.abs(left_out_residuals(over)).T))
    fitness = min(fit.fitness for fit in fits)
    allowed = max(MOST_RESIDUAL, NOISE_RESIDUAL * noise)
    margin = min((fit.margin for fit in fits if fit.margin is not None), default=None)
    reasons = {
        f"only {scans} of {scans + left_out} nominal scans could be placed on one another": (
            left_out > scans or scans < FEWEST_SCANS
        ),
        f"only {fitness:.0%} of a nominal scan lies on the surface of others, and at least "
        f"{LEAST_FITNESS:.0%} are needed": fitness < LEAST_FITNESS,
        f"a nominal scan lies up to {residual:.2%} of the diagonal off the others, and at most "
        f"{allowed:.2%} are allowed, so the part is taken to be flexible": residual > allowed,
        "a nominal scan fits nearly as well in another pose": (
            margin is not None and margin <= RIVAL_LIKELIHOOD
        ),
    }
    why = [reason for reason, holds in reasons.items() if holds]
    told = f"{scans} nominal scans lie on one another within {residual:.2%} of the diagonal"
    figures = (scans, left_out, held_out, fitness, residual, margin)
    return Trust(not why, why[0] if why else told, *figures)


def _nearly_largest(off: FloatArray) -> float:
    """What nine tenths of ``off`` (M,) are at most, but for NaN; all of the diagonal of none."""
    known = off[np.isfinite(off)]
    return float(np.quantile(known, RESIDUAL_SHARE)) if len(known) else 1.0


def _margin(model: NominalModel, found: Found) -> float | None:
    """How much likelier, per point, the best pose is than one that is no symmetry of the model."""
    best = found.equal[0]
    leads = [
        best.likelihood - other.likelihood
        for other in found.candidates
        if motion_between(best.transform, other.transform, best.on_all.freedom) > DISTINCT
        and not _is_symmetry(model, best, other)
    ]
    return min(leads, default=None)


def _is_symmetry(model: NominalModel, best: Candidate, other: Candidate) -> bool:
    """Whether the motion from one pose to the other brings the model onto itself."""
    surface = model.surface
    moved = transform_points(other.transform @ np.linalg.inv(best.transform), surface.points)
    near = surface.match(moved).distance() <= best.evidence.noise.reach
    return bool(near.mean() >= SYMMETRIC)
