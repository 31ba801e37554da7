"""Files of points and meshes: one module per format, one table line per suffix.

Every format module parses bytes into a ``PointCloud`` and formats a ``PointCloud`` as bytes; the
checks that all formats share, and the disk, are here. What each format carries and how a hostile
file is treated is in ``docs/reference/formats.md``.
"""

from __future__ import annotations

import logging
import stat
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import CloudError, DatasetError, FileFormatError, FlawsmithError
from backend.intake import ANY_TEXT, TextFormat
from backend.io.atomic import remove_unfinished, write_bytes, write_json
from backend.io.isolation import parse_isolated
from backend.io.las import format_las, format_laz, parse_las
from backend.io.limits import ReadLimits
from backend.io.measured import only_measured
from backend.io.npy import format_npy, format_npz, parse_npy, parse_npz
from backend.io.obj import format_obj, parse_obj
from backend.io.pcd import format_pcd, parse_pcd
from backend.io.ply import format_ply, parse_ply
from backend.io.ptx import parse_ptx
from backend.io.stl import format_stl, parse_stl
from backend.io.tiff import format_tiff, parse_tiff
from backend.io.xyz import format_asc, format_csv, format_xyz, parse_pts, parse_xyz
from shared_schema.recipe import Unit

__all__ = [
    "ENCODED_WRITERS",
    "FIELD_SUFFIXES",
    "OTHER_FILES",
    "READERS",
    "WRITERS",
    "ReadLimits",
    "TextFormat",
    "in_unit",
    "not_read",
    "parse_cloud",
    "read_cloud",
    "read_labeled",
    "readable_files",
    "remove_unfinished",
    "scored_cloud",
    "write_bytes",
    "write_cloud",
    "write_json",
    "write_labeled",
    "write_scored",
]

T = TypeVar("T")
logger = logging.getLogger(__name__)

READERS: dict[str, Callable[..., PointCloud]] = {
    ".ply": parse_ply,
    ".pcd": parse_pcd,
    ".stl": parse_stl,
    ".obj": parse_obj,
    ".xyz": parse_xyz,
    ".txt": parse_xyz,
    ".asc": parse_xyz,
    ".csv": parse_xyz,
    ".pts": parse_pts,
    ".ptx": parse_ptx,
    ".npy": parse_npy,
    ".npz": parse_npz,
    ".las": parse_las,
    ".laz": parse_las,
    ".tif": parse_tiff,
    ".tiff": parse_tiff,
}

WRITERS: dict[str, Callable[[PointCloud], bytes]] = {
    ".ply": format_ply,
    ".pcd": format_pcd,
    ".stl": format_stl,
    ".obj": format_obj,
    ".xyz": format_xyz,
    ".txt": format_xyz,
    ".asc": format_asc,
    ".csv": format_csv,
    ".npy": format_npy,
    ".npz": format_npz,
    ".las": format_las,
    ".laz": format_laz,
    ".tif": format_tiff,
    ".tiff": format_tiff,
}

# The formats that can be written in several encodings.
ENCODED_WRITERS: dict[str, Callable[[PointCloud, str], bytes]] = {
    ".ply": format_ply,
    ".pcd": format_pcd,
}

# What readers of text take besides the limits, of ``TextFormat``.
TEXT_OPTIONS: dict[str, tuple[str, ...]] = {
    ".ply": ("decimal",),
    ".stl": ("decimal",),
    ".obj": ("decimal",),
    ".xyz": ("decimal", "delimiter"),
    ".txt": ("decimal", "delimiter"),
    ".asc": ("decimal", "delimiter"),
    ".csv": ("decimal", "delimiter"),
    ".pts": ("decimal", "delimiter"),
}

# Files that people have and that are not read, and how to get on.
CAD = "it holds surfaces, not points; export the model as STL, PLY or OBJ"
MESH = "export the mesh as STL, PLY or OBJ"
SCANNER = "export the scan as PLY, PCD or LAS with the scanner's own program"
# Formats of several programs, which CloudCompare opens.
EXCHANGED = "open it in CloudCompare, which is free, and save it as PLY or LAS"
OTHER_FILES: dict[str, str] = {
    **dict.fromkeys((".step", ".stp", ".iges", ".igs", ".sat", ".x_t", ".x_b", ".sldprt"), CAD),
    **dict.fromkeys((".catpart", ".prt", ".ipt", ".3dm", ".dwg", ".dxf", ".fcstd", ".brep"), CAD),
    **dict.fromkeys((".glb", ".gltf", ".3mf", ".off", ".fbx", ".dae", ".vtk", ".vtp"), MESH),
    **dict.fromkeys((".amf", ".wrl", ".vrml", ".x3d", ".usd", ".usdz", ".vtu", ".blend"), MESH),
    **dict.fromkeys((".rcp", ".rcs", ".fls", ".fws", ".lsproj", ".zfs", ".zfprj"), SCANNER),
    **dict.fromkeys((".zdf", ".ksdata", ".om3", ".atos", ".g3d", ".mat"), SCANNER),
    **dict.fromkeys((".e57", ".bin"), EXCHANGED),
}

