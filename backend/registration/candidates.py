"""The poses that the search found by the evidence for each, and which fit as well as the best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.arrays import BoolArray, FloatArray
from backend.geometry.extent import extent
from backend.geometry.transform import transform_points
from backend.registration.ambiguity import Freedom, free_motions, motion_between
from backend.registration.evidence import Evidence, Noise, Seen, measure_noise, weigh
from backend.registration.improve import SURFACE_ERROR
from backend.registration.nominal_model import FIT_DISTANCE, NominalModel, Scan, SurfaceSamples
from backend.registration.search import polish, principal_axes

# So many poses at most are improved to the end and compared in full.
MOST = 4
# Discard poses whose mean log likelihood per point is this much below the best pose's, or below
# what is needed.
HOPELESS = 1.5
# A rival pose counts as equally good if its mean log likelihood per point is at most this much
# lower, ...
RIVAL_LIKELIHOOD = 0.05
# ... or at most this many standard errors, estimated from pieces of this extent.
RIVAL_ERRORS = 2.0
PIECE = 0.12
# The mirror image of a scan is refined if its points are less likely by at most this, ...
MIRROR_SLACK = 1.0
# ... and it is right if they are likelier by this.
MIRROR_LEAD = 0.1
# Poses are clearly different from this far apart: radians, or ratios of the scan's radius.
DISTINCT = 0.2
# Discard poses whose sensor-facing share is this much below the best pose's.
FACING_MARGIN = 0.5


@dataclass(frozen=True, eq=False)
class _Measured:
    """A pose measured on all points of a scan, as ``Registration`` describes it, at unit size."""

    fitness: float
    rmse: float
    noise: Noise
    offset: float
    facing: float | None
    freedom: Freedom


@dataclass(frozen=True, eq=False)
class Candidate:
    """A pose at unit size. On all points of the scan it is measured once that is asked for.

    Attributes:
        transform: (4, 4).
        evidence: for it and against it, of fewer points.
        scan: all points.
        extent: how large what is on the part is.
        roughness: of the scan, see ``view.roughness``.
    """

    transform: FloatArray
    evidence: Evidence
    scan: Scan
    extent: float
    roughness: float

    @property
    def likelihood(self) -> float:
        """Mean logarithm of how likely each point of the scan is under this pose."""
        return float(self.evidence.likelihood.mean())

    @cached_property
    def on_all(self) -> _Measured:
        """What all points of the scan tell."""
        matches = self.evidence.front.match(transform_points(self.transform, self.scan.points))
        fits = matches.distance() <= FIT_DISTANCE
        points, normals, height = matches.points[fits], matches.normals[fits], matches.height[fits]
        return _Measured(
            float(fits.mean()),
            float(np.sqrt(np.mean(height**2))) if fits.any() else np.inf,
            measure_noise(matches),
            float(height.mean()) if fits.any() else 0.0,
            _facing(self.scan, fits, self.transform, normals),
            free_motions(points, normals),
        )


def best_candidates(
    model: NominalModel,
    scan: Scan,
    seen: Seen,
    transforms: FloatArray,
    least: float = -np.inf,
) -> list[Candidate]:
    """The most likely of ``transforms`` (S, 4, 4), improved to the end, best first.

    Args:
        model: the nominal model.
        scan: all points.
        seen: fewer points.
        transforms: poses.
        least: likelihood that must be reached; where no pose can, the list is empty.
    """
    weighed = [(weigh(model.surface, seen, transform), transform) for transform in transforms]
    weighed.sort(key=lambda pair: -pair[0].likelihood.mean())
    least = max(least, weighed[0][0].likelihood.mean()) - HOPELESS
    found = [
        candidate_at(model.fine, scan, seen, transform)
        for evidence, transform in weighed[:MOST]
        if evidence.likelihood.mean() >= least
    ]
    return sorted(found, key=lambda candidate: -candidate.likelihood)


def candidate_at(
    surface: SurfaceSamples, scan: Scan, seen: Seen, transform: FloatArray
) -> Candidate:
    """The best pose near ``transform`` (4, 4), on the surface that is seen under it."""
    evidence = weigh(surface, seen, transform)
    sigma = max(evidence.noise.sigma, SURFACE_ERROR)
    return measured(surface, scan, seen, polish(evidence.front, seen.scan, transform, sigma))


def measured(surface: SurfaceSamples, scan: Scan, seen: Seen, transform: FloatArray) -> Candidate:
    """The pose ``transform`` (4, 4) as it is."""
    evidence = weigh(surface, seen, transform)
    size = extent(seen.scan.points[evidence.noise.on_part])
    return Candidate(transform, evidence, scan, size, seen.roughness)


def _facing(
    scan: Scan, fits: BoolArray, transform: FloatArray, normals: FloatArray
) -> float | None:
    if scan.said is None or not fits.any():
        return None
    said = scan.said[fits] @ transform[:3, :3].T
    return float((np.einsum("pi,pi->p", said, normals) > 0).mean())


def rivals(candidates: list[Candidate], seen: Seen) -> list[Candidate]:
    """The best of ``candidates``, best first, and the clearly different ones that fit as well."""
    best = candidates[0]
    equal = [one for one in candidates if fits_as_well(one, best, seen)]
    if best.scan.said is not None:
        # What is turned away from the sensor by no more than chance does not count.
        shares = [one.on_all.facing or 0.0 for one in equal]
        behind = [(max(shares) - share) / FACING_MARGIN for share in shares]
        order = sorted(range(len(equal)), key=lambda row: round(behind[row]))
        equal = [equal[row] for row in order if behind[row] < 1.0]
    kept: list[Candidate] = []
    for one in equal:
        if all(
            motion_between(other.transform, one.transform, other.on_all.freedom) > DISTINCT
            for other in kept
        ):
            kept.append(one)
    return kept


def mirror_is_likelier(surface: SurfaceSamples, seen: Seen, best: Candidate) -> bool:
    """Whether the mirror image of the scan clearly fits better than the scan.

    Only parts that are nearly the same in a mirror can be taken for their mirror image. So it is
    looked for where the three principal planes of the part reflect the scan to.
    """
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    mirrored = seen.moved(flip)
    middle, axes = principal_axes(surface.points)
    for axis in axes:
        reflection = np.eye(4)
        reflection[:3, :3] -= 2.0 * np.outer(axis, axis)
        reflection[:3, 3] = 2.0 * (axis @ middle) * axis
        evidence = weigh(surface, mirrored, reflection @ best.transform @ flip)
        lead = evidence.likelihood - best.evidence.likelihood
        if lead.mean() > -MIRROR_SLACK:
            sigma = max(evidence.noise.sigma, SURFACE_ERROR)
            pose = polish(evidence.front, mirrored.scan, reflection @ best.transform @ flip, sigma)
            lead = weigh(surface, mirrored, pose).likelihood - best.evidence.likelihood
            if lead.mean() > MIRROR_LEAD and not _by_chance(lead, seen):
                return True
    return False


def fits_as_well(other: Candidate, best: Candidate, seen: Seen) -> bool:
    """Whether chance may have made ``best`` the more likely pose."""
    lead = best.evidence.likelihood - other.evidence.likelihood
    return bool(lead.mean() <= RIVAL_LIKELIHOOD) or _by_chance(lead, seen)


def _by_chance(lead: FloatArray, seen: Seen) -> bool:
    """Whether a lead (P,) of one pose over another may come by chance.

    Neighbouring points err together, so that not points but pieces of the scan are drawn by chance.
    """
    cells = np.floor(seen.scan.points / PIECE).astype(np.int64)
    _, piece = np.unique(cells, axis=0, return_inverse=True)
    leads = np.bincount(piece.ravel(), lead)
    return bool(leads.sum() <= RIVAL_ERRORS * np.sqrt((leads**2).sum()))
