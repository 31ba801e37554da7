"""Bring a scan and the part that a recipe was made on together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from backend import cleaning, cropping
from backend.cloud import PointCloud
from backend.geometry.normals import with_outward_normals
from backend.geometry.transform import rotation_of, transform_points
from backend.registration import MIN_FITNESS, Registration, register
from shared_schema.recipe import MM_PER_UNIT, Unit

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AlignedScan:
    """A scan ready for replay.

    Attributes:
        cloud: the scan in its own frame and unit, with outward normals; of a cropped one the points
            of the part.
        T_part_scan: (4, 4) to the part frame; it holds the change of unit.
        record: how it was done: what was asked, what told the outside of the normals, what was
            removed and cut away, and of the registration its fitness, RMSE, noise, offset, free
            motions and alternatives.
        cut: (M, 3) the points that were cut away, in the scan's frame.
    """

    cloud: PointCloud
    T_part_scan: FloatArray
    record: dict[str, Any]
    cut: FloatArray = field(default_factory=lambda: np.empty((0, 3)))

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
    min_fitness: float = MIN_FITNESS,
    prefer: FloatArray | None = None,
    clean: bool = False,
    crop: bool = True,
) -> AlignedScan:
    """Register ``scan`` to ``nominal``, cut away what is not the part, give it outward normals.

    Args:
        scan: N points; its ``unit``, where known, is converted to ``part_unit``.
        nominal: the nominal model in the part frame, in its own ``unit`` where it has one. None:
            the scan is in the part frame already.
        part_unit: unit of the recipe.
        viewpoint: (3,) where the sensor stood, in the scan's frame and unit; it orients the
            normals, and tells poses apart that it cannot have seen.
        seed: of the registration.
        min_fitness: what the registration must reach.
        prefer: (4, 4) an earlier ``T_part_scan`` of the same scan, its change of unit included; of
            poses that fit as well, the nearest to it is taken.
        clean: whether stray points and flying pixels are removed first.
        crop: whether points that do not belong to the part are cut away, where that is safe.

    Raises:
        RegistrationError: they do not fit.
    """
    if nominal is not None:
        nominal = nominal.in_unit(part_unit)
    scale = 1.0 if scan.unit is None else MM_PER_UNIT[Unit(scan.unit)] / MM_PER_UNIT[part_unit]
    T_part_scan = np.diag([scale, scale, scale, 1.0])  # noqa: N806
    record: dict[str, Any] = {
        "asked": {
            "part_unit": part_unit.value,
            "viewpoint": None if viewpoint is None else viewpoint.tolist(),
            "seed": seed,
            "min_fitness": min_fitness,
            "prefer": None if prefer is None else prefer.tolist(),
            "clean": clean,
            "crop": crop,
        },
        "scale": scale,
        "clean": None,
        "registration": None,
        "crop": None,
    }
    if clean:
        scan, record["clean"] = cleaning.clean(scan, viewpoint)
    told: tuple[str, ...] = ()
    if nominal is not None:
        found = register(
            nominal,
            scan.transformed(T_part_scan),
            rng=np.random.default_rng(seed),
            min_fitness=min_fitness,
            viewpoint=None if viewpoint is None else scale * viewpoint,
            prefer=None if prefer is None else prefer @ np.linalg.inv(T_part_scan),
            unit=None if scan.unit is None else Unit(scan.unit),
        )
        told = found.notices
        T_part_scan = found.T_part_scan @ T_part_scan  # noqa: N806
        record["registration"] = _record(found, scale) | {
            "seed": seed,
            "min_fitness": min_fitness,
            "prefer": None if prefer is None else prefer.tolist(),
        }
    if viewpoint is not None:
        viewpoint = transform_points(T_part_scan, viewpoint[None, :])[0]
    cut = np.empty((0, 3))
    if nominal is not None and crop:
        cropped = _crop(scan, T_part_scan, nominal, found, viewpoint)
        cut, scan, record["crop"] = scan.points[~cropped.stays], cropped.of(scan), cropped.record
    placed, record["normals"] = with_outward_normals(
        scan.transformed(T_part_scan), viewpoint=viewpoint, nominal=nominal
    )
    if scan.normals is None and placed.normals is not None:
        scan = scan.with_normals(placed.normals @ rotation_of(T_part_scan))
    scan = replace(scan, notices=(*placed.notices, *told))
    return AlignedScan(scan, T_part_scan, record, cut)


def align_again(
    record: Mapping[str, Any], scan: PointCloud, nominal: PointCloud | None
) -> AlignedScan:
    """Align as ``record``, that of an ``AlignedScan``, says it was asked; else as ``align``."""
    asked = dict(record["asked"])
    part_unit = Unit(asked.pop("part_unit"))
    arrays: dict[str, Any] = {
        name: None if (given := asked.pop(name)) is None else np.array(given)
        for name in ("viewpoint", "prefer")
    }
    return align(scan, nominal, part_unit=part_unit, **arrays, **asked)


def _crop(
    scan: PointCloud,
    T_part_scan: FloatArray,  # noqa: N803 - the project's transform names
    nominal: PointCloud,
    found: Registration,
    viewpoint: FloatArray | None,
) -> cropping.Crop:
    """What of ``scan`` belongs to the part; ``viewpoint`` is in its frame."""
    return cropping.crop(
        scan.transformed(T_part_scan),
        nominal,
        noise=found.noise,
        on_part=found.on_part,
        viewpoint=viewpoint,
    )


def _record(found: Registration, scale: float) -> dict[str, Any]:
    """``found`` as a document; its alternatives hold the change of unit by ``scale``."""
    to_part_unit = np.diag([scale, scale, scale, 1.0])
    return {
        "fitness": found.fitness,
        "rmse": found.rmse,
        "noise": found.noise,
        "on_part": int(found.on_part.sum()),
        "offset": found.offset,
        "free_motions": found.free_motions,
        "facing": found.facing,
        "coverage": found.coverage,
        "agreement": found.agreement,
        "contradiction": found.contradiction,
        "alternatives": [
            {
                "T_part_scan": (other.T_part_scan @ to_part_unit).tolist(),
                "fitness": other.fitness,
                "rmse": other.rmse,
                **_motion(other.T_part_scan @ np.linalg.inv(found.T_part_scan)),
            }
            for other in found.alternatives
        ],
    }


def _motion(motion: FloatArray) -> dict[str, Any]:
    """How ``motion`` (4, 4) moves the part: a turn in degrees about an axis, and the shift along.

    Chasles' theorem: every rigid motion is a screw. ``through`` is the axis' place nearest to the
    origin of the part frame; ``shift`` is the whole shift where nothing turns.
    """
    turn = Rotation.from_matrix(motion[:3, :3]).as_rotvec()
    angle = float(np.linalg.norm(turn))
    if angle < 1e-6:
        return {"turn": 0.0, "axis": None, "through": None, "shift": motion[:3, 3].tolist()}
    axis = turn / angle
    along = axis * (axis @ motion[:3, 3])
    across = motion[:3, 3] - along
    through = (across + np.cross(axis, across) / np.tan(angle / 2.0)) / 2.0
    return {
        "turn": float(np.degrees(angle)),
        "axis": axis.tolist(),
        "through": through.tolist(),
        "shift": along.tolist(),
    }
