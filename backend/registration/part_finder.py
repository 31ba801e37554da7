"""Find one part in scan after scan by its nominal model, and tell which points are the part's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.errors import RegistrationError
from backend.geometry.transform import transform_points
from backend.registration import NominalModel, Registration, principal_poses, register
from backend.registration.cropping import Crop, crop
from shared_schema.record import CroppingReport

# A pose is taken as right if at least this share of the scan lies on the nominal model.
ENOUGH = 0.95
SEED = 0


@dataclass(frozen=True, eq=False)
class PartFinder:
    """Looks for the part first where it is known to lie, or by its axes, then anywhere.

    Attributes:
        model: the nominal model, in the scans' unit; any frame.
        poses: (4, 4) each, ``T_part_scan`` of scans in which the part may lie likewise.
    """

    model: NominalModel
    poses: Sequence[FloatArray] = field(default_factory=tuple)

    def part_of(
        self, scan: PointCloud, viewpoint: Sequence[float] | None = None, scale: float = 1.0
    ) -> tuple[PointCloud, CroppingReport | None]:
        """The points of ``scan`` that belong to the part; all of them where its pose is in doubt.

        Args:
            scan: N points, in any pose.
            viewpoint: (x, y, z) where the sensor stood, in the scan's frame and unit.
            scale: how many times as large the numbers of ``scan`` are in the unit of the model.

        Returns:
            The scan, whose ``notices`` tell what was cut away, or why nothing was; and the record,
            None where the part was not found.
        """
        eye = None if viewpoint is None else [scale * value for value in viewpoint]
        try:
            found = self.crop(PointCloud(scale * scan.points, scan.normals), eye)
        except RegistrationError as error:
            notice = f"the scan was not cropped, because the pose of the part is in doubt: {error}"
            return replace(scan, notices=(*scan.notices, notice)), None
        return found.of(scan), found.record

    def crop(self, scan: PointCloud, viewpoint: Sequence[float] | None = None) -> Crop:
        """Tell the points of ``scan`` that belong to the part.

        Args:
            scan: N points, in any pose.
            viewpoint: (x, y, z) where the sensor stood, in the scan's frame.

        Raises:
            RegistrationError: the part cannot be placed beyond doubt.
        """
        eye = None if viewpoint is None else np.array(viewpoint)
        found = self._place(scan, eye)
        return crop(
            scan.transformed(found.T_part_scan),
            self.model,
            noise=found.noise,
            on_part=found.on_part,
            viewpoint=None if eye is None else transform_points(found.T_part_scan, eye),
        )

    def _place(self, scan: PointCloud, eye: FloatArray | None) -> Registration:
        starts = np.stack([*self.poses, *principal_poses(self.model.mesh, scan)])
        rng = np.random.default_rng(SEED)
        near = register(self.model, scan, rng=rng, judge=False, viewpoint=eye, starts=starts)
        if near.fitness >= ENOUGH:
            return near
        return register(self.model, scan, rng=np.random.default_rng(SEED), viewpoint=eye)
