"""Small parts and one real scan, with which everything can be tried without other data.

Their sources and licences are in ``samples.json``, in ``NOTICE``, and beside the files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.errors import FlawsmithError
from backend.io import read_cloud

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class BundledSample:
    """One bundled file.

    Attributes:
        name: what ``load_sample`` takes.
        file: path below this folder.
        kind: ``"mesh"``, a watertight nominal model, or ``"scan"``.
        unit: of its lengths.
        source: where it is published.
        licence: SPDX identifier, or ``"public domain"``.
        authors: as far as the source names them.
        about: what it shows.
    """

    name: str
    file: str
    kind: str
    unit: str
    source: str
    licence: str
    authors: str
    about: str


@cache
def samples() -> dict[str, BundledSample]:
    """All bundled samples by name."""
    entries = json.loads((FOLDER / "samples.json").read_text(encoding="utf-8"))
    return {entry["name"]: BundledSample(**entry) for entry in entries}


def sample_names(kind: str | None = None) -> list[str]:
    """Names of the samples, all or of one ``kind``: ``"mesh"`` or ``"scan"``.

    >>> fs.sample_names("scan")
    ['pawn_scan']
    """
    return [sample.name for sample in samples().values() if kind in (None, sample.kind)]


def sample_path(name: str) -> Path:
    """The file of a sample.

    Raises:
        FlawsmithError: there is no sample of that name.
    """
    if name not in samples():
        raise FlawsmithError(
            f"no bundled sample is called {name!r}; there are {', '.join(samples())}"
        )
    return FOLDER / samples()[name].file


def load_sample(name: str) -> PointCloud:
    """Points, and faces of a mesh, of a sample; its unit is set.

    Raises:
        FlawsmithError: there is no sample of that name.

    >>> fs.load_sample("plate_holes")
    <PointCloud: 618 points and 1,252 faces, 366.5 mm across>
    """
    return read_cloud(sample_path(name), unit=samples()[name].unit)


def pawn_pose() -> FloatArray:
    """The published pose ``T_scan_part`` (4, 4) of ``pawn`` in ``pawn_scan``, mm."""
    document = json.loads((FOLDER / "pawn" / "pawn_pose.json").read_text(encoding="utf-8"))
    return np.array(document["T_scan_part"])
