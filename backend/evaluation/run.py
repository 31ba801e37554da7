"""Scoring all labelled scans of a data set, so that an interrupted run goes on."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.benchmark import OWN, Case, find_files, protocol_of, read_file
from backend.dataset.folder import Sample, data_files, read_reported
from backend.dataset.layouts import BenchmarkFile, Split
from backend.engine.processes import in_order
from backend.errors import FlawsmithError, MissingDependencyError
from backend.evaluation.cases import ScoredCase, TestCase, score_case
from backend.file_names import shown
from backend.intake import Intake
from backend.io.digest import file_digest
from backend.progress import Progress, track
from backend.scoring.loaded import LoadedDetector
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
    """A scan to be scored; the file of a benchmark has still to be read."""

    path: Path
    category: str
    source: Case | BenchmarkFile


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What came of a scan: its scores, or the reason why there are none; and its notices."""

    scored: ScoredCase | None
    notices: Sequence[str] = ()
    reason: str = ""


@dataclass(frozen=True, eq=False)
class _Scoring:
    """All that scoring a scan needs, also in another process.

    Attributes:
        loaded: the detector.
        layout, intake, category: as in ``Evaluation``.
        kept: folder of the scores of this detector, of scans that were taken in like this.
    """

    loaded: LoadedDetector
    layout: str
    intake: Intake
    category: str | None
    kept: Path

    def outcome(self, item: _Item) -> _Outcome:
        """Score a scan; without its points, for data sets larger than memory."""
        try:
            scored, notices = self.scored(item)
        except MissingDependencyError:
            raise
        except FlawsmithError as error:
            return _Outcome(None, reason=str(error).removeprefix(f"{shown(item.path)}: "))
        return _Outcome(scored.without_geometry(protocol_of(self.layout)), notices)

    def scored(self, item: _Item) -> tuple[ScoredCase, Sequence[str]]:
        """The scan with its scores, which are kept until the run is finished, and its notices."""
        source = item.source
        found = source if isinstance(source, Case) else read_file(source, self.layout, self.intake)
        name = self.category or item.category
        cloud, notices = self._of_part(found.sample.cloud, name)
        case = TestCase(cloud, name, found.sample.kind, found.image)
        kept = self.kept / f"{file_digest(item.path)}.safetensors"
        result = read_scores(kept, len(cloud))
        if result is not None:
            return ScoredCase(case, result), notices
        scored = score_case(self.loaded.detector, case)
        write_scores(kept, scored.result)
        return scored, notices

    def _of_part(self, cloud: LabeledCloud, category: str) -> tuple[LabeledCloud, Sequence[str]]:
        """What of the scan belongs to the part, in the detector's unit; and its notices."""
        scan = PointCloud(cloud.points, cloud.normals, unit=self.intake.unit)
        part, _ = part_in_scan(self.loaded.detector, scan, category, self.intake)
        cloud = cloud.take(part.file_rows)
        scale = unit_scale(self.loaded.detector, self.intake.unit)
        return replace(cloud, points=cloud.points * scale), part.notices


@dataclass(eq=False)
class Evaluation:
    """Scoring the labelled scans of a data set.

    Attributes:
        loaded: the detector that is measured.
        model_digest: SHA-256 of its file; scores that are kept are of this model only.
        data: the folder of the data set.
        layout: ``"flawsmith"`` or a public benchmark, whose test split is scored.
        intake: how the scans are taken in.
        category: the detector's category for all scans; None: what the data set calls it.
        out: folder in which the scores are kept until ``finish``.
        reporter: how the user learns what happens.
        jobs: number of processes; as many as there are cores if None.
        failed: number of scans that could not be read or scored.
    """

    loaded: LoadedDetector
    model_digest: str
    data: Path
    layout: str
    intake: Intake
    category: str | None
    out: Path
    reporter: Reporter
    jobs: int | None = None
    failed: int = 0
    _items: dict[str, _Item] = field(default_factory=dict)

    def score(self) -> tuple[list[ScoredCase], list[dict[str, Any]]]:
        """Score the scans that were not scored by an earlier run.

        Returns:
            The scored scans, without their points, and a record of each.

        Raises:
            CloudError: a category of the data set is unknown to the detector.
            DatasetError: there are no scans.
            EngineError: a process was killed.
        """
        self._items = {self._name(item.path): item for item in self._found()}
        for item in self._items.values():
            self.loaded.detector.normalization.scale(self.category or item.category)
        scored, records = [], []
        work = in_order(self._scoring.outcome, self._items.values(), jobs=self.jobs)
        with closing(work) as outcomes:
            shown_items = track(self.reporter.progress, self._items.items(), "Scoring")
            for (name, item), found in zip(shown_items, outcomes, strict=True):
                self.reporter.notice(item.path, found.notices)
                if found.scored is None:
                    self.failed += 1
                    self.reporter.failure(item.path, found.reason)
                else:
                    records.append(_record(name, found.scored))
                    scored.append(found.scored)
        return scored, records

    def scored_again(self, name: str) -> ScoredCase:
        """The scan of a record of ``score``, with its points."""
        return self._scoring.scored(self._items[name])[0]

    def finish(self) -> None:
        """Delete the scores that were kept for another run."""
        shutil.rmtree(self.out / PARTIAL, ignore_errors=True)

    def _name(self, path: Path) -> str:
        return shown(path.relative_to(self.data).as_posix())

    def _found(self) -> Iterator[_Item]:
        if self.layout == OWN:
            for sample in self._samples():
                yield _Item(sample.file.path, sample.file.category, Case(sample))
            return
        for file in find_files(self.data, self.layout, (Split.TEST,)):
            yield _Item(file.path, file.place.category, file)

    def _samples(self) -> list[Sample]:
        reporter = self.reporter
        samples, left_out = read_reported(
            data_files(self.data), self.intake, reporter.progress, reporter.notice
        )
        self.failed += sum(one.unreadable for one in left_out)
        return samples

    @property
    def _scoring(self) -> _Scoring:
        taken_in = hashlib.sha256(repr(self.intake).encode()).hexdigest()
        kept = self.out / PARTIAL / f"{self.model_digest[:16]}-{taken_in[:16]}"
        return _Scoring(self.loaded, self.layout, self.intake, self.category, kept)


def _record(name: str, scored: ScoredCase) -> dict[str, Any]:
    return {
        "file": name,
        "category": scored.case.category,
        "kind": scored.case.kind,
        "object_score": scored.result.object_score,
        "verdict": scored.result.verdict,
        "reasons": list(scored.result.reasons),
    }
