"""Scans of a mesh as a sensor would make them: seen from a few places, noisy, thinned.

A simple camera model: parallel rays on a square grid from each viewpoint, one point a ray where it
first meets the surface. Grazing hits are lost as a real sensor loses them, and the range is noisy
along the ray.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.cloud.surface import face_normals, require_faces, subsample_surface
from backend.errors import CloudError
from backend.extras import missing_extra
from backend.geometry.rotations import even_directions
from backend.geometry.thinning import thin

__all__ = ["subsample_surface", "virtual_scan"]


# From how many more rays than points the scan is made: some miss, and views overlap.
RAYS_PER_POINT = 4.0
# A hit is kept for sure from this cosine of incidence on, and with falling chance below it.
SURE_COSINE = 0.5


def virtual_scan(
    mesh: PointCloud, *, views: int, points: int, noise: float, rng: np.random.Generator
) -> PointCloud:
    """What a sensor would see of ``mesh`` from ``views`` places around it.

    Args:
        mesh: with faces; its ``surface`` is scanned.
        views: viewpoints, spread evenly over a sphere that is turned at random.
        points: about how many points are wanted; fewer where little surface is seen.
        noise: standard deviation of the range, in the mesh's unit.
        rng: the only source of chance; the same state gives the same bytes on one kind of
            processor.

    Returns:
        Points in the mesh's frame and unit, with the outward normals of the faces they lie on.

    Raises:
        CloudError: the mesh has no faces, or no ray meets it.
        MissingDependencyError: trimesh or embreex is not installed.

    >>> plate = fs.load_sample("plate_holes")
    >>> fs.virtual_scan(plate, views=1, points=500, noise=0.05, rng=np.random.default_rng(0))
    <PointCloud: ... points with normals, ... mm across>
    """
    mesh = mesh.surface
    intersector = _intersector(mesh)
    normals, _ = face_normals(mesh)
    seen = [
        _one_view(mesh, intersector, normals, direction, points, noise, rng)
        for direction in even_directions(views, rng)
    ]
    places = np.concatenate([place for place, _ in seen])
    outward = np.concatenate([normal for _, normal in seen])
    if len(places) == 0:
        raise CloudError(f"none of the rays from {views} views meets the mesh; check its faces")
    keep = thin(places, points)
    return PointCloud(places[keep], outward[keep], unit=mesh.unit)


def _intersector(mesh: PointCloud) -> Any:
    try:
        import trimesh
        from trimesh.ray.ray_pyembree import RayMeshIntersector
    except ModuleNotFoundError as error:
        raise missing_extra(error, "a virtual scan") from error
    return RayMeshIntersector(trimesh.Trimesh(mesh.points, require_faces(mesh), process=False))


def _one_view(
    mesh: PointCloud,
    intersector: Any,
    normals: FloatArray,
    direction: FloatArray,
    points: int,
    noise: float,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Places (V, 3) and normals (V, 3) that are seen along ``direction`` (3,)."""
    origins = _ray_origins(mesh, direction, int(RAYS_PER_POINT * points), rng)
    rays = np.broadcast_to(direction, origins.shape)
    places, ray, face = intersector.intersects_location(origins, rays, multiple_hits=False)
    order = np.argsort(ray, kind="stable")
    places, face = places[order], face[order]
    cosine = -normals[face] @ direction
    kept = rng.random(len(places)) < cosine / SURE_COSINE
    places = places + rng.normal(scale=noise, size=(len(places), 1)) * direction
    return places[kept], normals[face[kept]]


def _ray_origins(
    mesh: PointCloud, direction: FloatArray, count: int, rng: np.random.Generator
) -> FloatArray:
    """A jittered square grid (count, 3) before the mesh that covers its outline."""
    frame = np.linalg.svd(direction[None, :])[2]
    flat = mesh.points @ frame[1:].T
    low, extent = flat.min(axis=0), np.ptp(flat, axis=0)
    step = np.sqrt(extent.prod() / count)
    columns, rows = np.maximum(1, np.ceil(extent / step)).astype(int)
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    across = low + (grid + rng.random(grid.shape)) * step
    start = (mesh.points @ direction).min() - 0.1 * mesh.diagonal
    return across @ frame[1:] + start * direction
