# SPDX-License-Identifier: GPL-3.0-or-later
"""Points with named numbers, and triangles between them, as binary PLY files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .atomic_files import write_bytes

# The format's name of each numpy type.
TYPES = {"u1": "uchar", "i4": "int", "f4": "float", "f8": "double"}
TRIANGLE = np.dtype([("corners", "u1"), ("vertices", "<i4", (3,))])


def write_ply(
    path: Path, columns: Mapping[str, NDArray[Any]], triangles: NDArray[Any] | None = None
) -> None:
    """Write points, and triangles if there are any.

    Greg Turk, "The PLY Polygon File Format", 1994; little endian.

    Args:
        path: written whole or not at all.
        columns: (N,) uint8, int32, float32 or float64 of each property by its name, in order.
        triangles: (M, 3) numbers of points.
    """
    types = {name: column.dtype.str[1:] for name, column in columns.items()}
    table = np.empty(
        len(next(iter(columns.values()))), dtype=[(name, f"<{types[name]}") for name in columns]
    )
    for name, column in columns.items():
        table[name] = column
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(table)}"]
    lines += [f"property {TYPES[types[name]]} {name}" for name in columns]
    body = table.tobytes()
    if triangles is not None:
        faces = np.empty(len(triangles), dtype=TRIANGLE)
        faces["corners"], faces["vertices"] = 3, triangles
        lines += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
        body += faces.tobytes()
    write_bytes(path, "\n".join([*lines, "end_header", ""]).encode("ascii") + body)
