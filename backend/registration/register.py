"""Bring a nominal model and a scan of it together, from any starting pose.

The search finds poses that fit, the evidence tells the right one among them, whether it is right at
all, and which others fit as well. All of it runs at unit size, so that the unit of the clouds does
not matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from backend.arrays import BoolArray, FloatArray
from backend.cloud import PointCloud
from backend.errors import RegistrationError
from backend.geometry.chunks import each_chunk
from backend.geometry.extent import extent
from backend.geometry.transform import transform_points
from backend.registration.acceptance import MIN_FITNESS, objection
from backend.registration.candidates import mirror_is_likelier
from backend.registration.mistakes import (
    MIRRORED,
    SMALL,
    plausible_factors,
    sizes,
    unplaceable,
    wrong_unit,
)
from backend.registration.nominal_model import NominalModel, nominal_model
from backend.registration.poses import Found, candidates_near, find_poses, found_at
from shared_schema.recipe import Unit

# Poses that show a given viewpoint the inside of the surface win only if the points are likelier by
# more than this each: then it is not where the sensor stood.
FACING_LEAD = 0.3
# Where the best pose is refused, others are looked for so far beside it, in diagonals of the part.
BESIDE = 0.02


@dataclass(frozen=True, eq=False)
class Fit:
    """A pose and how well it fits.

    Attributes:
        T_part_scan: (4, 4) from the scan's frame to the nominal model's, rotation and shift.
        fitness: share of the scan within 1 % of the nominal diagonal of its surface, in [0, 1].
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
        coverage: share of the surface that should be seen, where the scan looked, and is; in
            [0, 1]. None for a scan of several views.
        agreement: share of the points that should be on the surface and are, in [0, 1]: of those on
            rays that meet it, or of those near it where the scan is of several views.
        contradiction: share of the rays that meet the surface but were measured clearly behind it,
            in [0, 1]; None likewise.
        alternatives: other, clearly different poses that fit as well, as a symmetric part has
            them, but for those along the free motions. The search looks for a few, not for all.
        notices: whole sentences about what is doubtful.
    """

    noise: float
    on_part: BoolArray
    offset: float
    free_motions: int
    facing: float | None
    coverage: float | None
    agreement: float
    contradiction: float | None
    alternatives: tuple[Fit, ...]
    notices: tuple[str, ...] = ()


def register(
    nominal: PointCloud | NominalModel,
    scan: PointCloud,
    *,
    rng: np.random.Generator,
    min_fitness: float = MIN_FITNESS,
    viewpoint: FloatArray | None = None,
    prefer: FloatArray | None = None,
    starts: FloatArray | None = None,
    judge: bool = True,
    unit: Unit | None = None,
    model_unit: Unit | None = None,
) -> Registration:
    """Find the rigid motion that brings ``scan`` onto the surface of ``nominal``.

    The scan may show a part of the surface only. What it shows beside the part lowers the fitness
    but speaks against no pose.

    Args:
        nominal: a mesh, in the part frame; as a ``NominalModel`` where more scans follow.
        scan: points in any pose, in the nominal's unit. Its normals, where it has them, choose
            between poses that fit as well.
        rng: the only source of chance; the same state gives the same result.
        min_fitness: what must be reached.
        viewpoint: (3,) where the sensor stood, in the scan's frame. A pose that shows it the inside
            of the surface loses against one that fits as well.
        prefer: (4, 4) a pose ``T_part_scan`` to start from beside all others; of those that fit as
            well, the nearest to it is taken.
        starts: (S, 4, 4) poses ``T_part_scan``, such as ``principal_poses``: only these are
            improved, in a tenth of the time. None: starts all around.
        unit: that the scan was taken to be in, for messages.
        model_unit: likewise, of the nominal model.
        judge: refuse poses that the scan contradicts. False: give the best one, whatever it is,
            unless the scan is so small that it fits anywhere.

    Raises:
        CloudError: the nominal model has no faces.
        RegistrationError: no pose is likely to be right; the message says why, and if the scan
            looks like one in another unit or of the mirrored part.
    """
    model = nominal if isinstance(nominal, NominalModel) else nominal_model(nominal)
    found: Found | None = None
    reason = unplaceable(model, scan, min_fitness if judge else 0.0)
    if reason is None:
        found = _found(model, scan, rng, viewpoint, prefer, starts)
        if not judge:
            return as_registration(found)
        if objection(found.equal[0], min_fitness) is not None:
            found = _with_poses_beside(model, found)
        # A pose that fits clearly worse than one that is refused is not right because of that.
        trusted = [one for one in found.equal if objection(one, min_fitness) is None]
        if trusted:
            found = replace(found, candidates=trusted)
        reason = objection(found.equal[0], min_fitness)
    factor = _likely_factor(model, scan, rng, found, refused=reason is not None)
    if factor is not None:
        raise _refused(wrong_unit(factor, unit, model_unit), found)
    if found is not None and reason is None:
        if mirror_is_likelier(model.surface, found.seen, found.equal[0]):
            raise _refused(f"the mirror image of the scan fits better. {MIRRORED}", found)
        return as_registration(found)
    if _is_mirrored(model, scan, rng, min_fitness, found):
        raise _refused(f"{reason}. {MIRRORED}", found)
    raise _refused(f"{reason}. {sizes(model.mesh, scan)}", found)


def _refused(reason: str, found: Found | None) -> RegistrationError:
    """The error that says ``reason`` and holds the best pose that was found."""
    if found is None:
        return RegistrationError(reason)
    return RegistrationError(reason, found.frames.to_part(found.equal[0].transform))


def register_at(
    nominal: PointCloud | NominalModel,
    scan: PointCloud,
    T_part_scan: FloatArray,  # noqa: N803 - the project's transform names
    *,
    viewpoint: FloatArray | None = None,
) -> Registration:
    """How ``scan`` fits where it is known to lie: no other pose is looked for, none is refused.

    Args:
        nominal: a mesh, in the part frame.
        scan: points, in the nominal's unit.
        T_part_scan: (4, 4) the pose, such as a turntable tells it.
        viewpoint: (3,) where the sensor stood, in the scan's frame.

    Raises:
        CloudError: the nominal model has no faces.
    """
    model = nominal if isinstance(nominal, NominalModel) else nominal_model(nominal)
    return as_registration(found_at(model, scan, T_part_scan, viewpoint))


def _found(
    model: NominalModel,
    scan: PointCloud,
    rng: np.random.Generator,
    viewpoint: FloatArray | None,
    prefer: FloatArray | None,
    starts: FloatArray | None,
) -> Found:
    """The poses; those that show the surface to the viewpoint if they fit as well as others."""
    found = find_poses(model, scan, rng, viewpoint, prefer, starts)
    if viewpoint is None or not found.doubts:
        return found
    facing = find_poses(
        model, scan, rng, viewpoint, prefer, starts, from_viewpoint=True, shape=found.shape
    )
    lead = found.equal[0].likelihood - facing.equal[0].likelihood
    return facing if lead <= FACING_LEAD else found


def _with_poses_beside(model: NominalModel, found: Found) -> Found:
    """``found``, and the poses to which starts beside its best one lead.

    A part with rows of holes or steps fits a little beside its place as well, and the search keeps
    but one of poses so near to each other.
    """
    best = found.equal[0].transform
    shifts = BESIDE * np.array(list(product((-1.0, 0.0, 1.0), repeat=3)))
    starts = np.tile(best, (len(shifts), 1, 1))
    starts[:, :3, 3] += shifts
    near = candidates_near(model, found, starts)
    candidates = sorted(found.candidates + near, key=lambda one: -one.likelihood)
    return replace(found, candidates=candidates)


def _likely_factor(
    model: NominalModel,
    scan: PointCloud,
    rng: np.random.Generator,
    found: Found | None,
    *,
    refused: bool,
) -> float | None:
    """How many times as large a scan in a wrong unit is in the right one; None if it is right.

    Args:
        model: the nominal model.
        scan: as it was read.
        rng: of the search.
        found: where it lies as it is; None if it lies nowhere.
        refused: whether it is not to be trusted there.
    """
    size = extent(scan.points) / extent(model.mesh.points)
    if not refused and size > SMALL:
        return None
    likeliest, best = None, -np.inf if found is None else found.equal[0].likelihood
    shape = None if found is None else found.shape
    for factor in plausible_factors(size):
        # Likelihoods of lengths as ratios of the scan's size can be compared.
        larger = float(np.log(factor))
        scaled = find_poses(
            model, PointCloud(scan.points * factor), rng, shape=shape, least=best - larger
        )
        shape = scaled.shape
        if not scaled.candidates or scaled.equal[0].likelihood + larger <= best:
            continue
        other = scaled.equal[0]
        if objection(other, MIN_FITNESS) is None and other.on_all.freedom.motions.shape[1] < 3:
            likeliest, best = factor, other.likelihood + larger
    return likeliest


def _is_mirrored(
    model: NominalModel,
    scan: PointCloud,
    rng: np.random.Generator,
    min_fitness: float,
    found: Found | None,
) -> bool:
    """Whether the mirror image of ``scan`` fits; ``found`` is where it lies as it is, or None."""
    flip = np.array([-1.0, 1.0, 1.0])
    shape = None if found is None else found.shape.mirrored(flip)
    mirrored = find_poses(model, PointCloud(scan.points * flip), rng, shape=shape)
    return objection(mirrored.equal[0], min_fitness) is None


def as_registration(found: Found) -> Registration:
    """The best of the poses, in the clouds' unit and frames."""
    best, frames = found.equal[0], found.frames
    on_all = best.on_all
    return Registration(
        frames.to_part(best.transform),
        on_all.fitness,
        on_all.rmse * frames.size,
        noise=on_all.noise.sigma * frames.size,
        on_part=_on_part(found),
        offset=on_all.offset * frames.size,
        free_motions=on_all.freedom.motions.shape[1],
        facing=on_all.facing,
        coverage=best.evidence.coverage,
        agreement=best.evidence.agreement,
        contradiction=best.evidence.contradiction,
        alternatives=tuple(
            Fit(frames.to_part(fit.transform), fit.on_all.fitness, fit.on_all.rmse * frames.size)
            for fit in found.equal[1:]
        ),
        notices=found.doubts,
    )


def _on_part(found: Found) -> BoolArray:
    """Which of all points (N,) of the scan are on the part."""
    best, frames = found.equal[0], found.frames
    noise = best.on_all.noise
    on_part = np.empty(len(found.points), dtype=bool)

    def fill(part: slice) -> None:
        points = (found.points[part] - frames.middle) / frames.size
        matches = best.evidence.front.match(transform_points(best.transform, points))
        on_part[part] = matches.distance(noise.middle) <= noise.reach

    each_chunk(len(on_part), fill)
    return on_part
