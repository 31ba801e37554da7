"""``flawsmith instruct --views``: a model sees what Blender rendered, and marks places in it."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import flawsmith as fs
from backend.cloud.sight import pixels_of
from shared_schema.load import load_recipe, load_template, load_views
from tests.architecture.project import ROOT
from tests.backend.cli.conftest import Run
from tests.backend.instruct.models.loopback import says, serving
from tests.backend.instruct.models.scripted import answer, instruction

# Two views of the bundled part plate_holes, as `render --size 320 320` of the extension wrote them.
VIEWS = ROOT / "tests" / "golden" / "views" / "views.json"
BOX = (100.0, 110.0, 130.0, 140.0)
SEEN: dict[str, Any] = {
    "defect": "any/dents",
    "diameter": {"low": 6.0, "high": 8.0},
    "place": "box",
    **dict(zip(("left", "top", "right", "bottom"), BOX, strict=True)),
    "evidence_block": 0,
    "quote": "Dents of 6 to 8 mm",
}


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("part") / "plate.stl"
    fs.write_cloud(path, fs.load_sample("plate_holes"))
    return path


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.txt"
    path.write_text("Dents of 6 to 8 mm in diameter occur. Bulges occur.", encoding="utf-8")
    return path


def shown(request: dict[str, Any]) -> list[np.ndarray]:
    """The pictures (H, W, 3) of a request in OpenAI's protocol."""
    parts = [part for turn in request["messages"] for part in turn["content"] if part != "text"]
    urls = [
        part["image_url"]["url"] for part in parts if isinstance(part, dict) and "image_url" in part
    ]
    return [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))) for url in urls
    ]


def test_the_model_is_shown_them_and_the_template_names_them(
    run: Run, plate: Path, spec: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out" / "t.json"
    told = answer(
        instruction(**SEEN, view="view_000"),
        instruction(defect="any/bulges", place="marks", marks=[1], evidence_block=None, quote=""),
    )
    with serving(says(told)) as server:
        options = ["--model", f"{server.address}#m", "--views", VIEWS, "--fix"]
        run("instruct", plate, "--text", spec, "--out", out, *options)
    views = load_views(VIEWS)
    pictures = shown(server.requests[0])
    assert len(pictures) == len(views.cameras)
    for camera, picture in zip(views.cameras, pictures, strict=True):
        blender = np.asarray(Image.open(VIEWS.parent / camera.passes["rgb"]))
        same = (picture == blender).all(axis=2).mean()
        assert 0.8 < same < 1.0, "they are Blender's, with marks drawn in them"
    places = {defect.name: defect.location for defect in load_template(out).defects}
    assert (places["dents"].view, places["dents"].box) == ("view_000", BOX)
    assert places["bulges"].type == "point"
    run("validate", out, plate, "--views", VIEWS)
    assert "known views: none were given" in run("validate", out, plate, status=1).output
    run("sample", out, plate, "--views", VIEWS, "--out", tmp_path / "recipes", "--count", "4")
    camera = views.cameras[0]
    drawn = [load_recipe(path) for path in sorted((tmp_path / "recipes").iterdir())]
    dents = [one for recipe in drawn for one in recipe.defects if one.name == "dents"]
    centres = pixels_of(np.array([dent.center for dent in dents]), camera)
    assert ((centres > BOX[:2]) & (centres < BOX[2:])).all()


def test_a_box_that_misses_the_part_is_told_and_the_defect_may_lie_anywhere(
    run: Run, plate: Path, spec: Path, tmp_path: Path
) -> None:
    beside = SEEN | {"left": 2.0, "top": 2.0, "right": 20.0, "bottom": 20.0}
    out = tmp_path / "out" / "t.json"
    with serving(says(answer(instruction(**beside, view="view_003")))) as server:
        options = ["--model", f"{server.address}#m", "--views", VIEWS, "--fix"]
        printed = run("instruct", plate, "--text", spec, "--out", out, *options).output
    assert "V20 any/dents: box (2.0, 2.0, 20.0, 20.0) of view 'view_003'" in printed
    assert "surface_random" in {defect.location.type for defect in load_template(out).defects}


def test_views_of_another_unit_damaged_ones_and_views_without_a_model_are_refused(
    run: Run, plate: Path, spec: Path, tmp_path: Path
) -> None:
    def refused(views: Path, *options: str, status: int = 1) -> str:
        out = tmp_path / "out" / "t.json"
        arguments = ["instruct", plate, "--text", spec, "--out", out, "--views", views, *options]
        return run(*arguments, status=status).output

    model = ("--model", "http://127.0.0.1:9/v1#m")
    assert "the views are in mm" in refused(VIEWS, *model, "--nominal-unit", "m")
    assert "give --model NAME too" in refused(VIEWS, status=2)
    assert "leave --no-marks out" in refused(VIEWS, *model, "--no-marks", status=2)
    alone = tmp_path / "views.json"
    alone.write_bytes(VIEWS.read_bytes())
    assert "view_000_rgb.png: cannot be read" in refused(alone, *model)
    alone.write_text('{"schema_version": 1, "unit": "mm", "cameras": []}')
    assert "the view set has no camera" in refused(alone, *model)
    assert not (tmp_path / "out").exists()


def test_python_programs_give_views_as_well(plate: Path, tmp_path: Path) -> None:
    surface = fs.load_surface(plate, unit=fs.Unit.MM, seed=0)
    text = "Dents of 6 to 8 mm in diameter occur."
    with serving(says(answer(instruction(**SEEN, view="view_003")))) as server:
        asking = fs.Asking.of(f"{server.address}#m")
        made = fs.instruct(text, surface, asking=asking, views=VIEWS, fix=True, progress=None)
    assert len(shown(server.requests[0])) == 2
    (location,) = {defect.location for defect in made.checked().template.defects}
    assert location.type == "view_box" and location.view == "view_003"
    in_metres = fs.load_surface(plate, unit=fs.Unit.MM, part_unit=fs.Unit.M, seed=0)
    with pytest.raises(fs.SamplingError, match="the views are in mm, the part plate in m"):
        fs.instruct(text, in_metres, views=VIEWS, progress=None)
