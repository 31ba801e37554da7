"""``flawsmith score``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backend.cli.options import (
    file_argument,
    intake_options,
    model_argument,
    one_name_each,
    out_option,
    spare_inputs,
)
from backend.file_names import shown

if TYPE_CHECKING:
    from backend.intake import Intake
    from backend.scoring.detector import Detector
    from shared_schema.api import ScoreResponse
    from shared_schema.record import ScanSource


@click.command("score")
@model_argument()
@file_argument("scans", nargs=-1, required=True)
@out_option("a PLY and a JSON record of each scan")
@click.option(
    "--category",
    metavar="NAME",
    help="The part that the scans show; by default it is recognised, and refused if in doubt.",
)
@intake_options("the scans; by default that of the training scans", None)
@click.option("--picture", is_flag=True, help="Also write a PNG heat map of each scan.")
def command(
    model: Path,
    scans: tuple[Path, ...],
    out: Path,
    category: str | None,
    intake: Intake,
    picture: bool,
) -> None:
    """Score SCANS by the detector MODEL, a file or a bundled one (bundled_parts).

    Each PLY is the scan with score and anomalous per point. The JSON beside it holds the score of
    the object, the thresholds and the decision. A higher score is more anomalous. A scan that fails
    is named and does not stop the others; the exit status is then 1.
    """
    from backend.cli.batch import for_each_scan
    from backend.cli.progress import console
    from backend.io import remove_unfinished
    from backend.io.digest import file_identity
    from backend.scoring.detector import Detector

    one_name_each(scans)
    outputs = [path for scan in scans for path in _outputs(out, scan)]
    spare_inputs((model, *scans), outputs)
    remove_unfinished(outputs)
    about = file_identity(model).model_dump()
    work = _Scoring(Detector.load(model), about, category, intake, picture, out)
    for_each_scan(scans, work.one, "Scoring")
    console.print(f"The scored clouds are in {out}", markup=False, soft_wrap=True)


def _outputs(out: Path, scan: Path) -> tuple[Path, Path, Path]:
    return out / f"{scan.stem}.ply", out / f"{scan.stem}.json", out / f"{scan.stem}.png"


@dataclass(frozen=True)
class _Scoring:
    """The request of the command for each scan."""

    detector: Detector
    model: dict[str, str]
    category: str | None
    intake: Intake
    picture: bool
    out: Path

    def one(self, path: Path) -> None:
        """Score the scan at ``path``, write the results, print the decision."""
        from backend.cli.batch import tell
        from backend.io import read_cloud, write_bytes, write_json, write_scored
        from backend.io.sources import scan_source
        from backend.report.heat_map import heat_map
        from backend.scoring.part import part_in_scan
        from backend.scoring.scan import score_scan, summarize

        scan = read_cloud(path, unit=self.intake.unit, text=self.intake.text)
        scan, left_out = part_in_scan(self.detector, scan, self.category, self.intake)
        tell(path, scan.notices)
        result = score_scan(self.detector, scan, self.category, self.intake.viewpoint)
        summary = summarize(result, scan)
        cloud_path, record_path, picture_path = _outputs(self.out, path)
        write_scored(cloud_path, scan, result.point_scores, result.above_threshold)
        source = scan_source(path, self.intake, scan.unit)
        write_json(record_path, self._record(summary, source, left_out))
        if self.picture:
            write_bytes(picture_path, heat_map(scan, result))
        click.echo(f"{shown(path)}: {_in_words(summary)}")
        tell(path, () if summary.doubt is None else (summary.doubt,))

    def _record(
        self, summary: ScoreResponse, source: ScanSource, left_out: dict[str, Any]
    ) -> dict[str, Any]:
        from backend.scoring.scan import versions

        scores = summary.model_dump(exclude={"point_scores", "picture"})
        about = {
            "source": source.model_dump(exclude={"path"}),
            "model": self.model,
            "versions": versions(),
        }
        return {**scores, **left_out, **about}


def _in_words(summary: ScoreResponse) -> str:
    why = "no threshold is certified" if summary.doubt is None else "it would be in doubt"
    verdict = {True: "anomalous", False: "nominal", None: f"no decision, {why}"}
    limit = "" if summary.object_threshold is None else f" (above {summary.object_threshold:.3f})"
    strays = f", {summary.stray_points} of them stray" if summary.stray_points else ""
    return (
        f"{summary.category} ({_how_sure(summary)}), object score {summary.object_score:.3f}: "
        f"{verdict[summary.anomalous]}{limit}, "
        f"{summary.anomalous_points} of {summary.point_count} points above the point threshold"
        f"{strays}"
    )


def _how_sure(summary: ScoreResponse) -> str:
    how = "given" if summary.category_given else "recognised"
    text = f"{how}, distance {summary.category_distance:.2f}"
    if summary.rival_distance is None:
        return text
    return f"{text}; {summary.rival} is at {summary.rival_distance:.2f}"
