"""From a defect of a recipe to one that a given cloud can be deformed by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.cloud.geodesic import geodesic_path, project_to_surface
from shared_schema.constants import FORMULA_CONSTANTS
from shared_schema.defects import (
    CrackSpec,
    DefectSpec,
    DentSpec,
    DepositSpec,
    HoleSpec,
    ScratchSpec,
)
from shared_schema.locations import SurfacePath

Triple = tuple[float, float, float]


def triple(vector: NDArray[np.floating]) -> Triple:
    """A (3,) array as the schema's three numbers."""
    return (float(vector[0]), float(vector[1]), float(vector[2]))


def surface_path(cloud: PointCloud, anchors: FloatArray, width: float) -> SurfacePath:
    """The resolved path through ``anchors`` (A, 3), with normals where the cloud has them.

    Raises:
        ReplayError: the anchors coincide on this cloud, or are not connected over it.
    """
    step = max(width * FORMULA_CONSTANTS["path_step"], cloud.spacing)
    path = geodesic_path(cloud, anchors, step)
    return SurfacePath(
        points=tuple(triple(point) for point in path), normals=_normals_near(cloud, path)
    )


def resolve(spec: DefectSpec, cloud: PointCloud, *, snap: bool) -> DefectSpec:
    """The defect as it will be applied to ``cloud``; raises as ``surface_path`` does.

    Args:
        spec: in absolute lengths, in the frame of ``cloud``.
        cloud: the surface before this defect.
        snap: move points that belong on the surface onto it, along its normal; for a scan, which
            lies some tenths of a millimetre off the nominal part that the recipe was made on.
    """
    if isinstance(spec, ScratchSpec) and not spec.path.resolved:
        path = surface_path(cloud, np.array(spec.path.points), spec.width)
        return spec.model_copy(update={"path": path})
    return _snapped(spec, cloud) if snap else spec


def _snapped(spec: DefectSpec, cloud: PointCloud) -> DefectSpec:
    if isinstance(spec, DentSpec | DepositSpec | HoleSpec):
        return spec.model_copy(update={"center": _onto(cloud, spec.center, spec.radius)})
    if isinstance(spec, CrackSpec):
        return spec.model_copy(update={"origin": _onto(cloud, spec.origin, spec.depth)})
    if isinstance(spec, ScratchSpec):
        points = tuple(_onto(cloud, point, spec.width) for point in spec.path.points)
        return spec.model_copy(update={"path": spec.path.model_copy(update={"points": points})})
    return spec


def _onto(cloud: PointCloud, point: Triple, reach: float) -> Triple:
    """``point`` on the surface, or where it is when no surface is within ``reach`` of it."""
    place = np.array([point])
    distance = np.linalg.norm(cloud.points[cloud.nearest(place)[0]] - place[0])
    return triple(project_to_surface(cloud, place)[0]) if distance <= reach else point


def _normals_near(cloud: PointCloud, places: FloatArray) -> tuple[Triple, ...] | None:
    if cloud.normals is None:
        return None
    return tuple(triple(normal) for normal in cloud.normals[cloud.nearest(places)])
