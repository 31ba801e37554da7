"""The surface of a mesh: its faces, their normals, and points spread over them."""

from __future__ import annotations

import numpy as np

from backend.arrays import FloatArray, IntArray
from backend.cloud.point_cloud import PointCloud
from backend.errors import CloudError
from backend.geometry.surface import within_triangles
from backend.geometry.thinning import thin

# Fields of the points of a fused model: how many scans show each place, and how much they differ
# there, as a ratio of the model's diagonal.
SCANS, SPREAD = "scans", "spread"
# This many times more points are drawn than thinning keeps, so that no gaps are left.
OVERSAMPLING = 4


def face_normals(mesh: PointCloud) -> tuple[FloatArray, FloatArray]:
    """Unit normals (M, 3) to the side from which faces wind counterclockwise, and areas (M,).

    Raises:
        CloudError: the cloud has no faces.
    """
    faces = require_faces(mesh)
    corners = mesh.points[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double_areas = np.linalg.norm(cross, axis=1)
    normals = cross / np.where(double_areas > 0, double_areas, 1.0)[:, None]
    return normals, double_areas / 2.0


def require_faces(mesh: PointCloud) -> IntArray:
    """The faces (M, 3) of a mesh.

    Raises:
        CloudError: the cloud has no faces.
    """
    if mesh.faces is None or len(mesh.faces) == 0:
        raise CloudError(
            f"a mesh is needed here, but these {len(mesh)} points have no faces; "
            "give the nominal model as STL, OBJ or PLY with faces"
        )
    return mesh.faces


def require_surface(model: PointCloud) -> None:
    """Refuse what is no nominal model: neither a mesh nor a model that was fused from scans.

    Raises:
        CloudError: naming the number of points.
    """
    if not {SCANS, SPREAD} <= set(model.fields) or model.normals is None:
        require_faces(model)


def subsample_surface(
    mesh: PointCloud, count: int, rng: np.random.Generator, *, even: bool = True
) -> PointCloud:
    """Points spread over the faces of ``mesh`` by area, with the outward normals of the faces.

    Args:
        mesh: with faces; its ``surface`` is taken.
        count: points wanted; an even spread gives about as many, else exactly as many.
        rng: the only source of chance.
        even: thin a denser spread to about one point a cell, instead of independent places.

    Raises:
        CloudError: there are no faces, or their area is zero.

    >>> fs.subsample_surface(fs.load_sample("plate_holes"), 2000, np.random.default_rng(0))
    <PointCloud: 1,972 points with normals, 366.5 mm across>
    """
    mesh = mesh.surface
    normals, areas = face_normals(mesh)
    if not areas.sum() > 0:
        raise CloudError(f"the {len(areas)} faces of the mesh have no area")
    drawn = count * OVERSAMPLING if even else count
    face = np.sort(rng.choice(len(areas), size=drawn, p=areas / areas.sum()))
    a, b, c = np.moveaxis(mesh.points[require_faces(mesh)[face]], 1, 0)
    u, v = within_triangles(drawn, rng)[..., None]
    points = a + u * (b - a) + v * (c - a)
    keep = thin(points, count) if even else np.ones(drawn, dtype=bool)
    return PointCloud(points[keep], normals[face[keep]], unit=mesh.unit)


def surface_points(
    surface: PointCloud, count: int, rng: np.random.Generator, *, even: bool = True
) -> PointCloud:
    """``subsample_surface`` of a mesh; of points with normals, such as a fused model, some of them.

    Args:
        surface: a mesh, or N points with outward normals that stand for the surface about them.
        count: points wanted; of N points at most all.
        rng: see ``subsample_surface``; evenly spread points of a cloud need no chance.
        even: see ``subsample_surface``.

    Raises:
        CloudError: the surface has neither faces nor normals.
    """
    if surface.normals is None or surface.faces is not None:
        return subsample_surface(surface, count, rng, even=even)
    if even:
        keep = np.flatnonzero(thin(surface.points, count))
    else:
        keep = np.sort(rng.permutation(len(surface))[:count])
    return PointCloud(surface.points[keep], surface.normals[keep], unit=surface.unit)
