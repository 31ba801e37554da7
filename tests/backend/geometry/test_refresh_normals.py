"""Normals where a surface has changed: the same whether or not only a part of it is looked at."""

from __future__ import annotations

import numpy as np
import pytest

from backend.geometry.normals import estimate_normals
from backend.geometry.refresh_normals import refresh_normals
from backend.replay.replay import replay
from tests.backend.shapes import plate, random_recipe, sphere


@pytest.mark.parametrize("radius", [0.0, 1.0, 3.0, 9.0, 15.0, 30.0])
def test_what_is_far_away_does_not_count(radius: float) -> None:
    cloud = sphere()
    moved = np.linalg.norm(cloud.points - cloud.points[0], axis=1) <= radius
    fresh = refresh_normals(cloud.points, None, moved, cloud.normals[moved])
    whole = estimate_normals(cloud.points, cloud.tree)[moved]
    whole *= np.sign(np.einsum("ij,ij->i", whole, cloud.normals[moved]))[:, None]
    np.testing.assert_allclose(fresh, whole, atol=1e-12)


def test_normals_that_a_bend_has_turned_are_exact() -> None:
    recipe = random_recipe(plate(), 0, "bend")
    labeled = replay(recipe, plate()).labeled
    bend = recipe.defects[0]
    axis, side = np.array(bend.hinge_axis), np.array(bend.side)
    x = (plate().points - bend.hinge_point) @ side
    behind = x > bend.band
    assert behind.sum() > 100
    cosine = np.einsum("ij,ij->i", labeled.normals[behind], plate().normals[behind])
    np.testing.assert_allclose(cosine, np.cos(bend.angle), atol=1e-12)
    assert np.abs(labeled.normals[behind] @ axis).max() < 1e-9
