"""Bring a scan and the part that a recipe was made on together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.geometry.normals import with_outward_normals
from backend.geometry.transform import rotation_of, transform_points
from backend.registration import register
from shared_schema.recipe import MM_PER_UNIT, Unit

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AlignedScan:
    """A scan ready for replay.

    Attributes:
        cloud: the scan in its own frame and unit, with outward normals.
        T_part_scan: (4, 4) to the part frame; it holds the change of unit.
        record: how it was done: normals, and of the registration its fitness, RMSE, offset, free
            motions and seed.
    """

    cloud: PointCloud
    T_part_scan: FloatArray
    record: dict[str, Any]

    @property
    def in_part_frame(self) -> PointCloud:
        """The same scan in the part frame and unit."""
        return self.cloud.transformed(self.T_part_scan)


def align(
    scan: PointCloud,
    nominal: PointCloud | None = None,
    *,
    part_unit: Unit = Unit.MM,
    viewpoint: FloatArray | None = None,
    seed: int = 0,
) -> AlignedScan:
    """Register ``scan`` to ``nominal`` and give it outward normals.

    Args:
        scan: N points; its ``unit``, where known, is converted to ``part_unit``.
        nominal: the nominal model in the part frame. None: the scan is in the part frame already.
        part_unit: unit of the recipe and of the nominal model.
        viewpoint: (3,) where the sensor stood, in the scan's frame; it orients the normals.
        seed: of the registration.

    Raises:
        RegistrationError: they do not fit.
    """
    scale = 1.0 if scan.unit is None else MM_PER_UNIT[Unit(scan.unit)] / MM_PER_UNIT[part_unit]
    T_part_scan = np.diag([scale, scale, scale, 1.0])  # noqa: N806
    record: dict[str, Any] = {"scale": scale, "registration": None}
    if nominal is not None:
        rng = np.random.default_rng(seed)
        found = register(nominal, scan.transformed(T_part_scan), rng=rng)
        T_part_scan = found.T_part_scan @ T_part_scan  # noqa: N806
        record["registration"] = {
            "fitness": found.fitness,
            "rmse": found.rmse,
            "offset": found.offset,
            "free_motions": found.free_motions,
            "seed": seed,
        }
    if viewpoint is not None:
        viewpoint = transform_points(T_part_scan, viewpoint[None, :])[0]
    placed, record["normals"] = with_outward_normals(
        scan.transformed(T_part_scan), viewpoint=viewpoint, nominal=nominal
    )
    if scan.normals is None and placed.normals is not None:
        scan = scan.with_normals(placed.normals @ rotation_of(T_part_scan))
    return AlignedScan(scan, T_part_scan, record)
