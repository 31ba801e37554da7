"""How large a cloud is, however it is turned, but for strays."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray

# What lies beyond this share at either end does not count.
STRAYS = 0.01
# So many points tell the size.
MOST_POINTS = 200_000


def extent(points: FloatArray) -> float:
    """Diagonal of the box of ``points`` (N, 3) along their principal axes; 0 of none.

    >>> corners = np.array([[x, y, 0.0] for x in (0, 3) for y in (0, 4)])
    >>> round(extent(corners), 1)
    5.0
    """
    if len(points) < 2:
        return 0.0
    points = points[:: -(-len(points) // MOST_POINTS)]
    axes = np.linalg.svd(np.cov(points.T))[0]
    low, high = np.quantile(points @ axes, [STRAYS, 1.0 - STRAYS], axis=0)
    return float(np.linalg.norm(high - low))
