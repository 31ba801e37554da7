"""Area under the per-region overlap curve (Bergmann et al. 2021), for point clouds and images.

A region is a connected component of the anomalous points in the cloud's neighbourhood graph, or of
the anomalous pixels of an image, where pixels also touch by their corners.
For every threshold the overlap is the mean, over all regions, of the share of the region's points
above it; it is integrated over the share of nominal points above it, from 0 to 0.3, and divided
by 0.3. Every region counts the same, however small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid
from scipy.ndimage import label
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from backend.arrays import BoolArray, FloatArray, IntArray

FPR_LIMIT = 0.3


def label_regions(mask: BoolArray, edges: IntArray) -> IntArray:
    """Region numbers (N,): 0 nominal, 1… the connected components of ``mask`` (N,).

    Args:
        mask: anomalous points.
        edges: (E, 2) neighbourhood graph of the cloud.

    >>> chain = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    >>> label_regions(np.array([True, True, False, True, True]), chain)
    array([1, 1, 0, 2, 2])
    """
    inner = edges[mask[edges].all(axis=1)]
    count = len(mask)
    graph = coo_matrix((np.ones(len(inner)), (inner[:, 0], inner[:, 1])), shape=(count, count))
    component = connected_components(graph, directed=False)[1]
    regions = np.zeros(count, dtype=np.int64)
    regions[mask] = np.unique(component[mask], return_inverse=True)[1] + 1
    return regions


def label_image(truth: BoolArray) -> IntArray:
    """Region numbers (H, W): 0 nominal, 1… the 8-connected components of ``truth`` (H, W).

    >>> label_image(np.array([[True, False, True], [True, False, False]]))
    array([[1, 0, 2],
           [1, 0, 0]])
    """
    numbers: IntArray = label(truth, np.ones((3, 3)))[0].astype(np.int64)
    return numbers


def stack_regions(regions: list[IntArray]) -> IntArray:
    """Region numbers of several clouds in one array, each region keeping a number of its own.

    >>> stack_regions([np.array([0, 1]), np.array([1, 0, 2])])
    array([0, 1, 2, 0, 3])
    """
    tops = np.cumsum([0, *(int(part.max(initial=0)) for part in regions)])
    parts = [np.where(part > 0, part + top, 0) for part, top in zip(regions, tops, strict=False)]
    return np.concatenate(parts)


def aupro(regions: ArrayLike, scores: ArrayLike, fpr_limit: float = FPR_LIMIT) -> float:
    """Normalised area under the overlap curve, in [0, 1].

    Args:
        regions: (N,) region numbers of all clouds, 0 nominal; see ``stack_regions``.
        scores: (N,).
        fpr_limit: where the integral ends.

    Returns:
        The area, or NaN where there is no region or no nominal point.

    >>> regions = np.array([0, 0, 0, 0, 1, 1])  # two points of six are one region
    >>> aupro(regions, np.array([0.1, 0.2, 0.1, 0.3, 0.9, 0.8]))
    1.0
    """
    rate, overlap = pro_curve(regions, scores)
    return _area_until(rate, overlap, fpr_limit) / fpr_limit if len(rate) else float("nan")


def pro_curve(regions: ArrayLike, scores: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """False positive rate and mean overlap at every threshold, ascending.

    Args:
        regions, scores: as for ``aupro``.

    Returns:
        Two arrays, empty where there is no region or no nominal point.

    >>> pro_curve(np.array([0, 0, 1, 1]), np.array([0.1, 0.8, 0.9, 0.2]))
    (array([0. , 0. , 0.5, 0.5, 1. ]), array([0. , 0.5, 0.5, 1. , 1. ]))
    """
    region, score = np.asarray(regions, dtype=np.int64), np.asarray(scores)
    nominal = region == 0
    if nominal.all() or not nominal.any():
        return np.empty(0), np.empty(0)
    sizes = np.bincount(region)
    count = np.count_nonzero(sizes[1:])
    order = np.argsort(-score, kind="stable")
    sorted_region = region[order]
    gain = np.where(sorted_region > 0, 1.0 / (sizes[sorted_region] * count), 0.0)
    # Equal scores pass a threshold together: only the end of each tie is a point of the curve.
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    overlap = np.concatenate([[0.0], np.cumsum(gain)[ends]])
    rate = np.concatenate([[0.0], np.cumsum(sorted_region == 0)[ends] / nominal.sum()])
    return rate, overlap


def _area_until(x: FloatArray, y: FloatArray, limit: float) -> float:
    """Area under the polygon through (x, y), x ascending, from 0 to ``limit``."""
    inside = x <= limit
    y_limit = np.interp(limit, x, y)
    return float(trapezoid(np.append(y[inside], y_limit), np.append(x[inside], limit)))
