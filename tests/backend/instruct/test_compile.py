"""Items become templates: stated sizes hold, the rest keeps its proportions, places are found."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backend.errors import InstructionError
from backend.instruct.compile import closed, compile_template
from backend.instruct.documents import Block, Document
from backend.instruct.knowledge import defects
from backend.instruct.reader import read_defects
from backend.instruct.shapes import SHAPES, measured
from backend.replay.replay import replay
from backend.sampling.recipes import sample_recipes
from backend.templates import load_template
from shared_schema.instruction import Basis, InstructedDefect, Polarity, SizeName
from shared_schema.recipe import Part, RecipeTemplate, Unit
from tests.backend.shapes import plate, surface

PLATE = surface(plate(thickness=8.0, step=1.0, size=60.0))


FINISHING = ("grinding", "forging", "coating")
# Of these processes, the rows whose bundled template is one of the same process.
OWN = [
    row.key
    for row in defects().values()
    if row.template and row.process in FINISHING and row.template.startswith(f"{row.process}/")
]


def item(defect: str = "casting/blowholes", **fields: Any) -> InstructedDefect:
    given = {"polarity": Polarity.OCCURS, "used": True, "basis": Basis.STATED}
    return InstructedDefect(defect=defect, kind=defects()[defect].kind, **{**given, **fields})


def compiled(*items: InstructedDefect, part: Part = PLATE.part) -> RecipeTemplate:
    return compile_template(items, defects(), replace(PLATE, part=part), name="test").template


def test_stated_sizes_hold_and_the_rest_keeps_its_ratio_to_them() -> None:
    small = compiled(item(sizes={"diameter": (2.0, 4.0)})).defects[0]
    large = compiled(item(sizes={"diameter": (4.0, 8.0)})).defects[0]
    assert measured(small, SHAPES["hole"].stated[SizeName.DIAMETER]) == (2.0, 4.0)
    assert large.depth.max == pytest.approx(2.0 * small.depth.max)
    assert large.rim_width.max == pytest.approx(2.0 * small.rim_width.max)


def test_sizes_are_in_the_unit_of_the_part() -> None:
    inches = Part(name="p", unit=Unit.INCH, diagonal=PLATE.part.diagonal / 25.4)
    hole = compiled(item(sizes={"diameter": (25.4, 50.8)}), part=inches).defects[0]
    assert (hole.radius.min, hole.radius.max) == pytest.approx((0.5, 1.0))


@pytest.mark.parametrize(
    ("interval", "basis", "ends"),
    [
        ((2.0, 3.0), Basis.STATED, (2.0, 3.0)),
        ((0.2, None), Basis.LIMIT, (0.2, 1.0)),
        ((0.2, None), Basis.STATED, (0.2, 0.8)),
        ((None, 4.0), Basis.STATED, (1.0, 4.0)),
    ],
)
def test_open_ends_are_closed_by_the_basis_or_the_templates_ratio(
    interval: tuple[float | None, float | None], basis: Basis, ends: tuple[float, float]
) -> None:
    assert closed(interval, (1.0, 4.0), basis) == pytest.approx(ends)


def test_without_sizes_they_are_typical_of_the_defect() -> None:
    row = defects()["casting/blowholes"]
    low, high = row.sizes[SizeName.DIAMETER]
    for diagonal in (20.0, 200.0, 5_000.0):
        hole = compiled(item(), part=Part(name="p", diagonal=diagonal)).defects[0]
        least, most = measured(hole, SHAPES["hole"].stated[SizeName.DIAMETER])
        assert low <= (least * most) ** 0.5 <= high * (1 + 1e-9)


def test_a_bulge_goes_out_of_the_material_and_a_dent_into_it() -> None:
    out = compiled(item("any/bulges", sizes={"height": (1.0, 2.0)})).defects[0]
    assert (out.depth.min, out.depth.max) == (-2.0, -1.0)
    inward = compiled(item("any/dents", sizes={"depth": (1.0, 2.0)})).defects[0]
    assert (inward.depth.min, inward.depth.max) == (1.0, 2.0)


@pytest.mark.parametrize("unsaid", [(None, None), (None, 0.0), (0.0, None)])
def test_a_height_that_is_not_said_leaves_the_step_of_the_template(
    unsaid: tuple[float | None, float | None],
) -> None:
    usual = compiled(item("printing_3d/layer_shift")).defects[0]
    assert compiled(item("printing_3d/layer_shift", sizes={"height": unsaid})).defects[0] == usual


def test_the_height_of_a_step_is_how_far_a_layer_is_shifted() -> None:
    shifted = compiled(item("printing_3d/layer_shift", sizes={"height": (0.5, 0.5)})).defects[0]
    assert np.linalg.norm(shifted.offset) == pytest.approx(0.5)


def test_a_template_of_several_items_draws_by_their_counts() -> None:
    many, few = item(count=(4, 6)), item("any/dents", count=(1, 1))
    template = compiled(many, few)
    assert [defect.chance for defect in template.defects] == [5.0, 1.0]
    assert (template.draws.min, template.draws.max) == (1.0, 6.0)
    assert len({defect.name for defect in template.defects}) == len(template.defects)


def test_all_defects_of_a_template_that_draws_none_are_drawn() -> None:
    shrinkage = load_template("casting/shrinkage")
    holes = [defect for defect in shrinkage.defects if defect.kind == "hole"]
    template = compiled(item("casting/shrinkage"))
    assert template.draws == len(template.defects) == len(holes) > 1


def test_a_cluster_stays_one_at_its_size_unless_a_place_is_said() -> None:
    sizes = {"diameter": (1.0, 1.0)}
    near = compiled(item("casting/porosity", sizes=sizes)).defects[0]
    twice = compiled(item("casting/porosity", sizes={"diameter": (2.0, 2.0)})).defects[0]
    assert twice.location.distance == pytest.approx(2.0 * near.location.distance)
    for recipe in sample_recipes(compiled(item("casting/porosity")), PLATE, seed=0, count=4):
        centers = np.array([defect.center for defect in recipe.defects])
        reach = compiled(item("casting/porosity")).defects[0].location.distance
        assert np.linalg.norm(centers - centers[0], axis=1).max() <= reach
    said = compiled(item("casting/porosity", sizes=sizes, place="top")).defects[0]
    assert said.location.type == "surface_random"


def test_places_are_regions_and_edges_and_what_is_not_found_is_told() -> None:
    places = [item(place="top"), item("any/dents", place="edge"), item("any/cracks", place="rib")]
    result = compile_template(places, defects(), PLATE, name="test")
    kinds = [defect.location.type for defect in result.template.defects]
    assert kinds == ["surface_random", "edge_random", "surface_random"]
    assert [one.value for one in result.findings] == ["rib"]
    assert result.items == tuple(places)
    for recipe in sample_recipes(compiled(places[0]), PLATE, seed=0, count=4):
        assert all(defect.center[2] > 0 for defect in recipe.defects)


def test_places_that_are_named_together_share_the_draws() -> None:
    both = compiled(item("any/dents", place="top", more_places=("edge",))).defects
    assert [one.location.type for one in both] == ["surface_random", "edge_random"]
    alone = compiled(item("any/dents", place="top")).defects[0]
    assert [one.chance for one in both] == pytest.approx([alone.chance / 2] * 2)


def test_items_that_are_not_used_are_left_out_and_none_at_all_is_an_error() -> None:
    absent = item("any/cracks", polarity=Polarity.ABSENT, used=False)
    assert [d.kind for d in compiled(item(), absent).defects] == ["hole"]
    with pytest.raises(InstructionError, match="none of the 1 defects"):
        compiled(absent)


@pytest.mark.parametrize("key", [k for k, row in defects().items() if row.template])
def test_every_row_with_a_template_becomes_defects_of_its_kind(key: str) -> None:
    template = compiled(item(key))
    assert {defect.kind for defect in template.defects} == {defects()[key].kind}


@pytest.mark.parametrize("key", OWN)
def test_a_text_that_names_a_row_makes_it_from_a_template_of_its_process(key: str) -> None:
    row = defects()[key]
    text = Document("text.txt", (Block(f"These defects occur on the part: {row.title}."),))
    items = read_defects([text], process=row.process).items
    assert [(one.defect, one.used) for one in items] == [(key, True)]
    template = compiled(*items)
    assert {defect.kind for defect in template.defects} == {row.kind}
    for recipe in sample_recipes(template, PLATE, seed=0, count=2):
        labeled = replay(recipe, PLATE.cloud).labeled
        assert len(labeled.points) < len(PLATE.cloud) or not np.allclose(
            labeled.points, PLATE.cloud.points[labeled.source_index]
        )
