"""Data sets that are synthesised: true to their records, the same every time, and never mixed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.dataset.folder import data_files, read_samples
from backend.dataset.shards import read_sample, read_scan
from backend.errors import DatasetError
from backend.geometry.rotations import even_rotations
from backend.geometry.transform import transform_points
from backend.intake import Intake
from backend.io import read_labeled, write_cloud
from backend.io.digest import file_digest
from backend.io.sources import model_source
from backend.registration.align import align
from backend.samples import load_sample
from backend.sampling.drawing import ATTEMPTS, FEWEST_MARKED
from backend.synthesis import prepared_scans
from backend.synthesis.manifest import Manifest
from backend.synthesis.plan import SynthesisPlan
from backend.synthesis.run import synthesize
from backend.synthesis.sample_files import SampleFile
from backend.training import train
from backend.training.data import training_sets
from shared_schema.load import dump
from shared_schema.recipe import Unit
from shared_schema.record import ModelSource
from shared_schema.sensor import NormalNoise, RandomDropout, Sensor
from tests.backend.parts import TINY, scan
from tests.backend.shapes import template


@pytest.fixture
def plan(tmp_path: Path) -> SynthesisPlan:
    """Dents and cracks on three scans of an egg, into a folder that is not there yet."""
    (tmp_path / "template.json").write_text(
        dump(template("dent", "crack").model_copy(update={"draws": 1}))
    )
    for number in range(3):
        write_cloud(tmp_path / "egg" / f"{number}.ply", scan("egg", number))
    return SynthesisPlan(tmp_path / "template.json", tmp_path / "egg", tmp_path / "out", "egg")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``, hidden ones too, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_manifest_lists_what_is_there(plan: SynthesisPlan) -> None:
    followed: list[tuple[str, int, int]] = []
    manifest = synthesize(plan, 7, jobs=1, progress=lambda *told: followed.append(told[:3]))
    assert followed == [
        *(("Preparing scans", done, 3) for done in range(4)),
        *(("Making samples", done, 7) for done in range(8)),
    ]
    written = Manifest.model_validate_json(plan.manifest_file.read_text())
    assert written == manifest
    assert [entry.sample for entry in manifest.samples] == list(range(7))
    assert [entry.scan for entry in manifest.samples] == ["0", "1", "2", "0", "1", "2", "0"]
    clouds = [entry.cloud for entry in manifest.samples]
    clouds += [entry.nominal for entry in manifest.scans if entry.nominal is not None]
    for entry in clouds:
        path = plan.out / entry.file
        assert (file_digest(path), path.stat().st_size) == (entry.sha256, entry.bytes)
    visible = {name for name in contents(plan.out) if "/." not in name}
    listed = {entry.file for entry in clouds}
    assert visible == listed | {"egg/manifest.json", "egg/synthesize.json"}
    for entry in manifest.samples:
        labeled, record = read_sample(plan.out / entry.cloud.file)
        assert (entry.points, entry.marked) == (len(labeled), labeled.mask.sum())
        assert entry.labels == tuple(np.unique(labeled.labels[labeled.mask]))
        assert entry.kinds == tuple({defect["kind"] for defect in record["recipe"]["defects"]})
        assert FEWEST_MARKED <= entry.marked <= len(labeled) / 2
    assert {kind for entry in manifest.samples for kind in entry.kinds} == {"dent", "crack"}


def test_a_record_makes_its_sample_again(plan: SynthesisPlan) -> None:
    for entry in synthesize(replace(plan, seed=3), 3, jobs=1).samples:
        labeled, record = read_sample(plan.out / entry.cloud.file)
        _, source = read_scan(plan.nominal_file(entry.scan))
        again = SampleFile.read(plan.out / entry.cloud.file).remade()
        assert again.points.tobytes() == labeled.points.tobytes()
        np.testing.assert_array_equal(again.normals, labeled.normals)
        np.testing.assert_array_equal(again.labels, labeled.labels)
        np.testing.assert_array_equal(again.source_index, labeled.source_index)
        assert record["source"] == source["source"] and record["draw"]["seed"] == 3
        assert record["source"]["sha256"] == file_digest(plan.scans / f"{entry.scan}.ply")


def test_neither_jobs_nor_earlier_runs_change_a_byte(plan: SynthesisPlan, tmp_path: Path) -> None:
    synthesize(plan, 4, jobs=1)
    synthesize(plan, 10, jobs=2)
    whole = replace(plan, out=tmp_path / "whole")
    synthesize(whole, 10, jobs=1)
    assert contents(plan.out) == contents(whole.out)
    synthesize(replace(whole, out=tmp_path / "other", seed=1), 10, jobs=2)
    assert contents(tmp_path / "other") != contents(whole.out)


def test_what_a_crash_left_is_put_right(plan: SynthesisPlan) -> None:
    synthesize(plan, 4, jobs=1)
    before = contents(plan.out)
    cut = plan.sample_file(1)
    cut.write_bytes(cut.read_bytes()[:1000])
    plan.sample_file(2).unlink()
    plan.nominal_file("0").write_bytes(b"")
    plan.index_file("1").write_bytes(b"")
    (plan.anomalous_folder / f".00003.safetensors.{'0' * 32}.tmp").write_bytes(b"half")
    plan.manifest_file.unlink()
    synthesize(plan, 4, jobs=2)
    assert contents(plan.out) == before


def test_the_folder_can_be_trained_on(plan: SynthesisPlan, tmp_path: Path) -> None:
    synthesize(plan, 4, jobs=1)
    samples, unmarked = read_samples(data_files(plan.out), Intake(Unit.MM))
    assert not unmarked
    assert [sample.kind for sample in samples[:3]] == ["nominal"] * 3
    assert {sample.kind for sample in samples[3:]} <= {"dent", "crack"}
    sets = training_sets(samples, unit="mm")
    assert len(sets["egg"].nominal) == 3 and len(sets["egg"].labeled) == 4
    assert sets["egg"].nominal[0].points.tobytes() == scan("egg", 0).points.tobytes()
    assert train(sets, TINY).categories.keys() == {"egg"}
    with pytest.raises(DatasetError, match="in mm, not in m;"):
        read_samples(data_files(plan.out), Intake(Unit.M))


def test_a_second_part_goes_into_the_same_folder(plan: SynthesisPlan) -> None:
    synthesize(plan, 2, jobs=1)
    before = contents(plan.folder)
    bottle = replace(plan, category="bottle")
    synthesize(bottle, 1, jobs=1)
    assert contents(plan.folder) == before
    files = data_files(plan.out)
    assert [(file.category, file.anomalous) for file in files if file.anomalous] == [
        ("bottle", True),
        ("egg", True),
        ("egg", True),
    ]
    assert SampleFile.read(bottle.sample_file(0)).remade().mask.any()
    with pytest.raises(DatasetError, match="bottle was made with other inputs: seed was 0"):
        synthesize(replace(bottle, seed=1), 1)


def test_other_formats_hold_the_same_clouds(plan: SynthesisPlan, tmp_path: Path) -> None:
    packed = synthesize(plan, 3, jobs=1)
    loose_plan = replace(plan, out=tmp_path / "loose", suffix=".ply")
    loose = synthesize(loose_plan, 3, jobs=1)
    for one, other in zip(packed.samples, loose.samples, strict=True):
        labeled, record = read_sample(plan.out / one.cloud.file)
        written = read_labeled(tmp_path / "loose" / other.cloud.file)
        assert labeled.points.tobytes() == written.points.tobytes()
        np.testing.assert_array_equal(labeled.labels, written.labels)
        assert other.record is not None
        assert json.loads((tmp_path / "loose" / other.record.file).read_text()) == record | {
            "format": ".ply"
        }
    before = contents(loose_plan.out)
    loose_plan.sample_file(0).unlink()
    loose_plan.nominal_file("1").unlink()
    synthesize(loose_plan, 3, jobs=1)
    assert contents(loose_plan.out) == before
    samples, _ = read_samples(data_files(loose_plan.out))
    assert [sample.file.anomalous for sample in samples] == [False] * 3 + [True] * 3


def test_scans_can_be_left_out(plan: SynthesisPlan, tmp_path: Path) -> None:
    with_scans = synthesize(plan, 3, jobs=1)
    bare_plan = replace(plan, out=tmp_path / "bare", nominal_scans=False)
    bare = synthesize(bare_plan, 3, jobs=1)
    assert bare.samples == with_scans.samples
    assert not bare_plan.nominal_folder.exists()
    assert all(entry.nominal is None for entry in bare.scans)


def test_a_sensor_scans_both_kinds(plan: SynthesisPlan) -> None:
    noise = NormalNoise(sigma=0.01)
    sensor = Sensor(dropout=(RandomDropout(share=0.2),), noise=(noise,))
    plan = replace(plan, sensor=sensor)
    manifest = synthesize(plan, 3, jobs=1)
    for entry in manifest.samples:
        labeled, _ = read_sample(plan.out / entry.cloud.file)
        again = SampleFile.read(plan.out / entry.cloud.file).remade()
        assert again.points.tobytes() == labeled.points.tobytes()
        assert entry.points == len(labeled) < 0.9 * len(scan("egg", 0))
    points = [read_scan(plan.nominal_file(entry.scan))[0].points for entry in manifest.scans]
    assert all(0 < len(found) < 0.9 * len(scan("egg", 0)) for found in points)
    assert len({len(found) for found in points}) > 1
    with pytest.raises(DatasetError, match=r"sensor was one .* and is none"):
        synthesize(replace(plan, sensor=None), 3)


def test_what_does_not_show_is_drawn_anew_and_at_last_missing(plan: SynthesisPlan) -> None:
    sparse = scan("egg", 9)
    write_cloud(plan.scans / "sparse.ply", PointCloud(sparse.points[:40], sparse.normals[:40]))
    manifest = synthesize(plan, 24, jobs=2)
    assert [entry.sample for entry in manifest.missing] == [3, 7, 11, 15, 19, 23]
    for entry in manifest.missing:
        assert entry.scan == "sparse" and f"none of {ATTEMPTS} draws" in entry.missing
    assert len(manifest.samples) == 18
    assert any(entry.attempt > 0 for entry in manifest.samples)
    before = contents(plan.out)
    plan.missing_file(7).write_bytes(b"")
    synthesize(plan, 24, jobs=1)
    assert contents(plan.out) == before


def test_scans_are_registered_once_and_bad_ones_skipped(
    plan: SynthesisPlan, tmp_path: Path
) -> None:
    mesh, rng = load_sample("wrist_roll"), np.random.default_rng(0)
    turn = np.eye(4)
    turn[:3, :3], turn[:3, 3] = even_rotations(10)[4], (100.0, -50.0, 20.0)
    spread = subsample_surface(mesh, 4000, rng)
    scans = tmp_path / "scans"
    write_cloud(scans / "turned.ply", PointCloud(transform_points(turn, spread.points)))
    write_cloud(scans / "in_metres.xyz", PointCloud(0.001 * spread.points))
    (scans / "damaged.ply").write_bytes(b"ply\n")
    nominal = tmp_path / "in_metres.stl"
    write_cloud(nominal, PointCloud(0.001 * mesh.points, faces=mesh.faces))
    plan = replace(plan, scans=scans, nominal=nominal, intake=Intake(nominal_unit=Unit.M))
    manifest = synthesize(plan, 4, jobs=2)
    reasons = {entry.scan: entry.skipped for entry in manifest.scans}
    assert list(reasons) == ["damaged", "in_metres", "turned"] and reasons["turned"] is None
    assert "its unit is likely m" in str(reasons["in_metres"])
    assert "header" in str(reasons["damaged"])
    for entry in manifest.samples:
        labeled, record = read_sample(plan.out / entry.cloud.file)
        assert record["nominal"]["sha256"] == file_digest(nominal)
        assert record["recipe"]["part"]["diagonal"] == pytest.approx(mesh.diagonal, rel=0.01)
        found = np.array(record["T_part_scan"])
        np.testing.assert_allclose(found @ turn, np.eye(4), atol=0.01 * mesh.diagonal)
        again = SampleFile.read(plan.out / entry.cloud.file).remade()
        assert again.points.tobytes() == labeled.points.tobytes()
    kept = [plan.nominal_file("turned"), plan.skipped_file("in_metres")]
    times = [path.stat().st_mtime_ns for path in kept]
    before = contents(plan.out)
    plan.sample_file(2).unlink()
    synthesize(plan, 4, jobs=1)
    assert contents(plan.out) == before
    assert [path.stat().st_mtime_ns for path in kept] == times


def test_the_nominal_model_is_read_once_for_all_scans_of_a_process(
    plan: SynthesisPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nominal = tmp_path / "wrist_roll.stl"
    mesh = load_sample("wrist_roll")
    write_cloud(nominal, PointCloud(mesh.points, faces=mesh.faces))
    plan = replace(plan, nominal=nominal)
    asked: list[Path] = []

    def counted(path: Path, unit: Unit) -> ModelSource:
        asked.append(path)
        return model_source(path, unit)

    monkeypatch.setattr(prepared_scans, "model_source", counted)
    # Where the scans lie is not looked for here.
    monkeypatch.setattr(prepared_scans, "align", lambda scan, _, **__: align(scan))
    files = plan.scan_files()
    entries = [prepared_scans.prepare_scan(plan, file) for file in files]
    assert [entry.skipped for entry in entries] == [None] * 3
    assert asked == [nominal]
    for file in files:
        _, record = read_scan(plan.prepared_file(file.stem))
        assert record["nominal"]["sha256"] == file_digest(nominal)


def test_nothing_usable_is_an_error(plan: SynthesisPlan, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    with pytest.raises(DatasetError, match=r"holds no scans; their names end in \.ply"):
        synthesize(replace(plan, scans=tmp_path / "broken"), 2)
    (tmp_path / "broken" / "a.ply").write_bytes(b"ply\n")
    with pytest.raises(
        DatasetError, match="none of the 1 scans can be used; the reason of the first is: "
    ):
        synthesize(replace(plan, scans=tmp_path / "broken"), 2, jobs=1)
    tiny = scan("egg", 0, count=15)
    write_cloud(tmp_path / "tiny" / "a.ply", tiny)
    few = replace(plan, scans=tmp_path / "tiny", out=tmp_path / "few")
    with pytest.raises(
        DatasetError, match="none of the 2 samples can be made; the reason of the first is: none of"
    ):
        synthesize(few, 2, jobs=1)


def test_other_inputs_are_refused_by_name(plan: SynthesisPlan, tmp_path: Path) -> None:
    synthesize(plan, 2, jobs=1)
    before = contents(plan.out)
    with pytest.raises(DatasetError, match="seed was 0 and is 5"):
        synthesize(replace(plan, seed=5), 2)
    with pytest.raises(DatasetError, match="already has sample 1, which is beyond 1 samples"):
        synthesize(plan, 1)
    write_cloud(plan.scans / "1.ply", scan("egg", 77))
    write_cloud(plan.scans / "new.ply", scan("egg", 78))
    with pytest.raises(DatasetError, match="2 of the scans are missing, new or changed: 1"):
        synthesize(plan, 2)
    assert contents(plan.out) == before


def test_what_is_not_ours_is_left_alone(plan: SynthesisPlan, tmp_path: Path) -> None:
    theirs = tmp_path / "out" / "egg" / "anomalous" / "00000.safetensors"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"theirs")
    with pytest.raises(DatasetError, match=r"00000\.safetensors exists already"):
        synthesize(plan, 2)
    assert theirs.read_bytes() == b"theirs"
    inside = replace(plan, out=tmp_path / "data", scans=tmp_path / "data" / "egg" / "nominal")
    write_cloud(inside.scans / "a.ply", scan("egg", 0))
    with pytest.raises(DatasetError, match="is the folder to which the nominal scans"):
        synthesize(inside, 2)
    assert len(synthesize(replace(inside, nominal_scans=False), 2, jobs=1).samples) == 2


@pytest.mark.parametrize(
    "wrong", [{"category": "a/b"}, {"category": ".hidden"}, {"category": ""}, {"suffix": ".stl"}]
)
def test_names_and_formats_are_checked(plan: SynthesisPlan, wrong: dict[str, str]) -> None:
    with pytest.raises(DatasetError, match=next(iter(wrong.values())) or "category ''"):
        synthesize(replace(plan, **wrong), 2)  # type: ignore[arg-type]
    assert not plan.out.exists()


def test_two_scans_of_one_name_are_refused(plan: SynthesisPlan) -> None:
    write_cloud(plan.scans / "1.xyz", scan("egg", 4))
    with pytest.raises(DatasetError, match="would both be written as '1'"):
        synthesize(plan, 2)
