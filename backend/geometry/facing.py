"""How far surface faces the same way as a defect's support: keeps a thin wall's far side still."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray
from backend.geometry.falloff import smoothstep


def facing(normals: FloatArray, support_normals: FloatArray, angle: float) -> FloatArray:
    """Weight (N,): 1 up to half of ``angle`` between the normals, 0 from ``angle`` on.

    Args:
        normals: (N, 3) unit.
        support_normals: (3,) or (N, 3) unit.
        angle: radians.

    >>> normals = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    >>> facing(normals, np.array([0.0, 0.0, 1.0]), angle=2.0).round(2)
    array([1. , 0.4, 0. ])
    """
    cosine = np.einsum("...i,...i->...", normals, support_normals)
    end = np.cos(angle)
    return smoothstep((cosine - end) / (np.cos(angle / 2.0) - end))
