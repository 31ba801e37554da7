"""Paths over surfaces are as short as the shortest, whatever the graph they are searched on."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from backend.cloud import PointCloud
from backend.errors import ReplayError
from backend.geometry.geodesic import geodesic_path
from backend.geometry.normals import with_outward_normals
from backend.geometry.polyline import arc_lengths
from tests.backend.shapes import plate, sphere

RADIUS = 10.0


def uv_sphere() -> PointCloud:
    """A mesh whose edges run along circles of latitude: the way over edges is a detour."""
    mesh = trimesh.creation.uv_sphere(RADIUS, count=[48, 96])
    return with_outward_normals(PointCloud.of(mesh.vertices, faces=mesh.faces))[0]


SPHERES = {
    "scan": lambda: sphere(20_000, RADIUS),
    "icosphere": lambda: with_outward_normals(
        PointCloud.of(*_arrays(trimesh.creation.icosphere(5, RADIUS)))
    )[0],
    "circles of latitude": uv_sphere,
}


def _arrays(mesh: trimesh.Trimesh) -> tuple[np.ndarray, None, np.ndarray]:
    return mesh.vertices, None, mesh.faces


def on_sphere(longitude: float, latitude: float) -> list[float]:
    a, b = np.radians([longitude, latitude])
    return [
        RADIUS * np.cos(b) * np.cos(a),
        RADIUS * np.cos(b) * np.sin(a),
        RADIUS * np.sin(b),
    ]


@pytest.mark.parametrize("kind", SPHERES)
@pytest.mark.parametrize("latitude", [0.0, 35.0, 60.0])
@pytest.mark.parametrize("turn", [30.0, 100.0])
def test_length_on_a_sphere(kind: str, latitude: float, turn: float) -> None:
    cloud = SPHERES[kind]()
    anchors = np.array([on_sphere(10.0, latitude), on_sphere(10.0 + turn, latitude)])
    _, rows = cloud.tree.query(anchors)
    ends = cloud.points[rows]
    path = geodesic_path(cloud, anchors, step=0.2)
    cosine = ends[0] @ ends[1] / np.prod(np.linalg.norm(ends, axis=1))
    expected = RADIUS * np.arccos(cosine)
    assert arc_lengths(path)[-1] == pytest.approx(expected, rel=0.02)
    assert np.abs(np.linalg.norm(path, axis=1) - RADIUS).max() < 0.02 * RADIUS
    np.testing.assert_allclose(path[[0, -1]], ends)


def test_path_goes_through_every_anchor() -> None:
    cloud = sphere(20_000, RADIUS)
    anchors = np.array([on_sphere(0, 0), on_sphere(40, 30), on_sphere(80, 0)])
    path = geodesic_path(cloud, anchors, step=0.1)
    for anchor in anchors:
        assert np.linalg.norm(path - anchor, axis=1).min() < 0.3


def test_gap_is_not_jumped() -> None:
    with pytest.raises(ReplayError, match="gap in between"):
        geodesic_path(plate(thickness=2.0), np.array([[0, 0, 1.0], [0, 0, -1.0]]), step=0.1)


def test_anchors_at_one_point_are_refused() -> None:
    with pytest.raises(ReplayError, match="all lie nearest to one point"):
        geodesic_path(sphere(), np.array([[0, 0, 10.0], [0, 0, 10.1]]), step=0.1)
