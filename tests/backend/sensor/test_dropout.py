"""Each dropout loses the share it says, where it says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.spatial import cKDTree

from backend.cloud import LabeledCloud
from tests.backend.sensor.scenes import sensed, surface


def lost(name: str, *, seed: int = 0, **dropout: Any) -> np.ndarray:
    """Which points (N,) go, seen from far above."""
    cloud = surface(name)
    views = {"type": "given", "viewpoints": [[0.0, 0.0, 1e6]]}
    after = sensed(LabeledCloud.nominal(cloud), cloud, seed, views=views, dropout=[dropout]).labeled
    return ~np.isin(np.arange(len(cloud)), after.source_index)


def test_random_dropout() -> None:
    assert lost("sphere", model="random", share=0.3).mean() == pytest.approx(0.3, abs=0.02)


def test_incidence_dropout() -> None:
    gone = lost("sphere", model="incidence", sure_cosine=0.5)
    cosine = surface("sphere").normals[:, 2]
    assert not gone[cosine > 0.51].any() and gone[cosine < 0].all()
    ring = (cosine > 0.2) & (cosine < 0.3)
    assert gone[ring].mean() == pytest.approx(0.5, abs=0.06)


def test_patches_cover_their_share_and_hang_together() -> None:
    gone = [lost("sphere", seed=s, model="patches", share=0.2, radius=1.0) for s in range(8)]
    assert np.mean(gone) == pytest.approx(0.2, abs=0.04)
    points = surface("sphere").points
    _, near = cKDTree(points).query(points[gone[0]], k=9)
    assert gone[0][near].mean() > 0.8
