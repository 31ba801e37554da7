"""Find one part in scan after scan by its nominal model, and tell which points are the part's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.geometry.transform import transform_points
from backend.registration import NominalModel, Registration, principal_poses, register
from backend.registration.cropping import Crop, crop

FloatArray = NDArray[np.float64]

# A pose is taken as right if at least this share of the scan lies on the nominal model.
ENOUGH = 0.95
SEED = 0


@dataclass(frozen=True, eq=False)
class PartFinder:
    """Looks for the part first where it is known to lie, or by its axes, then anywhere.

    Attributes:
        nominal: the nominal model, a mesh, in the scans' unit; any frame.
        poses: (4, 4) each, ``T_part_scan`` of scans in which the part may lie likewise.
    """

    nominal: PointCloud
    poses: Sequence[FloatArray] = field(default_factory=tuple)

    @cached_property
    def model(self) -> NominalModel:
        """The nominal model, prepared once."""
        return NominalModel(self.nominal)

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
        starts = np.stack([*self.poses, *principal_poses(self.nominal, scan)])
        rng = np.random.default_rng(SEED)
        near = register(self.model, scan, rng=rng, judge=False, viewpoint=eye, starts=starts)
        if near.fitness >= ENOUGH:
            return near
        return register(self.model, scan, rng=np.random.default_rng(SEED), viewpoint=eye)
