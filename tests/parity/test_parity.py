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

from backend.cloud import PointCloud
from backend.replay.replay import replay
from blender_addon.stack import modifiers
from shared_schema.defects import Severed
from shared_schema.load import load_recipe
from shared_schema.recipe import Part, Recipe
from shared_schema.scale import in_absolute_lengths
from tests.backend.shapes import KINDS, random_recipe
from tests.blender import add_part, egg, empty_scene, evaluate, nominal_cloud, plate
from tests.parity.comparison import GOLDEN, PARTS, compare, varied

STACKS = [
    *((kind,) for kind in KINDS),
    ("dent", "scratch"),
    ("bend", "dent", "scratch"),
    ("crack", "freeform", "bend"),
    ("dent", "hole", "deposit"),
    ("dent", "scratch", "hole", "bend", "crack", "deposit", "freeform"),
    ("freeform", "deposit", "crack", "bend", "hole", "scratch", "dent"),
]


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
