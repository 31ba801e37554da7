"""Neighbours on a scan lie along one surface: not across a wall or a gap, but round sharp edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.geometry.neighbors import graph_triangles, length_graph, scan_edges, unique_edges
from backend.samples import load_sample, sample_names
from tests.backend.shapes import plate

SIZE = 24.0


def sheets(
    gap: float, facing: tuple[float, float], noise: float, seed: int = 0
) -> tuple[PointCloud, np.ndarray]:
    """Two sheets of unit spacing, one ``gap`` above the other, and which one each point is of."""
    rng = np.random.default_rng(seed)
    square = PointCloud(
        SIZE * np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]),
        faces=np.array([[0, 1, 2], [0, 2, 3]]),
    )
    spread = [subsample_surface(square, int(SIZE**2), rng).points for _ in facing]
    which = np.repeat([0, 1], [len(points) for points in spread])
    points = np.concatenate(spread)
    points[:, 2] += gap * which + rng.normal(0.0, noise, len(points))
    normals = np.zeros_like(points)
    normals[:, 2] = np.array(facing)[which]
    normals[:, :2] = rng.normal(0.0, 0.5 * noise, (len(points), 2))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return PointCloud(points, normals), which


def pieces(cloud: PointCloud) -> tuple[int, np.ndarray]:
    return connected_components(cloud.graph, directed=False)


WALLS = [
    (gap, noise) for gap, noise in ((0.1, 0.0), (0.5, 0.05), (1.0, 0.1), (1.5, 0.1), (3.0, 0.2))
]


@pytest.mark.parametrize("gap, noise", WALLS)
@pytest.mark.parametrize("facing", [(-1.0, 1.0), (1.0, -1.0)])
def test_walls_back_to_back_or_face_to_face_are_apart(
    gap: float, noise: float, facing: tuple[float, float]
) -> None:
    cloud, which = sheets(gap, facing, noise)
    assert (which[cloud.edges[:, 0]] == which[cloud.edges[:, 1]]).all()
    # Each is still in one piece.
    assert pieces(cloud)[0] == 2


@pytest.mark.parametrize(
    "gap, noise", [(0.5, 0.0), (0.75, 0.05), (1.0, 0.1), (1.5, 0.1), (3.0, 0.2)]
)
def test_sheets_that_face_the_same_way_are_apart(gap: float, noise: float) -> None:
    cloud, which = sheets(gap, (1.0, 1.0), noise)
    assert (which[cloud.edges[:, 0]] == which[cloud.edges[:, 1]]).all()
    assert pieces(cloud)[0] == 2


def test_without_normals_walls_cannot_be_told_apart() -> None:
    cloud, which = sheets(0.5, (-1.0, 1.0), 0.0)
    bare = PointCloud(cloud.points)
    assert (which[bare.edges[:, 0]] != which[bare.edges[:, 1]]).any()
    assert pieces(bare)[0] == 1


def test_normals_that_come_later_tell_the_walls_apart() -> None:
    """Whatever was asked of the bare scan before."""
    cloud, _ = sheets(0.5, (-1.0, 1.0), 0.0)
    for bare in (PointCloud(cloud.points), PointCloud(cloud.points).transformed(np.eye(4))):
        assert len(bare.edges)
        known = bare.with_normals(cloud.normals)
        np.testing.assert_array_equal(known.edges, cloud.edges)
        np.testing.assert_array_equal(known.moved(known.points * 2, None).edges, cloud.edges)


def test_a_point_between_walls_has_as_many_neighbors_as_elsewhere() -> None:
    cloud, _ = sheets(0.3, (-1.0, 1.0), 0.0)
    assert np.bincount(cloud.edges.ravel()).min() >= 8


@pytest.mark.parametrize("name", sample_names("mesh"))
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_parts_with_sharp_edges_stay_in_one_piece(name: str, noise: float) -> None:
    rng = np.random.default_rng(1)
    scan = subsample_surface(load_sample(name), 6_000, rng)
    shift = rng.normal(0.0, noise * scan.spacing, (len(scan), 1))
    count, piece = pieces(PointCloud(scan.points + shift * scan.normals, scan.normals))
    assert np.bincount(piece).max() >= len(scan) - 2, count


@pytest.mark.parametrize("angle", [30.0, 60.0, 90.0, 150.0, 240.0, 300.0])
def test_two_planes_that_meet_are_joined_along_the_edge(angle: float) -> None:
    """Inside the material there is ``angle`` between them, in degrees."""
    ticks = np.arange(20) + 0.5
    away, along = (grid.ravel() for grid in np.meshgrid(ticks, ticks))
    inner = np.radians(angle)
    first = np.stack([away, along, np.zeros_like(away)], axis=1)
    second = np.stack([away * np.cos(inner), along, -away * np.sin(inner)], axis=1)
    normals = np.repeat([[0.0, 0, 1], [-np.sin(inner), 0.0, -np.cos(inner)]], len(first), axis=0)
    assert pieces(PointCloud(np.concatenate([first, second]), normals))[0] == 1


def test_an_unknown_normal_drops_no_edge() -> None:
    cloud = plate(thickness=5.0)
    unknown = np.zeros_like(cloud.normals)
    np.testing.assert_array_equal(
        scan_edges(cloud.points, cloud.tree, unknown), scan_edges(cloud.points, cloud.tree)
    )


def test_one_point_has_no_edges() -> None:
    point = PointCloud(np.zeros((1, 3)), np.array([[0.0, 0, 1]]))
    assert point.edges.shape == (0, 2)


def test_triangles_of_a_graph_are_all_its_triples_of_edges() -> None:
    rng = np.random.default_rng(3)
    edges = unique_edges(rng.integers(0, 12, (30, 2)))
    pairs = {tuple(edge) for edge in edges.tolist()}
    expected = [
        (a, b, c)
        for a, b in sorted(pairs)
        for c in range(b + 1, 12)
        if (a, c) in pairs and (b, c) in pairs
    ]
    assert sorted(map(tuple, graph_triangles(edges, 12).tolist())) == expected


def test_the_graph_of_lengths_is_symmetric_and_keeps_coincident_points() -> None:
    points = np.array([[0.0, 0, 0], [0, 0, 0], [3, 4, 0]])
    graph = length_graph(points, np.array([[0, 1], [1, 2]]))
    assert graph.nnz == 4
    assert graph[1, 2] == graph[2, 1] == 5.0
