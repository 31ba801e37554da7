"""Neighbour graphs and batches."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from backend.models.kinds import NO_KIND
from backend.models.pointwise.graphs import (
    PointGraph,
    build_levels,
    collate,
    morton_order,
    nearest,
    pair_relations,
)


def graph(count: int, seed: int) -> PointGraph:
    rng = np.random.default_rng(seed)
    points, normals = rng.random((count, 3)), rng.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    levels = build_levels(points, normals, 0.1, 3, 8)
    features = rng.normal(size=(count, 5)).astype(np.float32)
    mask = rng.random(count) < 0.5
    return PointGraph(features, mask, np.where(mask, 2, NO_KIND), levels)


def test_levels_shrink_and_every_point_has_a_parent() -> None:
    levels = graph(400, 0).levels
    sizes = [len(level.neighbors) for level in levels]
    assert sizes == [400, 100, 25]
    for level, coarser in zip(levels, sizes[1:], strict=False):
        assert len(level.parent) == len(level.neighbors)
        assert set(level.parent) == set(range(coarser))


def test_every_fourth_point_of_the_order_thins_evenly() -> None:
    ticks = np.arange(16.0)
    grid = np.stack(np.meshgrid(ticks, ticks, [0.0]), axis=-1).reshape(-1, 3)
    chosen = grid[morton_order(grid)[::4]]
    assert len(np.unique(np.floor(chosen / 2), axis=0)) == 64


def test_nearest_starts_with_itself_and_pads_small_clouds() -> None:
    points = np.arange(9.0).reshape(3, 3)
    rows = nearest(cKDTree(points), points, 5)
    assert rows.shape == (3, 5)
    assert rows[:, 0].tolist() == [0, 1, 2]
    assert set(rows.ravel()) == {0, 1, 2}


def test_relations_are_invariant_and_mean_what_they_say() -> None:
    rng = np.random.default_rng(1)
    points, normals = rng.random((50, 3)), rng.normal(size=(50, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    near = nearest(cKDTree(points), points, 6)
    turn = Rotation.random(random_state=2).as_matrix()
    plain = pair_relations(points, normals, near, 0.1)
    turned = pair_relations(points @ turn.T + 3.0, normals @ turn.T, near, 0.1)
    np.testing.assert_allclose(plain, turned, atol=1e-5)
    other = near[4, 3]
    offset = (points[other] - points[4]) / 0.1
    expected = [
        np.linalg.norm(offset),
        offset @ normals[4],
        -offset @ normals[other],
        1.0 - normals[4] @ normals[other],
    ]
    np.testing.assert_allclose(plain[4, 3], expected, rtol=1e-5)


def test_a_batch_is_its_clouds_side_by_side() -> None:
    graphs = [graph(100, 1), graph(150, 2)]
    batch = collate(graphs)
    assert batch.sizes == (100, 150)
    assert batch.mask.dtype == torch.float32
    assert batch.kinds.tolist() == [*graphs[0].kinds, *graphs[1].kinds]
    for level in range(3):
        first = len(graphs[0].levels[level].neighbors)
        assert batch.neighbors[level][:first].max() < first
        assert batch.neighbors[level][first:].min() >= first
        np.testing.assert_array_equal(
            batch.neighbors[level][first:] - first, graphs[1].levels[level].neighbors
        )
    for level, parents in enumerate(batch.parents):
        coarse = len(graphs[0].levels[level + 1].neighbors)
        fine = len(graphs[0].levels[level].neighbors)
        assert parents[:fine].max() < coarse <= parents[fine:].min()
