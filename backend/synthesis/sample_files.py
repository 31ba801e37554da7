"""Samples on disk, found by their records, and made again from the files that those name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from backend.cloud import LabeledCloud
from backend.dataset.shards import SUFFIX, read_record, write_sample
from backend.errors import FileFormatError, ReplayError, SchemaError
from backend.file_names import meant
from backend.io import write_json, write_labeled
from backend.io.digest import file_digest
from backend.io.sources import read_again, way
from backend.remake import remake
from backend.replay.replay import versions
from backend.synthesis.manifest import Inputs
from backend.synthesis.plan import INPUTS_FILE
from shared_schema.load import load_document, parse_document
from shared_schema.record import ModelSource, ReplayRecord

# A sample lies this many folders below the synthesize.json of its category.
FOLDERS_DEEP = 1


@dataclass(frozen=True)
class SampleFile:
    """A sample on disk.

    Attributes:
        cloud: the file of its points, which may be missing unless it holds the record.
        record: how the sample was made.
        record_file: the file of the record.

    >>> surface = fs.surface_of(fs.load_sample("plate_holes"), "plate", fs.Unit.MM)
    >>> (recipe,) = fs.sample(fs.load_template("sheet_metal/dents"), surface, seed=0, count=1)
    >>> labeled, record = fs.replay(recipe, surface.cloud)
    >>> sample = fs.SampleFile(folder / "0.ply", record, folder / "0.json")
    >>> sample.write(labeled, folder).name
    '0.ply'
    """

    cloud: Path
    record: ReplayRecord
    record_file: Path

    @classmethod
    def read(cls, path: Path) -> SampleFile:
        """That of the record at ``path``, a JSON file or a sample that holds its record.

        Raises:
            FileFormatError: it is neither, or damaged.
            SchemaError: the record breaks the schema, or is of another version.
        """
        if path.suffix.lower() == SUFFIX:
            return cls(path, _parsed(path), path)
        record = load_document(path, ReplayRecord)
        if record.format is None:
            raise FileFormatError(
                f"{path}: the record does not name the format of its cloud, so it does not belong "
                "to a sample on disk; use a record of flawsmith replay or flawsmith synthesize"
            )
        return cls(path.with_suffix(record.format), record, path)

    def remade(self, scan: Path | None = None, nominal: Path | None = None) -> LabeledCloud:
        """The sample from the files that it was made of.

        Args:
            scan: the scan's file; looked for where the record says if None.
            nominal: the nominal model's file; likewise.

        Raises:
            FileFormatError: a file cannot be read.
            ReplayError: a file is missing, or is not the one that the record names; or as
                ``remake``.
        """
        source = self.record.source
        if source is None:
            raise ReplayError(
                f"{self.record_file}: the record names no file of a scan, because it was made from "
                "arrays; remake it in Python"
            )
        cloud = read_again(self._find(source, scan, "scan"), source)
        model = None
        if self.record.nominal is not None:
            path = self._find(self.record.nominal, nominal, "nominal")
            model = read_again(path, self.record.nominal)
        return remake(self.record, cloud, model)

    def is_there(self) -> bool:
        """Whether the cloud is where the record has it; the scan may be there under its name."""
        source = self.record.source
        there = self.cloud.is_file()
        return there and (source is None or file_digest(self.cloud) != source.sha256)

    def files_in(self, folder: Path) -> tuple[Path, ...]:
        """What ``write`` writes to ``folder``: the cloud, and the record where it is apart."""
        target = folder / self.cloud.name
        return (target,) if target.suffix == SUFFIX else (target, target.with_suffix(".json"))

    def write(self, labeled: LabeledCloud, folder: Path) -> Path:
        """Write ``labeled`` with its record to ``folder``, as the sample was; its cloud's file."""
        target = folder / self.cloud.name
        write_with_record(target, labeled, self._as_seen_from(folder))
        return target

    def _as_seen_from(self, folder: Path) -> ReplayRecord:
        """The record with the paths from ``folder``."""
        moved = {}
        for name in ("source", "nominal"):
            source = getattr(self.record, name)
            if source is not None and source.path is not None:
                path = way(folder, self.record_file.parent / source.path)
                moved[name] = source.model_copy(update={"path": path})
        return self.record.model_copy(update=moved)

    def _find(self, source: ModelSource, given: Path | None, option: str) -> Path:
        """The very file of ``source``: the one that was given, else where it may be."""
        places = [given] if given is not None else self._places(source, option)
        # The record has names as they are shown.
        names = [name for path in places for name in (path, Path(meant(str(path))))]
        others = {}
        for path in dict.fromkeys(names):
            if path.is_file():
                others[path] = file_digest(path)
                if others[path] == source.sha256:
                    return path
        if given is None:
            looked = ", ".join(str(path.parent) for path in dict.fromkeys(places))
            raise ReplayError(
                f"{source.file!r} with SHA-256 {source.sha256[:8]}… is not in {looked}; name it "
                f"by --{option}"
            )
        raise ReplayError(
            f"{given} is not the file {source.file!r} that the record names: its SHA-256 is "
            f"{others[given]}, not {source.sha256}; give the file that the sample was made from"
        )

    def _places(self, source: ModelSource, option: str) -> list[Path]:
        """Where a file may be: beside the record, and where it was."""
        folder = self.record_file.parent
        places = [folder / source.file]
        if source.path is not None:
            places.append(folder / source.path)
        category = self.record_file.resolve().parents[FOLDERS_DEEP]
        inputs_file = category / INPUTS_FILE
        if inputs_file.is_file():
            inputs = Inputs.model_validate_json(inputs_file.read_text(encoding="utf-8"))
            there = inputs.scans_folder if option == "scan" else inputs.nominal_folder
            if there is not None:
                places.append(category.parent / there / source.file)
        return places


def _parsed(path: Path) -> ReplayRecord:
    """The record in a sample's own file."""
    try:
        return parse_document(json.dumps(read_record(path)), ReplayRecord)
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from error


def write_with_record(path: Path, labeled: LabeledCloud, record: ReplayRecord) -> None:
    """Write a sample to ``path``, its record into the same file or, by its format, beside it."""
    document = record.model_dump(mode="json")
    if path.suffix == SUFFIX:
        write_sample(path, labeled, document)
    else:
        write_labeled(path, labeled)
        # Last: where it is, the sample is done.
        write_json(path.with_suffix(".json"), document)


def changed_versions(record: ReplayRecord) -> str:
    """In words, which versions are others now than those of ``record``; nothing if none is."""
    now = versions()
    changed = [
        f"{name} was {before} and is {now.get(name, 'none')}"
        for name, before in record.versions.items()
        if now.get(name) != before
    ]
    return ", ".join(changed)
