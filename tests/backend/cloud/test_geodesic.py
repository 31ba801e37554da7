"""Paths over surfaces are as short as the shortest, whatever the graph they are searched on."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import trimesh
from scipy.integrate import solve_ivp

from backend.cloud import PointCloud
from backend.cloud.geodesic import geodesic_path
from backend.cloud.normals import with_outward_normals
from backend.cloud.surface import subsample_surface
from backend.errors import ReplayError
from backend.geometry.closest_on_mesh import closest_on_mesh
from backend.geometry.polyline import arc_lengths
from backend.samples import load_sample
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
    path = geodesic_path(cloud, anchors, step=0.2)
    ends = path[[0, -1]]
    cosine = ends[0] @ ends[1] / np.prod(np.linalg.norm(ends, axis=1))
    expected = RADIUS * np.arccos(cosine)
    assert arc_lengths(path)[-1] == pytest.approx(expected, rel=0.002)
    assert np.abs(np.linalg.norm(path, axis=1) - RADIUS).max() < 0.002 * RADIUS
    assert np.linalg.norm(ends - anchors, axis=1).max() < 2.0 * cloud.spacing


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


TORUS = (10.0, 4.0)


def on_torus(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Places (..., 3) at the angle u about the axis and v about the tube."""
    ring, tube = TORUS
    away = ring + tube * np.cos(v)
    return np.stack([away * np.cos(u), away * np.sin(u), tube * np.sin(v)], axis=-1)


@cache
def torus_scan(count: int) -> PointCloud:
    """Points evenly at random on the torus, with exact normals."""
    rng = np.random.default_rng(0)
    ring, tube = TORUS
    u, v, chance = rng.random((3, 2 * count)) * [[2 * np.pi], [2 * np.pi], [1.0]]
    kept = np.flatnonzero(chance * (ring + tube) < ring + tube * np.cos(v))[:count]
    u, v = u[kept], v[kept]
    normals = np.stack([np.cos(u) * np.cos(v), np.sin(u) * np.cos(v), np.sin(v)], axis=1)
    return PointCloud(on_torus(u, v), normals)


@cache
def torus_mesh(sections: int = 160) -> PointCloud:
    ticks = np.arange(sections) * 2 * np.pi / sections
    u, v = (grid.ravel() for grid in np.meshgrid(ticks, ticks, indexing="ij"))
    index = np.arange(sections**2).reshape(sections, sections)
    right, up = np.roll(index, -1, axis=0), np.roll(index, -1, axis=1)
    across = np.roll(right, -1, axis=1)
    faces = [
        np.stack(t, axis=-1).reshape(-1, 3) for t in ((index, right, across), (index, across, up))
    ]
    return PointCloud.of(on_torus(u, v), faces=np.concatenate(faces))


def shoot(
    start: tuple[float, float], heading: float, length: float
) -> tuple[np.ndarray, np.ndarray]:
    """The two ends (2, 3) of a geodesic of the torus and its directions (2, 3) there.

    By the geodesics' differential equation.
    """
    ring, tube = TORUS

    def slope(_: float, state: np.ndarray) -> list[float]:
        _, v, du, dv = state
        away = ring + tube * np.cos(v)
        return [
            du,
            dv,
            2.0 * tube * np.sin(v) / away * du * dv,
            -away * np.sin(v) / tube * du * du,
        ]

    away = ring + tube * np.cos(start[1])
    state = [*start, np.cos(heading) / away, np.sin(heading) / tube]
    u, v, du, dv = solve_ivp(slope, (0.0, length), state, rtol=1e-10, atol=1e-12).y[:, [0, -1]]
    flat, up = (ring + tube * np.cos(v)) * du, tube * dv
    directions = np.stack(
        [
            -flat * np.sin(u) - up * np.sin(v) * np.cos(u),
            flat * np.cos(u) - up * np.sin(v) * np.sin(u),
            up * np.cos(v),
        ],
        axis=1,
    )
    return on_torus(u, v), directions


# Shorter than to any conjugate point, so the shortest way there is.
SHOTS = [((0.3, 0.2), 0.4, 8.0), ((2.0, 1.5), 1.2, 6.0), ((4.0, 3.0), 0.1, 9.0)]


