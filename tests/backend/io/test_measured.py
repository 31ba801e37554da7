"""Points that are no measurement: left out of every format alike, told, and never guessed at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import FileFormatError
from backend.io import (
    FIELD_SUFFIXES,
    WRITERS,
    parse_cloud,
    read_cloud,
    read_labeled,
    write_cloud,
    write_scored,
)
from backend.io.measured import only_measured
from backend.replay.replay import replay
from shared_schema.recipe import Recipe

NUMBERS = np.arange(1.0, 31.0).reshape(10, 3)
# LAS holds whole numbers alone, STL faces alone.
SCANS = [suffix for suffix in WRITERS if suffix not in (".las", ".laz", ".stl")]
NOT_FINITE = "2 of 10 points were left out: NaN and infinity mean no measurement."
ZERO = "3 of 10 points were left out: (0, 0, 0) means no measurement here."


def _scan(points: np.ndarray, suffix: str) -> PointCloud:
    """With normals that are as unknown as their points; as pixels where the format needs them."""
    normals = np.where(np.isfinite(points), [0.0, 0.0, 1.0], np.nan)
    fields = {"value": np.arange(float(len(points)))}
    if suffix.startswith(".tif"):
        fields = {"row": np.arange(10) // 5, "column": np.arange(10) % 5}
    return PointCloud(points, normals, fields=fields)


@pytest.mark.parametrize("suffix", SCANS)
@pytest.mark.parametrize("bad", [(np.nan, np.nan, np.nan), (7.0, np.inf, 7.0), (1.0, 2.0, -np.inf)])
def test_points_that_are_not_finite_are_left_out_and_told(suffix: str, bad: tuple) -> None:
    points = NUMBERS.copy()
    points[[0, 6]] = bad
    cloud = parse_cloud(WRITERS[suffix](_scan(points, suffix)), suffix)
    rows = [1, 2, 3, 4, 5, 7, 8, 9]
    np.testing.assert_array_equal(cloud.points, NUMBERS[rows])
    np.testing.assert_array_equal(cloud.rows, rows)
    assert (cloud.row_count, cloud.notices) == (10, (NOT_FINITE,))
    if suffix in FIELD_SUFFIXES:
        np.testing.assert_array_equal(cloud.fields["value"], rows)
        np.testing.assert_array_equal(cloud.normals, [[0.0, 0.0, 1.0]] * 8)


@pytest.mark.parametrize("suffix", SCANS)
def test_several_points_at_the_origin_are_left_out_and_told(suffix: str) -> None:
    points = NUMBERS.copy()
    points[[2, 3, 9]] = 0.0
    scan = PointCloud(points, fields=_scan(points, suffix).fields)
    if suffix.startswith(".tif"):
        data = WRITERS[suffix](scan.cropped(points.any(axis=1)))
        told = ZERO
    else:
        data, told = WRITERS[suffix](scan), ZERO
    cloud = parse_cloud(data, suffix)
    np.testing.assert_array_equal(cloud.points, np.delete(NUMBERS, [2, 3, 9], axis=0))
    np.testing.assert_array_equal(cloud.rows, [0, 1, 4, 5, 6, 7, 8])
    assert cloud.notices == (told,)


@pytest.mark.parametrize("suffix", [s for s in SCANS if not s.startswith(".tif")])
def test_a_single_point_at_the_origin_is_a_point(suffix: str) -> None:
    points = NUMBERS.copy()
    points[4] = 0.0
    cloud = parse_cloud(WRITERS[suffix](PointCloud(points)), suffix)
    np.testing.assert_array_equal(cloud.points, points)
    assert cloud.rows is None and cloud.notices == ()


def test_a_scan_that_repeats_its_points_may_repeat_the_one_at_the_origin() -> None:
    points = np.repeat(np.vstack([np.zeros(3), NUMBERS]), 4, axis=0)
    assert only_measured(PointCloud(points)).rows is None
    more = only_measured(PointCloud(np.vstack([points, np.zeros(3)])))
    np.testing.assert_array_equal(more.points, points[4:])


def test_vertices_of_a_mesh_at_the_origin_are_vertices() -> None:
    points = np.vstack([np.zeros((3, 3)), NUMBERS])
    mesh = PointCloud(points, faces=np.array([[0, 4, 5], [1, 5, 9], [2, 9, 12]]))
    for suffix in (".ply", ".obj", ".npz"):
        read = parse_cloud(WRITERS[suffix](mesh), suffix)
        np.testing.assert_array_equal(read.points, points)
        assert read.notices == ()


def test_faces_at_vertices_that_are_not_finite_go_and_the_others_are_renumbered() -> None:
    points = NUMBERS.copy()
    points[1] = np.nan
    mesh = PointCloud(points, faces=np.array([[0, 1, 2], [2, 3, 4], [9, 0, 5]]))
    read = parse_cloud(WRITERS[".ply"](mesh), ".ply")
    np.testing.assert_array_equal(read.points[read.faces], points[[[2, 3, 4], [9, 0, 5]]])
    assert read.notices == (
        "1 of 10 points was left out: NaN and infinity mean no measurement.",
        "1 of 3 faces was left out with such a corner.",
    )


def test_normals_are_not_used_where_one_of_a_measured_point_is_unknown() -> None:
    normals = np.tile([0.0, 0.0, 1.0], (10, 1))
    normals[3] = np.nan
    read = parse_cloud(WRITERS[".ply"](PointCloud(NUMBERS, normals)), ".ply")
    assert read.normals is None
    assert read.notices == ("1 of 10 normals have no direction, so none of the normals are used.",)


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_a_file_without_any_measurement_is_refused(value: float) -> None:
    data = WRITERS[".ply"](PointCloud(np.full((5, 3), value)))
    with pytest.raises(FileFormatError, match=r"^5 of 5 points .*\. No point is left; scan again$"):
        parse_cloud(data, ".ply")


def test_replayed_points_name_their_rows_in_the_file(tmp_path) -> None:
    recipe = Recipe.model_validate(
        {
            "part": {"name": "points", "unit": "mm", "diagonal": 50.0},
            "defects": [
                {
                    "kind": "hole",
                    "center": NUMBERS[4].tolist(),
                    "direction": [0.0, 0.0, -1.0],
                    "radius": 1.0,
                    "depth": 2.0,
                    "rim_width": 0.5,
                }
            ],
        }
    )
    points = NUMBERS.copy()
    points[[0, 6]] = np.nan
    write_cloud(tmp_path / "scan.ply", replace(_scan(points, ".ply"), normals=None))
    cloud = read_cloud(tmp_path / "scan.ply")
    cloud = cloud.with_normals(np.tile([0.0, 0.0, 1.0], (8, 1)))
    labeled = replay(recipe, cloud).labeled
    np.testing.assert_array_equal(labeled.source_index, [1, 2, 3, 5, 7, 8, 9])
    np.testing.assert_array_equal(labeled.fields["value"], labeled.source_index)
    assert labeled.notices == (NOT_FINITE,)


def test_rows_stay_right_through_what_is_done_to_a_cloud() -> None:
    points = NUMBERS.copy()
    points[[0, 6]] = np.nan
    cloud = only_measured(PointCloud(points))
    moved = cloud.transformed(np.diag([2.0, 2.0, 2.0, 1.0])).with_normals(np.ones((8, 3)))
    part = moved.subset(np.arange(8) % 2 == 1)
    np.testing.assert_array_equal(part.rows, [2, 4, 7, 9])
    np.testing.assert_array_equal(part.cropped(part.points[:, 0] > 20.0).rows, [4, 7, 9])
    np.testing.assert_array_equal(part.positions_of(np.array([9, 3, 2, 100])), [3, -1, 0, -1])
    assert part.notices == (NOT_FINITE,) and part.row_count == 10
    np.testing.assert_array_equal(LabeledCloud.nominal(part).source_index, [2, 4, 7, 9])


def test_labelled_and_scored_clouds_keep_the_rows(tmp_path) -> None:
    points = NUMBERS.copy()
    points[6] = np.nan
    mask = np.arange(10, dtype=np.uint8) % 2
    write_cloud(tmp_path / "labeled.pcd", PointCloud(points, fields={"mask": mask}))
    labeled = read_labeled(tmp_path / "labeled.pcd")
    rows = [0, 1, 2, 3, 4, 5, 7, 8, 9]
    np.testing.assert_array_equal(labeled.source_index, rows)
    np.testing.assert_array_equal(labeled.mask, mask[rows] != 0)
    cloud = read_cloud(tmp_path / "labeled.pcd")
    write_scored(tmp_path / "scored.ply", cloud, {"score": np.zeros(9)})
    np.testing.assert_array_equal(read_cloud(tmp_path / "scored.ply").fields["source_index"], rows)
