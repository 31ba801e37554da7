"""Files saved by the older LTS are opened by the program: the same surface, and defects to edit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
import pytest

from backend.replay.replay import replay
from blender_addon.exchange.recipes import recipe_of
from blender_addon.stack.modifiers import add_defect
from shared_schema.load import load_recipe
from tests.backend.shapes import KINDS, random_recipe
from tests.blender import Evaluated, add_part, egg, empty_scene, evaluate, nominal_cloud
from tests.blender_program.program import Blender, Ended, complaints
from tests.blender_program.results import evaluated, nominal
from tests.parity.comparison import POSITION_TOLERANCE, WEIGHT_TOLERANCE, compare

PROGRAM = Path(__file__).with_name("open_old_file.py")


@dataclass(frozen=True)
class Opened:
    """What was saved, and what the program made of it.

    Attributes:
        recipe: of the part when it was saved.
        shown: the part then, evaluated.
        diagonal: of the part.
        folder: with the files that ``open_old_file.py`` tells of.
        ended: the process.
    """

    recipe: dict[str, object]
    shown: Evaluated
    diagonal: float
    folder: Path
    ended: Ended


@pytest.fixture(scope="module")
def opened(blender: Blender, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """A part with one defect of each kind, saved here and opened there."""
    folder = tmp_path_factory.mktemp("old")
    empty_scene()
    part = add_part(*egg())
    cloud = nominal_cloud(part)
    recipe = random_recipe(cloud, 3, *KINDS)
    for defect in recipe.model_dump(mode="json", exclude_none=True)["defects"]:
        add_defect(part, defect["kind"], defect)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "old.blend"), copy=True)
    ended = blender.script(PROGRAM, folder / "old.blend", folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return Opened(recipe_of(part), evaluate(part), cloud.diagonal, folder, ended)


def test_the_surface_is_the_same(opened: Opened) -> None:
    before, after = opened.shown, evaluated(opened.folder / "opened.npz")
    assert np.array_equal(after.source_index, before.source_index)
    assert np.array_equal(after.mask, before.mask)
    assert np.array_equal(after.labels, before.labels)
    assert np.abs(after.weight - before.weight).max() <= len(KINDS) * WEIGHT_TOLERANCE
    apart = np.linalg.norm(after.points - before.points, axis=1)
    assert apart.max() <= POSITION_TOLERANCE * opened.diagonal


def test_the_recipe_is_the_same(opened: Opened) -> None:
    exported = json.loads((opened.folder / "opened.exported.json").read_text(encoding="utf-8"))
    assert exported == opened.recipe


def test_its_defects_are_edited_and_added_to(opened: Opened) -> None:
    cloud = nominal(opened.folder / "nominal.npz")
    recipe = load_recipe(opened.folder / "edited.exported.json")
    assert [defect.label for defect in recipe.defects] == [*range(100, 100 + len(KINDS)), 50]
    labeled = replay(recipe, cloud).labeled
    shown = evaluated(opened.folder / "edited.npz")
    assert {100, 50} <= set(shown.labels.tolist())
    compare(shown, labeled, labeled.points, recipe, cloud.diagonal)


def test_its_node_groups_serve_new_defects_too(opened: Opened) -> None:
    before, after = json.loads((opened.folder / "groups.json").read_text(encoding="utf-8"))
    assert after == before


def test_blender_has_nothing_to_say(opened: Opened) -> None:
    assert complaints(opened.ended) == []
