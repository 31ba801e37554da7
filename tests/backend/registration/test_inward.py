"""A positive depth goes into the material on every face of a closed part, a negative one out."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import trimesh

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.replay.replay import replay
from backend.samples import load_sample, sample_names
from shared_schema.recipe import Part, Recipe

# So shallow that no wall of a part is as thin, in parts of its diagonal.
DEPTH = 2e-4


@cache
def part(name: str) -> tuple[trimesh.Trimesh, PointCloud]:
    """A closed part, and points on all its faces with the normals that the backend finds."""
    mesh = load_sample(name)
    spread = subsample_surface(mesh, 4000, np.random.default_rng(0), even=False)
    solid = trimesh.Trimesh(mesh.points, mesh.faces, process=False)
    if solid.volume < 0:
        solid.invert()
    return solid, PointCloud(spread.points, spread.normals)


def everywhere(kind: str, cloud: PointCloud, sign: float) -> dict[str, Any]:
    """A defect whose support holds all of the part, and that is nowhere deeper than allowed."""
    size, middle = cloud.diagonal, cloud.points.mean(axis=0)
    depth = sign * DEPTH * size
    far = [(middle + size * np.array(step)).tolist() for step in ((-2, 0, 0), (2, 0, 0))]
    corners = [(middle + 2 * size * (np.array(c) - 0.5)).tolist() for c in np.ndindex(2, 2, 2)]
    return {
        "dent": {"center": middle.tolist(), "radius": 2 * size, "depth": depth},
        "scratch": {
            "path": {"points": far},
            "width": 4 * size,
            "depth": depth,
            "taper": 0.0,
            "pile_up": 0.0,
        },
        "freeform": {
            "hull": corners,
            "margin": 0.0,
            "bumps": [{"center": middle.tolist(), "amplitude": depth, "sigma": size}],
        },
    }[kind]


@pytest.mark.parametrize("name", sample_names("mesh"))
@pytest.mark.parametrize("kind", ["dent", "scratch", "freeform"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_inward_is_inward_on_every_face(name: str, kind: str, sign: float) -> None:
    solid, cloud = part(name)
    assert solid.is_watertight
    defect = {"kind": kind, **everywhere(kind, cloud, sign)}
    recipe = Recipe.model_validate({"part": Part(diagonal=cloud.diagonal), "defects": [defect]})
    labeled = replay(recipe, cloud).labeled
    assert labeled.mask.all(), "every face is within the support"
    moved = labeled.points - cloud.points
    assert cloud.normals is not None
    along = np.einsum("ni,ni->n", moved, cloud.normals)
    assert (sign * along < 0).all()
    inside = solid.contains(labeled.points)
    # A point beside an inner edge may come out of the other face.
    assert (inside == (sign > 0)).mean() > 0.99
