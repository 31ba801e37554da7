"""``flawsmith evaluate``."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backend.cli.options import (
    data_argument,
    intake_options,
    layout_option,
    model_argument,
    out_option,
)
from backend.file_names import shown

if TYPE_CHECKING:
    from rich.progress import Progress

    from backend.cloud import LabeledCloud
    from backend.dataset.benchmark import Case
    from backend.evaluation.measure import EvaluationReport, ScoredCase
    from backend.intake import Intake
    from backend.scoring.detector import Detector


@click.command("evaluate")
@model_argument()
@data_argument()
@layout_option("; a benchmark's test split is measured by its own protocol")
@out_option("metrics.json, report.html, and the curves and worst cases as pictures")
@intake_options(
    "the scans in DATA; by default that of the training scans, mvtec-3d-ad is in metres", None
)
@click.option(
    "--category",
    metavar="NAME",
    help="The detector's category for all of DATA; by default what DATA calls it.",
)
def command(
    model: Path, data: Path, layout: str, out: Path, intake: Intake, category: str | None
) -> None:
    """Measure the detector MODEL, a file or a bundled one, on the folder DATA.

    DATA is laid out as for training, with scans that the detector has not seen, or as a public
    benchmark, whose test split is measured by the benchmark's own protocol. The tables have a row
    for each defect kind and for each category. O-AUROC, with its 95 % bootstrap interval, and O-AP
    are of whole objects and need nominal scans too; P-AUROC, AP and AUPRO (to a false positive rate
    of 0.3) are of points, or of pixels where the benchmark measures images. A scan that fails is
    named and left out; the exit status is 1 then. An interrupted run goes on where it stopped when
    it is run again.
    """
    from rich.console import Console

    from backend.cli.progress import console
    from backend.dataset.benchmark import intake_of, protocol_of
    from backend.evaluation.measure import report
    from backend.io.digest import file_identity
    from backend.report.metrics_table import categories_table, metrics_table
    from backend.scoring.detector import Detector
    from backend.scoring.scan import unit_scale

    detector = Detector.load(model)
    intake = intake_of(layout, intake)
    scale = unit_scale(detector, intake.unit)
    identity = file_identity(model)
    run = _Run(detector, identity.sha256, data, layout, intake, scale, category, out)
    scored, scans, failed = run.score()
    if not scored:
        raise click.ClickException("no scan of DATA could be scored, for the reasons above")
    measured = report(scored, protocol_of(layout))
    run.write(measured, {"model": identity.model_dump(), "layout": layout, "scans": scans})
    Console().print(metrics_table(measured.rows))
    if len(measured.categories) > 1:
        Console().print(categories_table(measured.categories))
    shutil.rmtree(run.partial, ignore_errors=True)
    console.print(f"Wrote {out / 'report.html'}", markup=False, soft_wrap=True)
    if failed:
        raise click.ClickException(_left_out(failed))


def _left_out(failed: int) -> str:
    if failed == 1:
        return "1 scan is left out, for the reason above"
    return f"{failed} scans are left out, for the reasons above"


@dataclass(frozen=True, eq=False)
class _Item:
    """A scan to be read and scored."""

    path: Path
    category: str
    read: Callable[[], Case]


@dataclass(eq=False)
class _Run:
    """What the command was asked for, the scans of DATA by their places in it, and how many of its
    files could not be read.
    """

    detector: Detector
    model: str
    data: Path
    layout: str
    intake: Intake
    scale: float
    category: str | None
    out: Path
    items: dict[str, _Item] = field(default_factory=dict)
    told: set[Path] = field(default_factory=set)
    unreadable: int = 0

    @property
    def partial(self) -> Path:
        """Folder of the scores of a run that is not finished."""
        return self.out / "partial"

    @property
    def kept(self) -> Path:
        """Where in it the scores of this detector are, of scans that were taken in like this."""
        taken_in = hashlib.sha256(repr(self.intake).encode()).hexdigest()
        return self.partial / f"{self.model[:16]}-{taken_in[:16]}"

    def score(self) -> tuple[list[ScoredCase], list[dict[str, Any]], int]:
        """All scans, records of them, and how many failed."""
        from backend.cli.progress import console, progress_display
        from backend.dataset.benchmark import protocol_of
        from backend.errors import FlawsmithError, MissingDependencyError

        protocol = protocol_of(self.layout)
        scored, scans, failed = [], [], 0
        with progress_display() as progress:
            found = self._found(progress)
            self.items = {self._name(item): item for item in found}
            for item in self.items.values():
                self.detector.normalization.scale(self.category or item.category)
            for item in progress.track(self.items.values(), description="Scoring"):
                try:
                    one = self._scored(item)
                except MissingDependencyError:
                    raise
                except FlawsmithError as error:
                    failed += 1
                    reason = str(error).removeprefix(f"{shown(item.path)}: ")
                    console.print(f"{shown(item.path)}: {reason}", style="red", markup=False)
                    continue
                scans.append(self._record(item, one))
                scored.append(one.without_geometry(protocol))
        return scored, scans, failed + self.unreadable

    def _name(self, item: _Item) -> str:
        return shown(item.path.relative_to(self.data).as_posix())

    def _found(self, progress: Progress) -> Iterator[_Item]:
        from backend.cli.data import read_data
        from backend.dataset.benchmark import OWN, Case, find_files, read_file
        from backend.dataset.layouts import Split

        if self.layout == OWN:
            samples, left_out = read_data(self.data, self.intake, progress)
            self.unreadable = sum(one.unreadable for one in left_out)
            for sample in samples:
                case = Case(sample)
                yield _Item(sample.file.path, sample.file.category, lambda case=case: case)  # type: ignore[misc]
            return
        for file in find_files(self.data, self.layout, (Split.TEST,)):
            yield _Item(
                file.path,
                file.place.category,
                lambda file=file: read_file(file, self.layout, self.intake),  # type: ignore[misc]
            )

    def _scored(self, item: _Item) -> ScoredCase:
        """The scan with its scores, which are kept until the run is finished."""
        from backend.evaluation.measure import ScoredCase, TestCase, score_case
        from backend.io.digest import file_digest
        from backend.scoring.stored import read_scores, write_scores

        found = item.read()
        name = self.category or item.category
        cloud = self._of_part(found.sample.cloud, item.path, name)
        case = TestCase(cloud, name, found.sample.kind, found.image)
        kept = self.kept / f"{file_digest(item.path)}.safetensors"
        result = read_scores(kept, len(cloud), name)
        if result is not None:
            return ScoredCase(case, result)
        scored = score_case(self.detector, case)
        write_scores(kept, scored.result)
        return scored

    def _of_part(self, cloud: LabeledCloud, path: Path, category: str) -> LabeledCloud:
        """What of the scan belongs to the part, in the detector's unit."""
        from backend.cli.batch import tell
        from backend.cloud import PointCloud
        from backend.scoring.part import part_in_scan

        scan = PointCloud(cloud.points, cloud.normals, unit=self.intake.unit)
        part, _ = part_in_scan(self.detector, scan, category, self.intake)
        if path not in self.told:
            tell(path, part.notices)
            self.told.add(path)
        cloud = cloud.take(part.file_rows)
        return replace(cloud, points=cloud.points * self.scale)

    def _record(self, item: _Item, scored: ScoredCase) -> dict[str, Any]:
        return {
            "file": self._name(item),
            "category": scored.case.category,
            "kind": scored.case.kind,
            "object_score": scored.result.object_score,
            "anomalous": scored.result.anomalous,
            "doubt": scored.result.doubt,
        }

    def write(self, report: EvaluationReport, about: dict[str, Any]) -> None:
        """The figures, the curves, the worst cases and the page."""
        from backend.dataset.benchmark import OWN
        from backend.dataset.layouts import LAYOUTS
        from backend.io import write_bytes, write_json
        from backend.report.evaluation import TITLES, curves_of, evaluation_page
        from backend.scoring.scan import versions

        curves = curves_of(report)
        for name in TITLES:
            if name in curves:
                write_bytes(self.out / name, curves[name])
            else:
                # None, and no older one either.
                (self.out / name).unlink(missing_ok=True)
        worst = self._worst(report, about["scans"])
        title = "flawsmith" if self.layout == OWN else LAYOUTS[self.layout].title
        page = evaluation_page(
            report,
            title=f"Evaluation of {shown(self.data.name)}",
            protocol=title,
            curves=curves,
            worst=worst,
        )
        write_bytes(self.out / "report.html", page.encode())
        document = {
            "rows": report.to_record(),
            "categories": {name: row.to_record() for name, row in report.categories.items()},
            **about,
            "versions": versions(),
        }
        write_json(self.out / "metrics.json", document)

    def _worst(
        self, report: EvaluationReport, scans: Sequence[dict[str, Any]]
    ) -> list[dict[str, object]]:
        from backend.io import write_bytes
        from backend.report.case_picture import case_picture
        from backend.report.evaluation import worst_cases

        drawn: list[dict[str, object]] = []
        for worst in worst_cases(report):
            scan = scans[worst.number]
            png = case_picture(self._scored(self.items[scan["file"]]))
            name = f"{len(drawn):02}-{'-'.join(worst.why.replace(',', '').split())}.png"
            write_bytes(self.out / "worst" / name, png)
            score = f"{scan['object_score']:.3f}"
            drawn.append({"why": worst.why, "file": scan["file"], "score": score, "png": png})
        return drawn
