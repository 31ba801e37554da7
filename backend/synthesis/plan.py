"""What ``flawsmith synthesize`` is to make, and where each file of it goes.

OUT/CATEGORY/anomalous/00000.safetensors    a sample with its record
OUT/CATEGORY/nominal/SCAN.safetensors       a scan that was used, its normals outward, with a record
OUT/CATEGORY/manifest.json                  all of them, once all are there
OUT/CATEGORY/synthesize.json                what they are made from
OUT/CATEGORY/.synthesize/                   what a run that goes on need not find out again

So one folder OUT takes the samples of several parts, each made by a plan of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backend.dataset.folder import ANOMALOUS, NOMINAL
from backend.dataset.shards import SUFFIX
from backend.errors import DatasetError
from backend.file_names import shown
from backend.intake import PLAIN, Intake
from backend.io import readable_files
from backend.replay.replay import OnEmpty
from shared_schema.sensor import Sensor

INPUTS_FILE = "synthesize.json"


def scan_name(file: Path) -> str:
    """What the scan in ``file`` is called in the data set; it goes into names and into JSON."""
    return shown(file.stem)


@dataclass(frozen=True)
class SynthesisPlan:
    """A data set to be made; equal plans on equal files give equal files.

    Attributes:
        template: file of the recipe template, whose unit is the part's.
        scans: folder of defect-free scans.
        out: the folder of data, which may hold other categories too.
        category: name of the part.
        nominal: file of the nominal model, to which scans are registered; None if they are in the
            part frame.
        views: file of a view set in the part's unit, for templates that mark places in views.
        intake: how scans and nominal model are read; a unit that it lacks is the part's.
        seed: seed of everything random.
        suffix: format of the clouds: ``".safetensors"``, or one of ``FIELD_SUFFIXES``, which get
            their record beside them.
        on_empty: ``"refuse"`` draws a recipe anew if any of its defects marks no point.
        nominal_scans: whether the scans are written into the data set too.
        sensor: a sensor that scans the deformed surfaces and the nominal scans of the data set,
            which a detector could otherwise tell apart by it; or None.

    >>> plan = fs.SynthesisPlan(Path("template.json"), Path("scans"), Path("data"), "bracket")
    >>> plan.sample_file(0).as_posix()
    'data/bracket/anomalous/00000.safetensors'
    """

    template: Path
    scans: Path
    out: Path
    category: str
    nominal: Path | None = None
    views: Path | None = None
    intake: Intake = PLAIN
    seed: int = 0
    suffix: str = SUFFIX
    on_empty: OnEmpty = "skip"
    nominal_scans: bool = True
    sensor: Sensor | None = None

    def scan_files(self) -> list[Path]:
        """The scans by name.

        Raises:
            DatasetError: there are none, or two would be written under one name.
        """
        files = readable_files(self.scans)
        seen: dict[str, Path] = {}
        for path in files:
            # Some file systems do not tell upper from lower case.
            other = seen.setdefault(scan_name(path).casefold(), path)
            if other != path:
                raise DatasetError(
                    f"{other} and {path} would both be written as {scan_name(path)!r}; rename one"
                )
        return files

    @property
    def folder(self) -> Path:
        """Where everything of the category goes."""
        return self.out / self.category

    @property
    def anomalous_folder(self) -> Path:
        """Where the samples go."""
        return self.folder / ANOMALOUS

    @property
    def nominal_folder(self) -> Path:
        """Where the scans go."""
        return self.folder / NOMINAL

    @property
    def manifest_file(self) -> Path:
        """Lists everything; it is there when everything is."""
        return self.folder / "manifest.json"

    @property
    def inputs_file(self) -> Path:
        """Says what the data set is made from."""
        return self.folder / INPUTS_FILE

    @property
    def work_folder(self) -> Path:
        """Holds what a run that goes on need not find out again."""
        return self.folder / ".synthesize"

    def sample_file(self, number: int) -> Path:
        """Cloud of sample ``number``."""
        return self.anomalous_folder / f"{number:05d}{self.suffix}"

    def missing_file(self, number: int) -> Path:
        """Says why there is no sample ``number``."""
        return self.work_folder / "missing" / f"{number:05d}.json"

    def nominal_file(self, scan: str) -> Path:
        """The scan as it is exported into the data set."""
        return self.nominal_folder / f"{scan}{self.suffix}"

    def prepared_file(self, scan: str) -> Path:
        """The scan that samples are made from: the exported one, where that is the same."""
        if self.nominal_scans and self.suffix == SUFFIX and self.sensor is None:
            return self.nominal_file(scan)
        return self.work_folder / "scans" / f"{scan}{SUFFIX}"

    def index_file(self, scan: str) -> Path:
        """What else processes would have to find out of a scan, each for itself."""
        return self.work_folder / "index" / f"{scan}{SUFFIX}"

    def skipped_file(self, scan: str) -> Path:
        """Says why a scan is not used."""
        return self.work_folder / "scans" / f"{scan}.json"
