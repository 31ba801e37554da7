"""Recipes imported into a real Blender of the current LTS give what the backend gives.

The same tolerances as in ``tests/parity``, which holds the module of the older LTS to them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.replay import replay
from shared_schema.load import dump, load_recipe
from shared_schema.recipe import Recipe
from tests.backend.shapes import KINDS, random_recipe
from tests.blender import Evaluated, add_part, empty_scene, nominal_cloud
from tests.blender_program.program import Blender
from tests.parity.comparison import PARTS, compare, varied

CASES = 200
MOST_IN_A_STACK = 4
PROBLEM = re.compile(r"warning|error|traceback|exception", re.IGNORECASE)


@dataclass(frozen=True)
class Case:
    """A recipe on a part, each with the name of its files."""

    name: str
    part: str
    recipe: Recipe


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Every kind alone on every part, then stacks of several, drawn by their number."""
    return list(drawn_cases())


def drawn_cases() -> Iterator[Case]:
    clouds = {}
    for name, shape in PARTS.items():
        empty_scene()
        clouds[name.replace(" ", "_")] = nominal_cloud(add_part(*shape()))
    parts = sorted(clouds)
    for number in range(CASES):
        rng = np.random.default_rng(number)
        part = parts[number % len(parts)]
        alone = number < len(parts) * len(KINDS)
        count = 1 if alone else rng.integers(2, MOST_IN_A_STACK + 1)
        kinds = [KINDS[number // len(parts)]] if alone else rng.choice(KINDS, count).tolist()
        recipe = varied(random_recipe(clouds[part], number, *kinds), clouds[part], rng)
        yield Case(f"case_{number:03}", part, recipe)


@pytest.fixture(scope="module")
def folder(
    cases: list[Case], blender: Blender, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The folder with all that Blender made of the cases, and what it wrote to its log."""
    folder = tmp_path_factory.mktemp("recipes")
    shapes = {name.replace(" ", "_"): shape for name, shape in PARTS.items()}
    for part, shape in shapes.items():
        points, faces = shape()
        np.savez(folder / f"{part}.npz", points=points.astype(np.float32), faces=faces)
    names = {part: [case.name for case in cases if case.part == part] for part in shapes}
    (folder / "cases.json").write_text(json.dumps(names), encoding="utf-8")
    for case in cases:
        (folder / f"{case.name}.recipe.json").write_text(dump(case.recipe), encoding="utf-8")
    result = blender.script(Path(__file__).with_name("evaluate_recipes.py"), folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder, result.stdout + result.stderr


def test_blender_warns_of_nothing(folder: tuple[Path, str]) -> None:
    assert not [line for line in folder[1].splitlines() if PROBLEM.search(line)]


def test_every_recipe_comes_back_as_it_went_in(cases: list[Case], folder: tuple[Path, str]) -> None:
    for case in cases:
        exported = load_recipe(folder[0] / f"{case.name}.exported.json")
        given = case.recipe.model_dump(mode="json", exclude_none=True)["defects"]
        found = exported.model_dump(mode="json", exclude_none=True)["defects"]
        assert single(found) == single(given), case.name


def test_every_recipe_is_replayed_as_blender_shows_it(
    cases: list[Case], folder: tuple[Path, str]
) -> None:
    clouds = {part: nominal(folder[0], part) for part in {case.part for case in cases}}
    for case in cases:
        cloud = clouds[case.part]
        exported = load_recipe(folder[0] / f"{case.name}.exported.json")
        labeled = replay(exported, cloud).labeled
        compare(
            evaluated(folder[0] / f"{case.name}.npz"),
            labeled,
            labeled.points,
            exported,
            cloud.diagonal,
        )


def nominal(folder: Path, part: str) -> PointCloud:
    """The part with the normals that this Blender gives it."""
    shape = np.load(folder / f"{part}.npz")
    before = evaluated(folder / f"{part}.nominal.npz")
    return PointCloud.of(before.points, before.normals, shape["faces"])


def evaluated(path: Path) -> Evaluated:
    arrays = np.load(path)
    names = ("points", "MASK", "LABEL", "WEIGHT", "SOURCE_INDEX", "NORMAL")
    return Evaluated(*(arrays[name] for name in names))


def single(value: object) -> object:
    """Numbers of a JSON value in single precision, without the names that the stack makes up."""
    if isinstance(value, dict):
        return {name: single(item) for name, item in value.items() if name != "name"}
    if isinstance(value, list):
        return [single(item) for item in value]
    return float(np.float32(value)) if isinstance(value, float) else value
