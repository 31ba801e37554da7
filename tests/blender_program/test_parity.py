"""Recipes imported into a real Blender give what the backend gives, and come back as they went in.

In the program of the current LTS, and in Blender as a module. The tolerances are those of
``tests/parity``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from backend.replay.replay import replay
from shared_schema.load import dump, load_recipe
from shared_schema.recipe import Recipe
from tests.backend.shapes import KINDS, random_recipe
from tests.blender import add_part, empty_scene, nominal_cloud
from tests.blender_program.program import Ended, Installation, complaints
from tests.blender_program.results import evaluated, nominal
from tests.parity.comparison import PARTS, Apart, compare, varied

CASES = 200
MOST_IN_A_STACK = 4
PROGRAM = Path(__file__).with_name("evaluate_recipes.py")
# By names that files can have.
SHAPES = {name.replace(" ", "_"): shape for name, shape in PARTS.items()}


@dataclass(frozen=True)
class Case:
    """A recipe on a part, each with the name of its files."""

    name: str
    part: str
    recipe: Recipe


@dataclass(frozen=True)
class Made:
    """What a Blender made of the cases.

    Attributes:
        folder: with the files that ``evaluate_recipes.py`` tells of.
        ended: the process.
    """

    folder: Path
    ended: Ended

    def exported(self, case: Case) -> Recipe:
        """The recipe as Blender wrote it, held to the schema."""
        return load_recipe(self.folder / f"{case.name}.exported.json")


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Every kind alone on every part, then stacks of several, drawn by their number."""
    return list(drawn_cases())


def drawn_cases() -> Iterator[Case]:
    clouds = {}
    for part, shape in SHAPES.items():
        empty_scene()
        clouds[part] = nominal_cloud(add_part(*shape()))
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
def made(
    cases: list[Case], any_blender: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    """What Blender made of the cases, all in one process."""
    folder = tmp_path_factory.mktemp("recipes")
    for part, shape in SHAPES.items():
        points, faces = shape()
        np.savez(folder / f"{part}.npz", points=points.astype(np.float32), faces=faces)
    names = {part: [case.name for case in cases if case.part == part] for part in SHAPES}
    (folder / "cases.json").write_text(json.dumps(names), encoding="utf-8")
    for case in cases:
        (folder / f"{case.name}.recipe.json").write_text(dump(case.recipe), encoding="utf-8")
    ended = any_blender.script(PROGRAM, folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return Made(folder, ended)


def test_blender_has_nothing_to_say(made: Made) -> None:
    assert complaints(made.ended) == []


def test_every_recipe_comes_back_as_it_went_in(cases: list[Case], made: Made) -> None:
    for case in cases:
        given = case.recipe.model_dump(mode="json", exclude_none=True)["defects"]
        found = made.exported(case).model_dump(mode="json", exclude_none=True)["defects"]
        assert single(found) == single(given), case.name


def test_every_recipe_is_replayed_as_blender_shows_it(
    cases: list[Case], made: Made, record_property: Callable[[str, object], None]
) -> None:
    clouds = {part: nominal(made.folder / f"{part}.nominal.npz") for part in SHAPES}
    differences = []
    for case in cases:
        cloud, exported = clouds[case.part], made.exported(case)
        shown = evaluated(made.folder / f"{case.name}.npz")
        labeled = replay(exported, cloud).labeled
        differences.append(compare(shown, labeled, labeled.points, exported, cloud.diagonal))
    largest = Apart(*np.max(differences, axis=0).tolist())
    record_property("largest differences", str(largest))
    print(f"{len(cases)} recipes, at most {largest}")


def single(value: object) -> object:
    """Numbers of a JSON value in single precision, without the names that the stack makes up."""
    if isinstance(value, dict):
        return {name: single(item) for name, item in value.items() if name != "name"}
    if isinstance(value, list):
        return [single(item) for item in value]
    return float(np.float32(value)) if isinstance(value, float) else value
