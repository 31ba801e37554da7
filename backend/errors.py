"""The backend's part of the error tree (the root is in ``shared_schema.errors``).

FlawsmithError
  SchemaError            a JSON document does not follow the shared schema
  CloudError             arrays that do not make a point cloud
  DatasetError           a folder that does not hold the data it should
  FileFormatError        a file that is not what its suffix promises, damaged, or beyond the limits
  RegistrationError      nominal model and scan could not be brought together
  ReplayError            a recipe that cannot be replayed on this cloud
  SamplingError          a template from which no recipe can be drawn on this cloud
  CheckpointError        a model file that does not match this version or this task
  TrainingError          training cannot start or go on with these inputs
  EngineError            the processes that do the work were killed, or are in each other's way
  MissingDependencyError an optional package is not installed; the message names the command
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared_schema.errors import FlawsmithError, SchemaError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "CheckpointError",
    "CloudError",
    "DatasetError",
    "EngineError",
    "FileFormatError",
    "FlawsmithError",
    "MissingDependencyError",
    "RegistrationError",
    "ReplayError",
    "SamplingError",
    "SchemaError",
    "TrainingError",
]


class CloudError(FlawsmithError, ValueError):
    """Arrays that do not make a point cloud: wrong shape, not finite, or empty."""


class DatasetError(FlawsmithError):
    """A folder that does not hold the data that its layout promises."""


class FileFormatError(FlawsmithError, ValueError):
    """A file that is not what its suffix promises, is damaged, or exceeds the stated limits."""


class RegistrationError(FlawsmithError):
    """Nominal model and scan could not be brought together well enough.

    Attributes:
        T_part_scan: (4, 4) the best pose that was found, between scan and nominal model in the
            model's unit; None where none was looked for.
    """

    def __init__(
        self,
        message: str,
        T_part_scan: NDArray[np.float64] | None = None,  # noqa: N803 - the transform's name
    ) -> None:
        super().__init__(message)
        self.T_part_scan = T_part_scan


class ReplayError(FlawsmithError):
    """A recipe that cannot be replayed on this cloud."""


class SamplingError(FlawsmithError):
    """A template from which no concrete recipe can be drawn on this cloud."""


class CheckpointError(FlawsmithError):
    """A model file that is damaged, or does not match this version or this task."""


class TrainingError(FlawsmithError):
    """Training cannot start or go on with these inputs."""


class EngineError(FlawsmithError):
    """The processes that do the work were killed, or are in each other's way."""


class MissingDependencyError(FlawsmithError, ImportError):
    """An optional package is not installed; the message names the install command."""
