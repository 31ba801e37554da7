"""Scoring all labelled scans of a data set, so that an interrupted run goes on."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.benchmark import OWN, Case, find_files, protocol_of, read_file
from backend.dataset.folder import Sample, data_files, read_reported
from backend.dataset.layouts import Split
from backend.errors import FlawsmithError, MissingDependencyError
from backend.evaluation.cases import ScoredCase, TestCase, score_case
from backend.file_names import shown
from backend.intake import Intake
from backend.io.digest import file_digest
from backend.progress import Progress, track
from backend.scoring.detector import Detector
from backend.scoring.part import part_in_scan
from backend.scoring.scan import unit_scale
from backend.scoring.stored import read_scores, write_scores

PARTIAL = "partial"


@dataclass(frozen=True, eq=False)
class Reporter:
    """How the user learns what happens.

    Attributes:
        progress: follows the reading and the scoring.
        notice: takes a file and what there is to know about it.
        failure: takes a file that is left out, and why.
    """

    progress: Progress
    notice: Callable[[Path, Sequence[str]], None]
    failure: Callable[[Path, str], None]


@dataclass(frozen=True, eq=False)
class _Item:
    """A scan to be read and scored."""

    path: Path
    category: str
    read: Callable[[], Case]


@dataclass(eq=False)
class Evaluation:
    """Scoring the labelled scans of a data set.

    Attributes:
        detector: what is measured.
        model_digest: SHA-256 of its file; scores that are kept are of this model only.
        data: the folder of the data set.
        layout: ``"flawsmith"`` or a public benchmark, whose test split is scored.
        intake: how the scans are taken in.
        category: the detector's category for all scans; None: what the data set calls it.
        out: folder in which the scores are kept until ``finish``.
        reporter: how the user learns what happens.
        failed: number of scans that could not be read or scored.
    """

    detector: Detector
    model_digest: str
    data: Path
    layout: str
    intake: Intake
    category: str | None
    out: Path
    reporter: Reporter
    failed: int = 0
    _items: dict[str, _Item] = field(default_factory=dict)
    _noticed: set[Path] = field(default_factory=set)

    def score(self) -> tuple[list[ScoredCase], list[dict[str, Any]]]:
        """Score the scans that were not scored by an earlier run.

        Returns:
            The scored scans, without their points, and a record of each.

        Raises:
            CloudError: a category of the data set is unknown to the detector.
            DatasetError: there are no scans.
        """
        protocol = protocol_of(self.layout)
        self._items = {self._name(item.path): item for item in self._found()}
        for item in self._items.values():
            self.detector.normalization.scale(self.category or item.category)
        scored, records = [], []
        for name, item in track(self.reporter.progress, self._items.items(), "Scoring"):
            try:
                one = self._scored(item)
            except MissingDependencyError:
                raise
            except FlawsmithError as error:
                self.failed += 1
                reason = str(error).removeprefix(f"{shown(item.path)}: ")
                self.reporter.failure(item.path, reason)
                continue
            records.append(_record(name, one))
            scored.append(one.without_geometry(protocol))
        return scored, records

    def scored_again(self, name: str) -> ScoredCase:
        """The scan of a record of ``score``, with its points."""
        return self._scored(self._items[name])

    def finish(self) -> None:
        """Delete the scores that were kept for another run."""
        shutil.rmtree(self.out / PARTIAL, ignore_errors=True)

    def _name(self, path: Path) -> str:
        return shown(path.relative_to(self.data).as_posix())

    def _found(self) -> Iterator[_Item]:
        if self.layout == OWN:
            for sample in self._samples():
                yield _Item(sample.file.path, sample.file.category, _given(Case(sample)))
            return
        for file in find_files(self.data, self.layout, (Split.TEST,)):
            yield _Item(
                file.path,
                file.place.category,
                lambda one=file: self._read(one),  # type: ignore[misc]
            )

    def _read(self, file: Any) -> Case:
        return read_file(file, self.layout, self.intake)

    def _samples(self) -> list[Sample]:
        reporter = self.reporter
        samples, left_out = read_reported(
            data_files(self.data), self.intake, reporter.progress, reporter.notice
        )
        self.failed += sum(one.unreadable for one in left_out)
        return samples

    def _scored(self, item: _Item) -> ScoredCase:
        """The scan with its scores, which are kept until the run is finished."""
        found = item.read()
        name = self.category or item.category
        cloud = self._of_part(found.sample.cloud, item.path, name)
        case = TestCase(cloud, name, found.sample.kind, found.image)
        kept = self._kept / f"{file_digest(item.path)}.safetensors"
        result = read_scores(kept, len(cloud))
        if result is not None:
            return ScoredCase(case, result)
        scored = score_case(self.detector, case)
        write_scores(kept, scored.result)
        return scored

    @property
    def _kept(self) -> Path:
        """Where the scores of this detector are, of scans that were taken in like this."""
        taken_in = hashlib.sha256(repr(self.intake).encode()).hexdigest()
        return self.out / PARTIAL / f"{self.model_digest[:16]}-{taken_in[:16]}"

    def _of_part(self, cloud: LabeledCloud, path: Path, category: str) -> LabeledCloud:
        """What of the scan belongs to the part, in the detector's unit."""
        scan = PointCloud(cloud.points, cloud.normals, unit=self.intake.unit)
        part, _ = part_in_scan(self.detector, scan, category, self.intake)
        if path not in self._noticed:
            self.reporter.notice(path, part.notices)
            self._noticed.add(path)
        cloud = cloud.take(part.file_rows)
        scale = unit_scale(self.detector, self.intake.unit)
        return replace(cloud, points=cloud.points * scale)


def _given(case: Case) -> Callable[[], Case]:
    return lambda: case


def _record(name: str, scored: ScoredCase) -> dict[str, Any]:
    return {
        "file": name,
        "category": scored.case.category,
        "kind": scored.case.kind,
        "object_score": scored.result.object_score,
        "verdict": scored.result.verdict,
        "reasons": list(scored.result.reasons),
    }