@pytest.mark.parametrize("start, heading, length", SHOTS)
def test_length_on_a_torus_mesh(start: tuple[float, float], heading: float, length: float) -> None:
    mesh = torus_mesh()
    path = geodesic_path(mesh, shoot(start, heading, length)[0], step=0.01)
    assert arc_lengths(path)[-1] == pytest.approx(length, rel=1e-3)
    assert np.abs(closest_on_mesh(mesh.points, mesh.faces, path) - path).max() < 1e-9


def length_error(cloud: PointCloud, shot: tuple[tuple[float, float], float, float]) -> float:
    """Relative error of a path between the points of ``cloud`` nearest to a geodesic's ends.

    How far these lie from the ends changes the true length by as much along its directions.
    """
    ends, directions = shoot(*shot)
    path = geodesic_path(cloud, ends, step=0.05)
    moved = np.einsum("ei,ei->e", path[[0, -1]] - ends, directions)
    return float(arc_lengths(path)[-1] / (shot[2] + moved[1] - moved[0]) - 1.0)


@pytest.mark.parametrize("shot", SHOTS)
def test_length_on_a_scanned_torus_of_100k_points(
    shot: tuple[tuple[float, float], float, float],
) -> None:
    assert abs(length_error(torus_scan(100_000), shot)) < 0.01


@pytest.mark.parametrize("shot", SHOTS)
def test_length_on_a_noisy_scan(shot: tuple[tuple[float, float], float, float]) -> None:
    clean = torus_scan(30_000)
    rng = np.random.default_rng(1)
    shift = rng.normal(0.0, 0.3 * clean.spacing, (len(clean), 1))
    cloud = PointCloud(clean.points + shift * clean.normals, clean.normals)
    assert abs(length_error(cloud, shot)) < 0.03


def test_a_helix_is_the_shortest_way_round_a_cylinder() -> None:
    mesh = trimesh.creation.cylinder(5.0, 20.0, sections=256)
    cloud = PointCloud.of(mesh.vertices, faces=mesh.faces)
    turn = np.radians(100.0)
    anchors = np.array([[5.0, 0, -6.0], [5.0 * np.cos(turn), 5.0 * np.sin(turn), 4.0]])
    path = geodesic_path(cloud, anchors, step=0.1)
    assert arc_lengths(path)[-1] == pytest.approx(np.hypot(5.0 * turn, 10.0), rel=1e-3)


BOX = trimesh.creation.box((2.0, 2.0, 2.0))
UNFOLDED = [
    ([0.2, 0.1, 1.0], [0.7, -0.4, 1.0], np.hypot(0.5, 0.5)),  # on one face
    ([-0.5, 0.3, 1.0], [1.0, -0.7, -0.2], np.hypot(1.5 + 1.2, 1.0)),  # over one edge
    ([1.0, 1.0, 1.0], [-1.0, -1.0, -1.0], np.hypot(4.0, 2.0)),  # from corner to corner
    ([0.0, 0.0, 1.0], [0.0, 0.0, -1.0], 4.0),  # to the opposite side
]


@pytest.mark.parametrize("start, end, length", UNFOLDED)
def test_lengths_on_a_box_are_those_of_its_unfolded_faces(
    start: list[float], end: list[float], length: float
) -> None:
    cloud = PointCloud.of(BOX.vertices, faces=BOX.faces)
    path = geodesic_path(cloud, np.array([start, end]), step=0.05)
    assert arc_lengths(path)[-1] == pytest.approx(length, rel=1e-6)
    np.testing.assert_allclose(path[[0, -1]], [start, end])
    np.testing.assert_allclose(np.abs(path).max(axis=1), 1.0, atol=1e-12)


def test_the_way_round_a_hole_touches_its_rim() -> None:
    """A square frame: the straight way between its far corners' middles is not there."""
    square = np.array([[x, y, 0.0] for x in (-1.0, 1.0) for y in (-1.0, 1.0)])
    points = np.concatenate([3.0 * square, square])
    faces = [[0, 1, 5], [0, 5, 4], [1, 3, 7], [1, 7, 5], [3, 2, 6], [3, 6, 7], [2, 0, 4], [2, 4, 6]]
    path = geodesic_path(
        PointCloud.of(points, faces=faces), np.array([[-2.0, 0.2, 0], [2.0, 0.2, 0]]), step=0.1
    )
    assert arc_lengths(path)[-1] == pytest.approx(2.0 + 2.0 * np.hypot(1.0, 0.8), rel=1e-9)


