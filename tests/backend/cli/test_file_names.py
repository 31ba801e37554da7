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
from backend.cli.options import LAYOUT_NAMES
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.file_names import meant, shown
from backend.io import read_cloud, write_cloud
from backend.training.config import to_record
from shared_schema.load import dump
from tests.backend.parts import TINY, scan, write_folder
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


def test_a_shown_name_is_found_again() -> None:
    assert meant(SHOWN) == NAME
    assert meant("prüfling 部品") == "prüfling 部品"
    for byte in range(0x80, 0x100):
        name = os.fsdecode(b"a" + bytes([byte]))
        assert meant(shown(name)) == name


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
    # What the records name is found again.
    records = [folder / "out" / f"{name}.json" for name in ("a", NAME, "z")]
    code, output = _run("remake", *records, "--out", folder / "again")
    assert code == 0, output
    for record in records:
        again = folder / "again" / record.with_suffix(".ply").name
        assert again.read_bytes() == record.with_suffix(".ply").read_bytes()


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
    out = folder / f"out{NAME}"
    asked = ("--scans", folder / "scans", "--count", "3", "--jobs", "1", "--out", out)
    for _ in ("made", "found again"):
        code, output = _run("synthesize", folder / "template.json", *asked)
        assert code == 0 and f"out{SHOWN}/scans; manifest.json lists them" in output, output
    manifest = json.loads((out / "scans" / "manifest.json").read_bytes().decode("utf-8"))
    names = ["a.ply", f"{SHOWN}.ply", "z.ply"]
    assert sorted(entry["source"]["file"] for entry in manifest["scans"]) == names
    for entry in manifest["scans"]:
        assert (out / entry["nominal"]["file"]).exists()


def test_sample_draws_on_a_part_of_that_name(folder: Path) -> None:
    (folder / "template.json").write_text(dump(template("dent")))
    part = folder / "scans" / f"{NAME}.ply"
    code, output = _run("sample", folder / "template.json", part, "--out", folder / "out")
    assert code == 0, output
    recipe = json.loads((folder / "out" / "template-00000.json").read_bytes().decode("utf-8"))
    assert recipe["part"]["name"] == SHOWN


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of data, whose name, categories and files have the name; one file is no scan."""
    folder = write_folder(tmp_path / "data", nominal=3, anomalous=1)
    (folder / "egg").rename(folder / NAME)
    (folder / NAME / "nominal" / "300.ply").rename(folder / NAME / "nominal" / f"{NAME}.ply")
    (folder / NAME / "nominal" / f"bad{NAME}.xyz").write_text("1 2 3\n1 2\n")
    return folder.rename(tmp_path / f"data{NAME}")


def test_a_detector_is_trained_measured_and_used(data: Path, tmp_path: Path) -> None:
    out, bad = tmp_path / NAME, f"data{SHOWN}/{SHOWN}/nominal/bad{SHOWN}.xyz"
    config = tmp_path / f"{NAME}.json"
    config.write_text(json.dumps(to_record(TINY)))
    asked = ("--config", config, "--epochs", "1", "--unit", "mm", "--out", out)
    code, output = _run("train", data, *asked)
    assert code == 0, output
    assert f"{bad}: left out, line 2, '1 2', is no row" in output
    detector = next(out.glob("*.safetensors"))
    for _ in ("scored", "read again"):
        code, output = _run("evaluate", detector, data, "--out", out / "measured")
        assert code == 1 and "1 scan is left out" in output, output
    metrics = json.loads((out / "measured" / "metrics.json").read_bytes().decode("utf-8"))
    assert f"{SHOWN}/nominal/{SHOWN}.ply" in {one["file"] for one in metrics["scans"]}
    scans = sorted((data / NAME / "nominal").iterdir())
    code, output = _run("score", detector, *scans, "--picture", "--out", out / "scores")
    assert code == 1 and "1 of 4 scans failed" in output, output
    record = json.loads((out / "scores" / f"{NAME}.json").read_bytes().decode("utf-8"))
    assert record["category"] == SHOWN and record["source"]["file"] == f"{SHOWN}.ply"


@pytest.mark.parametrize("layout", LAYOUT_NAMES)
def test_export_writes_all_that_can_be_read(layout: str, data: Path, tmp_path: Path) -> None:
    out = tmp_path / NAME
    code, output = _run("export", data, "--layout", layout, "--unit", "mm", "--out", out)
    assert code == 1 and "1 of 9 scans failed" in output, output
    manifest = json.loads((out / "export.json").read_bytes().decode("utf-8"))
    assert len(manifest["samples"]) == 8
    assert f"{SHOWN}/nominal/{SHOWN}.ply" in {one["source"]["file"] for one in manifest["samples"]}
