"""A folder of data, written in the layout of a public benchmark.

The manifest ``OUT/export.json`` says of every sample where it comes from and where it went. It also
tells a later run which files are the export's own: those are replaced, or removed where the new run
has no use for them; no other file is touched. Until the manifest is written, a journal holds the
names, so that an interrupted run can be repeated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend import __version__
from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.folder import ANOMALOUS, DataFile, Sample, data_files, read_samples
from backend.dataset.layouts import LAYOUTS, BenchmarkPlace, ImageView, Split
from backend.dataset.layouts.layout import GOOD
from backend.dataset.layouts.organised import has_own_image
from backend.errors import DatasetError
from backend.file_names import shown
from backend.intake import ANY_TEXT, Intake, TextFormat
from backend.io import remove_unfinished, write_bytes, write_json
from backend.io.digest import file_digest
from shared_schema.recipe import MM_PER_UNIT, Unit

FORMAT = "flawsmith-export-1"
MANIFEST = "export.json"
JOURNAL = ".export.journal"

# An image shows this many diagonals of its category's first scan: room for a part in any pose, and
# for one that a defect has lengthened.
FIELD_OF_VIEW = 1.1


@dataclass(frozen=True)
class ExportConfig:
    """What is asked for.

    Attributes:
        layout: a name in ``LAYOUTS``.
        unit: of all files; needed where the layout has a unit of its own.
        test_share: part of each category's nominal scans, the last by name, that is not learned
            from; at least one scan and never all.
        pixels: width and height of images that a virtual camera makes.
        direction: how that camera looks, in the scans' frame.
        text: how text files write their numbers.
    """

    layout: str
    unit: str | None = None
    test_share: float = 1.0 / 3.0
    pixels: int = 224
    direction: tuple[float, float, float] = (0.0, 0.0, -1.0)
    text: TextFormat = ANY_TEXT


@dataclass(frozen=True)
class Slot:
    """A file, and what its name alone tells of its place."""

    file: DataFile
    number: int
    split: Split


def slots(files: Iterable[DataFile], test_share: float, validates: bool) -> list[Slot]:
    """Numbers and splits of ``files``, in their order.

    Numbers count through a category, so that a file keeps its number whatever becomes of others.
    Anomalous files are for the test. So are the last nominal ones by name; with ``validates``, the
    first half of these, rounded down, is for validation.
    """
    categories: dict[str, list[DataFile]] = {}
    for file in files:
        categories.setdefault(file.category, []).append(file)
    return [
        Slot(file, number, split)
        for members in categories.values()
        for number, (file, split) in enumerate(
            zip(members, _splits(members, test_share, validates), strict=True)
        )
    ]


def _splits(members: Sequence[DataFile], test_share: float, validates: bool) -> list[Split]:
    """The split of each file of one category, nominal ones first."""
    nominal = sum(not file.anomalous for file in members)
    held = min(max(1, round(test_share * nominal)), max(nominal - 1, 0))
    validation = held // 2 if validates else 0
    train = nominal - held
    test = len(members) - train - validation
    return [Split.TRAIN] * train + [Split.VALIDATION] * validation + [Split.TEST] * test


class Export:
    """One run: ``write`` each of ``files``, then ``finish``.

    Attributes:
        files: the files of the folder, in the order in which they are to be written.
    """

    def __init__(
        self,
        data: Path,
        out: Path,
        config: ExportConfig,
        tell: Callable[[Path, Sequence[str]], None] = lambda path, notices: None,
    ) -> None:
        """Look at both folders; nothing is written yet.

        Args:
            data: the folder to export.
            out: the folder for the layout.
            config: what is asked for.
            tell: is given the notices of each file that is read.

        Raises:
            DatasetError: ``data`` holds no scans, or a category that the layout's loaders would
                misread; ``out`` lies in it or holds an export in another layout; or the layout
                needs a unit.
        """
        self._data, self._out, self._config, self._tell = data, out, config, tell
        self._layout = LAYOUTS[config.layout]
        self._intake = Intake(None if config.unit is None else Unit(config.unit), text=config.text)
        if out.resolve().is_relative_to(data.resolve()):
            raise DatasetError(f"{out} lies in {data}, which is read; choose another --out folder")
        if self._layout.in_metres and config.unit is None:
            raise DatasetError(
                f"{self._layout.title} is in metres, and no unit is known of {data}; name it by "
                "--unit"
            )
        found = slots(data_files(data), config.test_share, self._layout.validates)
        self._slots = {slot.file.path: slot for slot in found}
        for category in {slot.file.category for slot in found}:
            self._check_words(category, self._layout.words, f"rename the folder {data / category}")
        self._earlier = _earlier_files(out, config.layout)
        self._samples: list[dict[str, Any]] = []
        self._places: list[BenchmarkPlace] = []
        self._left_out: list[dict[str, str]] = []
        self._written: set[str] = set()
        self._views: dict[str, ImageView] = {}

    @property
    def files(self) -> list[Path]:
        """The files to write, in their order."""
        return list(self._slots)

    @property
    def words_in_the_way(self) -> list[str]:
        """What the layout's loaders look for in a path, as far as the path of ``out`` has it."""
        folder = str(self._out.resolve())
        return [word for word in self._layout.words if word.isalpha() and word in folder]

    def write(self, path: Path) -> str | None:
        """Read the sample at ``path`` and write it in the layout.

        Returns:
            Why it was left out, or None.

        Raises:
            FileFormatError: it cannot be read.
            DatasetError: it does not fit the layout, or a file that is not ours is in the way.
        """
        slot = self._slots[path]
        samples, unmarked = read_samples([slot.file], self._intake)
        if unmarked:
            return self._leave_out(slot, "its mask marks no point")
        self._tell(path, samples[0].cloud.notices)
        place = self._place(slot, samples[0])
        exported = self._layout.files(place, samples[0].cloud, self._view(slot, samples[0].cloud))
        if place.anomalous and not exported.marked:
            return self._leave_out(slot, "none of its marked points is seen")
        self._put(exported.files)
        self._places.append(place)
        self._samples.append(
            {
                "category": place.category,
                "split": str(place.split),
                "kind": place.kind,
                "points": exported.points,
                "marked": exported.marked,
                "unseen": len(samples[0].cloud) - exported.points,
                "source": {"file": self._name(slot), "sha256": file_digest(path)},
                "files": list(exported.files),
            }
        )
        return None

    def finish(self) -> Path:
        """Write tables and manifest, and remove what an earlier run wrote and this one did not."""
        tables = self._layout.tables(self._places)
        self._put(tables)
        names = (MANIFEST, *self._earlier, *self._written)
        remove_unfinished(self._out / name for name in names)
        for name in sorted(self._earlier - self._written):
            _remove(self._out, name)
        manifest = {
            "format": FORMAT,
            "flawsmith": __version__,
            "layout": self._config.layout,
            "unit": self._config.unit,
            "test_share": self._config.test_share,
            "pixels": self._config.pixels,
            "direction": list(self._config.direction),
            "samples": self._samples,
            "left_out": self._left_out,
            "tables": list(tables),
        }
        write_json(self._out / MANIFEST, manifest)
        (self._out / JOURNAL).unlink(missing_ok=True)
        return self._out / MANIFEST

    def _leave_out(self, slot: Slot, reason: str) -> str:
        self._left_out.append({"file": self._name(slot), "reason": reason})
        return reason

    def _name(self, slot: Slot) -> str:
        return shown(slot.file.path.relative_to(self._data).as_posix())

    def _place(self, slot: Slot, sample: Sample) -> BenchmarkPlace:
        kind = _in_letters(sample.kind) if slot.file.anomalous else GOOD
        if slot.file.anomalous:
            self._check_words(kind, (*self._layout.words, GOOD), "rename the kind in the record")
        return BenchmarkPlace(slot.file.category, slot.number, slot.split, kind)

    def _check_words(self, name: str, words: Sequence[str], way_out: str) -> None:
        for word in words:
            if word in name:
                raise DatasetError(
                    f"loaders of {self._layout.title} misread paths with {word!r} in them, as in "
                    f"{name!r}; {way_out}"
                )

    def _view(self, slot: Slot, cloud: LabeledCloud) -> ImageView:
        """The view of the category, made for its first scan."""
        if slot.file.category not in self._views:
            self._views[slot.file.category] = _view_of(cloud, self._config)
        return self._views[slot.file.category]

    def _put(self, files: Mapping[str, bytes]) -> None:
        """Write ``files``, each named in the journal before it appears."""
        known = self._earlier | self._written
        for name in files:
            if name not in known and (self._out / name).exists():
                raise DatasetError(
                    f"{self._out / name} is there already and no export wrote it; move it away, or "
                    "choose another --out folder"
                )
        if not files:
            return
        self._out.mkdir(parents=True, exist_ok=True)
        with (self._out / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.writelines(f"{name}\n" for name in files)
        for name, data in files.items():
            write_bytes(self._out / name, data)
        self._written |= set(files)


def _view_of(cloud: LabeledCloud, config: ExportConfig) -> ImageView:
    """A view that is large enough for ``cloud``."""
    unit = Unit.M if config.unit is None else Unit(config.unit)
    return ImageView(
        metres=MM_PER_UNIT[unit] / MM_PER_UNIT[Unit.M],
        pixels=config.pixels,
        direction=config.direction,
        extent=FIELD_OF_VIEW * PointCloud(cloud.points).part_diagonal,
        own_images=has_own_image(cloud),
    )


def _in_letters(kind: str) -> str:
    """``kind`` as a name that every loader can take apart: small letters alone."""
    letters = re.sub(r"[^a-z]", "", kind.lower())
    return letters or ANOMALOUS


def _earlier_files(out: Path, layout: str) -> set[str]:
    """Names of the files that earlier runs wrote into ``out``, finished or not.

    Raises:
        DatasetError: its manifest is no such, or of another layout.
    """
    names: set[str] = set()
    manifest = out / MANIFEST
    if manifest.exists():
        try:
            document = json.loads(manifest.read_text(encoding="utf-8"))
            theirs = document["layout"] if document["format"] == FORMAT else None
            names.update(document["tables"])
            names.update(name for sample in document["samples"] for name in sample["files"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f"{manifest}: not the manifest of an export ({error!r}); choose another --out "
                "folder"
            ) from error
        if theirs != layout:
            raise DatasetError(
                f"{out} holds an export in the layout {theirs!r}; choose another --out folder"
            )
    journal = out / JOURNAL
    if journal.exists():
        names.update(journal.read_text(encoding="utf-8").splitlines())
    return names


def _remove(out: Path, name: str) -> None:
    """Remove ``out/name`` and the folders that this leaves empty."""
    path = out / name
    if not path.resolve().is_relative_to(out.resolve()):
        return
    path.unlink(missing_ok=True)
    with suppress(OSError):
        for folder in path.parents:
            if folder == out:
                break
            folder.rmdir()
