"""Bring a scan and the part that a recipe was made on together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.cloud.normals import with_outward_normals
from backend.errors import RegistrationError
from backend.geometry.transform import rotation_of, transform_points
from backend.registration import (
    MIN_FITNESS,
    Registration,
    TurntableView,
    cleaning,
    cropping,
    register,
    register_at,
    register_turntable,
)
from backend.registration.nominal_model import NominalModel, nominal_model
from backend.registration.poses import MOST_MEASURED
from shared_schema.recipe import MM_PER_UNIT, Unit
from shared_schema.record import (
    AlignmentReport,
    AlignmentRequest,
    AlternativePose,
    RegistrationReport,
)


@dataclass(frozen=True, eq=False)
class AlignedScan:
    """A scan ready for replay.

    Attributes:
        cloud: the scan in its own frame and unit, with outward normals; after a crop, only the
            points of the part.
        T_part_scan: (4, 4) transform to the part frame, the change of unit included.
        record: the request, the source of the normals' outside, the points that were removed and
            cut away, and the fitness, RMSE, noise, offset, free motions and alternatives of the
            registration.
        cut: (M, 3) the points that were cut away, in the scan's frame.

    >>> plate = fs.load_sample("plate_holes")
    >>> scan = fs.subsample_surface(plate, 2000, np.random.default_rng(0))
    >>> aligned = fs.align(scan, None)  # the scan is in the part frame already
    >>> aligned.cloud, aligned.T_part_scan.shape
    (<PointCloud: 1,972 points with normals, 366.5 mm across>, (4, 4))
    """

    cloud: PointCloud
    T_part_scan: FloatArray
    record: AlignmentReport
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
    pose: FloatArray | None = None,
    clean: bool = False,
    crop: bool = True,
) -> AlignedScan:
    """Register ``scan`` to ``nominal``, cut away other points than the part's, orient the normals.

    Args:
        scan: N points; its ``unit``, if known, is converted to ``part_unit``.
        nominal: the nominal model in the part frame, in its own ``unit`` if it has one. None: the
            scan is in the part frame already.
        part_unit: unit of the recipe.
        viewpoint: (3,) position of the sensor, in the scan's frame and unit; it orients the
            normals, and excludes poses that it cannot have seen.
        seed: of the registration.
        min_fitness: smallest fitness that is accepted.
        prefer: (4, 4) an earlier ``T_part_scan`` of the same scan, its change of unit included; of
            poses that fit equally well, the nearest to it is taken.
        pose: (4, 4) the ``T_part_scan`` that the scan is known to have, its change of unit
            included, such as a turntable tells it: none is looked for, and none refused.
        clean: whether stray points and flying pixels are removed first.
        crop: whether points that do not belong to the part are cut away, where that is safe.

    Raises:
        RegistrationError: they do not fit.

    >>> plate = fs.load_sample("plate_holes")
    >>> scan = fs.subsample_surface(plate, 2000, np.random.default_rng(0))
    >>> T_part_scan = np.eye(4)
    >>> T_part_scan[:3, 3] = -40.0
    >>> moved = fs.PointCloud.of(scan.points + 40.0, unit="mm")
    >>> aligned = fs.align(moved, plate, pose=T_part_scan)  # without a pose, it is searched for
    >>> np.array_equal(aligned.T_part_scan, T_part_scan)
    True
    >>> round(aligned.record.registration.fitness, 2)
    1.0
    """
    model_unit = part_unit
    if nominal is not None:
        model_unit = Unit(nominal.unit or part_unit)
        model = nominal_model(nominal, part_unit)
    scale = _scale(scan, part_unit)
    T_part_scan = np.diag([scale, scale, scale, 1.0])  # noqa: N806
    asked = AlignmentRequest(
        part_unit=part_unit,
        viewpoint=None if viewpoint is None else viewpoint.tolist(),
        seed=seed,
        min_fitness=min_fitness,
        prefer=None if prefer is None else prefer.tolist(),
        pose=None if pose is None else pose.tolist(),
        clean=clean,
        crop=crop,
    )
    removed, registration, cropped = None, None, None
    if clean:
        scan, removed = cleaning.clean(scan, viewpoint)
    notices: tuple[str, ...] = ()
    if nominal is not None:
        rescaled = scan.transformed(T_part_scan)
        eye = None if viewpoint is None else scale * viewpoint
        if pose is not None:
            found = register_at(model, rescaled, pose @ np.linalg.inv(T_part_scan), viewpoint=eye)
            T_part_scan = pose  # noqa: N806
        else:
            found = register(
                model,
                rescaled,
                rng=np.random.default_rng(seed),
                min_fitness=min_fitness,
                viewpoint=eye,
                prefer=None if prefer is None else prefer @ np.linalg.inv(T_part_scan),
                unit=Unit(scan.unit or part_unit),
                model_unit=model_unit,
            )
            T_part_scan = found.T_part_scan @ T_part_scan  # noqa: N806
        notices = found.notices
        registration = _report(found, scale)
    if viewpoint is not None:
        viewpoint = transform_points(T_part_scan, viewpoint[None, :])[0]
    cut = np.empty((0, 3))
    if nominal is not None and crop:
        cropped = _crop(scan, T_part_scan, model, found, viewpoint)
        cut, scan = scan.points[~cropped.stays], cropped.of(scan)
    placed, told_by = with_outward_normals(
        scan.transformed(T_part_scan),
        viewpoint=viewpoint,
        nominal=None if nominal is None else model.dense_samples,
    )
    if scan.normals is None and placed.normals is not None:
        scan = scan.with_normals(placed.normals @ rotation_of(T_part_scan))
    scan = replace(scan, notices=(*placed.notices, *notices))
    report = AlignmentReport(
        asked=asked,
        scale=scale,
        clean=removed,
        registration=registration,
        crop=None if cropped is None else cropped.record,
        normals=told_by,
    )
    return AlignedScan(scan, T_part_scan, report, cut)


def turntable_poses(
    scans: Sequence[PointCloud],
    nominal: PointCloud,
    *,
    turn: float,
    part_unit: Unit = Unit.MM,
    seed: int = 0,
    min_fitness: float = MIN_FITNESS,
    clean: bool = False,
) -> list[FloatArray | RegistrationError]:
    """Place scans of a part that turned by ``turn`` degrees from each to the next, together.

    Args:
        scans: at least two, from a sensor that stood still.
        nominal: the nominal model in the part frame.
        turn: in either sense, about any axis.
        part_unit: unit of the recipe.
        seed: of the registration.
        min_fitness: what the registration of each must reach.
        clean: whether stray points and flying pixels are left out.

    Returns:
        For each its ``T_part_scan`` (4, 4), the change of unit included, as ``align`` takes it; or
        the error of one that contradicts the others.

    Raises:
        RegistrationError: fewer than half of the scans agree on one motion.
    """
    few = [_thinned(cleaning.clean(scan)[0] if clean else scan, part_unit) for scan in scans]
    table = register_turntable(
        nominal_model(nominal, part_unit),
        few,
        [turn * row for row in range(len(scans))],
        rng=np.random.default_rng(seed),
        min_fitness=min_fitness,
    )
    return [
        _pose_or_error(view, scan, part_unit) for view, scan in zip(table.views, scans, strict=True)
    ]


def _thinned(scan: PointCloud, part_unit: Unit) -> PointCloud:
    """As many points as tell the pose: the others would be held in memory for all scans at once."""
    points = scan.points[:: -(-len(scan) // MOST_MEASURED)]
    return PointCloud(points, unit=scan.unit).in_unit(part_unit)


def _pose_or_error(
    view: TurntableView, scan: PointCloud, part_unit: Unit
) -> FloatArray | RegistrationError:
    T_part_scan = view.registration.T_part_scan  # noqa: N806 - the project's transform names
    if view.contradiction is not None:
        return RegistrationError(view.contradiction, T_part_scan)
    scale = _scale(scan, part_unit)
    return T_part_scan @ np.diag([scale, scale, scale, 1.0])


def _scale(scan: PointCloud, part_unit: Unit) -> float:
    """How many times as large the numbers of ``scan`` are in ``part_unit``."""
    return 1.0 if scan.unit is None else MM_PER_UNIT[Unit(scan.unit)] / MM_PER_UNIT[part_unit]


def align_again(
    asked: AlignmentRequest, scan: PointCloud, nominal: PointCloud | None
) -> AlignedScan:
    """Align as the record of an ``AlignedScan`` says it was ``asked``; else as ``align``."""
    options = dict(asked)
    for name in ("viewpoint", "prefer", "pose"):
        options[name] = None if options[name] is None else np.array(options[name])
    return align(scan, nominal, **options)


def _crop(
    scan: PointCloud,
    T_part_scan: FloatArray,  # noqa: N803 - the project's transform names
    model: NominalModel,
    found: Registration,
    viewpoint: FloatArray | None,
) -> cropping.Crop:
    """What of ``scan`` belongs to the part; ``viewpoint`` is in its frame."""
    return cropping.crop(
        scan.transformed(T_part_scan),
        model,
        noise=found.noise,
        on_part=found.on_part,
        viewpoint=viewpoint,
    )


def _report(found: Registration, scale: float) -> RegistrationReport:
    """``found`` as a document; its alternatives hold the change of unit by ``scale``."""
    to_part_unit = np.diag([scale, scale, scale, 1.0])
    return RegistrationReport(
        fitness=found.fitness,
        rmse=found.rmse,
        noise=found.noise,
        on_part=int(found.on_part.sum()),
        offset=found.offset,
        free_motions=found.free_motions,
        facing=found.facing,
        coverage=found.coverage,
        agreement=found.agreement,
        contradiction=found.contradiction,
        alternatives=[
            AlternativePose(
                T_part_scan=(other.T_part_scan @ to_part_unit).tolist(),
                fitness=other.fitness,
                rmse=other.rmse,
                **_motion(other.T_part_scan @ np.linalg.inv(found.T_part_scan)),
            )
            for other in found.alternatives
        ],
    )


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
