"""``flawsmith sample`` and ``flawsmith schema``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.io import write_cloud
from backend.samples import load_sample, sample_path
from shared_schema.load import load_recipe
from shared_schema.publish import DOCUMENTS, schema_text
from tests.backend.cli.conftest import Run
from tests.backend.shapes import KINDS, TEMPLATES


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "all.json"
    defects = ", ".join(TEMPLATES[kind] for kind in KINDS)
    path.write_text(f'{{"schema_version": 1, "defects": [{defects}]}}', encoding="utf-8")
    return path


def test_recipes_depend_on_seed_and_number_alone(run: Run, template: Path, tmp_path: Path) -> None:
    part = sample_path("pawn")
    run("sample", template, part, "--count", 3, "--seed", 5, "--out", tmp_path / "three")
    run("sample", template, part, "--count", 1, "--seed", 5, "--out", tmp_path / "one")
    run("sample", template, part, "--count", 1, "--seed", 6, "--out", tmp_path / "other")
    names = [f"all-{number:05d}.json" for number in range(3)]
    assert sorted(path.name for path in (tmp_path / "three").iterdir()) == names
    texts = [(tmp_path / folder / names[0]).read_text() for folder in ("three", "one", "other")]
    assert texts[0] == texts[1] != texts[2]
    recipe = load_recipe(tmp_path / "three" / names[2])
    assert [defect.kind for defect in recipe.defects] == KINDS
    assert recipe.part.name == "pawn" and recipe.part.unit == "mm"


def test_a_bad_template_is_named_field_by_field(run: Run, template: Path, tmp_path: Path) -> None:
    document = json.loads(template.read_text())
    document["defects"][1]["radius"] = {"min": -1.0, "max": 0.1}
    template.write_text(json.dumps(document))
    result = run("sample", template, sample_path("pawn"), "--out", tmp_path / "out", status=1)
    assert "all.json: defects[1]" in result.stderr and "radius" in result.stderr
    assert not (tmp_path / "out").exists()


def test_recipes_do_not_replace_what_they_come_from(run: Run, template: Path) -> None:
    given = template.rename(template.with_name("all-00000.json"))
    again = given.with_name("all.json")
    again.write_text(given.read_text())
    result = run("sample", again, given, "--out", given.parent, status=2)
    assert "would be overwritten" in result.stderr


@pytest.mark.parametrize("suffix", [".obj", ".ply"])
def test_loose_vertices_and_turned_faces_of_a_model_are_told_and_change_nothing(
    run: Run, template: Path, tmp_path: Path, suffix: str
) -> None:
    """Else the ratios would be of a part 5 m long, and every other dent a bump."""
    sound = load_sample("plate_holes")
    faces = sound.faces.copy()
    faces[::2] = faces[::2, ::-1]
    stray = np.vstack([sound.points, [[0.0, 0.0, 5000.0]]])
    texts = []
    for name, mesh in {"sound": sound, "bad": PointCloud(stray, faces=faces)}.items():
        model = tmp_path / name / f"part{suffix if name == 'bad' else '.ply'}"
        write_cloud(model, mesh)
        result = run("sample", template, model, "--count", 2, "--out", tmp_path / name / "out")
        assert ("1 of 619 vertices was left out" in result.stderr) == (name == "bad")
        assert ("626 of 1252 faces were wound the wrong way" in result.stderr) == (name == "bad")
        texts.append([path.read_text() for path in sorted((tmp_path / name / "out").iterdir())])
    assert texts[0] == texts[1]


@pytest.mark.parametrize("document", sorted(DOCUMENTS))
def test_schema_is_printed_and_written(run: Run, document: str, tmp_path: Path) -> None:
    assert run("schema", document).stdout == schema_text(document)
    run("schema", document, "--out", tmp_path / "schema.json")
    assert (tmp_path / "schema.json").read_text() == schema_text(document)