DEFAULT_LIMITS = ReadLimits()

# What is written of a scored point, and how.
SCORE_FIELDS: Mapping[str, type[np.generic]] = {
    "score": np.float32,
    "anomalous": np.uint8,
    "region": np.int32,
    "deviation": np.float32,
    "views": np.int32,
}

# The formats that carry named values per point.
FIELD_SUFFIXES = (".ply", ".pcd", ".xyz", ".txt", ".asc", ".csv", ".npy", ".npz", ".las", ".laz")

# The formats that say that a point at (0, 0, 0) is none.
ZERO_IS_EMPTY = (".tif", ".tiff")

# Normals of a file count as unit within this; float32 rounding is far below it.
UNIT_TOLERANCE = 1e-5


def readable_files(folder: Path) -> list[Path]:
    """The scans and meshes in a folder, by name; hidden files are left out.

    Raises:
        DatasetError: there are none.
    """
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in READERS and not path.name.startswith(".")
    )
    if not files:
        raise DatasetError(
            f"{folder}: the folder holds no scans; their names end in {', '.join(READERS)}"
        )
    return files


def read_cloud(
    path: str | Path,
    *,
    unit: str | None = None,
    assumed_unit: str | None = None,
    text: TextFormat = ANY_TEXT,
    limits: ReadLimits = DEFAULT_LIMITS,
) -> PointCloud:
    """Read a scan or a mesh; the format follows from the suffix.

    Points that are no measurement, such as NaN, are left out: ``rows`` holds the rows that are
    kept, and ``notices`` report the number of the others.

    Args:
        path: a file with one of the suffixes in ``READERS``.
        unit: the unit of its lengths: a value of ``Unit``.
        assumed_unit: that of a file that does not state one, as hardly any does, where ``unit`` is
            None.
        text: how a text file writes its numbers, as far as it is known.
        limits: sizes above which a file is refused.

    Raises:
        FileFormatError: a file that is missing, too large, damaged or not what its suffix promises;
            numbers in a text that can be read in several ways.
        MissingDependencyError: the format needs a package that is not installed.

    >>> np.savetxt(folder / "scan.xyz", [[0, 0, 0], [3, 0, 0], [0, 4, 0]])
    >>> fs.read_cloud(folder / "scan.xyz", unit="mm")
    <PointCloud: 3 points, 5 mm across>
    """
    path = Path(path)
    try:
        _require(path.suffix, READERS, "read")
        cloud = parse_cloud(_read_bytes(path, limits), path.suffix, text=text, limits=limits)
        return in_unit(cloud, unit, assumed_unit)
    except OSError as error:
        raise FileFormatError(f"{path}: {error.strerror}; check the path") from error
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error


def in_unit(cloud: PointCloud, unit: str | None, assumed: str | None = None) -> PointCloud:
    """``cloud`` as it was parsed, its unit that which the user says, else its file, else assumed.

    Raises:
        FileFormatError: the file states a unit that is none of ``Unit``, and the user says none.
    """
    stated = cloud.unit
    if unit is not None and stated not in (None, unit):
        notice = (
            f"The names of its columns state {stated}, but the file was read in {unit}, as asked."
        )
        return replace(cloud, unit=unit, notices=(*cloud.notices, notice))
    if unit is None and stated is not None and stated not in list(Unit):
        raise FileFormatError(
            f"the names of its columns state {stated!r}; convert them to {', '.join(Unit)}, or "
            "give one of these units with --unit"
        )
    return replace(cloud, unit=unit or stated or assumed)


