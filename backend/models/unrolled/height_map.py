"""Scans of parts of revolution unrolled into height maps.

The map is cut along the outline into rows and about the axis into columns; a cell holds the
mean height of the points in it over the outline. Its columns go round: the first follows the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from backend.arrays import Float32Array, FloatArray, IntArray
from backend.models.unrolled.axis_frame import AxisFrame
from backend.models.unrolled.outline import Outline

Real = TypeVar("Real", np.float32, np.float64)

# Points farther from the outline, in cells, do not belong to the part.
FARTHEST = 7.5
# An empty cell with at least this many filled cells in its 3 x 3 surroundings gets their mean,
# because scans are uneven.
FILLED_AROUND = 3
LEAST_WEIGHT = 0.02


@dataclass(frozen=True, eq=False)
class HeightMap:
    """An unrolled scan of N points: R rows along the outline, C columns about the axis.

    Attributes:
        height: (R, C) in cells; 0 where nothing is seen.
        seen: (R, C) 1 where there is surface, else 0.
        cells: (N,) the flat index of each point's cell.
        offsets: (N,) height of each point, in cells.
        tilt: see ``AxisFrame``.
    """

    height: Float32Array
    seen: Float32Array
    cells: IntArray
    offsets: Float32Array
    tilt: float

    @property
    def counts(self) -> IntArray:
        """(R, C) points in each cell."""
        count = np.bincount(self.cells, minlength=self.height.size)
        return count.reshape(self.height.shape).astype(np.int64)

    def sums(self, values: FloatArray | Float32Array) -> FloatArray:
        """(R, C) sum over the points in each cell of ``values`` (N,)."""
        total = np.bincount(self.cells, values, self.height.size).astype(np.float64)
        return total.reshape(self.height.shape)

    def at_points(self, values: Float32Array) -> Float32Array:
        """(N,) what ``values`` (R, C) are in the points' cells."""
        return values.ravel()[self.cells]


@dataclass(frozen=True, eq=False)
class HeightGrid:
    """How a category's scans are cut into cells.

    Attributes:
        outline: their common outline.
        rows, columns: of the maps.
    """

    outline: Outline
    rows: int
    columns: int

    @classmethod
    def of(cls, outline: Outline, radius: float) -> HeightGrid:
        """Cells as wide as they are long at ``radius`` from the axis."""
        rows = int(np.ceil(outline.length / outline.cell)) + 1
        return cls(outline, rows, 4 * max(1, round(0.5 * np.pi * radius / outline.cell)))

    def unroll(self, scan: AxisFrame, offset: float = 0.0) -> HeightMap:
        """The map of a scan that is aligned to the outline, with ``offset`` cells before it."""
        arc, height = self.outline.unroll(scan)
        offsets = height / self.outline.cell
        row = np.clip((arc / self.outline.cell + offset).astype(np.int64), 0, self.rows - 1)
        turn = scan.angle % (2.0 * np.pi) / (2.0 * np.pi)
        column = (turn * self.columns + offset).astype(np.int64) % self.columns
        cells = row * self.columns + column
        near = np.abs(offsets) < FARTHEST
        shape, size = (self.rows, self.columns), self.rows * self.columns
        count = np.bincount(cells[near], minlength=size).reshape(shape)
        total = np.bincount(cells[near], offsets[near], size).reshape(shape)
        mean, seen = _filled(total / np.maximum(count, 1), (count > 0).astype(np.float64))
        return HeightMap(
            mean.astype(np.float32),
            seen.astype(np.float32),
            cells,
            offsets.astype(np.float32),
            scan.tilt,
        )


def _filled(mean: FloatArray, seen: FloatArray) -> tuple[FloatArray, FloatArray]:
    """With small gaps closed."""
    around, count = _sum_of_nine(mean * seen), _sum_of_nine(seen)
    gap = (seen == 0) & (count >= FILLED_AROUND)
    return np.where(gap, around / np.maximum(count, 1.0), mean), np.where(gap, 1.0, seen)


def _sum_of_nine(values: FloatArray) -> FloatArray:
    rows, columns = values.shape
    padded = np.pad(wrapped(values, 1), ((1, 1), (0, 0)))
    shifted = [padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    total: FloatArray = np.sum(shifted, axis=0)
    return total


def wrapped(values: NDArray[Real], width: int) -> NDArray[Real]:
    """(…, C + 2 width) with ``width`` further columns on both sides, going round."""
    return np.concatenate([values[..., -width:], values, values[..., :width]], axis=-1)


def blurred(values: FloatArray | Float32Array, cells: float | tuple[float, float]) -> FloatArray:
    """Gaussian blur of (R, C) by ``cells``, going round the axis."""
    return gaussian_filter(values.astype(np.float64), cells, mode=("nearest", "wrap"))


def blurred_where(
    values: FloatArray | Float32Array, seen: Float32Array, cells: float
) -> FloatArray:
    """The same, as the mean of what is ``seen``; 0 where nothing is near."""
    weight = blurred(seen, cells)
    mean = blurred(values * seen, cells) / np.maximum(weight, 1e-6)
    return np.where(weight > LEAST_WEIGHT, mean, 0.0)
