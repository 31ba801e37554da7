"""What ``flawsmith pod`` is to find out, and where it keeps what it has found out already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from backend.errors import CloudError, DatasetError
from backend.file_names import shown
from backend.intake import PLAIN, Intake
from backend.io import readable_files
from backend.io.digest import file_digest
from backend.scoring.calibration import scans_needed
from backend.wording import counted

if TYPE_CHECKING:
    from backend.scoring.detector import Detector

# All seven kinds, in sizes that are ratios of the part's diagonal.
KINDS = Path(__file__).with_name("kinds.json")
PARTIAL = "partial"


@dataclass(frozen=True)
class PodPlan:
    """How small a defect a detector finds is to be examined; equal plans have equal results.

    Attributes:
        model: file of the detector.
        scans: folder of nominal scans that the detector has not seen.
        out: folder of the report; an interrupted examination goes on there.
        templates: files of templates, each entry of which is swept from small to large; by default
            one with all kinds of defects.
        nominal: file of the nominal model, to which the scans are registered; None if they are in
            one frame, that of the part.
        category: the part, as the detector names it; by default that of a detector of one part, or
            else the name of the scans' folder.
        count: defects of each entry.
        seed: seed of everything random.
        intake: how scans and nominal model are read.

    >>> plan = fs.PodPlan(Path("detector.safetensors"), Path("scans"), Path("pod"))
    >>> plan.count, plan.templates[0].name
    (60, 'kinds.json')
    """

    model: Path
    scans: Path
    out: Path
    templates: tuple[Path, ...] = (KINDS,)
    nominal: Path | None = None
    category: str | None = None
    count: int = 60
    seed: int = 0
    intake: Intake = PLAIN

    def scan_files(self) -> list[Path]:
        """The scans by name.

        Raises:
            DatasetError: there are none.
        """
        return readable_files(self.scans)

    def category_of(self, detector: Detector) -> str:
        """The category whose scans these are.

        Raises:
            DatasetError: it is not clear.
            CloudError: it cannot be examined, because none of its scans would be rejected.
        """
        known = list(detector.categories)
        folder = self.scans.resolve().name
        name = shown(self.category or (known[0] if len(known) == 1 else folder))
        if name not in known:
            raise DatasetError(
                f"{name!r} is no category of the detector; it knows {', '.join(known)}. "
                "Name one of them with --category"
            )
        limit = detector.categories[name].rule.reject
        if limit.value is None:
            raise CloudError(
                f"the detector rejects no scan of {name!r}, because "
                f"{counted(limit.scans, 'held-out nominal scan')} cannot certify a limit for "
                f"{limit.rate:.1%} false alarms; train it with {scans_needed(limit.rate)} or more"
            )
        return name

    def work_folder(self, versions: Mapping[str, str]) -> Path:
        """Where outcomes are kept; other plans, files and ``versions`` have other folders."""
        files = [self.model, *self.templates, *self.scan_files()]
        files += [] if self.nominal is None else [self.nominal]
        parts = [f"{path.name} {file_digest(path)}" for path in files]
        parts += [repr((self.category, self.scans.resolve().name, self.count, self.seed))]
        parts += [repr(self.intake), repr(self.nominal is None), repr(dict(versions))]
        key = hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).hexdigest()
        return self.out / PARTIAL / key[:16]
