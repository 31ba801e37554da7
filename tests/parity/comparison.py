"""The comparison of what Blender made with what the backend made, and the recipes to do it on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.cloud import LabeledCloud, PointCloud
from shared_schema.defects import CrackSpec, DefectSpec
from shared_schema.recipe import Recipe
from tests.blender import Evaluated, bundled, egg

POSITION_TOLERANCE = 1e-6  # of the diagonal
WEIGHT_TOLERANCE = 1e-5  # for each defect of the stack, see docs/adr/0006
GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "v1").glob("*.json"))

PARTS = {
    "egg 1 mm": lambda: egg(1e-3),
    "egg 1": lambda: egg(1.0),
    "egg 1000": lambda: egg(1e3),
    "motor holder in metres": lambda: bundled("motor_holder", 1e-3),
    "wrist in mm": lambda: bundled("wrist_roll"),
}


class Apart(NamedTuple):
    """How far two evaluations of a part are apart at most.

    Attributes:
        position: in diagonals, on the walls of a crack in as many as their ``steepness``.
        weight: of the points.
    """

    position: float
    weight: float


def compare(
    blender: Evaluated,
    backend: LabeledCloud,
    points: NDArray[np.float64],
    recipe: Recipe,
    diagonal: float,
) -> Apart:
    """Hold what Blender made to what the backend made; ``points`` are the backend's."""
    order = np.argsort(blender.source_index)
    assert np.array_equal(blender.source_index[order], np.sort(backend.source_index))
    rows = order[np.searchsorted(blender.source_index[order], backend.source_index)]
    distances = np.linalg.norm(blender.points[rows] - points, axis=1)
    length = diagonal * max(map(steepness, recipe.defects))
    weights = np.abs(blender.weight[rows] - backend.weight)
    apart = Apart(distances.max() / length, weights.max())
    tolerance = WEIGHT_TOLERANCE * len(recipe.defects)
    assert apart.position <= POSITION_TOLERANCE
    assert apart.weight <= tolerance
    thresholds = np.array([defect.mask_threshold for defect in recipe.defects])
    nearest = np.abs(backend.weight[:, None] - thresholds).min(axis=1)
    sure = nearest > tolerance
    assert np.array_equal(blender.mask[rows][sure], backend.mask[sure])
    assert np.array_equal(blender.labels[rows][sure], backend.labels[sure])
    assert sure.mean() > 0.99
    return apart


def steepness(defect: DefectSpec) -> float:
    """How much more than its place a point's depth on the walls of a narrow crack is off.

    The gap, which is narrow, is drawn over the walls, which are deep: see docs/adr/0007.
    """
    if not isinstance(defect, CrackSpec) or not defect.gap:
        return 1.0
    return max(1.0, defect.walls / (defect.gap / 2.0 * (1.0 - defect.opening)))


def varied(recipe: Recipe, cloud: PointCloud, rng: np.random.Generator) -> Recipe:
    """The recipe with what templates leave alone drawn at random too."""
    defects = [
        type(defect).model_validate(
            {**defect.model_dump(), **COMMON(rng), **VARIATIONS[defect.kind](defect, cloud, rng)}
        )
        for defect in recipe.defects
    ]
    return recipe.model_copy(update={"defects": tuple(defects)})


def COMMON(rng: np.random.Generator) -> dict[str, Any]:  # noqa: N802
    return {"label": int(rng.integers(1, 100)), "mask_threshold": float(rng.uniform(0.0, 0.6))}


def _direction(rng: np.random.Generator) -> tuple[float, ...] | None:
    return tuple(rng.normal(size=3)) if rng.random() < 0.3 else None


def _dent(defect: Any, cloud: PointCloud, rng: np.random.Generator) -> dict[str, Any]:
    changes = {"direction": _direction(rng), "facing_angle": float(rng.uniform(0.5, np.pi))}
    return changes | ({"center_normal": None} if rng.random() < 0.2 else {})


def _scratch(defect: Any, cloud: PointCloud, rng: np.random.Generator) -> dict[str, Any]:
    changes = {"direction": _direction(rng), "facing_angle": float(rng.uniform(0.5, np.pi))}
    if rng.random() < 0.2:
        changes["path"] = {**defect.path.model_dump(), "normals": None}
    return changes


def _freeform(defect: Any, cloud: PointCloud, rng: np.random.Generator) -> dict[str, Any]:
    smoothing = int(rng.integers(0, 8))
    margin = 0.0 if rng.random() < 0.2 else defect.margin
    changes = {"direction": _direction(rng), "smoothing": smoothing, "margin": margin}
    return changes | ({"normal": None} if rng.random() < 0.3 else {})


def _hole(defect: Any, cloud: PointCloud, rng: np.random.Generator) -> dict[str, Any]:
    leaning = np.array(defect.direction) + rng.normal(scale=0.1, size=3)
    return {"direction": tuple(leaning), "facing_angle": float(rng.uniform(0.5, np.pi))}


def _deposit(defect: Any, cloud: PointCloud, rng: np.random.Generator) -> dict[str, Any]:
    leaning = np.array(defect.normal) + rng.normal(scale=0.1, size=3)
    return {"normal": tuple(leaning), "facing_angle": float(rng.uniform(0.5, np.pi))}


def _crack(defect: Any, cloud: PointCloud, rng: np.random.Generator) -> dict[str, Any]:
    severed = ["no", "no", "shift", "remove"][rng.integers(4)]
    return {"severed": severed, "offset": tuple(rng.normal(scale=0.02 * cloud.diagonal, size=3))}


def _bend(defect: Any, cloud: PointCloud, rng: np.random.Generator) -> dict[str, Any]:
    return {"side": tuple(np.array(defect.side) + 0.3 * np.array(defect.hinge_axis))}


VARIATIONS = {
    "dent": _dent,
    "scratch": _scratch,
    "bend": _bend,
    "crack": _crack,
    "freeform": _freeform,
    "hole": _hole,
    "deposit": _deposit,
}
