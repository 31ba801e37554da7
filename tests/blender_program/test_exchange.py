"""Recipes and templates through a real Blender: what goes in comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.blender_addon.exchange.test_recipes import any_recipe
from tests.blender_program.program import Blender

SCENE = Path(__file__).with_name("exchange_recipes.py")
SEEDS = range(20)
PART = {"name": "Icosphere", "unit": "mm", "diagonal": 0.0}
TEMPLATE = {
    "schema_version": 1,
    "name": "hits",
    "lengths": "absolute",
    "regions": {"Top": {"min": [-1.0, 3333332.0, -1.5], "max": [1.0, 3333334.0, -0.5]}},
    "draws": {"min": 1.0, "max": 3.0},
    "defects": [
        {
            "kind": "dent",
            "name": "Pit",
            "label": "auto",
            "location": {"type": "surface_random", "region": "Top"},
            "radius": {"min": 0.125, "max": 0.25, "distribution": "log_uniform"},
            "depth": {"min": 0.0625, "max": 0.125, "random_sign": True},
            "falloff": {"choices": ["flat", "linear"]},
        },
        {
            "kind": "deposit",
            "name": "Drop",
            "label": 7,
            "chance": 2.0,
            "location": {"type": "near", "distance": 0.5},
            "radius": {"min": 0.125, "max": 0.25},
            "height": 0.0625,
        },
    ],
}


@pytest.fixture(scope="module")
def folder(blender: Blender, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recipes and a template, and what Blender made of them."""
    folder = tmp_path_factory.mktemp("exchange")
    for seed in SEEDS:
        text = json.dumps({"schema_version": 1, "part": {**PART, "diagonal": 1.0}, **recipe(seed)})
        (folder / f"{seed}.recipe.json").write_text(text, encoding="utf-8")
    (folder / "template.json").write_text(json.dumps(TEMPLATE), encoding="utf-8")
    result = blender.script(SCENE, folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder


def recipe(seed: int) -> dict[str, Any]:
    return {**any_recipe(seed, 3.0), "lengths": "absolute", "origin": [0.1, 1e7 / 3, -2.0]}


def exported(folder: Path) -> Any:
    return json.loads((folder / "exported.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("seed", SEEDS)
def test_recipe_comes_back_to_the_last_digit(folder: Path, seed: int) -> None:
    again, given = exported(folder)[f"{seed}.recipe.json"], recipe(seed)
    assert {name: again[name] for name in given} == given


def test_template_comes_back_from_a_saved_file(folder: Path) -> None:
    again = exported(folder)["template.json"]
    pit, drop = sorted(again["defects"], key=lambda defect: str(defect["label"]), reverse=True)
    for before, after in zip(TEMPLATE["defects"], (pit, drop), strict=True):
        assert after["name"] == f"{before['name']} renamed"
        assert {name: after[name] for name in before if name != "name"} == {
            name: value for name, value in before.items() if name != "name"
        }
    assert again["draws"] == TEMPLATE["draws"]
    np.testing.assert_allclose(again["regions"]["Top"]["max"], [1.0, 3333334.0, -0.5], rtol=1e-6)


def test_what_is_refused_names_the_way_out_and_the_socket(folder: Path) -> None:
    scaled, applied, broken = exported(folder)["said"]
    assert "is scaled by 2 × 2 × 2" in scaled and "Apply Scale" in scaled
    assert applied == ""
    assert 'renamed": Radius must be greater than 0; it is -1.0' in broken
