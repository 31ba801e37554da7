"""The bundled templates are complete, documented, and make what their names say on any part."""

from __future__ import annotations

import json
import re
import struct
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import trimesh

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.errors import FlawsmithError
from backend.io.digest import file_digest
from backend.replay.replay import replay
from backend.samples import load_sample
from backend.sampling.places import Surface
from backend.sampling.recipes import sample_recipe
from backend.templates import (
    FOLDER,
    PROCESSES,
    close_names,
    load_template,
    template_names,
    template_path,
    templates,
)
from shared_schema.recipe import Lengths
from tests.backend.shapes import surface

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "templates.md").read_text(encoding="utf-8")
POINTS = 5000
PARTS = ("pawn", "nist_ftc_08", "plate")
# Of all points; a template that means more of the part is named.
LEAST, MOST = 1 / POINTS, 0.12
OF_THE_WHOLE_PART = {
    "sheet_metal/bent_end": 0.3,
    "printing_3d/layer_shift": 0.6,
    "forging/mismatch": 0.6,
    "printing_3d/warping": 0.8,
}


@cache
def part(name: str) -> Surface:
    """A bundled part or a flat plate, as a scan with normals."""
    if name == "plate":
        box = trimesh.creation.box((200.0, 140.0, 3.0))
        mesh = PointCloud.of(box.vertices, faces=box.faces)
    else:
        mesh = load_sample(name)
    return surface(subsample_surface(mesh, POINTS, np.random.default_rng(0)))


def picture_of(name: str) -> Path:
    return DOCS / "pictures" / "templates" / f"{name.replace('/', '_')}.png"


def test_the_index_lists_every_file_once_under_its_process() -> None:
    entries = json.loads((FOLDER / "templates.json").read_text(encoding="utf-8"))
    files = {
        path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.json")
    }
    assert sorted(entry["name"] for entry in entries) == sorted(files)
    assert {one.process for one in templates().values()} == set(PROCESSES)
    for name, one in templates().items():
        assert name.startswith(f"{one.process}/")
        assert one.goes in ("in", "out", "both") and one.materials


@pytest.mark.parametrize("name", template_names())
def test_each_fits_parts_of_any_size_and_is_named_and_labelled(name: str) -> None:
    template = load_template(name)
    assert template.name == name.partition("/")[2]
    assert template.lengths is Lengths.RATIO
    assert all(defect.name for defect in template.defects)
    assert {type(defect.label) for defect in template.defects} == {int}


@pytest.mark.parametrize("process", PROCESSES)
def test_labels_tell_the_templates_of_a_process_apart(process: str) -> None:
    labels = [
        {defect.label for defect in load_template(name).defects} for name in template_names(process)
    ]
    assert all(len(of_one) == 1 for of_one in labels)
    assert len(set.union(*labels)) == len(labels)


@pytest.mark.parametrize("name", template_names())
def test_each_makes_its_defect_on_bundled_parts_and_a_plate(name: str) -> None:
    found = []
    for number, on in enumerate(map(part, PARTS)):
        recipe = sample_recipe(load_template(name), on, rng=np.random.default_rng(number))
        labeled = replay(recipe, on.cloud).labeled
        found.append(LEAST <= labeled.mask.mean() <= OF_THE_WHOLE_PART.get(name, MOST))
        source = labeled.source_index
        assert on.cloud.normals is not None
        moved = labeled.points - on.cloud.points[source]
        outward = np.einsum("ij,ij->", moved, on.cloud.normals[source])
        missing = len(on.cloud) - len(labeled.points)
        match templates()[name].goes:
            case "in":
                assert outward < 0 or missing > 0
            case "out":
                assert outward > 0 and missing == 0
            case "both":
                assert moved.any()
    assert sum(found) >= 2, "too few or too many points are marked"


@pytest.mark.parametrize("name", template_names())
def test_each_has_a_small_picture_of_what_it_is_now(name: str) -> None:
    data = picture_of(name).read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) < 100_000
    assert struct.unpack(">II", data[16:24]) == (360, 360)
    record = json.loads((picture_of(name).parent / "pictures.json").read_text(encoding="utf-8"))
    assert record[name]["template"] == file_digest(template_path(name))


def test_there_is_no_picture_of_a_template_that_is_gone() -> None:
    there = {path.name for path in picture_of("a/b").parent.glob("*.png")}
    assert there == {picture_of(name).name for name in template_names()}


@pytest.mark.parametrize("name", template_names())
def test_the_page_shows_each_with_its_picture_and_what_to_change(name: str) -> None:
    one = templates()[name]
    picture = f"../{picture_of(name).relative_to(DOCS).as_posix()}"
    row = re.search(rf"^\| !\[.*\]\({re.escape(picture)}\) \|.*$", PAGE, re.MULTILINE)
    assert row is not None
    for text in (one.title, f"`{name}`", one.description, one.causes, one.change):
        assert text in row[0]


@pytest.mark.parametrize("name", template_names())
def test_fields_to_change_are_fields_of_the_template_or_the_schema(name: str) -> None:
    template = load_template(name)
    known = {"draws", "lengths", "unit"}
    for defect in template.defects:
        known |= type(defect).model_fields.keys() | type(defect.location).model_fields.keys()
    for words in re.findall(r"`([\w.]+)`", templates()[name].change):
        if words not in OTHER_WORDS:
            assert words.split(".")[0] in known, words


# Values, and places, that the advice names.
OTHER_WORDS = {"cosine", "flat", "near"}


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("machining/chater_marks", ["machining/chatter_marks"]),
        ("porosity", ["casting/porosity", "welding/porosity"]),
        ("Spatter", ["welding/spatter"]),
        ("sheet metal/pitting", ["sheet_metal/pitting"]),
        ("foo.json", []),
    ],
)
def test_unknown_names_bring_up_close_ones(asked: str, meant: list[str]) -> None:
    assert close_names(asked)[: len(meant)] == meant
    with pytest.raises(FlawsmithError, match=" or ".join(meant) or "lists all"):
        load_template(asked)
