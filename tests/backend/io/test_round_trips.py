"""What is written is read back, as far as each format can carry it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import FileFormatError
from backend.io import (
    FIELD_SUFFIXES,
    READERS,
    WRITERS,
    parse_cloud,
    read_cloud,
    read_labeled,
    write_cloud,
    write_labeled,
    write_scored,
)
from backend.samples import load_sample

MESH_SUFFIXES = (".ply", ".obj", ".npz")
# STL holds faces alone, LAS rounds, TIFF needs pixels; these have tests of their own.
SPECIAL_SUFFIXES = (".stl", ".las", ".laz", ".tif", ".tiff")
SCAN_SUFFIXES = tuple(suffix for suffix in WRITERS if suffix not in SPECIAL_SUFFIXES)
TEXT_SUFFIXES = (".xyz", ".txt", ".asc", ".csv")
ENCODINGS = [
    (".ply", "ascii"),
    (".ply", "binary_little_endian"),
    (".ply", "binary_big_endian"),
    (".pcd", "ascii"),
    (".pcd", "binary"),
    (".pcd", "binary_compressed"),
]


@pytest.fixture
def scan() -> PointCloud:
    rng = np.random.default_rng(3)
    normals = rng.normal(size=(40, 3))
    return PointCloud(
        rng.normal(size=(40, 3)) * 1e3,
        normals / np.linalg.norm(normals, axis=1, keepdims=True),
        fields={
            "score": rng.random(40).astype(np.float32),
            "label": rng.integers(-5, 5, 40).astype(np.int32),
            "mask": rng.integers(0, 2, 40).astype(np.uint8),
            "wide": rng.random(40),
        },
    )


def test_every_format_but_those_of_one_maker_is_read_and_written() -> None:
    assert READERS.keys() == WRITERS.keys() | {".pts", ".ptx"}


def test_every_format_is_documented() -> None:
    file = Path(__file__).parents[3] / "docs" / "reference" / "formats.md"
    page = file.read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `.")]
    fields = {
        suffix: cells[6].strip().startswith("yes")
        for cells in rows
        for suffix in re.findall(r"`(\.\w+)`", cells[1])
    }
    assert fields == {suffix: suffix in (*FIELD_SUFFIXES, ".pts", ".ptx") for suffix in READERS}


@pytest.mark.parametrize("suffix", SCAN_SUFFIXES)
def test_points_and_normals_come_back_bit_by_bit(scan: PointCloud, suffix: str, tmp_path) -> None:
    write_cloud(tmp_path / f"scan{suffix}", scan)
    back = read_cloud(tmp_path / f"scan{suffix}", unit="mm")
    np.testing.assert_array_equal(back.points, scan.points)
    np.testing.assert_array_equal(back.normals, scan.normals)
    assert back.faces is None
    assert back.unit == "mm"


@given(
    points=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 8), st.just(3)),
        elements=st.floats(-(2.0**100), 2.0**100, width=32),
    )
)
@pytest.mark.parametrize("suffix", SCAN_SUFFIXES)
def test_any_single_precision_scan_comes_back_bit_by_bit(suffix: str, points: np.ndarray) -> None:
    # Several points at the origin are no measurement; see test_measured.py.
    assume((points == 0).all(axis=1).sum() <= 1)
    back = parse_cloud(WRITERS[suffix](PointCloud.of(points)), suffix)
    np.testing.assert_array_equal(back.points.astype(np.float32), points)
    np.testing.assert_array_equal(back.points, points.astype(np.float64))


@pytest.mark.parametrize("suffix", FIELD_SUFFIXES)
def test_fields_keep_their_names_types_and_values(scan: PointCloud, suffix: str, tmp_path) -> None:
    write_cloud(tmp_path / f"scan{suffix}", scan)
    back = read_cloud(tmp_path / f"scan{suffix}")
    np.testing.assert_array_equal(back.normals, scan.normals)
    assert back.fields.keys() == scan.fields.keys()
    for name, values in scan.fields.items():
        assert back.fields[name].dtype == (np.float64 if suffix in TEXT_SUFFIXES else values.dtype)
        np.testing.assert_array_equal(back.fields[name], values)


@pytest.mark.parametrize(("suffix", "encoding"), ENCODINGS)
def test_every_encoding_keeps_everything(
    scan: PointCloud, suffix: str, encoding: str, tmp_path
) -> None:
    path = tmp_path / f"scan{suffix}"
    write_cloud(path, scan, encoding=encoding)
    assert encoding.encode() in path.read_bytes()[:400]
    back = read_cloud(path)
    np.testing.assert_array_equal(back.points, scan.points)
    np.testing.assert_array_equal(back.normals, scan.normals)
    assert back.fields.keys() == scan.fields.keys()
    for name, values in scan.fields.items():
        assert back.fields[name].dtype == values.dtype
        np.testing.assert_array_equal(back.fields[name], values)


@pytest.mark.parametrize(
    "encoding", [encoding for suffix, encoding in ENCODINGS if suffix == ".ply"]
)
def test_every_ply_encoding_keeps_faces(encoding: str, tmp_path) -> None:
    mesh = load_sample("plate_holes")
    write_cloud(tmp_path / "part.ply", mesh, encoding=encoding)
    back = read_cloud(tmp_path / "part.ply")
    np.testing.assert_array_equal(back.points, mesh.points)
    np.testing.assert_array_equal(back.faces, mesh.faces)


@pytest.mark.parametrize("suffix", [".ply", ".pcd", ".obj"])
def test_an_encoding_that_a_format_does_not_have_is_refused(
    scan: PointCloud, suffix: str, tmp_path
) -> None:
    with pytest.raises(FileFormatError, match=r"known are|use one of \.ply, \.pcd"):
        write_cloud(tmp_path / f"scan{suffix}", scan, encoding="base64")


@pytest.mark.parametrize("suffix", [".stl", ".obj", ".tiff"])
def test_formats_without_fields_leave_them_out(suffix: str, tmp_path) -> None:
    mesh = load_sample("plate_holes")
    pixels = {"row": np.arange(len(mesh)), "column": np.zeros(len(mesh))}
    fields = {"mask": np.ones(len(mesh), np.uint8)} | (pixels if suffix == ".tiff" else {})
    moved = replace(mesh, points=mesh.points + 1000.0, fields=fields)
    write_cloud(tmp_path / f"part{suffix}", moved)
    assert "mask" not in read_cloud(tmp_path / f"part{suffix}").fields


@pytest.mark.parametrize("suffix", MESH_SUFFIXES)
def test_meshes_keep_vertices_and_faces(suffix: str, tmp_path) -> None:
    mesh = load_sample("plate_holes")
    write_cloud(tmp_path / f"part{suffix}", mesh)
    back = read_cloud(tmp_path / f"part{suffix}")
    np.testing.assert_array_equal(back.points, mesh.points)
    np.testing.assert_array_equal(back.faces, mesh.faces)


def test_stl_keeps_the_mesh_and_its_adjacency(tmp_path) -> None:
    mesh = load_sample("plate_holes")
    write_cloud(tmp_path / "part.stl", mesh)
    back = read_cloud(tmp_path / "part.stl")
    np.testing.assert_array_equal(back.points, mesh.points)
    np.testing.assert_array_equal(back.edges, mesh.edges)


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_same_cloud_gives_the_same_bytes(suffix: str) -> None:
    mesh = load_sample("plate_holes")
    pixels = {"row": np.arange(len(mesh)), "column": np.zeros(len(mesh))}
    mesh = replace(mesh, points=mesh.points + 1000.0, fields=pixels)
    assert WRITERS[suffix](mesh) == WRITERS[suffix](mesh)


def _labeled() -> LabeledCloud:
    scan = load_sample("pawn_scan").points[:50]
    return LabeledCloud(
        points=scan,
        normals=np.tile([0.0, 0.0, 1.0], (50, 1)),
        mask=np.arange(50) < 5,
        labels=np.where(np.arange(50) < 5, 2, 0).astype(np.int32),
        weight=np.linspace(0.0, 1.0, 50),
        source_index=np.arange(50),
    )


def test_a_labeled_ply_has_exactly_the_promised_properties(tmp_path) -> None:
    write_labeled(tmp_path / "labeled.ply", _labeled())
    header = (tmp_path / "labeled.ply").read_bytes().split(b"end_header")[0].decode()
    assert [line for line in header.splitlines() if line.startswith("property")] == [
        "property double x",
        "property double y",
        "property double z",
        "property double nx",
        "property double ny",
        "property double nz",
        "property uchar mask",
        "property int label",
        "property float weight",
        "property int source_index",
    ]
    back = read_cloud(tmp_path / "labeled.ply")
    np.testing.assert_array_equal(back.points, _labeled().points)
    np.testing.assert_array_equal(back.fields["label"], _labeled().labels)


def test_labels_of_the_input_file_give_way_to_new_ones(tmp_path) -> None:
    stale = {"mask": np.ones(50, np.uint8), "color": np.arange(50)}
    write_labeled(tmp_path / "again.ply", replace(_labeled(), fields=stale))
    back = read_cloud(tmp_path / "again.ply")
    np.testing.assert_array_equal(back.fields["mask"], _labeled().mask)
    np.testing.assert_array_equal(back.fields["color"], np.arange(50))


def test_a_scored_ply_has_score_and_anomalous(scan: PointCloud, tmp_path) -> None:
    scores = np.linspace(0.0, 1.0, len(scan))
    fields = {"score": scores, "anomalous": scores > 0.5}
    write_scored(tmp_path / "scored.ply", replace(scan, fields={}), fields)
    back = read_cloud(tmp_path / "scored.ply")
    assert {name: values.dtype for name, values in back.fields.items()} == {
        "score": np.float32,
        "anomalous": np.uint8,
    }
    np.testing.assert_array_equal(back.fields["anomalous"], scores > 0.5)


def test_labels_are_not_lost_in_a_format_without_fields(tmp_path) -> None:
    with pytest.raises(FileFormatError, match=r"'\.obj' cannot carry values per point"):
        write_labeled(tmp_path / "labeled.obj", _labeled())


def test_a_value_too_large_for_the_format_is_refused() -> None:
    cloud = PointCloud(np.zeros((1, 3)), fields={"time": np.array([2**40])})
    with pytest.raises(FileFormatError, match="'time'"):
        WRITERS[".ply"](cloud)


def test_a_failed_write_leaves_the_old_file_alone(tmp_path, monkeypatch) -> None:
    path = tmp_path / "scan.ply"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.replace", _fail)
    with pytest.raises(OSError, match="disk"):
        write_cloud(path, PointCloud(np.zeros((1, 3))))
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("scan.ply", b"old")]


def _fail(*_: object) -> None:
    raise OSError("disk full")


@pytest.mark.parametrize("suffix", FIELD_SUFFIXES)
def test_a_labelled_cloud_comes_back(tmp_path, suffix: str) -> None:
    labeled = replace(_labeled(), fields={"color": np.arange(50)})
    write_labeled(tmp_path / f"labeled{suffix}", labeled)
    back = read_labeled(tmp_path / f"labeled{suffix}")
    # LAS rounds to 2^-32 of the extent.
    tolerance = np.ptp(labeled.points, axis=0).max() * 2.0**-32 if suffix in (".las", ".laz") else 0
    np.testing.assert_allclose(back.points, labeled.points, rtol=0, atol=tolerance)
    for name in ("normals", "mask", "labels", "source_index"):
        np.testing.assert_array_equal(getattr(back, name), getattr(labeled, name))
        assert getattr(back, name).dtype == getattr(labeled, name).dtype
    np.testing.assert_array_equal(back.weight, labeled.weight.astype(np.float32))
    assert list(back.fields) == ["color"]


def test_a_mask_alone_makes_a_labelled_cloud(scan: PointCloud, tmp_path) -> None:
    mask = np.arange(40) < 7
    write_cloud(tmp_path / "mask.ply", replace(scan, fields={"mask": mask.astype(np.uint8)}))
    back = read_labeled(tmp_path / "mask.ply")
    np.testing.assert_array_equal(back.mask, mask)
    np.testing.assert_array_equal(back.labels, mask.astype(np.int32))
    np.testing.assert_array_equal(back.weight, mask.astype(float))
    np.testing.assert_array_equal(back.source_index, np.arange(40))
    write_cloud(tmp_path / "none.ply", replace(scan, fields={}))
    with pytest.raises(FileFormatError, match=r"none\.ply: .* no 'mask'"):
        read_labeled(tmp_path / "none.ply")
