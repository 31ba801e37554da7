"""Names of files that are not UTF-8: everything is done, what is written is UTF-8."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from backend.cli import main
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.file_names import shown
from backend.io import read_cloud, write_cloud
from shared_schema.load import dump
from tests.backend.parts import scan
from tests.backend.shapes import template

NAME, SHOWN = os.fsdecode(b"pr\xfcfling"), r"pr\xfcfling"
DENT = {
    "kind": "dent",
    "center": [0.0, 0.0, 0.0],
    "direction": [0.0, 0.0, -1.0],
    "radius": 4.0,
    "depth": 1.0,
}
RECIPE = {
    "schema_version": 1,
    "part": {"name": "p", "unit": "mm", "diagonal": 40.0},
    "defects": [DENT],
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three scans of a plate, the second of which has the name, and a recipe."""
    x, y = np.meshgrid(np.linspace(-12.0, 12.0, 25), np.linspace(-12.0, 12.0, 25))
    plate = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])
    cloud = PointCloud(plate, np.tile([0.0, 0.0, 1.0], (len(plate), 1)))
    for name in ("a", NAME, "z"):
        write_cloud(tmp_path / "scans" / f"{name}.ply", cloud)
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE))
    return tmp_path


def _run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(main, [os.fspath(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


def test_only_other_bytes_are_shown_otherwise() -> None:
    assert shown(NAME) == SHOWN
    assert shown("prüfling 部品") == "prüfling 部品"


def test_an_error_can_be_written_anywhere(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError) as caught:
        read_cloud(tmp_path / f"{NAME}.ply")
    assert f"{SHOWN}.ply: No such file" in str(caught.value)
    str(caught.value).encode()


def test_replay_writes_all_scans_with_their_records(folder: Path) -> None:
    scans = sorted((folder / "scans").iterdir())
    code, output = _run("replay", folder / "recipe.json", *scans, "--out", folder / "out")
    assert code == 0, output
    for name, told in (("a", "a.ply"), (NAME, f"{SHOWN}.ply"), ("z", "z.ply")):
        record = json.loads((folder / "out" / f"{name}.json").read_bytes().decode("utf-8"))
        assert record["source"]["file"] == told
        assert read_cloud(folder / "out" / f"{name}.ply").fields["mask"].any()


def test_a_scan_that_fails_is_named_and_the_others_are_done(folder: Path) -> None:
    bad = folder / "scans" / f"{NAME}.ply"
    bad.write_bytes(b"")
    scans = [bad, folder / "scans" / "z.ply"]
    code, output = _run("replay", folder / "recipe.json", *scans, "--out", folder / "out")
    assert code == 1
    assert f"{SHOWN}.ply: the file is empty; export the scan again" in output.replace("\n", "")
    assert (folder / "out" / "z.ply").exists()


def test_synthesize_uses_all_scans(folder: Path) -> None:
    document = template("dent").model_copy(update={"draws": 1})
    (folder / "template.json").write_text(dump(document))
    for number, path in enumerate(sorted((folder / "scans").iterdir())):
        write_cloud(path, scan("egg", number))
    asked = ("--scans", folder / "scans", "--count", "3", "--jobs", "1", "--out", folder / "out")
    code, output = _run("synthesize", folder / "template.json", *asked)
    assert code == 0, output
    manifest = json.loads((folder / "out" / "manifest.json").read_bytes().decode("utf-8"))
    names = ["a.ply", f"{SHOWN}.ply", "z.ply"]
    assert sorted(entry["source"]["file"] for entry in manifest["scans"]) == names
    for entry in manifest["scans"]:
        assert (folder / "out" / entry["nominal"]["file"]).exists()


def test_sample_draws_on_a_part_of_that_name(folder: Path) -> None:
    (folder / "template.json").write_text(dump(template("dent")))
    part = folder / "scans" / f"{NAME}.ply"
    code, output = _run("sample", folder / "template.json", part, "--out", folder / "out")
    assert code == 0, output
    recipe = json.loads((folder / "out" / "template-00000.json").read_bytes().decode("utf-8"))
    assert recipe["part"]["name"] == SHOWN
