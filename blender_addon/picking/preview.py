# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tool is about to make, drawn over the 3D views with ``gpu``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import bpy
import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from numpy.typing import NDArray

from ..placing.surface_paths import Surface
from .views import Spot

Floats = NDArray[np.float64]
Color = tuple[float, float, float, float]

MAIN: Color = (1.0, 0.55, 0.1, 1.0)
FAINT: Color = (1.0, 0.55, 0.1, 0.45)
FILL: Color = (1.0, 0.55, 0.1, 0.18)
# A dark edge below each line, so that it shows on any material.
EDGE: Color = (0.0, 0.0, 0.0, 0.5)
WIDTH, EDGE_WIDTH, POINT_SIZE = 2.5, 5.0, 9.0

RING_STEPS = 64
# How far a ring leaves its plane for the surface, as a ratio of its radius.
RING_REACH = 1.0


@dataclass
class Preview:
    """Lines, faces and points in the part's local space, seen in every 3D view until removed.

    Attributes:
        matrix: (4, 4) from local to world space.
        lines: polylines (V, 3), each with its colour.
        fills: fans (V, 3) of triangles about their first point.
        points: (3,) each.
    """

    matrix: Any
    lines: list[tuple[Floats, Color]] = field(default_factory=list)
    fills: list[Floats] = field(default_factory=list)
    points: list[Floats] = field(default_factory=list)
    _handler: Any = None

    def show(self) -> None:
        """Begin to draw."""
        view: Any = bpy.types.SpaceView3D
        self._handler = view.draw_handler_add(self._draw, (), "WINDOW", "POST_VIEW")

    def remove(self) -> None:
        """Draw no more."""
        if self._handler is not None:
            view: Any = bpy.types.SpaceView3D
            view.draw_handler_remove(self._handler, "WINDOW")
            self._handler = None

    def clear(self) -> None:
        """Forget what is to be drawn."""
        self.lines, self.fills, self.points = [], [], []

    def line(self, points: Floats, color: Color = MAIN) -> None:
        """Add a polyline (V, 3)."""
        if len(points) > 1:
            self.lines.append((points, color))

    def ring(self, surface: Surface, spot: Spot, radius: float) -> None:
        """Add a circle about a spot, laid on the surface, and its normal."""
        self.line(ring_on(surface, spot, radius))
        self.line(np.stack([spot.position, spot.position + 0.5 * radius * spot.normal]))
        self.points.append(spot.position)

    def _draw(self) -> None:
        matrix: Any = gpu.matrix
        gpu.state.blend_set("ALPHA")
        gpu.state.depth_test_set("NONE")
        with matrix.push_pop():
            matrix.multiply_matrix(self.matrix)
            for fan in self.fills:
                _draw_fan(fan)
            for points, color in self.lines:
                _draw_line(points, color)
            _draw_points(self.points)
        gpu.state.blend_set("NONE")


def ring_on(surface: Surface, spot: Spot, radius: float) -> Floats:
    """A closed ring (RING_STEPS + 1, 3) of a ``radius`` about a spot, laid on the surface.

    Where there is no surface above or below it, it stays in the plane of the spot.
    """
    turn = np.linspace(0.0, 2.0 * np.pi, RING_STEPS + 1)
    first, second = tangents(spot.normal)
    flat = spot.position + radius * (np.outer(np.cos(turn), first) + np.outer(np.sin(turn), second))
    reach = RING_REACH * radius
    hits = [surface.hit(point + reach * spot.normal, -spot.normal) for point in flat]
    near = [
        hit is not None and abs((hit[0] - point) @ spot.normal) <= reach
        for hit, point in zip(hits, flat, strict=True)
    ]
    on = [hit[0] if hit and ok else point for hit, ok, point in zip(hits, near, flat, strict=True)]
    return np.array(on)


def tangents(normal: Floats) -> tuple[Floats, Floats]:
    """Two unit vectors (3,) across each other and a unit ``normal`` (3,)."""
    axis = np.eye(3)[np.argmin(np.abs(normal))]
    first = np.cross(normal, axis)
    first /= np.linalg.norm(first)
    return first, np.cross(normal, first)


def _draw_line(points: Floats, color: Color) -> None:
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    batch = batch_for_shader(shader, "LINE_STRIP", {"pos": points.tolist()})
    state: Any = gpu.state
    shader.bind()
    shader.uniform_float("viewportSize", state.viewport_get()[2:])
    for width, shade in ((EDGE_WIDTH, EDGE), (WIDTH, color)):
        shader.uniform_float("lineWidth", width)
        shader.uniform_float("color", shade)
        batch.draw(shader)


def _draw_fan(fan: Floats) -> None:
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    corners = [(0, index, index + 1) for index in range(1, len(fan) - 1)]
    batch = batch_for_shader(shader, "TRIS", {"pos": fan.tolist()}, indices=corners)
    shader.bind()
    shader.uniform_float("color", FILL)
    batch.draw(shader)


def _draw_points(points: list[Floats]) -> None:
    if not points:
        return
    shader = gpu.shader.from_builtin("POINT_UNIFORM_COLOR")
    batch = batch_for_shader(shader, "POINTS", {"pos": [point.tolist() for point in points]})
    shader.bind()
    shader.uniform_float("color", MAIN)
    gpu.state.point_size_set(POINT_SIZE)
    batch.draw(shader)
