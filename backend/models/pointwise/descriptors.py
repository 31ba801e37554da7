"""Rotation-invariant descriptions of the surface around each point, in numpy.

``local_invariants`` are the network's input; ``pair_histograms`` (FPFH) feed a memory bank that
needs no training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.spatial import cKDTree

from backend.arrays import FloatArray
from backend.geometry.chunks import each_chunk
from backend.models.pointwise.graphs import nearest

IntArray = NDArray[np.int32] | NDArray[np.int64]

INVARIANT_SCALES = (12, 32, 80)
INVARIANTS_PER_SCALE = 7
INVARIANTS = INVARIANTS_PER_SCALE * len(INVARIANT_SCALES) + len(INVARIANT_SCALES) - 1
HISTOGRAM_SCALES = (40, 80)
HISTOGRAM_BINS = 11
CURVATURE_LIMIT = 10.0
TINY = 1e-12
# So many points are described at once: their numbers stay in the processor's cache.
AT_ONCE = 256


def neighborhoods(points: FloatArray) -> IntArray:
    """(N, 80) rows of the nearest points, itself first: enough for every descriptor here."""
    return nearest(cKDTree(points), points, max(*INVARIANT_SCALES, *HISTOGRAM_SCALES))


@dataclass(frozen=True, eq=False)
class PointFrames:
    """Principal axes of the neighbourhoods of N points.

    Attributes:
        values: (N, 3) variances along the axes, ascending.
        normals: (N, 3) unit, on the outer side.
        centroid: (N, 3) offset of the neighbourhood's mean from the point.
    """

    values: FloatArray
    normals: FloatArray
    centroid: FloatArray


def tangent_frames(
    points: FloatArray, neighbors: IntArray, towards: FloatArray
) -> tuple[PointFrames, ...]:
    """PointFrames at 12, 32 and 80 neighbours.

    Args:
        points: (N, 3).
        neighbors: (N, 80) from ``neighborhoods``.
        towards: (N, 3), only says which side of the surface is outside.
    """
    rows, columns = np.triu_indices(3)
    rings = np.empty((len(points), len(INVARIANT_SCALES), 9))

    def fill(part: slice) -> None:
        offset = points[neighbors[part, : INVARIANT_SCALES[-1]]] - points[part, None]
        moments = np.concatenate([offset, offset[..., rows] * offset[..., columns]], axis=2)
        # Sums over rings between the scales; their running sums are those over the scales.
        sums = np.add.reduceat(moments, (0, *INVARIANT_SCALES[:-1]), axis=1)
        rings[part] = sums.cumsum(axis=1)

    each_chunk(len(points), fill, AT_ONCE)
    return tuple(
        _frames(rings[:, index] / scale, towards) for index, scale in enumerate(INVARIANT_SCALES)
    )


def _frames(moments: FloatArray, towards: FloatArray) -> PointFrames:
    """From the mean offset and the mean of its six products, (N, 9)."""
    centroid = moments[:, :3]
    covariance = np.empty((len(moments), 3, 3))
    rows, columns = np.triu_indices(3)
    covariance[:, columns, rows] = covariance[:, rows, columns] = moments[:, 3:]
    covariance -= centroid[:, :, None] * centroid[:, None, :]
    values, vectors = np.linalg.eigh(covariance)
    normals = vectors[:, :, 0]
    side = np.where(np.einsum("ni,ni->n", normals, towards) < 0.0, -1.0, 1.0)
    return PointFrames(np.maximum(values, 0.0), normals * side[:, None], centroid)


def local_invariants(
    points: FloatArray, neighbors: IntArray, frames: Sequence[PointFrames], length: float
) -> FloatArray:
    """(N, 23) invariants at 12, 32 and 80 neighbours.

    Per scale: surface variation, ratio of the tangential extents, height and tangential shift of
    the centroid, disagreement of the normals, signed normal curvature, log radius; then how far
    the normals of the wider scales turn from that of the narrowest. Lengths are in units of the
    neighbourhood's radius, the radius in units of ``length``.

    Args:
        points: (N, 3).
        neighbors: (N, 80) from ``neighborhoods``.
        frames: from ``tangent_frames``.
        length: how far neighbouring points usually lie apart.
    """
    normals = frames[0].normals
    offset = points[neighbors] - points[:, None]
    squared = np.einsum("nki,nki->nk", offset, offset)
    turn = normals[neighbors] - normals[:, None]
    bend = np.einsum("nki,nki->nk", turn, offset) / (squared + TINY)
    disagreement = 0.5 * np.einsum("nki,nki->nk", turn, turn)
    columns = []
    for scale, frame in zip(INVARIANT_SCALES, frames, strict=True):
        radius = np.sqrt(squared[:, scale - 1]) + TINY
        curvature = radius * bend[:, 1:scale].mean(axis=1)
        columns += _frame_invariants(frame, radius)
        columns += [
            disagreement[:, :scale].mean(axis=1),
            np.clip(curvature, -CURVATURE_LIMIT, CURVATURE_LIMIT),
            np.log(radius / length),
        ]
    columns += [1.0 - np.einsum("ni,ni->n", normals, wide.normals) for wide in frames[1:]]
    return np.stack(columns, axis=1)


def _frame_invariants(frame: PointFrames, radius: FloatArray) -> list[FloatArray]:
    values = frame.values
    height = np.einsum("ni,ni->n", frame.centroid, frame.normals)
    shift = np.linalg.norm(frame.centroid - height[:, None] * frame.normals, axis=1)
    return [
        values[:, 0] / (values.sum(axis=1) + TINY),
        values[:, 1] / (values[:, 2] + TINY),
        height / radius,
        shift / radius,
    ]


def pair_histograms(
    points: FloatArray,
    normals: FloatArray,
    neighbors: IntArray,
    scales: Sequence[int] = HISTOGRAM_SCALES,
) -> FloatArray:
    """Fast point feature histograms (Rusu et al. 2009), (N, 33 per scale), each summing to 2.

    Args:
        points: (N, 3).
        normals: (N, 3) unit.
        neighbors: (N, >= max(scales)), itself first.
        scales: neighbourhood sizes.
    """
    return np.concatenate(
        [_fpfh(points, normals, neighbors[:, 1:scale]) for scale in scales], axis=1
    )


def _fpfh(points: FloatArray, normals: FloatArray, near: IntArray) -> FloatArray:
    simple, distance = _simple_histograms(points, normals, near)
    weight = 1.0 / np.maximum(distance, TINY)
    weight /= weight.sum(axis=1, keepdims=True)
    count, width = near.shape
    starts = np.arange(0, count * width + 1, width)
    mix = csr_matrix((weight.ravel(), near.ravel(), starts), shape=(count, count))
    return simple + mix @ simple


def _simple_histograms(
    points: FloatArray, normals: FloatArray, near: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Histograms (N, 33) of the three angles of each pair's Darboux frame; distances (N, k)."""
    histograms, distance = np.empty((len(near), 3 * HISTOGRAM_BINS)), np.empty(near.shape)

    def fill(part: slice) -> None:
        offset = points[near[part]] - points[part, None]
        found = _histograms_of(offset, normals[part], normals[near[part]])
        histograms[part], distance[part] = found

    each_chunk(len(near), fill, AT_ONCE)
    return histograms, distance


