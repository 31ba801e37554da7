"""Recognition of the part in a scan by pairs of its points, with its certainty.

A *signature* is the distribution of two angles between the surfaces at pairs of points, given their
distance (after Wahl et al., "Surflet-pair-relation histograms", 2003). It depends on neither pose
nor the sign of normals, and as it is compared only at distances that both scans show, it hardly
depends on how much of a part is seen: a ring is like a sector of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from backend.arrays import Float32Array
from backend.cloud import PointCloud
from backend.cloud.thinned_scan import thinned_scan
from backend.geometry.normals import estimate_normals
from backend.models import normalization
from shared_schema.api import Certainty

POINTS = 1500
# So many points one spacing apart cover a sphere of radius 1.
POINTS_AT_ONE = 9.0
NORMAL_NEIGHBORS = 12
ANGLES = 4
# Distances of pairs in steps of half an octave, from 2^-9 to 2^4 of the detector's length.
STEPS, FIRST_STEP = 26, -18
MOST_SCANS = 24
# Scans that have fewer distances than this in common with a part's are too small or too large.
LEAST_SHARED = 0.05
# A scan surely shows a part up to TIMES_NOMINAL times the distance between its nominal scans, and
# up to NEAR in any case, since defects of a twentieth of the surface reach that; every other part
# has to be at least MARGIN times as far. Of the parts that were tried, most others are beyond 0.12.
TIMES_NOMINAL, NEAR, MARGIN = 1.6, 0.1, 1.5
# Up to FAR it is likely the part if every other part is at least FAR_MARGIN times as far.
FAR, FAR_MARGIN = 0.2, 3.0
# From this distance on, a scan does not show the part that is named; single views of a part that
# was learned from all sides reach 0.5.
NOT_THE_PART = 0.7
# How far from one another nominal scans are taken to be where there is but one.
ALONE = 0.05
NAMED = 3
PREFIX = "recognition."


@dataclass(frozen=True)
class Recognition:
    """What a scan was taken for.

    Attributes:
        category: the part.
        given: whether the user named it, else it was recognised.
        certainty: whether the scan shows the part.
        reason: why that is in doubt or ruled out, in a whole sentence; empty if it is sure.
        distance: of the scan from the part's nominal scans, in [0, 1].
        rival: the other part that is nearest, where there is one, and its distance.
        rival_distance: see there.
        density: how many points the scan has where the part's nominal scans have one; None where
            the detector's file does not say how dense those were.
    """

    category: str
    given: bool
    distance: float
    certainty: Certainty = Certainty.SURE
    reason: str = ""
    rival: str | None = None
    rival_distance: float | None = None
    density: float | None = None

    @property
    def is_likely(self) -> bool:
        """Whether it is rather near, and every other part is far away."""
        rival = self.rival_distance
        return self.distance <= FAR and rival is not None and rival >= FAR_MARGIN * self.distance

    @property
    def is_nearest(self) -> bool:
        """Whether no other part is nearly as near."""
        return self.rival_distance is None or self.rival_distance >= MARGIN * self.distance


@dataclass(frozen=True, eq=False)
class Recogniser:
    """Signatures of nominal scans.

    Attributes:
        length: unit of the pairs' distances, in the unit of the training clouds.
        signatures: by category (K, 26, 64).
        spread: by category, how far a nominal scan is from the nearest other one at most.
        reach: by category, how far the sixth nearest other point is in the median nominal scan, in
            the unit of the training clouds; without the categories of which it is not known.
    """

    length: float
    signatures: Mapping[str, Float32Array]
    spread: Mapping[str, float]
    reach: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        nominal: Iterable[tuple[str, Sequence[PointCloud], Sequence[PointCloud]]],
        length: float,
    ) -> Recogniser:
        """From nominal clouds of each category; of many, some evenly taken.

        Args:
            nominal: the category, the clouds that it is recognised by, and others that tell how far
                from these a nominal cloud may be. Without others, the clouds themselves tell.
            length: see the attribute.

        Raises:
            CloudError: a cloud has too few points.
        """
        signatures, spread, reach = {}, {}, {}
        for name, clouds, others in nominal:
            some = _some(clouds)
            rows = np.stack([signature(cloud, length) for cloud in some])
            signatures[name] = rows
            reach[name] = float(np.median([_reach(cloud) for cloud in some]))
            apart = [_distance(row, np.delete(rows, n, axis=0)) for n, row in enumerate(rows)]
            held_out = [_distance(signature(cloud, length), rows) for cloud in _some(others)]
            alone = len(rows) == 1
            spread[name] = max(([] if alone else apart) + held_out, default=ALONE)
        return cls(length, signatures, spread, reach)

    def distances(self, cloud: PointCloud) -> dict[str, float]:
        """Of a scan from the nearest nominal scan of each category, the nearest first."""
        own = signature(cloud, self.length)
        found = {name: _distance(own, rows) for name, rows in self.signatures.items()}
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def recognise(self, cloud: PointCloud, category: str | None = None) -> Recognition:
        """Which part ``cloud`` shows, or of a ``category`` that is given, and how sure that is.

        Raises:
            CloudError: it has too few points.
        """
        distances = self.distances(cloud)
        name = category or next(iter(distances))
        distance = distances.pop(name)
        rival, other = next(iter(distances.items()), (None, None))
        given = category is not None
        found = Recognition(
            name,
            given,
            distance,
            rival=rival,
            rival_distance=other,
            density=self._density(cloud, name),
        )
        limit = self._limit(name)
        if distance > max(NOT_THE_PART, limit):
            return replace(found, certainty=Certainty.UNKNOWN, reason=_unlike(found, cloud))
        if distance > limit:
            return replace(found, certainty=Certainty.DOUBTFUL, reason=_far(found, limit))
        if not given and not found.is_nearest:
            reason = _like_several({name: distance, **distances})
            return replace(found, certainty=Certainty.DOUBTFUL, reason=reason)
        return found

    def _density(self, cloud: PointCloud, category: str) -> float | None:
        """See ``Recognition.density``: on a surface it falls with the square of the distance."""
        own, nominal = _reach(cloud), self.reach.get(category)
        return None if nominal is None or own == 0.0 else (nominal / own) ** 2

    def to_checkpoint(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and a JSON document."""
        tensors = {
            f"{PREFIX}{name}": torch.from_numpy(rows) for name, rows in self.signatures.items()
        }
        document = {
            "length": self.length,
            "spread": dict(self.spread),
            "reach": dict(self.reach),
        }
        return tensors, document

    @classmethod
    def from_checkpoint(
        cls, tensors: Mapping[str, torch.Tensor], document: Mapping[str, Any]
    ) -> Recogniser:
        """The inverse of ``to_checkpoint``.

        Raises:
            KeyError: something is missing.
        """
        spread = document["spread"]
        signatures = {name: tensors[f"{PREFIX}{name}"].numpy() for name in spread}
        # Files of earlier versions do not have it.
        return cls(document["length"], signatures, spread, document.get("reach", {}))

    def _limit(self, category: str) -> float:
        return max(NEAR, TIMES_NOMINAL * self.spread[category])


