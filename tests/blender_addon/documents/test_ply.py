"""Points and triangles written as PLY are read back the same by the backend."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backend.io import read_cloud
from blender_addon.documents.ply import write_ply


def columns(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        **{axis: rng.normal(1e6, 1.0, count) for axis in "xyz"},
        "mask": rng.integers(0, 2, count).astype(np.uint8),
        "label": rng.integers(0, 2**31, count).astype(np.int32),
        "weight": rng.random(count).astype(np.float32),
    }


def test_every_number_comes_back(tmp_path: Path) -> None:
    expected = columns(50)
    write_ply(tmp_path / "points.ply", expected)
    cloud = read_cloud(tmp_path / "points.ply")
    assert cloud.faces is None
    np.testing.assert_array_equal(cloud.points.T, [expected[axis] for axis in "xyz"])
    for name in ("mask", "label", "weight"):
        np.testing.assert_array_equal(cloud.fields[name], expected[name])
        assert cloud.fields[name].dtype == expected[name].dtype


def test_triangles_come_back(tmp_path: Path) -> None:
    triangles = np.array([[0, 1, 2], [3, 2, 1]])
    write_ply(tmp_path / "mesh.ply", columns(4), triangles)
    cloud = read_cloud(tmp_path / "mesh.ply")
    np.testing.assert_array_equal(cloud.faces, triangles)