def _histograms_of(
    offset: FloatArray, normals: FloatArray, other: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """As ``_simple_histograms``, by the offsets to neighbours (N, k, 3) and their normals."""
    distance = np.linalg.norm(offset, axis=2)
    line = offset / np.maximum(distance, TINY)[..., None]
    u = np.broadcast_to(normals[:, None], line.shape)
    v = np.cross(u, line)
    v /= np.maximum(np.linalg.norm(v, axis=2), TINY)[..., None]
    alpha = np.einsum("nki,nki->nk", v, other)
    phi = np.einsum("nki,nki->nk", u, line)
    w_other = np.einsum("nki,nki->nk", np.cross(u, v), other)
    theta = np.arctan2(w_other, np.einsum("nki,nki->nk", u, other)) / np.pi
    parts = [_histogram((angle + 1.0) / 2.0) for angle in (alpha, phi, theta)]
    return np.concatenate(parts, axis=1) / 3.0, distance


def _histogram(values: FloatArray) -> FloatArray:
    """Row-wise histogram (N, 11) of values (N, k) in [0, 1], each row summing to 1."""
    count, width = values.shape
    bins = np.clip((values * HISTOGRAM_BINS).astype(np.int64), 0, HISTOGRAM_BINS - 1)
    flat = (np.arange(count)[:, None] * HISTOGRAM_BINS + bins).ravel()
    return np.bincount(flat, minlength=count * HISTOGRAM_BINS).reshape(count, -1) / width
