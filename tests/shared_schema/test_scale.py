"""A recipe in ratios becomes the same recipe in lengths, by what the schema says is a length."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared_schema.load import load_recipe
from shared_schema.recipe import Lengths
from shared_schema.scale import in_absolute_lengths, scaled

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "v1").glob("*.json"))
LENGTHS = {
    "center", "radius", "depth", "width", "points", "hinge_point", "band", "origin", "length",
    "gap", "flank", "offset", "hull", "margin", "amplitude", "sigma", "walls",
    "rim", "rim_width", "height",
}  # fmt: skip


def times(value: object, factor: float, *, key: str = "") -> object:
    """``value`` with every number below a key of ``LENGTHS`` multiplied."""
    if isinstance(value, dict):
        return {k: times(v, factor, key=k) for k, v in value.items()}
    if isinstance(value, list):
        return [times(item, factor, key=key) for item in value]
    return value * factor if key in LENGTHS and isinstance(value, float) else value


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_lengths_and_nothing_else_are_scaled(path: Path) -> None:
    for defect in load_recipe(path).defects:
        given = json.loads(defect.model_dump_json())
        assert json.loads(scaled(defect, 4.0).model_dump_json()) == times(given, 4.0)


def test_ratio_recipe_in_absolute_lengths() -> None:
    recipe = load_recipe(Path(__file__).parents[1] / "golden" / "v1" / "crack.json")
    recipe = recipe.model_copy(update={"part": recipe.part.model_copy(update={"diagonal": 8.0})})
    absolute = in_absolute_lengths(recipe)
    assert absolute.lengths is Lengths.ABSOLUTE
    assert absolute.defects[0].gap == 8.0 * recipe.defects[0].gap
    assert in_absolute_lengths(absolute) is absolute
