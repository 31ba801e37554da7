"""Plain text: a point a line, separated by spaces, commas, semicolons or tabs."""

from __future__ import annotations

import io

import numpy as np

from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.limits import ReadLimits

COMMENTS = ("#", "//")
# Text holds few digits: further columns are taken for normals when as nearly unit as this.
NORMAL_TOLERANCE = 0.01


def parse_xyz(data: bytes, limits: ReadLimits) -> PointCloud:
    """Columns x y z, then nx ny nz if they are unit vectors; others become ``column_3`` and on."""
    text = data.decode("utf-8").replace(",", " ").replace(";", " ")
    lines = [line for line in map(str.strip, text.splitlines()) if line]
    lines = [line for line in lines if not line.startswith(COMMENTS)]
    limits.check_points(len(lines))
    try:
        table = np.loadtxt(lines, comments=COMMENTS, ndmin=2)
    except ValueError as error:
        raise FileFormatError(f"every line must hold the same count of numbers: {error}") from error
    if table.shape[1] < 3:
        raise FileFormatError(f"lines hold {table.shape[1]} numbers; at least x y z are needed")
    normals, others = None, 3
    if table.shape[1] >= 6 and _are_unit(table[:, 3:6]):
        normals, others = table[:, 3:6], 6
    fields = {f"column_{index}": table[:, index] for index in range(others, table.shape[1])}
    return PointCloud(table[:, :3], normals, fields=fields)


def _are_unit(vectors: np.ndarray) -> bool:
    return bool((np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < NORMAL_TOLERANCE).all())


def format_xyz(cloud: PointCloud) -> bytes:
    """Positions, and normals if known, in 17 digits, which read back exactly."""
    parts = [cloud.points] if cloud.normals is None else [cloud.points, cloud.normals]
    text = io.StringIO()
    np.savetxt(text, np.hstack(parts), fmt="%.17g")
    return text.getvalue().encode("ascii")
