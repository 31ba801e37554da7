"""``flawsmith score``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backend.cli.options import (
    file_argument,
    intake_options,
    jobs_option,
    model_argument,
    one_name_each,
    out_option,
    spare_inputs,
)
from backend.file_names import shown

if TYPE_CHECKING:
    from backend.cloud import PointCloud
    from backend.intake import Intake
    from backend.scoring.detector import ScoreMap
    from backend.scoring.loaded import LoadedDetector
    from shared_schema.api import (
        JointResponse,
        RegionDeviationResponse,
        RegionResponse,
        ScoreResponse,
    )
    from shared_schema.record import ScanSource

# Regions of a scan that are printed; the record lists more.
SHOWN = 8
SUFFIXES = (".ply", ".json", ".csv", ".png")
# The name of the files of several scans that are one object.
TOGETHER = Path("together")


@click.command("score")
@model_argument()
@file_argument("scans", nargs=-1, required=True)
@out_option("a PLY, a JSON record and a CSV table of each scan")
@click.option(
    "--category",
    metavar="NAME",
    help="The part that the scans show; by default it is recognised. A scan of which it is in "
    "doubt what it shows is then not scored.",
)
@intake_options("the scans; by default that of the training scans", None)
@click.option("--picture", is_flag=True, help="Also write a PNG heat map of each scan.")
@click.option(
    "--together",
    is_flag=True,
    help="Also judge the scans together, as scans of one object, such as the views of a turntable. "
    "This needs a detector with a nominal model of the part.",
)
@jobs_option("the results do")
def command(
    model: Path,
    scans: tuple[Path, ...],
    out: Path,
    category: str | None,
    intake: Intake,
    picture: bool,
    together: bool,
    jobs: int | None,
) -> None:
    """Score SCANS by the detector MODEL, a file or a bundled one (bundled_parts).

    The verdict on each scan is pass, review or reject; doubtful or unknown if the scan may show, or
    surely shows, another part. Below it, the anomalous regions are listed, the gravest first. Each
    PLY is the scan with score, anomalous, region and deviation per point. The JSON beside it holds
    the verdict with its reasons, the scores, the limits and the regions; the CSV holds the regions
    alone, for a spreadsheet. A higher score is more anomalous. A scan that fails is named and does
    not stop the others; the exit status is then 1. With --together, the scans are also placed on
    the nominal model and judged as one object; what no scan shows is not inspected.
    """
    from backend.cli.batch import for_each_scan
    from backend.cli.progress import console
    from backend.io import remove_unfinished
    from backend.io.digest import file_identity
    from backend.scoring.loaded import LoadedDetector

    objects = (TOGETHER,) if together else ()
    one_name_each((*scans, *objects))
    outputs = [path for name in (*scans, *objects) for path in _outputs(out, name)]
    spare_inputs((model, *scans), outputs)
    remove_unfinished(outputs)
    about = file_identity(model).model_dump()
    work = _Scoring(LoadedDetector.read(model), about, category, intake, picture, together, out)
    scored: list[_Scored] = []

    def tell_of(path: Path, one: _Scored) -> None:
        one.tell()
        if together:
            scored.append(one)

    for_each_scan(scans, work.one, "Scoring", tell=tell_of, jobs=jobs)
    if together:
        work.together(scored)
    console.print(f"The scored clouds are in {out}", markup=False, soft_wrap=True)


def _outputs(out: Path, scan: Path) -> tuple[Path, Path, Path, Path]:
    ply, json, csv, png = (out / f"{scan.stem}{suffix}" for suffix in SUFFIXES)
    return ply, json, csv, png


@dataclass(frozen=True, eq=False)
class _Scored:
    """What is told of a scan at ``path``; and, to judge several together, its points and scores."""

    path: Path
    summary: ScoreResponse
    unit: str | None
    for_joining: tuple[PointCloud, ScoreMap] | None

    def tell(self) -> None:
        """Print the notices and the decision."""
        from backend.cli.batch import tell

        tell(self.path, self.summary.notices)
        _say(f"{shown(self.path)}: {_in_words(self.summary)}", self.summary, self.unit)


@dataclass(frozen=True, eq=False)
class _Scoring:
    """The request of the command for each scan."""

    loaded: LoadedDetector
    model: dict[str, str]
    category: str | None
    intake: Intake
    picture: bool
    keep: bool
    out: Path

    def one(self, path: Path) -> _Scored:
        """Score the scan at ``path`` and write the results."""
        from backend.io import read_cloud, write_bytes, write_json, write_scored
        from backend.io.sources import scan_source
        from backend.report.heat_map import heat_map
        from backend.report.regions_csv import regions_csv
        from backend.scoring.part import part_in_scan
        from backend.scoring.scan import score_scan, summarize

        scan = read_cloud(path, unit=self.intake.unit, text=self.intake.text)
        detector = self.loaded.detector
        scan, left_out = part_in_scan(detector, scan, self.category, self.intake)
        result = score_scan(detector, scan, self.category, self.intake.viewpoint)
        summary = summarize(result, scan)
        cloud_path, record_path, table_path, picture_path = _outputs(self.out, path)
        write_scored(cloud_path, scan, result.fields)
        source = scan_source(path, self.intake, scan.unit)
        write_json(record_path, self._record(summary, source, left_out))
        write_bytes(table_path, regions_csv(summary.regions, scan.unit))
        if self.picture:
            write_bytes(picture_path, heat_map(scan, result))
        return _Scored(path, summary, scan.unit, (scan, result) if self.keep else None)

    def together(self, scored: Sequence[_Scored]) -> None:
        """Judge the ``scored`` scans as one object, write the results, print the decision."""
        from backend.cloud import PointCloud
        from backend.io import write_bytes, write_json, write_scored
        from backend.report.heat_map import heat_map
        from backend.report.regions_csv import regions_csv
        from backend.scoring.scan import versions
        from backend.scoring.together import join, summarize_joint

        detector, parts = self.loaded.detector, [one.for_joining for one in scored]
        scans, found = zip(*(part for part in parts if part is not None), strict=True)
        unit = detector.unit
        result = join(detector, scans, found, self.category, self.intake.viewpoint)
        summary = summarize_joint(result, [shown(one.path) for one in scored], unit)
        cloud = PointCloud(result.points, result.normals, unit=unit)
        cloud_path, record_path, table_path, picture_path = _outputs(self.out, TOGETHER)
        write_scored(cloud_path, cloud, result.fields)
        about = {"model": self.model, "versions": versions()}
        write_json(record_path, summary.model_dump(mode="json") | about)
        write_bytes(table_path, regions_csv(summary.regions, unit))
        if self.picture:
            write_bytes(picture_path, heat_map(cloud, result))
        _say(f"Together: {_joint_words(summary)}", summary, unit)

    def _record(
        self, summary: ScoreResponse, source: ScanSource, left_out: dict[str, Any]
    ) -> dict[str, Any]:
        from backend.scoring.scan import versions

        scores = summary.model_dump(mode="json", exclude={"point_scores", "picture"})
        about = {
            "source": source.model_dump(exclude={"path"}),
            "model": self.model,
            "versions": versions(),
        }
        return {**scores, **left_out, **about}


def _say(head: str, summary: ScoreResponse | JointResponse, unit: str | None) -> None:
    """The verdict, its reasons, and the regions."""
    for line in (head, *(f"  {reason}." for reason in summary.reasons), *_table(summary, unit)):
        click.echo(line)


def _joint_words(summary: JointResponse) -> str:
    head = f"{_verdict(summary)}, {summary.category}"
    return f"{head}, {_scores(summary)}, {summary.inspected:.0%} of the surface inspected"


def _in_words(summary: ScoreResponse) -> str:
    head = f"{_verdict(summary)}, {summary.category} ({_how_sure(summary)})"
    if summary.object_score is None:
        return f"{head}, not scored"
    strays = f", {summary.stray_points} of them stray" if summary.stray_points else ""
    return f"{head}, {_scores(summary)}{strays}"


def _verdict(summary: ScoreResponse | JointResponse) -> str:
    return "no verdict" if summary.verdict is None else summary.verdict.value


def _scores(summary: ScoreResponse | JointResponse) -> str:
    limit = "" if summary.object_threshold is None else f" (limit {summary.object_threshold:.3f})"
    return (
        f"object score {summary.object_score:.3f}{limit}, "
        f"{summary.anomalous_points} of {summary.point_count} points above the point threshold"
    )


def _table(summary: ScoreResponse | JointResponse, unit: str | None) -> Iterator[str]:
    """A line for each of the gravest regions, below a heading."""
    if not summary.regions:
        return
    yield (
        f"  {'region':>6}{'score':>7}{'area':>10}{'length':>9}{'width':>9}"
        f"{'lowest':>10}{'highest':>10}  {'likely kind':<15}"
        f"centre{f' (lengths in {unit})' if unit else ''}"
    )
    for one in summary.regions[:SHOWN]:
        off = ("–", "–") if one.deviation is None else _two(one.deviation)
        x, y, z = one.center
        yield (
            f"  {one.number:6}{one.score:7.2f}{one.area:10.3g}{one.extent:9.3g}{one.width:9.3g}"
            f"{off[0]:>10}{off[1]:>10}  {_kind(one):<15}{x:.4g}, {y:.4g}, {z:.4g}"
        )
    if summary.region_count > SHOWN:
        yield f"  and {summary.region_count - SHOWN} more in the JSON record"


def _kind(region: RegionResponse) -> str:
    if region.kind is None or region.kind_probability is None:
        return "–"
    return f"{region.kind} {region.kind_probability:.0%}"


def _two(deviation: RegionDeviationResponse) -> tuple[str, str]:
    return f"{deviation.lowest:.3g}", f"{deviation.highest:.3g}"


def _how_sure(summary: ScoreResponse) -> str:
    found = "recognised" if summary.certainty == "sure" else "the nearest part"
    how = "given" if summary.category_given else found
    text = f"{how}, distance {summary.category_distance:.2f}"
    if summary.rival_distance is None:
        return text
    return f"{text}; {summary.rival} is at {summary.rival_distance:.2f}"
