"""Outward normals of a cloud: from its file, its faces, the sensor's place or a nominal model."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from backend.arrays import FloatArray
from backend.cloud.point_cloud import PointCloud
from backend.geometry.chunks import each_chunk
from backend.geometry.mend_mesh import WORTH_TELLING
from backend.geometry.normals import (
    estimate_normals,
    mesh_vertex_normals,
    orient_consistently,
    orient_towards,
    turned_to,
)

NormalSource = Literal["file", "mesh", "viewpoint", "nominal", "consistent"]

NOMINAL_NEIGHBORS = 8


def with_outward_normals(
    cloud: PointCloud, viewpoint: ArrayLike | None = None, nominal: PointCloud | None = None
) -> tuple[PointCloud, NormalSource]:
    """``cloud`` with unit outward normals, and what tells their outside.

    What was seen faces its sensor: a ``viewpoint`` turns all normals that a scan does not bring
    along. Without one a registered ``nominal`` decides; then the file's own normals, the faces, and
    last consistency alone. Of a mesh whose faces leave its outside in doubt the viewpoint decides,
    too.

    Args:
        cloud: normals it has are kept but for their sign.
        viewpoint: (3,) the sensor's place, or (N, 3) one for each point, in the cloud's frame.
        nominal: samples of the nominal model, with outward normals, in the cloud's frame.
    """
    normals = _own_normals(cloud)
    if viewpoint is not None and cloud.normals is None and not _is_sure(cloud):
        return cloud.with_normals(orient_towards(cloud.points, normals, viewpoint)), "viewpoint"
    if nominal is not None:
        return cloud.with_normals(orient_as(nominal, cloud.points, normals)), "nominal"
    if cloud.normals is not None:
        return cloud, "file"
    if _is_mesh(cloud):
        noted = replace(cloud, notices=(*cloud.notices, *cloud.mended.notices))
        return noted.with_normals(normals), "mesh"
    oriented = orient_consistently(cloud.points, normals, cloud.tree)
    return cloud.with_normals(oriented), "consistent"


def with_known_normals(cloud: PointCloud, viewpoint: ArrayLike | None = None) -> PointCloud:
    """``cloud`` with the normals of its file, or of its faces, or turned to the ``viewpoint`` (3,).

    A bare scan from an unknown place stays as it is.
    """
    bare = cloud.normals is None and not _is_mesh(cloud)
    return cloud if bare and viewpoint is None else with_outward_normals(cloud, viewpoint)[0]


def _is_mesh(cloud: PointCloud) -> bool:
    return cloud.faces is not None and len(cloud.faces) > 0


def _is_sure(cloud: PointCloud) -> bool:
    """Whether the faces tell the outside nearly everywhere."""
    return _is_mesh(cloud) and cloud.mended.doubt <= WORTH_TELLING


def _own_normals(cloud: PointCloud) -> FloatArray:
    """The cloud's normals (N, 3), from its faces, or estimated with any sign."""
    if cloud.normals is not None:
        return cloud.normals
    if not _is_mesh(cloud):
        return estimate_normals(cloud.points, cloud.tree)
    normals = mesh_vertex_normals(cloud.points, cloud.mended.faces)
    loose = ~normals.any(axis=1)
    if loose.any():
        normals[loose] = estimate_normals(cloud.points, cloud.tree, subset=np.flatnonzero(loose))
    return normals


def orient_as(surface: PointCloud, points: FloatArray, normals: FloatArray) -> FloatArray:
    """``normals`` (N, 3) turned to the outside of ``surface`` about ``points`` (N, 3).

    The outside is the mean over the nearest places, by the inverse square of their distance: at an
    edge it has a part along both faces' normals, while the far side of a thin wall hardly counts.

    Args:
        surface: samples of a nominal model, with normals, in the frame of the points.
        points: where.
        normals: unit.
    """
    outward, tree = surface.normals, surface.tree
    assert outward is not None  # a subsampled surface has them
    least = 1e-9 * surface.diagonal
    count = min(NOMINAL_NEIGHBORS, len(surface))
    turned = np.empty_like(normals)

    def fill(part: slice) -> None:
        distance, nearest = tree.query(points[part], k=count)
        weight = 1.0 / np.maximum(distance, least).reshape(-1, count) ** 2
        around = outward[nearest].reshape(-1, count, 3)
        turned[part] = turned_to(normals[part], np.einsum("nk,nki->ni", weight, around))

    each_chunk(len(points), fill)
    return turned
