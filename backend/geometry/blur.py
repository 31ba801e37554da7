"""Averaging over an adjacency, as Blender's Blur Attribute does."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from backend.arrays import BoolArray, FloatArray, IntArray


def adjacency_matrix(edges: IntArray, count: int) -> csr_matrix:
    """Symmetric 0/1 matrix (count, count) of undirected ``edges`` (E, 2)."""
    rows = np.concatenate([edges[:, 0], edges[:, 1]])
    columns = np.concatenate([edges[:, 1], edges[:, 0]])
    return csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))


def grow(selected: BoolArray, edges: IntArray, rings: int) -> BoolArray:
    """``selected`` (N,) and everything within ``rings`` steps of it over ``edges`` (E, 2).

    >>> chain = np.array([[0, 1], [1, 2], [2, 3]])
    >>> grow(np.array([True, False, False, False]), chain, rings=2)
    array([ True,  True,  True, False])
    """
    grown = selected.copy()
    for _ in range(rings):
        touched = grown[edges].any(axis=1)
        grown[edges[touched]] = True
    return grown


def blur(values: FloatArray, edges: IntArray, rounds: int) -> FloatArray:
    """``rounds`` times vᵢ ← (vᵢ + Σ neighbours vⱼ) / (1 + neighbours); ``values`` is (N, C).

    >>> chain = np.array([[0, 1], [1, 2]])
    >>> blur(np.array([[0.0], [6.0], [0.0]]), chain, rounds=1)
    array([[3.],
           [2.],
           [3.]])
    """
    matrix = adjacency_matrix(edges, len(values))
    degree = np.asarray(matrix.sum(axis=1))
    for _ in range(rounds):
        values = (values + matrix @ values) / (1.0 + degree)
    return values
