"""A record and the files that it names make a sample again, whatever it was made of."""

from __future__ import annotations

import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.intake import Intake
from backend.io import FIELD_SUFFIXES, read_cloud, read_labeled, write_cloud
from backend.registration import search
from backend.remake import remake
from backend.samples import load_sample, sample_names
from backend.synthesis.plan import SynthesisPlan
from backend.synthesis.run import synthesize
from backend.templates import template_path
from shared_schema.load import load_document, load_sensor
from shared_schema.record import ReplayRecord
from tests.backend.cli.conftest import Run, run

__all__ = ["run"]

PARTS = sample_names("mesh")
# The scan, whether the viewpoint is given, whether it is registered, and what may have told the
# outside of its normals. A file's are not believed where the pose, found in haste, contradicts it.
NORMALS: dict[str, tuple[str, bool, bool, set[str]]] = {
    "of the file": ("file.ply", False, False, {"file"}),
    "estimated": ("bare.ply", False, False, {"consistent"}),
    "by the viewpoint": ("bare.ply", True, False, {"viewpoint"}),
    "of the file, registered": ("file.ply", False, True, {"file", "nominal"}),
    "by the viewpoint, registered": ("bare.ply", True, True, {"viewpoint"}),
    "by the nominal model": ("bare.ply", False, True, {"nominal"}),
}


