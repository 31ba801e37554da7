"""``flawsmith replay``: files in, labelled files and records out, one bad scan among good ones."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.geometry.transform import transform_points
from backend.io import read_cloud, read_labeled, write_cloud
from backend.io.digest import file_digest
from backend.replay.replay import replay
from backend.samples import sample_path
from backend.sensor.virtual_scan import virtual_scan
from backend.synthesis.sample_files import SampleFile
from shared_schema.load import dump, load_recipe, parse_document
from shared_schema.recipe import Recipe, Unit
from tests.backend.cli.conftest import Run
from tests.backend.shapes import random_recipe, sphere

AXIS = np.array([0.0, 0.6, 0.8])
PROPERTIES = {
    "x": "f8", "y": "f8", "z": "f8", "nx": "f8", "ny": "f8", "nz": "f8",
    "mask": "u1", "label": "i4", "weight": "f4", "source_index": "i4",
}  # fmt: skip


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.json"
    drawn = random_recipe(sphere(), 1, "dent", "scratch", "crack")
    # Without walls, so that points are missing.
    bare = drawn.defects[2].model_copy(update={"walls": 0.0})
    path.write_text(dump(drawn.model_copy(update={"defects": (*drawn.defects[:2], bare)})))
    return path


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.ply"
    write_cloud(path, sphere())
    return path


def ply_properties(path: Path) -> dict[str, str]:
    """The vertex properties that a PLY's header names, with numpy's names for their types."""
    types = {"double": "f8", "float": "f4", "uchar": "u1", "int": "i4"}
    header = path.read_bytes().partition(b"end_header")[0].decode()
    lines = [line.split() for line in header.splitlines() if line.startswith("property")]
    return {name: types[kind] for _, kind, name in lines}


def test_the_cloud_is_what_replay_makes(run: Run, recipe: Path, scan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("replay", recipe, scan, "--out", out)
    expected = replay(load_recipe(recipe), sphere()).labeled
    written = read_labeled(out / "scan.ply")
    assert ply_properties(out / "scan.ply") == PROPERTIES
    np.testing.assert_array_equal(written.points, expected.points)
    np.testing.assert_array_equal(written.mask, expected.mask)
    np.testing.assert_array_equal(written.labels, expected.labels)
    np.testing.assert_array_equal(written.source_index, expected.source_index)
    np.testing.assert_allclose(written.weight, expected.weight, atol=1e-6)
    assert len(written) < len(sphere()) and set(written.labels) == {0, 1, 2, 3}


def test_the_record_makes_the_cloud_again(
    run: Run, recipe: Path, scan: Path, tmp_path: Path
) -> None:
    run("replay", recipe, scan, "--out", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "scan.json").read_text())
    assert record["source"]["sha256"] == file_digest(scan) and record["nominal"] is None
    assert [defect["kind"] for defect in record["defects"]] == ["dent", "scratch", "crack"]
    again = SampleFile.read(tmp_path / "out" / "scan.json").remade()
    written = read_labeled(tmp_path / "out" / "scan.ply")
    np.testing.assert_array_equal(again.points, written.points)
    np.testing.assert_array_equal(again.mask, written.mask)


def test_the_same_inputs_give_the_same_bytes(
    run: Run, recipe: Path, scan: Path, tmp_path: Path
) -> None:
    for folder in ("first", "second", "second"):
        run("replay", recipe, scan, "--out", tmp_path / folder)
    for name in ("scan.ply", "scan.json"):
        first, second = ((tmp_path / folder / name).read_bytes() for folder in ("first", "second"))
        assert first == second
    assert len(list((tmp_path / "second").iterdir())) == 2


def test_scans_in_another_unit_are_marked_alike(run: Run, recipe: Path, tmp_path: Path) -> None:
    per_mm = {"mm": 1.0, "cm": 0.1, "m": 1e-3, "um": 1e3, "inch": 1 / 25.4, "ft": 1 / 304.8}
    assert list(per_mm) == list(Unit)
    for name, scale in per_mm.items():
        scaled = PointCloud(sphere().points * scale, sphere().normals)
        write_cloud(tmp_path / f"{name}.ply", scaled)
        run("replay", recipe, tmp_path / f"{name}.ply", "--unit", name, "--out", tmp_path / "out")
    millimetres = read_labeled(tmp_path / "out" / "mm.ply")
    for name, scale in per_mm.items():
        other = read_labeled(tmp_path / "out" / f"{name}.ply")
        np.testing.assert_array_equal(other.mask, millimetres.mask)
        np.testing.assert_allclose(other.points / scale, millimetres.points, atol=1e-9)


def test_a_real_scan_is_registered_to_its_nominal_model(run: Run, tmp_path: Path) -> None:
    model, scan = tmp_path / "inches.stl", sample_path("pawn_scan")
    surface = read_cloud(sample_path("pawn"))
    write_cloud(model, PointCloud(surface.points / 25.4, faces=surface.faces))
    # The scan shows the rim of the base, 10 mm high, all around.
    rim = surface.points[np.abs(surface.points[:, 2] - 5.0) < 6.0]
    center = rim[np.argmax(np.linalg.norm(rim[:, :2], axis=1))] * [1.0, 1.0, 0.0] + [0.0, 0.0, 5.0]
    dent = {"kind": "dent", "center": center.tolist(), "radius": 4.0, "depth": 0.5}
    document = {"schema_version": 1, "part": {"diagonal": surface.diagonal}, "defects": [dent]}
    (tmp_path / "rim.json").write_text(json.dumps(document))
    nominal = ("--nominal", model, "--nominal-unit", "inch")
    result = run("replay", tmp_path / "rim.json", scan, *nominal, "--out", tmp_path)
    assert "directions of its pose open" in result.stderr
    record = json.loads((tmp_path / "pawn_scan.json").read_text())
    assert record["nominal"] == {
        "file": "inches.stl",
        "sha256": file_digest(model),
        "unit": "inch",
        "path": "inches.stl",
    }
    assert record["alignment"]["normals"] == "nominal"
    labeled = read_labeled(tmp_path / "pawn_scan.ply")
    in_part = transform_points(np.array(record["T_part_scan"]), read_cloud(scan).points)
    away = np.linalg.norm(in_part[labeled.source_index] - center, axis=1)
    assert labeled.mask.sum() == record["defects"][0]["points"] > 100
    assert away[labeled.mask].max() < 4.5


def test_other_poses_of_a_symmetric_part_are_told(run: Run, tmp_path: Path) -> None:
    box = trimesh.creation.box((60.0, 40.0, 10.0))
    model, scan, recipe = (tmp_path / name for name in ("box.stl", "side.ply", "dent.json"))
    mesh = PointCloud.of(box.vertices, faces=box.faces)
    write_cloud(model, mesh)
    write_cloud(scan, PointCloud(subsample_surface(mesh, 5000, np.random.default_rng(0)).points))
    far_dent(recipe, "off")
    result = run("replay", recipe, scan, "--nominal", model, "--out", tmp_path / "out")
    assert "fits equally well turned by 180 degrees about" in result.stderr
    record = json.loads((tmp_path / "out" / "side.json").read_text())["alignment"]["registration"]
    half_turns = [motion for motion in record["alternatives"] if abs(motion["turn"] - 180) < 1]
    assert len(half_turns) >= 2
    assert all(motion["fitness"] > 0.99 for motion in half_turns)


def test_a_scan_below_the_wanted_fitness_is_refused(run: Run, tmp_path: Path) -> None:
    model, recipe = sample_path("wrist_roll"), tmp_path / "dent.json"
    part = subsample_surface(read_cloud(model), 3000, np.random.default_rng(0)).points
    table = np.random.default_rng(1).uniform(-1.0, 1.0, (450, 3)) * [60.0, 60.0, 0.1]
    table += [*part[:, :2].mean(axis=0), part[:, 2].min() - 5.0]
    scan = tmp_path / "on_a_table.ply"
    write_cloud(scan, PointCloud(np.concatenate([part, table])))
    far_dent(recipe, "off")
    arguments = ("replay", recipe, scan, "--nominal", model, "--out", tmp_path / "out")
    result = run(*arguments, "--min-fitness", "0.99", "--picture", status=1)
    assert re.search(r"only 8\d\.\d% of the scan .* 99\.0% are needed", result.stderr)
    assert "cut away table and fixtures" in result.stderr
    picture = tmp_path / "out" / "on_a_table.png"
    assert f"{picture} shows where it lies best" in result.stderr
    refused = picture.read_bytes()
    assert [path.name for path in picture.parent.iterdir()] == [picture.name]
    result = run(*arguments, "--min-fitness", "0.8", "--picture")
    cloud = read_labeled(tmp_path / "out" / "on_a_table.ply")
    assert cloud.source_index.max() < len(part) and len(cloud) > 0.99 * len(part)
    cut = json.loads((tmp_path / "out" / "on_a_table.json").read_text())["alignment"]["crop"]["cut"]
    assert cut == len(part) + 450 - len(cloud)
    assert f"{cut} of 3," in result.stderr and "do not belong to the part" in result.stderr
    accepted = picture.read_bytes()
    assert accepted != refused
    assert accepted.startswith(b"\x89PNG") and refused.startswith(b"\x89PNG")


def test_scans_of_a_turntable_are_placed_together(run: Run, tmp_path: Path) -> None:
    """The part is turned by 40 degrees before the second scan, and by 60 before the third."""
    model, recipe, out = sample_path("motor_holder"), tmp_path / "dent.json", tmp_path / "out"
    far_dent(recipe, "off")
    files = []
    for degrees in (0, 40, 100):
        turn = np.eye(4)
        turn[:3, :3] = Rotation.from_rotvec(np.radians(degrees) * AXIS).as_matrix()
        seen = read_cloud(model).transformed(turn)
        rng = np.random.default_rng(4)
        view = virtual_scan(seen, views=1, points=4_000, noise=0.2, rng=rng)
        files.append(tmp_path / f"at_{degrees}.ply")
        write_cloud(files[-1], PointCloud(view.points))
    asked = ("--nominal", model, "--turntable", "40", "--picture", "--out", out)
    result = run("replay", recipe, *files, *asked, status=1)
    assert f"{files[2]}: " in result.stderr and "1 of 3 scans failed" in result.stderr
    assert f"{out / 'at_100.png'} shows where it lies best" in result.stderr
    records = [json.loads((out / f"at_{degrees}.json").read_text()) for degrees in (0, 40)]
    first, second = (np.array(record["T_part_scan"])[:3, :3] for record in records)
    step = Rotation.from_matrix(second.T @ first).as_rotvec(degrees=True)
    assert np.linalg.norm(step - 40.0 * AXIS) < 1.0
    again = run("remake", out / "at_40.json", "--nominal", model, "--out", tmp_path / "again")
    assert "has the same bytes as" in again.stdout


@pytest.mark.parametrize("option", [("--picture",), ("--turntable", "20")])
def test_what_needs_a_nominal_model_says_so(
    run: Run, recipe: Path, scan: Path, option: tuple[str, ...]
) -> None:
    result = run("replay", recipe, scan, *option, "--out", scan.parent / "out", status=2)
    assert "--nominal" in result.stderr


def far_dent(recipe: Path, name: str) -> None:
    """A dent that no scan of the sphere has points for."""
    text = f"""{{"schema_version": 1, "part": {{"diagonal": 34.6}}, "defects": [{{"kind": "dent",
        "name": "{name}", "center": [0.0, 0.0, 500.0], "radius": 1.0, "depth": 0.1}}]}}"""
    recipe.write_text(dump(parse_document(text, Recipe)))


def test_each_scan_that_a_defect_misses_is_named(run: Run, scan: Path, tmp_path: Path) -> None:
    far_dent(tmp_path / "far.json", "off the [part]")
    other = tmp_path / "other.ply"
    write_cloud(other, sphere())
    result = run("replay", tmp_path / "far.json", scan, other, "--out", tmp_path / "out")
    for path in (scan, other):
        said = f"{path}: 1 of 1 defect (dent 'off the [part]') marks no point of the scan"
        assert said in result.stderr
    refusing = ("--on-empty", "refuse", "--out", tmp_path / "none")
    result = run("replay", tmp_path / "far.json", scan, other, *refusing, status=1)
    assert "all 2 scans failed, for the reasons above; no result is written" in result.stderr
    assert not (tmp_path / "none").exists()


def test_a_bad_scan_does_not_stop_the_others(recipe: Path, scan: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.ply"
    bad.write_bytes(scan.read_bytes()[:500])
    after = tmp_path / "after.ply"
    write_cloud(after, sphere())
    files = [str(path) for path in (recipe, scan, bad, after)]
    command = [
        sys.executable,
        "-m",
        "backend.cli",
        "replay",
        *files,
        "--out",
        str(tmp_path / "out"),
    ]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert f"{bad}: " in result.stderr and "1 of 3 scans failed" in result.stderr
    assert "Traceback" not in result.stderr
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["after.json", "after.ply", "scan.json", "scan.ply"]


def test_inputs_are_never_written_over(run: Run, recipe: Path, scan: Path, tmp_path: Path) -> None:
    before = scan.read_bytes()
    result = run("replay", recipe, scan, "--out", tmp_path, status=2)
    assert f"{scan} is an input" in result.stderr
    (tmp_path / "recipe.ply").write_bytes(before)
    result = run("replay", recipe, tmp_path / "recipe.ply", "--out", tmp_path, status=2)
    assert scan.read_bytes() == before


def test_two_scans_of_one_name_are_refused(
    run: Run, recipe: Path, scan: Path, tmp_path: Path
) -> None:
    twin = tmp_path / "scan.xyz"
    write_cloud(twin, sphere())
    result = run("replay", recipe, scan, twin, "--out", tmp_path / "out", status=2)
    assert str(scan) in result.stderr and str(twin) in result.stderr
    assert not (tmp_path / "out").exists()
