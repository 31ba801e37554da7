"""Surfaces with known geometry, and templates of each kind to draw random defects from."""

from __future__ import annotations

from functools import cache

import numpy as np

from backend.cloud import PointCloud
from backend.sampling.places import Surface
from backend.sampling.recipes import sample_recipe
from shared_schema.defects import SPECS
from shared_schema.load import parse_document
from shared_schema.recipe import Part, Recipe, RecipeTemplate

KINDS = sorted(SPECS)

TEMPLATES = {
    "dent": """{"kind": "dent", "radius": {"min": 0.05, "max": 0.2},
        "depth": {"min": 0.01, "max": 0.05, "random_sign": true},
        "falloff": {"choices": ["cosine", "linear", "gaussian", "flat"]}}""",
    "scratch": """{"kind": "scratch", "length": {"min": 0.1, "max": 0.4},
        "width": {"min": 0.02, "max": 0.06}, "depth": {"min": 0.005, "max": 0.02},
        "taper": {"min": 0.0, "max": 0.5}, "pile_up": {"min": 0.0, "max": 1.0},
        "roughness": {"min": 0.0, "max": 1.0}}""",
    "bend": """{"kind": "bend", "angle": {"min": 0.05, "max": 0.5, "random_sign": true},
        "band": {"min": 0.05, "max": 0.2}}""",
    "crack": """{"kind": "crack", "length": {"min": 0.2, "max": 0.5},
        "depth": {"min": 0.1, "max": 0.3}, "gap": {"min": 0.01, "max": 0.04},
        "flank": {"min": 0.02, "max": 0.06}, "opening": {"min": 0.0, "max": 0.9},
        "walls": {"min": 0.0, "max": 0.1},
        "roughness": {"min": 0.0, "max": 1.0}}""",
    "freeform": """{"kind": "freeform", "size": {"min": 0.1, "max": 0.25},
        "amplitude": {"min": 0.005, "max": 0.02, "random_sign": true},
        "bump_count": {"min": 1, "max": 8}, "smoothing": 2}""",
    "hole": """{"kind": "hole", "radius": {"min": 0.04, "max": 0.12},
        "depth": {"min": 0.05, "max": 0.2}, "walls": {"choices": ["none", "open", "closed"]},
        "rim": {"min": -0.01, "max": 0.02}, "rim_width": {"min": 0.02, "max": 0.05},
        "roughness": {"min": 0.0, "max": 0.5}}""",
    "deposit": """{"kind": "deposit", "radius": {"min": 0.04, "max": 0.1},
        "height": {"min": 0.02, "max": 0.15}, "stretch": {"min": 1.0, "max": 2.0},
        "roughness": {"min": 0.0, "max": 0.5}}""",
}


def template(*kinds: str) -> RecipeTemplate:
    """A template with one defect of each of ``kinds``, in order."""
    defects = ", ".join(TEMPLATES[kind] for kind in kinds)
    return parse_document(f'{{"schema_version": 1, "defects": [{defects}]}}', RecipeTemplate)


@cache
def sphere(count: int = 4000, radius: float = 10.0) -> PointCloud:
    """Evenly spread points (Fibonacci lattice) of a sphere about the origin, exact normals."""
    index = np.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    turn = np.pi * (1.0 + np.sqrt(5.0)) * index
    flat = np.sqrt(1.0 - z * z)
    normals = np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
    return PointCloud.of(radius * normals, normals)


@cache
def plate(thickness: float = 0.5, step: float = 0.25, size: float = 20.0) -> PointCloud:
    """Both faces of a thin plate across z, without its narrow sides; normals point outwards."""
    ticks = np.arange(-size / 2, size / 2 + step / 2, step)
    x, y = (grid.ravel() for grid in np.meshgrid(ticks, ticks))
    faces = [
        (np.stack([x, y, np.full_like(x, side * thickness / 2)], axis=1), side) for side in (1, -1)
    ]
    points = np.concatenate([points for points, _ in faces])
    normals = np.concatenate([np.tile([0.0, 0.0, side], (len(p), 1)) for p, side in faces])
    return PointCloud.of(points, normals)


def surface(cloud: PointCloud) -> Surface:
    """``cloud`` as a part to draw recipes on."""
    return Surface(cloud, Part(name="test", diagonal=cloud.diagonal))


def random_recipe(cloud: PointCloud, seed: int, *kinds: str) -> Recipe:
    """A recipe with one random defect of each of ``kinds`` on ``cloud``."""
    return sample_recipe(template(*kinds), surface(cloud), rng=np.random.default_rng(seed))