@pytest.fixture(autouse=True)
def _few_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the pose is right is for other tests; here it need but be the same."""
    monkeypatch.setattr(search, "COARSE_ROTATIONS", 40)
    monkeypatch.setattr(search, "COARSE_ANCHORS", 2)


def make_inputs(folder: Path, part: str) -> tuple[float, float, float]:
    """A scan of what is seen of ``part`` from above, with and without normals; the viewpoint."""
    mesh = load_sample(part)
    write_cloud(folder / "model.stl", PointCloud(mesh.points, faces=mesh.faces))
    spread = subsample_surface(mesh, 2_500, np.random.default_rng(0))
    assert spread.normals is not None
    seen = spread.subset(spread.normals[:, 2] > -0.3)
    write_cloud(folder / "file.ply", seen)
    write_cloud(folder / "bare.ply", PointCloud(seen.points))
    top = seen.points[np.argmax(seen.points[:, 2])]
    size = mesh.diagonal
    at = {"center": top.tolist(), "radius": 0.15 * size}
    dent = {"kind": "dent", **at, "depth": 0.02 * size}
    hole = {"kind": "hole", **at, "direction": [0, 0, -1], "radius": 0.05 * size}
    hole |= {"depth": 0.03 * size, "rim_width": 0.02 * size}
    document = {
        "schema_version": 1,
        "part": {"diagonal": size, "unit": "mm"},
        "defects": [dent, hole],
    }
    (folder / "recipe.json").write_text(json.dumps(document))
    sensor = {
        "schema_version": 1,
        "noise": [{"model": "normal", "sigma": 0.01}],
        "dropout": [{"model": "random", "share": 0.1}],
    }
    (folder / "sensor.json").write_text(json.dumps(sensor))
    x, y, z = seen.points.mean(axis=0).tolist()
    return x, y, z + 3.0 * size


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_inputs(tmp_path, "plate_holes")
    return tmp_path


def replayed(run: Run, folder: Path, scan: str, *options: Any) -> Path:
    """The record of ``flawsmith replay``."""
    out = folder / "out"
    run("replay", folder / "recipe.json", folder / scan, "--out", out, *options)
    assert read_labeled((out / scan).with_suffix(".ply")).mask.any()
    return (out / scan).with_suffix(".json")


# Each way to know the normals on its own part, with and without a sensor, and the other parts.
CASES = [
    *product(PARTS[:1], NORMALS, [False, True]),
    *((part, list(NORMALS)[at % len(NORMALS)], at % 2 == 0) for at, part in enumerate(PARTS)),
]


@pytest.mark.parametrize(("part", "normals", "sensor"), CASES)
def test_a_sample_is_made_again(
    run: Run, tmp_path: Path, part: str, normals: str, sensor: bool
) -> None:
    eye = make_inputs(tmp_path, part)
    scan, viewpoint, registered, told_by = NORMALS[normals]
    options: list[Any] = ["--viewpoint", *eye] if viewpoint else []
    options += ["--nominal", tmp_path / "model.stl", "--min-fitness", 0.0] if registered else []
    options += ["--sensor", tmp_path / "sensor.json"] if sensor else []
    path = replayed(run, tmp_path, scan, *options, "--seed", 3, "--unit", "mm")
    record = load_document(path, ReplayRecord)
    assert record.alignment is not None
    assert record.alignment.normals in told_by
    assert (record.alignment.registration is not None) == registered
    assert (record.sensor is not None) == sensor
    result = run("remake", path, "--out", tmp_path / "again")
    assert "has the same bytes as" in result.stdout
    again = tmp_path / "again" / path.name
    assert again.with_suffix(".ply").read_bytes() == path.with_suffix(".ply").read_bytes()
    assert json.loads(again.read_text()) == json.loads(path.read_text())


@pytest.mark.parametrize("suffix", [".safetensors", *FIELD_SUFFIXES])
def test_samples_of_data_sets_are_made_again_in_every_format(
    run: Run, folder: Path, suffix: str
) -> None:
    scans = folder / "scans"
    scans.mkdir()
    shutil.copy(folder / "bare.ply", scans / "0.ply")
    plan = SynthesisPlan(
        template_path("injection_moulding/sink_marks"),
        scans,
        folder / "data",
        "plate",
        intake=Intake(viewpoint=(0.0, 0.0, 500.0)),
        suffix=suffix,
        sensor=load_sensor(folder / "sensor.json"),
    )
    synthesize(plan, 1, jobs=1)
    first = plan.sample_file(0)
    record = first if suffix == ".safetensors" else first.with_suffix(".json")
    result = run("remake", record, "--out", folder / "again")
    assert "has the same bytes as" in result.stdout
    assert (folder / "again" / first.name).read_bytes() == first.read_bytes()
    assert (folder / "again" / record.name).read_bytes() == record.read_bytes()


def test_a_mesh_in_metres_is_made_again_on_arrays(run: Run, folder: Path) -> None:
    mesh = read_cloud(folder / "model.stl")
    assert mesh.faces is not None
    faces = np.vstack([mesh.faces[:5, ::-1], mesh.faces[5:]])
    write_cloud(folder / "mesh.ply", PointCloud(0.001 * mesh.points, faces=faces))
    path = replayed(run, folder, "mesh.ply", "--unit", "m")
    record = load_document(path, ReplayRecord)
    assert record.alignment is not None and record.alignment.normals == "mesh"
    again = remake(record, read_cloud(folder / "mesh.ply", unit="m"))
    assert again.points.tobytes() == read_labeled(path.with_suffix(".ply")).points.tobytes()


def test_a_text_is_read_again_as_it_was_told_to_be(run: Run, folder: Path) -> None:
    points = read_cloud(folder / "bare.ply").points
    lines = ["; ".join(f"{value:.4f}".replace(".", ",") for value in point) for point in points]
    (folder / "comma.txt").write_text("\n".join(lines))
    path = replayed(run, folder, "comma.txt", "--decimal", "comma", "--delimiter", "semicolon")
    assert json.loads(path.read_text())["source"]["text"] == {"decimal": ",", "delimiter": ";"}
    assert "has the same bytes" in run("remake", path, "--out", folder / "again").stdout


def test_files_are_found_beside_the_record_or_given(run: Run, folder: Path) -> None:
    options = ("--nominal", folder / "model.stl", "--min-fitness", 0.0)
    path = replayed(run, folder, "bare.ply", *options)
    moved, again = folder / "moved", folder / "again"
    (moved / "out").mkdir(parents=True)
    shutil.copy(path, moved / "out")
    result = run("remake", moved / "out" / path.name, "--out", again, status=1)
    assert "'bare.ply' with SHA-256" in result.stderr and "--scan" in result.stderr
    shutil.move(folder / "bare.ply", moved / "out" / "bare.ply")
    shutil.move(folder / "model.stl", moved / "renamed.stl")
    result = run("remake", moved / "out" / path.name, "--out", again, status=1)
    assert "'model.stl' with SHA-256" in result.stderr and "--nominal" in result.stderr
    given = ("--nominal", moved / "renamed.stl")
    shutil.move(moved / "out" / "bare.ply", moved / "scan.ply")
    run("remake", moved / "out" / path.name, "--out", again, *given, "--scan", moved / "scan.ply")


def test_what_the_record_does_not_mean_is_refused(run: Run, folder: Path) -> None:
    path, again = replayed(run, folder, "bare.ply"), folder / "again"
    result = run("remake", path, "--out", again, "--scan", folder / "file.ply", status=1)
    assert "file.ply is not the file 'bare.ply'" in result.stderr
    run("remake", path, "--out", path.parent, status=2)
    document = json.loads(path.read_text())
    assert document["schema_version"] == 1

    def refused(name: str, change: dict[str, Any]) -> str:
        other = path.with_name(name)
        other.write_text(json.dumps(document | change))
        return str(run("remake", other, "--out", again, status=1).stderr)

    placed = [[1.0, 0.0, 0.0, 1.0], *document["T_part_scan"][1:]]
    assert "placed by" in refused("placed.json", {"T_part_scan": placed})
    assert "names no file of a scan" in refused("arrays.json", {"source": None})
    assert "does not name the format" in refused("no_format.json", {"format": None})
    assert "schema_version" in refused("newer.json", {"schema_version": 2})
    assert "seed" in refused("field.json", {"seed": 3})


def test_bytes_that_differ_are_told_with_the_versions(run: Run, folder: Path) -> None:
    path = replayed(run, folder, "bare.ply")
    document = json.loads(path.read_text())
    document["versions"]["numpy"] = "1.0.0"
    path.write_text(json.dumps(document))
    first = path.with_suffix(".ply")
    first.write_bytes(first.read_bytes() + b" ")
    result = run("remake", path, "--out", folder / "again", status=1)
    assert "differs from" in result.stderr and "numpy was 1.0.0 and is" in result.stderr
    first.unlink()
    result = run("remake", path, "--out", folder / "again")
    assert "the bytes may differ, because numpy was 1.0.0" in result.stderr