def _some(clouds: Sequence[PointCloud]) -> list[PointCloud]:
    """At most ``MOST_SCANS`` of them, evenly taken."""
    rows = np.linspace(0, len(clouds) - 1, min(MOST_SCANS, len(clouds))).round().astype(int)
    return [clouds[row] for row in rows]


def _reach(cloud: PointCloud) -> float:
    """How far the sixth nearest other point is from most points of a scan."""
    return float(np.median(cloud.surroundings.reach))


def _unlike(found: Recognition, cloud: PointCloud) -> str:
    what = "any scan of a known part, the nearest being" if not found.given else "any scan of"
    return (
        f"The scan does not look like {what} {found.category!r} (distance {found.distance:.2f}, "
        f"more than {NOT_THE_PART} is another thing; {len(cloud)} points, {cloud.diagonal:.4g} "
        "across): check its unit and what it shows, or train a detector of this part"
    )


def _far(found: Recognition, limit: float) -> str:
    return (
        f"The scan does not look quite like the nominal scans of {found.category!r}: its distance "
        f"is {found.distance:.2f}, that of a whole scan at most {limit:.2f}. It may show another "
        "part, a piece of this one, or a gross defect"
    )


def _like_several(distances: Mapping[str, float]) -> str:
    nearest = list(distances.items())[:NAMED]
    names = ", ".join(f"{name} at a distance of {distance:.2f}" for name, distance in nearest)
    return f"The scan looks like several parts: {names}; name the part by --category"


def signature(cloud: PointCloud, length: float) -> Float32Array:
    """Shares (26, 64) of the pairs of points by their distance and by three cosines.

    These are, without signs, between the two normals, and between each normal and the line that
    joins the points, the larger one first.

    Raises:
        CloudError: fewer than 32 points are left after thinning.
    """
    spacing = normalization.reach(cloud.points) * float(np.sqrt(POINTS_AT_ONE / POINTS))
    # The spacing is wide here: by it, strays within a ring or a frame would be taken for surface.
    points = thinned_scan(cloud, spacing, together=0.0).points
    points = points[:: max(1, len(points) // POINTS)]
    normals = estimate_normals(points, PointCloud(points).tree, NORMAL_NEIGHBORS)
    first, second = np.triu_indices(len(points), 1)
    line = points[second] - points[first]
    apart = np.linalg.norm(line, axis=1)
    line /= apart[:, None]
    ends = [np.abs(np.einsum("pi,pi->p", normals[rows], line)) for rows in (first, second)]
    between = np.abs(np.einsum("pi,pi->p", normals[first], normals[second]))
    step = np.floor(2.0 * np.log2(apart / length)).astype(np.int64) - FIRST_STEP
    cell = step.clip(0, STEPS - 1)
    for cosine in (between, np.maximum(*ends), np.minimum(*ends)):
        cell = cell * ANGLES + np.minimum((cosine * ANGLES).astype(np.int64), ANGLES - 1)
    count = np.bincount(cell, minlength=STEPS * ANGLES**3).reshape(STEPS, -1)
    return (count / len(cell)).astype(np.float32)


def _distance(own: Float32Array, others: Float32Array) -> float:
    """Of one signature from the nearest of others (K, 26, 64).

    The total variation of the angles at each distance of pairs, averaged as far as both have it.
    """
    mass, masses = own.sum(axis=1), others.sum(axis=2)
    shared = np.minimum(mass, masses)
    given = own / np.maximum(mass, 1e-12)[:, None]
    nominal = others / np.maximum(masses, 1e-12)[..., None]
    apart = 0.5 * np.abs(given - nominal).sum(axis=2)
    common = shared.sum(axis=1)
    mean = (shared * apart).sum(axis=1) / np.maximum(common, 1e-12)
    return float(np.where(common < LEAST_SHARED, 1.0, mean).min(initial=1.0))
