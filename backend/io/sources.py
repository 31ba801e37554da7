"""What records say of the files that were read, and how those are read again."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from backend.cloud import PointCloud
from backend.file_names import shown
from backend.intake import Intake, TextFormat
from backend.io import read_cloud
from backend.io.digest import file_identity
from shared_schema.recipe import Unit
from shared_schema.record import ModelSource, ScanSource


def scan_source(
    path: Path, intake: Intake, unit: str | None, folder: Path | None = None
) -> ScanSource:
    """The scan at ``path``, which was taken in by ``intake`` and is in ``unit``.

    ``folder`` is that of the record, where the path is to be recorded too.
    """
    return ScanSource(
        **dict(file_identity(path)),
        unit=unit,
        path=None if folder is None else way(folder, path),
        viewpoint=intake.viewpoint,
        text=asdict(intake.text),
    )


def model_source(path: Path, unit: Unit | None, folder: Path | None = None) -> ModelSource:
    """The nominal model at ``path``, as ``scan_source`` tells of scans."""
    return ModelSource(
        **dict(file_identity(path)), unit=unit, path=None if folder is None else way(folder, path)
    )


def read_again(path: Path, source: ModelSource) -> PointCloud:
    """The cloud in the file at ``path``, read as it was for the record that has ``source``.

    Raises:
        FileFormatError: it cannot be read.
    """
    text = TextFormat(**dict(source.text)) if isinstance(source, ScanSource) else TextFormat()
    return read_cloud(path, unit=source.unit, text=text)


def way(folder: Path, path: Path) -> str | None:
    """The way from ``folder`` to ``path``, where there is one."""
    try:
        return shown(Path(os.path.relpath(path, folder)).as_posix())
    except ValueError:  # on another drive
        return None
