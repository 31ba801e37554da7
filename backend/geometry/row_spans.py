"""The pixels of shapes, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from backend.arrays import FloatArray, IntArray

# Pixels that are looked at together; bounds the memory.
CHUNK = 1_000_000

Interval = Callable[[IntArray, IntArray], tuple[FloatArray, FloatArray]]


def row_spans(
    low: FloatArray, high: FloatArray, x: FloatArray, y: FloatArray, interval: Interval
) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """Shape, row and column, each (P,), of every grid place within a shape; in parts.

    Args:
        low, high: (M,) from where to where the shapes reach along y.
        x: (W,) ascending places of the columns.
        y: (H,) ascending places of the rows.
        interval: gives, for shapes (S,) in rows (S,), from where to where (S,) each reaches along
            x there; the second below the first where it does not reach at all.
    """
    first = np.searchsorted(y, low, side="left")
    rows = np.maximum(np.searchsorted(y, high, side="right") - first, 0)
    for shapes in _portions(np.flatnonzero(rows > 0), rows):
        owner, step = _counted(rows[shapes])
        shape = shapes[owner]
        row = first[shape] + step
        start, end = interval(shape, row)
        left = np.searchsorted(x, start, side="left")
        columns = np.maximum(np.searchsorted(x, end, side="right") - left, 0)
        for spans in _portions(np.flatnonzero(columns > 0), columns):
            span, along = _counted(columns[spans])
            chosen = spans[span]
            yield shape[chosen], row[chosen], left[chosen] + along


def _portions(items: IntArray, sizes: IntArray) -> Iterator[IntArray]:
    """``items`` in parts whose ``sizes`` add up to about ``CHUNK``."""
    ends = np.cumsum(sizes[items])
    total = int(ends[-1]) if len(ends) else 0
    yield from np.split(items, np.searchsorted(ends, np.arange(CHUNK, total, CHUNK)) + 1)


def _counted(counts: IntArray) -> tuple[IntArray, IntArray]:
    """For each of ``counts`` (N,) things of every owner: the owner, and 0, 1, … within it."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
