"""The program that draws the gallery of templates knows each of them, and wrote the page."""

from __future__ import annotations

import numpy as np
import pytest

from backend.geometry.surface import is_watertight, signed_volume
from backend.io import read_cloud
from backend.samples import sample_names
from backend.templates import template_names
from docs.pictures.templates import MADE, PAGE, SHOTS, drawn, extent, gallery, part_file, refined


def test_every_template_has_a_shot_on_a_part_that_is_there() -> None:
    assert sorted(SHOTS) == sorted(template_names())
    assert {shot.part for shot in SHOTS.values()} <= {*MADE, *sample_names("mesh")}


def test_the_page_ends_with_the_tables_as_they_are_now() -> None:
    assert PAGE.read_text(encoding="utf-8").endswith(gallery())


@pytest.mark.parametrize("name", sorted(MADE))
def test_parts_made_for_it_are_closed_and_not_inside_out(name: str) -> None:
    mesh = MADE[name]()
    assert is_watertight(mesh.faces)
    assert signed_volume(mesh.vertices, mesh.faces) > 0


def test_the_mesh_is_fine_where_the_defect_is_and_coarse_elsewhere() -> None:
    name = "welding/burn_through"
    with part_file(SHOTS[name].part) as file:
        part, recipe = read_cloud(file), drawn(name, file)
    [defect] = recipe.defects
    [place], reach, longest = extent(defect.model_dump())
    mesh = refined(part, recipe, SHOTS[name].edge_ratio)
    ends = mesh.vertices[mesh.edges_unique]
    lengths = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)
    near = np.linalg.norm(ends.mean(axis=1) - place, axis=1) < reach
    assert lengths[near].max() <= longest
    assert lengths.max() <= SHOTS[name].edge_ratio * part.diagonal
    assert np.median(lengths[~near]) > np.median(lengths[near])
