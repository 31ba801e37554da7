"""Points that are no surface: stray ones, and flying pixels along the edges of what is seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from backend.cloud import PointCloud
from backend.errors import CloudError
from backend.geometry.flying_pixels import flying_pixels
from backend.geometry.normals import estimate_normals
from backend.geometry.strays import detached_points
from shared_schema.record import CleaningReport

METHOD = "stray points and flying pixels"


@dataclass(frozen=True)
class CleanSettings:
    """What is removed; the same settings remove the same points.

    Attributes:
        gap: a cluster is apart from this many median distances to the eighth neighbour on.
        sparse: smallest ratio of a stray point's distance to its neighbours to the usual one.
        largest: points of a cluster at most, as a ratio of all ...
        most: ... and in number.
        grazing: largest sine of the angle between a flying pixel's ray and its surface.
        thinned: smallest ratio of a flying pixel's distance to its neighbours to the usual one.
    """

    gap: float = 5.0
    sparse: float = 4.0
    largest: float = 0.005
    most: int = 60
    grazing: float = 0.12
    thinned: float = 1.6


DEFAULT = CleanSettings()


def clean(
    scan: PointCloud,
    viewpoint: ArrayLike | None = None,
    settings: CleanSettings = DEFAULT,
) -> tuple[PointCloud, CleaningReport]:
    """``scan`` without stray points, and without flying pixels where the viewpoint is known.

    Args:
        scan: N points.
        viewpoint: (3,) where the sensor stood, in the scan's frame and unit.
        settings: what is removed.

    Returns:
        The cloud, whose ``rows`` and ``notices`` tell what is left, and the record: method,
        settings, and how many points were removed.

    Raises:
        CloudError: nothing would be left.
    """
    largest = min(settings.most, int(settings.largest * len(scan)))
    stray = detached_points(
        scan.points, scan.tree, gap=settings.gap, sparse=settings.sparse, largest=largest
    )
    flying = np.zeros(len(scan), dtype=bool)
    if viewpoint is not None:
        normals = estimate_normals(scan.points, scan.tree)
        eye = np.array(viewpoint, dtype=np.float64)
        flying = ~stray & flying_pixels(
            scan.points,
            scan.tree,
            normals,
            eye,
            grazing=settings.grazing,
            sparse=settings.thinned,
        )
    kept = ~(stray | flying)
    if not kept.any():
        raise CloudError(f"all {len(scan)} points are stray; check the scan, or leave out --clean")
    record = CleaningReport(
        method=METHOD,
        settings=asdict(settings),
        points=len(scan),
        stray=int(stray.sum()),
        flying=int(flying.sum()),
    )
    if kept.all():
        return scan, record
    removed = f"{stray.sum():,} stray points and {flying.sum():,} flying pixels were removed"
    part = scan.cropped(kept)
    return replace(part, notices=(*part.notices, removed)), record
