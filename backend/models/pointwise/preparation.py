"""From a raw cloud to what detectors look at: thinned points, descriptors, neighbour graphs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backend.arrays import BoolArray, Float32Array, FloatArray, IntArray
from backend.cloud import PointCloud
from backend.cloud.normals import with_outward_normals
from backend.cloud.thinned_scan import thinned_scan
from backend.models.normalization import Normalization
from backend.models.pointwise.descriptors import (
    local_invariants,
    neighborhoods,
    pair_histograms,
    tangent_frames,
)

# From thinned points (M, 3) at unit scale to their outward normals (M, 3).
Outward = Callable[[FloatArray], FloatArray]

# Of the spacing that thinned points keep at least.
USUALLY_APART = 1.3


@dataclass(frozen=True, eq=False)
class PreparedCloud:
    """A normalised, thinned cloud of M points and its descriptors.

    Attributes:
        rows: (M,) int64, rows of the raw cloud.
        points: (M, 3) float64 in units of the category's scale, in the frame of ``own_frame``.
        normals: (M, 3) float64, fitted to the points.
        neighbors: (M, 80) int32, the nearest points, itself first.
        invariants: (M, 23) float32, not yet standardised.
        apart: how far neighbouring points usually lie apart, in units of the scale.
        stray: (N,) bool, points of the raw cloud that belong to no surface.
    """

    rows: IntArray
    points: FloatArray
    normals: FloatArray
    neighbors: NDArray[np.int32]
    invariants: Float32Array
    apart: float
    stray: BoolArray

    @cached_property
    def histograms(self) -> Float32Array:
        """(M, 66) feature histograms, computed on first use: training clouds need none."""
        return pair_histograms(self.points, self.normals, self.neighbors).astype(np.float32)


def prepare(
    cloud: PointCloud,
    normalization: Normalization,
    category: str,
    offset: float = 0.0,
    outward: Outward | None = None,
) -> PreparedCloud:
    """Normalise, thin and describe a scan.

    Its normals, where it has them, only say which side is outside: the directions are fitted to the
    thinned points, so that normals carried over from a nominal model can neither hide nor betray a
    defect.

    Args:
        cloud: the scan.
        normalization: its scale and spacing.
        category: of the scan.
        offset: that of ``thinned_scan``.
        outward: gives the normals of scans that have none; by default the points alone tell them.

    Raises:
        CloudError: fewer than 32 points are left, or the category is unknown.
    """
    length = normalization.length(cloud.points, category)
    scan = thinned_scan(cloud, normalization.spacing * length, offset)
    thin = scan.points / length
    near = neighborhoods(thin)
    towards = (outward or _outward)(thin) if scan.normals is None else scan.normals
    frames = tangent_frames(thin, near, towards)
    apart = USUALLY_APART * normalization.spacing
    invariants = local_invariants(thin, near, frames, apart)
    return PreparedCloud(
        scan.rows,
        thin,
        frames[0].normals,
        near.astype(np.int32),
        invariants.astype(np.float32),
        apart,
        scan.stray,
    )


def _outward(points: FloatArray) -> FloatArray:
    """Outward normals (M, 3) as well as they can be told from the points alone."""
    normals = with_outward_normals(PointCloud(points))[0].normals
    assert normals is not None  # what the function is for
    return normals
