"""Files of points as the benchmarks have them: single precision, positions alone.

``backend.io`` writes doubles, which some readers of PCD refuse.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from backend.arrays import BoolArray, Float32Array, FloatArray
from backend.cloud import LabeledCloud, PointCloud
from backend.errors import DatasetError, FileFormatError
from backend.io import WRITERS, read_cloud
from backend.io.limits import ReadLimits
from backend.io.pcd import pcd_bytes
from backend.io.stl import stl_faces

# Rounding may move a point by this part of the diagonal: far less than any defect worth finding.
LARGEST_ROUNDING = 1e-5


def single_precision(points: FloatArray) -> Float32Array:
    """``points`` (N, 3) rounded to float32.

    Raises:
        DatasetError: they lie so far from their origin that rounding would roughen the surface.
    """
    rounded = points.astype(np.float32)
    error = float(np.abs(rounded - points).max())
    if error > LARGEST_ROUNDING * float(np.linalg.norm(np.ptp(points, axis=0))):
        raise DatasetError(
            f"coordinates up to {np.abs(points).max():.6g} would be rounded by {error:.3g} in the "
            "layout's single precision; move the scans near their origin"
        )
    return rounded


def read_points(path: Path) -> PointCloud:
    """The points in a file, without anything else."""
    return PointCloud(read_cloud(path).points)


def read_corners(path: Path) -> PointCloud:
    """The distinct corners of an STL file, whose triangles may have no area.

    Raises:
        FileFormatError: it is no STL.
    """
    try:
        corners = stl_faces(path.read_bytes(), ReadLimits()).points
    except (OSError, FileFormatError) as error:
        raise FileFormatError(f"{path}: {error}") from error
    return PointCloud(np.unique(corners, axis=0))


def read_labelled_text(path: Path) -> LabeledCloud:
    """Lines ``x y z label``, separated by blanks or by commas.

    Raises:
        FileFormatError: it is something else.
    """
    try:
        text = path.read_text(encoding="ascii").replace(",", " ")
        table = np.loadtxt(io.StringIO(text), ndmin=2)
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path}: not lines of x, y, z and a label ({error})") from error
    if table.shape[1] < 4:
        raise FileFormatError(f"{path}: lines of {table.shape[1]} numbers; x, y, z, label expected")
    return marked(PointCloud(table[:, :3]), table[:, 3] > 0)


def marked(cloud: PointCloud, mask: BoolArray) -> LabeledCloud:
    """``cloud`` with the anomalous points of ``mask`` (N,)."""
    nominal = LabeledCloud.nominal(cloud)
    return replace(nominal, mask=mask, labels=mask.astype(np.int32), weight=mask.astype(np.float64))


def format_single_pcd(points: Float32Array) -> bytes:
    """Binary PCD of ``x y z``."""
    return pcd_bytes(np.ascontiguousarray(points).view([(a, "<f4") for a in "xyz"]).reshape(-1))


def format_single_text(points: Float32Array, mask: BoolArray, separator: str) -> bytes:
    """A line ``x y z label`` a point: nine digits, which read back exactly, and 0 or 1."""
    text = io.StringIO()
    table = np.column_stack([points.astype(np.float64), mask])
    np.savetxt(text, table, ["%.9g", "%.9g", "%.9g", "%d"], separator)
    return text.getvalue().encode("ascii")


def format_corners(points: Float32Array) -> bytes:
    """Binary STL in which each point is a triangle without area, its three corners in one place.

    STL has nothing but triangles, and a scan has none; whoever reads the vertices and merges those
    in one place gets the points.
    """
    faces = np.repeat(np.arange(len(points)), 3).reshape(-1, 3)
    return WRITERS[".stl"](PointCloud(points.astype(np.float64), faces=faces))
