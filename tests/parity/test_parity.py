"""The picture in Blender is a promise about the training data: both sides compute the same.

On the same vertices, normals and edges: positions to 1e-6 of the bounding box's diagonal, weights
to 1e-5 for each defect of the stack, masks and labels equal but where a weight lies at the
threshold, points matched by source index.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.cloud import LabeledCloud, PointCloud
from backend.replay import replay
from blender_addon import modifiers
from shared_schema.defects import CrackSpec, DefectSpec, Severed
from shared_schema.load import load_recipe
from shared_schema.recipe import Part, Recipe
from shared_schema.scale import in_absolute_lengths
from tests.backend.shapes import KINDS, random_recipe
from tests.blender import (
    Evaluated,
    add_part,
    bundled,
    egg,
    empty_scene,
    evaluate,
    nominal_cloud,
    plate,
)

POSITION_TOLERANCE = 1e-6  # of the diagonal
WEIGHT_TOLERANCE = 1e-5  # for each defect of the stack, see docs/adr/0006
GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "v1").glob("*.json"))

STACKS = [
    *((kind,) for kind in KINDS),
    ("dent", "scratch"),
    ("bend", "dent", "scratch"),
    ("crack", "freeform", "bend"),
    ("dent", "hole", "deposit"),
    ("dent", "scratch", "hole", "bend", "crack", "deposit", "freeform"),
    ("freeform", "deposit", "crack", "bend", "hole", "scratch", "dent"),
]
PARTS = {
    "egg 1 mm": lambda: egg(1e-3),
    "egg 1": lambda: egg(1.0),
    "egg 1000": lambda: egg(1e3),
    "motor holder in metres": lambda: bundled("motor_holder", 1e-3),
    "wrist in mm": lambda: bundled("wrist_roll"),
}


@pytest.mark.parametrize("stack", STACKS, ids="+".join)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("seed", range(2))
def test_random_stack(part: str, stack: tuple[str, ...], seed: int) -> None:
    empty_scene()
    obj = add_part(*PARTS[part]())
    cloud = nominal_cloud(obj)
    rng = np.random.default_rng([seed, *map(ord, "".join(stack))])
    recipe = varied(random_recipe(cloud, seed, *stack), cloud, rng)
    check_parity(obj, cloud, recipe)


@pytest.mark.parametrize("severed", ["no", "shift", "remove"])
@pytest.mark.parametrize("seed", range(3))
def test_severed_parts(severed: str, seed: int) -> None:
    empty_scene()
    obj = add_part(*egg())
    cloud = nominal_cloud(obj)
    recipe = random_recipe(cloud, seed, "crack", "dent")
    severing = {"severed": Severed(severed), "offset": (0.1, 0.02, 0.0)}
    crack = recipe.defects[0].model_copy(update=severing)
    check_parity(obj, cloud, recipe.model_copy(update={"defects": (crack, *recipe.defects[1:])}))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_recipe(path: Path) -> None:
    recipe = in_absolute_lengths(load_recipe(path))
    empty_scene()
    obj = add_part(*plate(recipe.part.diagonal))
    check_parity(obj, nominal_cloud(obj), recipe.model_copy(update={"origin": (0.0, 0.0, 0.0)}))


@pytest.mark.parametrize("diagonals_away", [1.0, 1e2, 1e4])
def test_part_far_from_its_origin(diagonals_away: float) -> None:
    """Blender works about the part's middle; the recipe's origin takes the offset over."""
    empty_scene()
    obj = add_part(*egg())
    cloud = nominal_cloud(obj)
    recipe = written_to(obj, random_recipe(cloud, 7, "dent", "bend", "freeform"))
    away = np.array([1.0, -0.5, 0.25]) * diagonals_away * cloud.diagonal
    recipe = recipe.model_copy(update={"origin": tuple(away)})
    labeled = replay(recipe, cloud.moved(cloud.points + away, cloud.normals)).labeled
    compare(evaluate(obj), labeled, labeled.points - away, recipe, cloud.diagonal)


def test_disagreement_is_found() -> None:
    """The comparison itself can fail: a depth off by a thousandth of the diagonal is seen."""
    empty_scene()
    obj = add_part(*egg())
    cloud = nominal_cloud(obj)
    recipe = written_to(obj, random_recipe(cloud, 1, "dent"))
    off = recipe.defects[0].model_copy(
        update={"depth": recipe.defects[0].depth + 1e-3 * cloud.diagonal}
    )
    labeled = replay(recipe.model_copy(update={"defects": (off,)}), cloud).labeled
    with pytest.raises(AssertionError):
        compare(evaluate(obj), labeled, labeled.points, recipe, cloud.diagonal)


def check_parity(obj: Any, cloud: PointCloud, recipe: Recipe) -> None:
    """Deform on both sides by what Blender made of ``recipe``, and compare."""
    written = written_to(obj, recipe)
    labeled = replay(written, cloud).labeled
    assert (labeled.source_index.size < len(cloud)) or labeled.weight.any()
    compare(evaluate(obj), labeled, labeled.points, written, cloud.diagonal)


def written_to(obj: Any, recipe: Recipe) -> Recipe:
    """The recipe as it comes back from Blender, in single precision."""
    for defect in recipe.model_dump(mode="json", exclude_none=True)["defects"]:
        modifiers.add_defect(obj, defect["kind"], defect)
    stack = [modifiers.read_values(modifier) for modifier in modifiers.defect_modifiers(obj)]
    part = Part(diagonal=recipe.part.diagonal)
    return Recipe.model_validate({"part": part.model_dump(), "defects": stack})


def compare(
    blender: Evaluated,
    backend: LabeledCloud,
    points: NDArray[np.float64],
    recipe: Recipe,
    diagonal: float,
) -> None:
    """Hold what Blender made to what the backend made; ``points`` are the backend's."""
    order = np.argsort(blender.source_index)
    assert np.array_equal(blender.source_index[order], np.sort(backend.source_index))
    rows = order[np.searchsorted(blender.source_index[order], backend.source_index)]
    apart = np.linalg.norm(blender.points[rows] - points, axis=1)
    assert apart.max() <= POSITION_TOLERANCE * diagonal * max(map(steepness, recipe.defects))
    tolerance = WEIGHT_TOLERANCE * len(recipe.defects)
    assert np.abs(blender.weight[rows] - backend.weight).max() <= tolerance
    thresholds = np.array([defect.mask_threshold for defect in recipe.defects])
    nearest = np.abs(backend.weight[:, None] - thresholds).min(axis=1)
    sure = nearest > tolerance
    assert np.array_equal(blender.mask[rows][sure], backend.mask[sure])
    assert np.array_equal(blender.labels[rows][sure], backend.labels[sure])
    assert sure.mean() > 0.99


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
    severed = ["no", "no", "shift"][rng.integers(3)]
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