def test_three_sheets_on_one_edge_and_doubled_vertices_are_walked_over() -> None:
    corners = [[0, 0, 0], [0, 1, 0], [-1, 0, 0], [-1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1.0]]
    faces = np.array([[0, 1, 2], [1, 3, 2], [0, 4, 1], [1, 4, 5], [0, 1, 6]])
    soup = PointCloud.of(
        np.array(corners)[faces].reshape(-1, 3), faces=np.arange(15).reshape(-1, 3)
    )
    for end, length in (([1.0, 0.7, 0], np.hypot(1.5, 0.4)), ([0, 0.3, 0.5], 1.0)):
        path = geodesic_path(soup, np.array([[-0.5, 0.3, 0.0], end]), step=0.05)
        assert arc_lengths(path)[-1] == pytest.approx(length, rel=1e-9)


def test_pieces_of_a_mesh_that_do_not_touch_are_not_joined() -> None:
    boxes = trimesh.util.concatenate([BOX, BOX.copy().apply_translation([2.01, 0, 0])])
    cloud = PointCloud.of(boxes.vertices, faces=boxes.faces)
    with pytest.raises(ReplayError, match="gap in between"):
        geodesic_path(cloud, np.array([[0, 0, 1.0], [2.0, 0, 1.0]]), step=0.1)


def test_on_a_part_of_large_flat_faces_the_path_keeps_to_the_surface() -> None:
    mesh = load_sample("nist_ftc_10")
    rng = np.random.default_rng(4)
    anchors = subsample_surface(mesh, 4, rng, even=False).points
    path = geodesic_path(mesh, anchors, step=mesh.diagonal / 200)
    closest = closest_on_mesh(mesh.points, mesh.faces, path)
    assert np.linalg.norm(closest - path, axis=1).max() < 1e-9 * mesh.diagonal
    for anchor in anchors[1:-1]:
        assert np.linalg.norm(path - anchor, axis=1).min() < mesh.diagonal / 200


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_a_path_scales_with_the_part(scale: float) -> None:
    mesh = load_sample("plate_holes")
    anchors = subsample_surface(mesh, 2, np.random.default_rng(1), even=False).points
    one = geodesic_path(mesh, anchors, step=2.0)
    other = geodesic_path(
        PointCloud(scale * mesh.points, faces=mesh.faces), scale * anchors, step=2.0 * scale
    )
    assert arc_lengths(other)[-1] == pytest.approx(scale * arc_lengths(one)[-1], rel=1e-6)


def test_a_narrow_slot_of_a_scan_is_gone_round() -> None:
    ticks = np.arange(-10.0, 10.0, 0.1)
    x, y = (grid.ravel() for grid in np.meshgrid(ticks, ticks))
    kept = (np.abs(x + 0.05) > 0.3) | (y > 5.05)
    flat = np.stack([x, y, np.zeros_like(x)], axis=1)[kept]
    cloud = PointCloud(flat, np.tile([0.0, 0, 1], (len(flat), 1)))
    path = geodesic_path(cloud, np.array([[-3.0, 0, 0], [3.0, 0, 0]]), step=0.1)
    assert arc_lengths(path)[-1] == pytest.approx(2.0 * np.hypot(2.7, 5.1) + 0.6, rel=0.02)


@pytest.mark.parametrize("gap", [0.5, 1.5, 3.0])
def test_a_folded_sheet_is_walked_round_its_fold(gap: float) -> None:
    """Two sheets ``gap`` spacings apart, joined by half a cylinder at one end."""
    spacing, flat = 0.1, 8.0
    bend = np.pi * gap * spacing / 2.0
    along = np.arange(-flat, flat + bend, spacing / (1.0 if gap > 1.0 else 4.0))
    s, y = (grid.ravel() for grid in np.meshgrid(along, np.arange(0.0, 6.0, spacing)))
    turn = np.pi * np.clip(s / bend, 0.0, 1.0)
    beyond = np.maximum(s - bend, 0.0)
    radius = gap * spacing / 2.0
    x = np.where(s < 0.0, s, radius * np.sin(turn) - beyond)
    points = np.stack([x, y, -radius * np.cos(turn)], axis=1)
    normals = np.stack([np.sin(turn), np.zeros_like(s), -np.cos(turn)], axis=1)
    cloud = PointCloud(points, normals)
    anchors = np.array([[-4.0, 3.0, -radius], [-4.0, 3.0, radius]])
    path = geodesic_path(cloud, anchors, step=spacing)
    assert arc_lengths(path)[-1] == pytest.approx(8.0 + bend, rel=0.02)
