"""Lines of sharp edges: which of them go round an opening, and where they meet in corners."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.instruct.places.circle import fit_circle
from backend.instruct.places.welded import WeldedMesh, pieces

# The rim of a hole has so many edges at least, goes round so far, in radians, and lies off its
# circle by no more than this share of its radius.
FEWEST_EDGES = 6
ROUND = np.deg2rad(240.0)
OFF_RIM = 0.08
# Two lines of edges meet in a corner where they turn by more than this, in radians.
CORNER = np.deg2rad(45.0)


@dataclass(frozen=True, eq=False)
class Lines:
    """The sharp edges of a mesh as lines, each found when it is first asked for."""

    mesh: WeldedMesh

    @cached_property
    def sharp(self) -> IntArray:
        """Rows (S,) of the sharp edges."""
        return np.flatnonzero(self.mesh.edges.sharp)

    @cached_property
    def inner(self) -> list[IntArray]:
        """Rows of the sharp edges in which two faces form an inner corner, as one feature."""
        inner = self.sharp[~self.mesh.edges.convex[self.sharp]]
        return [inner] if len(inner) else []

    @cached_property
    def rims(self) -> list[IntArray]:
        """Rows of the edges of each rim of a hole, the longest rim first."""
        edges = self.mesh.edges
        outer = self.sharp[edges.convex[self.sharp]]
        found = [line for line in self._lines(outer) if self._is_rim(line)]
        return sorted(found, key=lambda line: -float(edges.lengths[line].sum()))

    @cached_property
    def corners(self) -> IntArray:
        """Vertices in which sharp edges meet at an angle, the outermost first."""
        ends = self.mesh.edges.ends[self.sharp]
        points = self.mesh.points
        tips, order = np.unique(ends, return_inverse=True)
        meets = np.bincount(order.ravel())
        way = points[ends[:, 1]] - points[ends[:, 0]]
        way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-300)
        # Away from a vertex: along the edge from its first end, against it from its second.
        total = np.zeros((len(tips), 3))
        np.add.at(total, order.reshape(ends.shape)[:, 0], way)
        np.add.at(total, order.reshape(ends.shape)[:, 1], -way)
        # Of a line that turns by an angle, the sum of both ways is twice the sine of its half.
        turned = np.linalg.norm(total, axis=1) > 2.0 * np.sin(CORNER / 2.0)
        found = tips[((meets == 2) & turned) | (meets >= 3)]
        low, high = points.min(axis=0), points.max(axis=0)
        out = np.abs((points[found] - (low + high) / 2.0) / np.maximum(high - low, 1e-300))
        return np.asarray(found[np.argsort(-out.sum(axis=1), kind="stable")])

    def _lines(self, chosen: IntArray) -> list[IntArray]:
        """The edges ``chosen`` as lines that end where more or fewer than two of them meet."""
        if len(chosen) == 0:
            return []
        ends = self.mesh.edges.ends[chosen]
        passes = np.bincount(ends.ravel(), minlength=len(self.mesh.points)) == 2
        at = np.repeat(np.arange(len(chosen)), 2)[passes[ends].ravel()]
        vertex = ends.ravel()[passes[ends].ravel()]
        order = np.argsort(vertex, kind="stable")
        line = pieces(at[order].reshape(-1, 2), len(chosen))
        by_line = np.argsort(line, kind="stable")
        borders = np.flatnonzero(np.diff(line[by_line])) + 1
        return [chosen[rows] for rows in np.split(by_line, borders)]

    def _is_rim(self, line: IntArray) -> bool:
        """Whether edges go round an opening: about a circle, with the material outside of it."""
        if len(line) < FEWEST_EDGES:
            return False
        edges, points = self.mesh.edges, self.mesh.points
        corners = points[np.unique(edges.ends[line])]
        _, sizes, axes = np.linalg.svd(corners - corners.mean(axis=0), full_matrices=False)
        middles = points[edges.ends[line]].mean(axis=1)
        # By the middles, a rectangle is no circle through its corners.
        circle = fit_circle(np.concatenate([corners, middles]), axes[2])
        flat = sizes[2] / np.sqrt(len(corners)) <= OFF_RIM * circle.radius
        if not flat or circle.off > OFF_RIM * circle.radius or circle.round < ROUND:
            return False
        outward = np.einsum("ei,ei->e", edges.outward[line], middles - circle.middle)
        return float(outward @ edges.lengths[line]) < 0.0

    def spread(self, lines: list[IntArray], step: float) -> tuple[FloatArray, IntArray]:
        """Points (P, 3) along the edges of ``lines``, and the number (P,) of the line of each."""
        edges, points = self.mesh.edges, self.mesh.points
        rows = np.concatenate([np.empty(0, dtype=np.int64), *lines])
        number = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
        count = np.ceil(edges.lengths[rows] / step).astype(np.int64) + 1
        which = np.repeat(np.arange(len(rows)), count)
        within = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
        share = (within / np.repeat(np.maximum(count - 1, 1), count))[:, None]
        ends = points[edges.ends[rows[which]]]
        return (1.0 - share) * ends[:, 0] + share * ends[:, 1], number[which]


def merged(points: FloatArray, reach: float) -> BoolArray:
    """Which of ``points`` (P, 3) stay where those within ``reach`` of an earlier one go."""
    kept = np.zeros(len(points), dtype=bool)
    for row, point in enumerate(points):
        near = np.linalg.norm(points[kept] - point, axis=1)
        kept[row] = not (near < reach).any()
    return kept
