"""Reading a folder of data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.dataset.folder import (
    data_files,
    nominal_models,
    read_samples,
    read_usable,
)
from backend.errors import CloudError, DatasetError, FileFormatError, TrainingError
from backend.intake import Intake
from backend.io import write_cloud
from backend.samples import load_sample
from backend.training.data import training_sets
from shared_schema.recipe import Unit
from tests.backend.parts import labeled, scan, write_folder


def test_files_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, nominal=2, anomalous=1)
    (folder / "egg" / "nominal" / ".hidden.ply").write_text("")
    (folder / "egg" / "nominal" / "notes.md").write_text("")
    (folder / "readme.md").write_text("")
    files = data_files(folder)
    assert [file.path.relative_to(folder).as_posix() for file in files] == [
        "ball/nominal/300.ply",
        "ball/nominal/301.ply",
        "ball/anomalous/300.ply",
        "egg/nominal/300.ply",
        "egg/nominal/301.ply",
        "egg/anomalous/300.ply",
    ]
    assert [file.anomalous for file in files] == [False, False, True] * 2


def test_clouds_are_those_that_were_written(tmp_path: Path) -> None:
    samples, unmarked = read_samples(data_files(write_folder(tmp_path, nominal=2, anomalous=1)))
    assert unmarked == [] and [sample.kind for sample in samples][:3] == ["nominal"] * 2 + ["dent"]
    sets = training_sets(samples, unit="mm")
    assert [len(sets[part].nominal) for part in ("ball", "egg")] == [2, 2]
    np.testing.assert_array_equal(sets["egg"].nominal[1].points, scan("egg", 301).points)
    assert sets["egg"].nominal[1].unit == "mm"
    (anomalous,) = sets["egg"].labeled
    np.testing.assert_array_equal(anomalous.mask, labeled("egg", 300, 0.3).mask)


def test_anomalies_and_models_of_parts_without_nominal_scans_are_refused(tmp_path: Path) -> None:
    samples, _ = read_samples(data_files(write_folder(tmp_path, nominal=2, anomalous=1)))
    eggs = [sample for sample in samples if sample.file.category == "egg"]
    dents = [sample for sample in samples if sample.file.anomalous]
    with pytest.raises(TrainingError, match="the category 'ball' has labelled clouds, but no"):
        training_sets([*eggs, *dents])
    with pytest.raises(TrainingError, match="the category 'cube' has a nominal model, but no"):
        training_sets(samples, {"cube": scan("egg", 0)})


def test_normals_count_where_every_file_of_a_category_has_them(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, nominal=2, anomalous=1)
    write_cloud(folder / "egg" / "nominal" / "bare.xyz", PointCloud(scan("egg", 1).points))
    samples, _ = read_samples(data_files(folder))
    for sample in samples:
        assert (sample.cloud.normals is None) == (sample.file.category == "egg")


def test_the_viewpoint_tells_the_outside_of_bare_scans(tmp_path: Path) -> None:
    bare = PointCloud(scan("egg", 1).points)
    write_cloud(tmp_path / "egg" / "nominal" / "bare.xyz", bare)
    for eye, sign in (((0.0, 0.0, 0.0), -1.0), ((0.0, 0.0, 100.0), 1.0)):
        (sample,), _ = read_samples(data_files(tmp_path), Intake(viewpoint=eye))
        assert sample.cloud.normals is not None
        top = bare.points[:, 2] > 5.0
        assert (sign * sample.cloud.normals[top, 2] > 0).mean() > 0.99


def test_a_mesh_has_the_normals_of_its_faces(tmp_path: Path) -> None:
    mesh = load_sample("plate_holes")
    write_cloud(tmp_path / "plate" / "nominal" / "plate.stl", mesh)
    (sample,), _ = read_samples(data_files(tmp_path))
    assert sample.cloud.normals is not None
    np.testing.assert_allclose(np.linalg.norm(sample.cloud.normals, axis=1), 1.0)


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="CATEGORY/nominal"):
        data_files(tmp_path)
    folder = write_folder(tmp_path, nominal=1, anomalous=1)
    record = folder / "egg" / "anomalous" / "300.json"
    record.write_text("{")
    with pytest.raises(DatasetError, match=r"300\.json: not a readable record"):
        read_samples(data_files(folder))


def test_files_of_formats_that_are_not_read_are_told_and_not_passed_over(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, nominal=1, anomalous=0)
    (folder / "egg" / "nominal" / "last.E57").write_bytes(b"ASTM-E57")
    samples, left_out = read_usable(data_files(folder))
    assert len(samples) == 2 and [one.file.path.name for one in left_out] == ["last.E57"]
    assert "open it in CloudCompare" in left_out[0].reason
    (folder / "egg" / "model.step").write_text("ISO-10303-21;")
    with pytest.raises(FileFormatError, match=r"model\.step: .* export the model as STL"):
        nominal_models(folder)
    write_cloud(folder / "egg" / "model.stl", load_sample("plate_holes"))
    assert set(nominal_models(folder)) == {"egg"}


def test_a_category_may_have_a_nominal_model(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, nominal=1, anomalous=0)
    (folder / "readme.md").write_text("")
    assert nominal_models(folder) == {}
    model = load_sample("plate_holes")
    write_cloud(folder / "egg" / "model.stl", model)
    found = nominal_models(folder, Intake(Unit.MM))
    assert set(found) == {"egg"} and found["egg"].unit == "mm"
    assert found["egg"].diagonal == pytest.approx(model.diagonal)
    assert all(file.path.parent.name == "nominal" for file in data_files(folder))

    in_metres = nominal_models(folder, Intake(Unit.M, nominal_unit=Unit.MM))["egg"]
    assert in_metres.diagonal == pytest.approx(model.diagonal / 1000)
    with pytest.raises(DatasetError, match="models are in mm, but the unit of the scans"):
        nominal_models(folder, Intake(nominal_unit=Unit.MM))

    write_cloud(folder / "egg" / "model.ply", model)
    with pytest.raises(DatasetError, match=r"model\.ply and model\.stl"):
        nominal_models(folder)
    (folder / "egg" / "model.stl").unlink()
    write_cloud(folder / "egg" / "model.ply", PointCloud(model.points))
    with pytest.raises(CloudError, match="no faces"):
        nominal_models(folder)
