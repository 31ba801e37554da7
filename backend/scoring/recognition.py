"""Recognition of the part in a scan by pairs of its points, with its certainty.

A *signature* is the distribution of two angles between the surfaces at pairs of points, given their
distance (after Wahl et al., "Surflet-pair-relation histograms", 2003). It depends on neither pose
nor the sign of normals, and as it is compared only at distances that both scans show, it hardly
depends on how much of a part is seen: a ring is like a sector of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from backend.arrays import Float32Array
from backend.cloud import PointCloud
from backend.cloud.thinned_scan import thinned_scan
from backend.errors import CloudError
from backend.geometry.normals import estimate_normals
from backend.models import normalization

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
# A part is recognised up to TIMES_NOMINAL times the distance between its nominal scans, if every
# other part is at least MARGIN times as far; and up to FARTHEST, if the others are FAR_MARGIN times
# as far.
TIMES_NOMINAL, MARGIN = 3.0, 1.5
SMALLEST_SPREAD = 0.04
FARTHEST, FAR_MARGIN = 0.2, 3.0
# From this distance on, a scan does not show the part that is named; single views reach 0.5.
NOT_THE_PART = 0.7
NAMED = 3
PREFIX = "recognition."


@dataclass(frozen=True)
class Recognition:
    """What a scan was taken for.

    Attributes:
        category: the part.
        given: whether the user named it, else it was recognised.
        distance: of the scan from the part's nominal scans, in [0, 1].
        rival: the other part that is nearest, where there is one, and its distance.
        rival_distance: see there.
        density: how many points the scan has where the part's nominal scans have one; None where
            the detector's file does not say how dense those were.
    """

    category: str
    given: bool
    distance: float
    rival: str | None = None
    rival_distance: float | None = None
    density: float | None = None


@dataclass(frozen=True, eq=False)
class Recogniser:
    """Signatures of nominal scans.

    Attributes:
        length: unit of the pairs' distances, in the unit of the training clouds.
        signatures: by category (K, 26, 64).
        spread: by category, how far its nominal scans are from one another at most.
        reach: by category, how far the sixth nearest other point is in the median nominal scan, in
            the unit of the training clouds; without the categories of which it is not known.
    """

    length: float
    signatures: Mapping[str, Float32Array]
    spread: Mapping[str, float]
    reach: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def fit(cls, nominal: Iterable[tuple[str, Sequence[PointCloud]]], length: float) -> Recogniser:
        """From nominal clouds by category; of many, some evenly taken.

        Raises:
            CloudError: a cloud has too few points.
        """
        signatures, spread, reach = {}, {}, {}
        for name, clouds in nominal:
            count = min(MOST_SCANS, len(clouds))
            some = np.linspace(0, len(clouds) - 1, count).round().astype(int)
            rows = np.stack([signature(clouds[row], length) for row in some])
            signatures[name] = rows
            reach[name] = float(np.median([_reach(clouds[row]) for row in some]))
            spread[name] = max(
                (_distance(row, np.delete(rows, n, axis=0)) for n, row in enumerate(rows)),
                default=0.0,
            )
        return cls(length, signatures, spread, reach)

    def distances(self, cloud: PointCloud) -> dict[str, float]:
        """Of a scan from the nearest nominal scan of each category, the nearest first."""
        own = signature(cloud, self.length)
        found = {name: _distance(own, rows) for name, rows in self.signatures.items()}
        return dict(sorted(found.items(), key=lambda item: item[1]))

    def recognise(self, cloud: PointCloud, category: str | None = None) -> Recognition:
        """Which part ``cloud`` shows; of a ``category`` that is given, whether it may show it.

        Raises:
            CloudError: it is like no part, like several, or unlike the one that is given.
        """
        distances = self.distances(cloud)
        name = category or next(iter(distances))
        distance = distances.pop(name)
        rival, other = next(iter(distances.items()), (None, None))
        density = self._density(cloud, name)
        found = Recognition(name, category is not None, distance, rival, other, density)
        if distance > max(NOT_THE_PART, self._limit(name)):
            raise CloudError(_unlike(found, cloud))
        if category is None and not self._is_sure(found):
            raise CloudError(_in_doubt({name: distance, **distances}, self._limit(name)))
        return found

    def _is_sure(self, found: Recognition) -> bool:
        if found.rival_distance is None:
            # The only part there is cannot be mistaken for another one.
            return True
        near = found.distance <= self._limit(found.category)
        apart = found.rival_distance >= (MARGIN if near else FAR_MARGIN) * found.distance
        return apart and found.distance <= max(FARTHEST, self._limit(found.category))

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
        return TIMES_NOMINAL * max(self.spread[category], SMALLEST_SPREAD)


def _reach(cloud: PointCloud) -> float:
    """How far the sixth nearest other point is from most points of a scan."""
    return float(np.median(cloud.surroundings.reach))


def _unlike(found: Recognition, cloud: PointCloud) -> str:
    what = "any scan of a known part, the nearest being" if not found.given else "any scan of"
    return (
        f"the scan does not look like {what} {found.category!r} (distance {found.distance:.2f}, "
        f"more than {NOT_THE_PART} is another thing; {len(cloud)} points, {cloud.diagonal:.4g} "
        "across): check its unit and what it shows, or train a detector of this part"
    )


def _in_doubt(distances: Mapping[str, float], limit: float) -> str:
    nearest = list(distances.items())[:NAMED]
    names = ", ".join(f"{name} at a distance of {distance:.2f}" for name, distance in nearest)
    return (
        f"which part the scan shows is in doubt: {names}, where a whole scan is nearer than "
        f"{limit:.2f} and clearly nearer to one part than to the others; name the part by "
        "--category"
    )


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
