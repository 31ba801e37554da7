"""From a raw cloud to what detectors look at: thinned points, descriptors, neighbour graphs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.dataset.normalization import Normalization, voxel_thin
from backend.errors import CloudError
from backend.geometry.normals import with_outward_normals
from backend.models.descriptors import (
    local_invariants,
    neighborhoods,
    pair_histograms,
    tangent_frames,
)

FloatArray = NDArray[np.float64]

SMALLEST_CLOUD = 32


@dataclass(frozen=True, eq=False)
class PreparedCloud:
    """A normalised, thinned cloud of M points and its descriptors.

    Attributes:
        rows: (M,) int64, rows of the raw cloud.
        points: (M, 3) float64 in units of the category's scale.
        normals: (M, 3) float64, fitted to the points.
        neighbors: (M, 80) int32, the nearest points, itself first.
        invariants: (M, 23) float32, not yet standardised.
        voxel: edge length of the thinning grid, in units of the scale.
    """

    rows: NDArray[np.int64]
    points: FloatArray
    normals: FloatArray
    neighbors: NDArray[np.int32]
    invariants: NDArray[np.float32]
    voxel: float

    @cached_property
    def histograms(self) -> NDArray[np.float32]:
        """(M, 66) feature histograms, computed on first use: training clouds need none."""
        return pair_histograms(self.points, self.normals, self.neighbors).astype(np.float32)


def prepare(
    points: FloatArray,
    normals: FloatArray | None,
    normalization: Normalization,
    category: str,
    offset: float = 0.0,
) -> PreparedCloud:
    """Normalise, thin and describe ``points`` (N, 3).

    ``normals`` (N, 3) only say which side is outside: the directions are fitted to the thinned
    points, so that normals carried over from a nominal model can neither hide nor betray a defect.
    ``offset`` is that of ``voxel_thin``.

    Raises:
        CloudError: fewer than 32 points are left, or the category is unknown.
    """
    unit, _ = normalization.apply(points, category)
    voxel = normalization.voxel
    rows = voxel_thin(unit, voxel, offset)
    check_enough(len(points), len(rows))
    thin = unit[rows]
    towards = _outward(thin) if normals is None else normals[rows]
    near = neighborhoods(thin)
    frames = tangent_frames(thin, near, towards)
    fitted = frames[0].normals
    return PreparedCloud(
        rows,
        thin,
        fitted,
        near.astype(np.int32),
        local_invariants(thin, near, frames, voxel).astype(np.float32),
        voxel,
    )


def check_enough(points: int, thinned: int) -> None:
    """Refuse clouds that thinning leaves too little of.

    Raises:
        CloudError: fewer than 32 points are left.
    """
    if thinned < SMALLEST_CLOUD:
        raise CloudError(
            f"{points} points make only {thinned} at the detector's resolution; "
            f"at least {SMALLEST_CLOUD} are needed"
        )


def _outward(points: FloatArray) -> FloatArray:
    """Outward normals (M, 3) as well as they can be told from the points alone."""
    normals = with_outward_normals(PointCloud(points))[0].normals
    assert normals is not None  # what the function is for
    return normals