def _read_bytes(path: Path, limits: ReadLimits) -> bytes:
    """The bytes of a file that is one: a pipe or a device may never end."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise FileFormatError("this is not an ordinary file; check the path")
    limits.check_bytes(status.st_size)
    with path.open("rb") as file:
        # It may have grown meanwhile.
        data = file.read(limits.max_bytes + 1)
    limits.check_bytes(len(data))
    return data


def parse_cloud(
    data: bytes,
    suffix: str,
    *,
    text: TextFormat = ANY_TEXT,
    limits: ReadLimits = DEFAULT_LIMITS,
    isolate: bool = False,
) -> PointCloud:
    """The cloud in the bytes of a file, such as an upload; else like ``read_cloud``.

    Its unit is what the file states, if it does; see ``in_unit``.

    Args:
        data: the file.
        suffix: of its name.
        text: how a text file writes its numbers, as far as it is known.
        limits: what is refused as too large.
        isolate: parse in a worker process, with a wall clock, whatever the format; for files
            from an unknown source. Without, only the formats with foreign decoders are.

    Raises:
        FileFormatError: on any damage; nothing else escapes, whatever a parser stumbles over.
    """
    parse = _require(suffix, READERS, "read")
    limits.check_bytes(len(data))
    if not data:
        raise FileFormatError("the file is empty; export the scan again")
    try:
        known = {name: getattr(text, name) for name in TEXT_OPTIONS.get(suffix.lower(), ())}
        if isolate:
            cloud = parse_isolated(parse, data, limits, known)
        else:
            cloud = parse(data, limits, **known)
        limits.check_points(len(cloud))
        return _checked(cloud, zero_is_empty=suffix.lower() in ZERO_IS_EMPTY)
    except CloudError as error:
        raise FileFormatError(f"{error}; export it again") from error
    except FlawsmithError:
        raise
    except Exception as error:
        # What a library says of it is for the log, not for the user.
        logger.info("a %s file is not readable", suffix, exc_info=error)
        raise FileFormatError(
            f"this is not a readable {suffix} file: it is damaged or of another format; export it "
            "again, perhaps as PLY"
        ) from error


def _checked(cloud: PointCloud, *, zero_is_empty: bool) -> PointCloud:
    """What a reader found, without points that are no measurement; see ``PointCloud.of``."""
    if cloud.faces is not None and len(cloud.faces) == 0:
        cloud = replace(cloud, faces=None)
    if cloud.points.ndim == 2:
        cloud = only_measured(cloud, zero_is_empty=zero_is_empty)
    cloud = _with_unit_normals(cloud)
    sound = PointCloud.of(cloud.points, cloud.normals, cloud.faces, cloud.fields, cloud.unit)
    return replace(sound, rows=cloud.rows, row_count=cloud.row_count, notices=cloud.notices)


def _with_unit_normals(cloud: PointCloud) -> PointCloud:
    """Normals at length one; none at all where a file does not know some: zero, NaN, infinite."""
    if cloud.normals is None or cloud.normals.shape != cloud.points.shape:
        return cloud
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.linalg.norm(cloud.normals, axis=1, keepdims=True)
    known = (length > 0) & (length < np.inf)
    if not known.all():
        notice = (
            f"{int((~known).sum())} of {len(known)} normals have no direction, so none of the "
            "normals are used."
        )
        return replace(cloud, normals=None, notices=(*cloud.notices, notice))
    # Unit ones keep their bits, so that a round trip changes nothing.
    scale = np.where(np.abs(length - 1.0) > UNIT_TOLERANCE, length, 1.0)
    return replace(cloud, normals=cloud.normals / scale)


def write_cloud(path: str | Path, cloud: PointCloud, *, encoding: str | None = None) -> None:
    """Write ``cloud`` in the format of the path's suffix, in one step.

    Coordinates are written in double precision wherever the format allows, so that what was read
    comes back bit by bit. What a format cannot carry, as its module says, is left out.

    Args:
        path: a file with one of the suffixes in ``WRITERS``.
        cloud: what to write.
        encoding: one of the format's encodings where it is in ``ENCODED_WRITERS``; see there.

    Raises:
        FileFormatError: a suffix that is not in ``WRITERS``, a mesh format without faces, or an
            encoding that the format does not have.
        MissingDependencyError: the format needs a package that is not installed.

    >>> cloud = fs.PointCloud.of([[0, 0, 0], [3, 0, 0], [0, 4, 0]])
    >>> fs.write_cloud(folder / "scan.ply", cloud)
    >>> np.array_equal(fs.read_cloud(folder / "scan.ply").points, cloud.points)
    True
    """
    path = Path(path)
    write = _require(path.suffix, WRITERS, "write")
    if encoding is None:
        write_bytes(path, write(cloud))
    else:
        write_bytes(
            path, _require(path.suffix, ENCODED_WRITERS, "choose how to write")(cloud, encoding)
        )


def write_labeled(path: str | Path, labeled: LabeledCloud) -> None:
    """Write a labelled cloud with ``mask``, ``label``, ``weight`` and ``source_index`` per point.

    Raises:
        FileFormatError: the suffix is none of ``FIELD_SUFFIXES``.

    >>> labeled = fs.LabeledCloud.nominal(fs.PointCloud.of([[0, 0, 0], [3, 0, 0], [0, 4, 0]]))
    >>> fs.write_labeled(folder / "labelled.ply", labeled)
    >>> fs.read_labeled(folder / "labelled.ply")
    <LabeledCloud: 3 points, 0 of them anomalous>
    """
    truth: dict[str, NDArray] = {
        "mask": labeled.mask.astype(np.uint8),
        "label": labeled.labels.astype(np.int32),
        "weight": labeled.weight.astype(np.float32),
        "source_index": labeled.source_index.astype(np.int32),
    }
    fields = _replaced(labeled.fields, truth)
    _write_fields(Path(path), PointCloud(labeled.points, labeled.normals, fields=fields))


def read_labeled(
    path: str | Path,
    *,
    unit: str | None = None,
    text: TextFormat = ANY_TEXT,
    limits: ReadLimits = DEFAULT_LIMITS,
) -> LabeledCloud:
    """Read what ``write_labeled`` wrote, or any cloud with a ``mask`` per point.

    Where a file lacks ``label``, ``weight`` or ``source_index``, they follow from the mask and the
    rows of the file.

    Raises:
        FileFormatError: as ``read_cloud``, or there is no mask.

    >>> rows = [[0, 0, 0, 0], [3, 0, 0, 1], [0, 4, 0, 0]]
    >>> np.savetxt(folder / "scan.csv", rows, delimiter=",", header="x,y,z,mask", comments="")
    >>> fs.read_labeled(folder / "scan.csv")
    <LabeledCloud: 3 points, 1 of them anomalous>
    """
    cloud = read_cloud(path, unit=unit, text=text, limits=limits)
    fields = dict(cloud.fields)
    if "mask" not in fields:
        raise FileFormatError(
            f"{path}: the points have {', '.join(fields) or 'no values'} but no 'mask'; "
            "flawsmith replay writes one"
        )
    mask = fields.pop("mask") != 0
    return LabeledCloud(
        cloud.points,
        cloud.normals,
        mask,
        fields.pop("label", mask).astype(np.int32),
        fields.pop("weight", mask).astype(np.float64),
        fields.pop("source_index", cloud.file_rows).astype(np.int64),
        fields,
        cloud.notices,
    )


def write_scored(path: str | Path, cloud: PointCloud, fields: Mapping[str, ArrayLike]) -> None:
    """Write what ``scored_cloud`` makes.

    Raises:
        FileFormatError: the suffix is none of ``FIELD_SUFFIXES``.
    """
    _write_fields(Path(path), scored_cloud(cloud, fields))


def scored_cloud(cloud: PointCloud, fields: Mapping[str, ArrayLike]) -> PointCloud:
    """``cloud`` with those of ``SCORE_FIELDS`` that are given, (N,) each.

    Where it holds not all rows of its file, ``source_index`` says which one each point is.
    """
    scores = {name: np.asarray(values, SCORE_FIELDS[name]) for name, values in fields.items()}
    if cloud.rows is not None:
        scores["source_index"] = cloud.rows.astype(np.int32)
    return replace(cloud, fields=_replaced(cloud.fields, scores))


def _replaced(theirs: Mapping[str, NDArray], ours: dict[str, NDArray]) -> dict[str, NDArray]:
    """Both, ``ours`` last and in place of what the input called the same."""
    return {name: values for name, values in theirs.items() if name not in ours} | ours


def _write_fields(path: Path, cloud: PointCloud) -> None:
    if path.suffix.lower() not in FIELD_SUFFIXES:
        raise FileFormatError(
            f"{path}: {path.suffix!r} cannot carry values per point; "
            f"use one of {', '.join(FIELD_SUFFIXES)}"
        )
    write_cloud(path, cloud)


def not_read(suffix: str) -> str:
    """That files with a ``suffix`` of ``OTHER_FILES`` are not read, and how to get on."""
    return f"{suffix!r} files are not read: {OTHER_FILES[suffix.lower()]}"


def _require(suffix: str, table: dict[str, T], verb: str) -> T:
    found = table.get(suffix.lower())
    if found is None:
        if verb == "read" and suffix.lower() in OTHER_FILES:
            raise FileFormatError(not_read(suffix))
        raise FileFormatError(f"cannot {verb} {suffix!r} files; use one of {', '.join(table)}")
    return found
