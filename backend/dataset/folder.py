"""A folder of data to train and to evaluate on: what is in it, and reading it.

DATA/CATEGORY/nominal/*     scans without a defect, in any readable format
DATA/CATEGORY/anomalous/*   labelled clouds as ``flawsmith replay`` writes them
DATA/CATEGORY/model.*       its nominal model, a mesh, where there is one

The clouds may also be the ``.safetensors`` files of ``flawsmith synthesize``, which hold their
record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backend.cloud import LabeledCloud, PointCloud
from backend.cloud.normals import with_known_normals
from backend.cloud.surface import require_surface
from backend.cloud.thinned_scan import check_enough
from backend.dataset.shards import SUFFIX, read_sample, read_scan
from backend.errors import DatasetError, FlawsmithError, MissingDependencyError
from backend.file_names import shown
from backend.intake import PLAIN, Intake
from backend.io import FIELD_SUFFIXES, OTHER_FILES, READERS, read_cloud, read_labeled
from backend.progress import Progress, track

NOMINAL = "nominal"
ANOMALOUS = "anomalous"
MODEL = "model"
SEVERAL = "several"


@dataclass(frozen=True)
class DataFile:
    """A file of the folder.

    Attributes:
        path: where it is.
        category: name of the part it shows.
        anomalous: whether it is labelled, or free of defects.
        validation: whether it is of the validation split of a data set that has one.
    """

    path: Path
    category: str
    anomalous: bool
    validation: bool = False


@dataclass(frozen=True, eq=False)
class Sample:
    """A file that was read.

    Attributes:
        file: which one.
        cloud: of a nominal file, with an empty mask.
        kind: the defect kind that the record in or beside the file names, ``"several"`` if it names
            more than one, ``"anomalous"`` without a record; ``"nominal"`` without a defect.
    """

    file: DataFile
    cloud: LabeledCloud
    kind: str


@dataclass(frozen=True)
class LeftOut:
    """A file that is not used.

    Attributes:
        file: which one.
        reason: why, as a person reads it.
        unreadable: whether it could not be read; else it marks no point.
    """

    file: DataFile
    reason: str
    unreadable: bool


def data_files(folder: Path) -> list[DataFile]:
    """The files of ``folder``, by category, nominal ones first, in the order of their names.

    Raises:
        DatasetError: there are none.
    """
    files = [
        DataFile(path, shown(category.name), anomalous)
        for category in sorted(folder.iterdir())
        for anomalous in (False, True)
        for path in _clouds_in(category / (ANOMALOUS if anomalous else NOMINAL), anomalous)
    ]
    if not files:
        raise DatasetError(
            f"{folder}: no scans found; they belong into {folder}/CATEGORY/{NOMINAL}, labelled "
            f"clouds into {folder}/CATEGORY/{ANOMALOUS}"
        )
    return files


def _clouds_in(folder: Path, anomalous: bool) -> list[Path]:
    # Those that are known and not read are refused by name when their turn comes.
    suffixes = {*(FIELD_SUFFIXES if anomalous else READERS), *OTHER_FILES, SUFFIX}
    return sorted(
        path
        for path in folder.glob("*")
        if path.suffix.lower() in suffixes and not path.name.startswith(".")
    )


def read_samples(
    files: Iterable[DataFile], intake: Intake = PLAIN
) -> tuple[list[Sample], list[DataFile]]:
    """Read ``files``, and tell which anomalous ones mark no point; those are left out.

    Normals count only in a category whose every file has them: estimated here and given there,
    they would tell the two kinds of files apart.

    Args:
        files: in the order wanted.
        intake: the unit of their lengths, and where the sensor stood.

    Raises:
        FileFormatError: a file cannot be read, or an anomalous one has no mask.
        DatasetError: a record cannot be read.
    """
    samples = [_read_sample(file, intake) for file in files]
    unmarked = [sample.file for sample in samples if _is_unmarked(sample)]
    return _alike(sample for sample in samples if not _is_unmarked(sample)), unmarked


def read_usable(
    files: Iterable[DataFile],
    intake: Intake = PLAIN,
    read: Callable[[DataFile, Intake], Sample] | None = None,
) -> tuple[list[Sample], list[LeftOut]]:
    """Read those of ``files`` that can be read and used, and tell why the others cannot.

    Otherwise as ``read_samples``.

    Args:
        files: in the order wanted.
        intake: how the scans are taken in.
        read: reads a file; by default one of flawsmith's own layout.

    Raises:
        DatasetError: of a category's nominal scans none can be used.
        MissingDependencyError: an optional package is not installed.
    """
    samples: list[Sample] = []
    left_out: list[LeftOut] = []
    for file in files:
        try:
            sample = (read or _read_sample)(file, intake)
            check_enough(len(sample.cloud))
        except MissingDependencyError:
            raise
        except FlawsmithError as error:
            reason = str(error).removeprefix(f"{shown(file.path)}: ")
            left_out.append(LeftOut(file, reason, unreadable=True))
            continue
        if _is_unmarked(sample):
            left_out.append(LeftOut(file, "its mask marks no point", unreadable=False))
        else:
            samples.append(sample)
    _require_nominal(samples, left_out)
    return _alike(samples), left_out


def _require_nominal(samples: Sequence[Sample], left_out: Sequence[LeftOut]) -> None:
    """Refuse to go on where a category has lost all its nominal scans."""
    lost: dict[str, list[LeftOut]] = {}
    for one in left_out:
        if not one.file.anomalous:
            lost.setdefault(one.file.category, []).append(one)
    for category, files in lost.items():
        if not any(s.file.category == category and not s.file.anomalous for s in samples):
            reasons = "; ".join(f"{one.file.path.name}: {one.reason}" for one in files)
            raise DatasetError(
                f"none of the {len(files)} nominal scans of {category!r} can be used: {reasons}"
            )


def _is_unmarked(sample: Sample) -> bool:
    return sample.file.anomalous and not bool(sample.cloud.mask.any())


def _alike(samples: Iterable[Sample]) -> list[Sample]:
    """Without the normals of a category where any sample has none."""
    kept = list(samples)
    without = {s.file.category for s in kept if s.cloud.normals is None}
    return [_without_normals(s) if s.file.category in without else s for s in kept]


def read_reported(
    files: Sequence[DataFile],
    intake: Intake,
    progress: Progress,
    notice: Callable[[Path, Sequence[str]], None],
    read: Callable[[DataFile, Intake], Sample] | None = None,
) -> tuple[list[Sample], list[LeftOut]]:
    """As ``read_usable``, with the progress and what there is to know about each file reported.

    Args:
        files: in the order wanted.
        intake: how the scans are taken in.
        progress: follows the reading.
        notice: takes a file and what the user is to know about it.
        read: reads a file; by default one of flawsmith's own layout.
    """
    samples, left_out = read_usable(track(progress, files, "Reading"), intake, read)
    for one in left_out:
        notice(one.file.path, [f"left out, {one.reason}"])
    for sample in samples:
        notice(sample.file.path, sample.cloud.notices)
    return samples, left_out


def nominal_models(folder: Path, intake: Intake = PLAIN) -> dict[str, PointCloud]:
    """The nominal models in ``folder``, in the unit of the scans, by the category that has one.

    Args:
        folder: of the data.
        intake: the units of both; without one of its own, a model is in that of the scans.

    Raises:
        DatasetError: a category has several, or only the models' unit is known.
        FileFormatError: one cannot be read.
        CloudError: one has no faces, and was not fused.
    """
    if intake.nominal_unit is not None and intake.unit is None:
        raise DatasetError(
            f"the nominal models are in {intake.nominal_unit}, but the unit of the scans is not "
            "known; name it by --unit"
        )
    models = {}
    for category in sorted(path for path in folder.iterdir() if path.is_dir()):
        models_there = sorted(category.glob(f"{MODEL}.*"))
        files = [path for path in models_there if path.suffix.lower() in READERS]
        # A CAD file beside what was exported from it is of no matter, but alone it is no model.
        files = files or [path for path in models_there if path.suffix.lower() in OTHER_FILES]
        if len(files) > 1:
            names = " and ".join(path.name for path in files)
            raise DatasetError(f"{category}: {names} are there; a category has one nominal model")
        for path in files:
            model = read_cloud(path, unit=intake.nominal_unit or intake.unit).surface
            require_surface(model)
            models[shown(category.name)] = (
                model if intake.unit is None else model.in_unit(intake.unit)
            )
    return models


def _read_sample(file: DataFile, intake: Intake) -> Sample:
    read = _read_packed if file.path.suffix.lower() == SUFFIX else _read_loose
    cloud, record = read(file, intake)
    return Sample(file, cloud, _kind(record) if file.anomalous else NOMINAL)


def _read_loose(file: DataFile, intake: Intake) -> tuple[LabeledCloud, dict[str, Any]]:
    """A file of points, and of a labelled one the record beside it."""
    if file.anomalous:
        labeled = read_labeled(file.path, unit=intake.unit, text=intake.text)
        return with_scan_normals(labeled, intake), _record_beside(file.path)
    scan = read_cloud(file.path, unit=intake.unit, text=intake.text).surface
    if intake.unit is None and scan.unit is not None:
        raise DatasetError(
            f"{file.path}: its columns are said to be in {scan.unit}, but all files need one unit; "
            f"name it by --unit, and convert those that are in another"
        )
    return LabeledCloud.nominal(with_known_normals(scan, intake.viewpoint)), {}


def with_scan_normals(labeled: LabeledCloud, intake: Intake) -> LabeledCloud:
    """``labeled`` with normals where it has them or it is known where the sensor stood."""
    cloud = PointCloud(labeled.points, labeled.normals)
    return replace(labeled, normals=with_known_normals(cloud, intake.viewpoint).normals)


def _read_packed(file: DataFile, intake: Intake) -> tuple[LabeledCloud, dict[str, Any]]:
    """A file that holds its record, and so says its unit."""
    if file.anomalous:
        cloud, record = read_sample(file.path)
    else:
        scan, record = read_scan(file.path)
        cloud = LabeledCloud.nominal(with_known_normals(scan))
    stated = record.get("source", {}).get("unit")
    if None not in (intake.unit, stated) and intake.unit != stated:
        raise DatasetError(
            f"{file.path}: its lengths are in {stated}, not in {intake.unit}; leave the unit "
            "out, or give all files the same"
        )
    return cloud, record


def _without_normals(sample: Sample) -> Sample:
    return replace(sample, cloud=replace(sample.cloud, normals=None))


def _kind(record: dict[str, Any]) -> str:
    """What the record of a labelled cloud says of the defects that marked points."""
    kinds = {defect["kind"] for defect in record.get("defects", []) if defect.get("points", 1)}
    if not kinds:
        return ANOMALOUS
    return str(kinds.pop()) if len(kinds) == 1 else SEVERAL


def _record_beside(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    if not beside.exists():
        return {}
    try:
        record = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{beside}: not a readable record ({error}); replay the recipe again, or delete it"
        ) from error
    return record if isinstance(record, dict) else {}
