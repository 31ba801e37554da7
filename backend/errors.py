"""The backend's part of the error tree (the root is in ``shared_schema.errors``).

FlawsmithError
  SchemaError            a JSON document does not follow the shared schema
  CloudError             arrays that do not make a point cloud
  DatasetError           a folder that does not hold the data it should
  FileFormatError        a file that is not what its suffix promises, damaged, or beyond the limits
  LanguageModelError     a language model could not be asked, or gave no usable answer
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
    "LanguageModelError",
    "MissingDependencyError",
    "RegistrationError",
    "ReplayError",
    "SamplingError",
    "SchemaError",
    "TrainingError",
]


class CloudError(FlawsmithError, ValueError):
    """Arrays that do not make a point cloud: wrong shape, not finite, or empty.

    >>> fs.PointCloud.of([[0, 0]])
    Traceback (most recent call last):
        ...
    backend.errors.CloudError: points must be a non-empty (N, 3) array; got shape (1, 2)
    """


class DatasetError(FlawsmithError):
    """A folder that does not hold the data that its layout promises.

    >>> fs.read_training_sets(folder)  # an empty folder
    Traceback (most recent call last):
        ...
    backend.errors.DatasetError: ...no scans found; they belong into .../CATEGORY/nominal, ...
    """


class FileFormatError(FlawsmithError, ValueError):
    """A file that is not what its suffix promises, is damaged, or exceeds the stated limits.

    >>> (folder / "scan.ply").write_text("no scan")
    7
    >>> fs.read_cloud(folder / "scan.ply")
    Traceback (most recent call last):
        ...
    backend.errors.FileFormatError: ...: the file does not begin with a line 'ply'; export it again
    """


class LanguageModelError(FlawsmithError):
    """A language model could not be asked, or gave no usable answer.

    Attributes:
        retry_after: seconds after which its server wants to be asked again; None if it says none.

    >>> fs.Asking.of("a good one")
    Traceback (most recent call last):
        ...
    backend.errors.LanguageModelError: 'a good one' names no model; name one as openai:NAME, ...
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RegistrationError(FlawsmithError):
    """Nominal model and scan could not be brought together well enough.

    Attributes:
        T_part_scan: (4, 4) the best pose that was found, between scan and nominal model in the
            model's unit; None where none was looked for.

    >>> issubclass(fs.RegistrationError, fs.FlawsmithError)
    True
    """

    def __init__(
        self,
        message: str,
        T_part_scan: NDArray[np.float64] | None = None,  # noqa: N803 - the transform's name
    ) -> None:
        super().__init__(message)
        self.T_part_scan = T_part_scan


class ReplayError(FlawsmithError):
    """A recipe that cannot be replayed on this cloud.

    >>> plate = fs.load_sample("plate_holes")
    >>> surface = fs.surface_of(plate, "plate", fs.Unit.MM)
    >>> (recipe,) = fs.sample(fs.load_template("sheet_metal/dents"), surface, seed=0, count=1)
    >>> fs.replay(recipe, plate)  # not surface.cloud, which has normals
    Traceback (most recent call last):
        ...
    backend.errors.ReplayError: defects[0] (dent): the facing test needs outward normals, ...
    """


class SamplingError(FlawsmithError):
    """A template from which no concrete recipe can be drawn on this cloud.

    >>> from dataclasses import replace
    >>> surface = fs.surface_of(fs.load_sample("plate_holes"), "plate", fs.Unit.MM)
    >>> bare = replace(surface, cloud=fs.PointCloud.of(surface.cloud.points))
    >>> list(fs.sample(fs.load_template("sheet_metal/dents"), bare, seed=0, count=1))
    Traceback (most recent call last):
        ...
    backend.errors.SamplingError: recipes are drawn on surfaces with outward normals, ...
    """


class CheckpointError(FlawsmithError):
    """A model file that is damaged, or does not match this version or this task.

    >>> fs.Detector.load("no_such_file.safetensors")
    Traceback (most recent call last):
        ...
    backend.errors.CheckpointError: no_such_file.safetensors: there is no such file; ...
    """


class TrainingError(FlawsmithError):
    """Training cannot start or go on with these inputs.

    >>> fs.train({"plate": []})
    Traceback (most recent call last):
        ...
    backend.errors.TrainingError: training needs at least one nominal cloud in every category
    """


class EngineError(FlawsmithError):
    """The processes that do the work were killed, or are in each other's way.

    >>> issubclass(fs.EngineError, fs.FlawsmithError)
    True
    """


class MissingDependencyError(FlawsmithError, ImportError):
    """An optional package is not installed; the message names the install command.

    >>> issubclass(fs.MissingDependencyError, ImportError)
    True
    """


class InstructionError(FlawsmithError):
    """Documents or answers from which no valid template can be made.

    >>> surface = fs.surface_of(scans[0], "plate", fs.Unit.MM)  # the scans of ``train``'s example
    >>> fs.instruct("The housing is blue.", surface, progress=None).checked()
    Traceback (most recent call last):
        ...
    backend.errors.InstructionError: the documents give no defect that can be made: they name none
    """
