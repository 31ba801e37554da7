"""The demo's steps in their order. Each is done once, and again when what it depends on changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from backend.demo.dataset import make_dataset
from backend.demo.design import RECIPE, design, extension_digest
from backend.demo.learning import decision_line, evaluate_detector, train_detector
from backend.demo.real_scan import SCAN_IN_PART, model_path, register_scan, replay_design
from backend.demo.report import write_report
from backend.demo.sizes import FULL, QUICK, DemoSize
from backend.demo.steps import Step, code_digest, run_step
from backend.evaluation.measure import MetricRow
from backend.io import write_json
from backend.io.digest import file_digest
from backend.progress import Progress
from backend.report import pictures
from backend.report.metrics_table import metrics_table
from backend.scoring.scan import versions
from backend.training import DETECTOR_FILE

TITLES = {
    "registration": "Registering the nominal model to the real scan",
    "blender": "Designing a defect of every kind in Blender",
    "replay": "Replaying the recipe on the real scan",
    "dataset": "Making a labelled data set from templates",
    "model": "Training a detector",
    "evaluation": "Scoring held-out clouds",
}
# Code that no figure depends on; of it, the drawn steps depend on how pictures are made.
BESIDE = ("cli", "serving", "report", "demo/report.py", "demo/run.py", "demo/sizes.py")
DRAWN = ("registration", "replay", "evaluation")

Displays = Callable[[], AbstractContextManager[Progress]]


@dataclass(frozen=True, eq=False)
class _Demo:
    """One run.

    Attributes:
        out: where everything goes.
        size: how much of everything.
        seed: of all chance.
        console: to talk to.
        display: makes progress displays.
        code: digest of the code that results depend on.
        extension: zip of the Blender extension, if it is not the source beside the backend.
        addon: digest of the Blender extension.
    """

    out: Path
    size: DemoSize
    seed: int
    console: Console
    display: Displays
    code: str
    extension: Path | None
    addon: str

    def step(
        self, name: str, inputs: Mapping[str, Any], make: Callable[[Path], Mapping[str, Any]]
    ) -> Step:
        """Do a step in its folder, or take what is there, and say so."""
        number = list(TITLES).index(name) + 1
        folder = self.out / name
        self._say(f"{number}/{len(TITLES)} {TITLES[name]} → {folder}", style="bold")
        inputs = {"code": self.code, "seed": self.seed, **inputs}
        if name in DRAWN:
            inputs["pictures"] = file_digest(Path(pictures.__file__))
        step = run_step(folder, inputs, make)
        self._say(f"    {'as before' if step.reused else f'{step.seconds:.0f} s'}")
        return step

    def _say(self, line: str, style: str | None = None) -> None:
        """Print a line as it is, however long."""
        self.console.print(line, style=style, markup=False, soft_wrap=True)

    def registration(self) -> Step:
        """Register, and compare with the published pose."""
        step = self.step("registration", {}, lambda folder: register_scan(folder, self.seed))
        figures = step.figures
        self._say(
            f"    fitness {figures['fitness']:.3f}, RMSE {figures['rmse']:.3f} mm; against the "
            f"published pose the axis is {figures['axis_tilt_degrees']:.2f}° and "
            f"{figures['axis_shift_mm']:.2f} mm off"
        )
        return step

    def blender(self, registration: Step) -> Step:
        """Defects where the scan shows the part."""
        region = registration.figures["region"]
        inputs = {
            "model": file_digest(model_path()),
            "region": region,
            "pixels": self.size.preview_pixels,
            "addon": self.addon,
        }

        def make(folder: Path) -> Mapping[str, Any]:
            pixels = self.size.preview_pixels
            design(model_path(), region, pixels, folder, self._repeat, extension=self.extension)
            return {"recipe": json.loads((folder / RECIPE).read_text(encoding="utf-8"))}

        return self.step("blender", inputs, make)

    def _repeat(self, line: str) -> None:
        self._say(f"    Blender: {line}")

    def replay(self, blender: Step, registration: Step) -> Step:
        """The design on the scan."""
        transform = np.array(registration.figures["T_part_scan"])
        inputs = {"recipe": blender.figures["recipe"], "registration": registration.digest}
        step = self.step(
            "replay",
            inputs,
            lambda folder: replay_design(
                folder, blender.folder / RECIPE, registration.folder, transform, self.seed
            ),
        )
        for name, figures in step.figures.items():
            self._say(f"    {name}: {figures['anomalous']} of {figures['points']} points anomalous")
        return step

    def learning(self, registration: Step) -> tuple[Step, Step, Step]:
        """Data set, detector, evaluation."""
        size = asdict(self.size)
        scan = registration.folder / SCAN_IN_PART
        with self.display() as progress:
            dataset = self.step(
                "dataset",
                {"size": size, "scan": file_digest(scan)},
                lambda folder: make_dataset(folder, self.size, self.seed, scan, progress),
            )
        with self.display() as progress:
            model = self.step(
                "model",
                {"size": size, "dataset": dataset.digest},
                lambda folder: train_detector(
                    folder, dataset.folder, self.size, self.seed, progress
                ),
            )
        with self.display() as progress:
            evaluation = self.step(
                "evaluation",
                {"size": size, "model": model.digest, "dataset": dataset.digest},
                lambda folder: evaluate_detector(
                    folder, model.folder, dataset.folder, self.size, progress
                ),
            )
        self._say(f"    {decision_line(evaluation.figures['decisions'])}")
        return dataset, model, evaluation


def run_demo(
    out: Path,
    *,
    seed: int,
    quick: bool,
    console: Console,
    display: Displays,
    extension: Path | None = None,
) -> Path:
    """Do what is not done yet, print the table, write metrics.json and report.html.

    Args:
        out: folder of all results.
        seed: of everything that is drawn by chance.
        quick: a small data set and a short training, to try it out.
        console: to talk to.
        display: makes progress displays.
        extension: zip of the Blender extension; by default its source beside the backend.

    Returns:
        The report.

    Raises:
        FlawsmithError: a step failed; the message says why and what to do.
    """
    size = QUICK if quick else FULL
    code = code_digest("backend", without=BESIDE) + code_digest("shared_schema")
    addon = extension_digest(extension)
    demo = _Demo(out, size, seed, console, display, code, extension, addon)
    registration = demo.registration()
    blender = demo.blender(registration)
    replayed = demo.replay(blender, registration)
    dataset, model, evaluation = demo.learning(registration)
    steps = {
        "registration": registration,
        "blender": blender,
        "replay": replayed,
        "dataset": dataset,
        "model": model,
        "evaluation": evaluation,
    }
    metrics = _metrics(steps, size, seed)
    write_json(out / "metrics.json", metrics)
    write_report(out / "report.html", steps, metrics)
    Console().print(metrics_table(MetricRow.from_record(row) for row in metrics["rows"]))
    _say_how_to_go_on(console, out, extension)
    return out / "report.html"


def _metrics(steps: Mapping[str, Step], size: DemoSize, seed: int) -> dict[str, Any]:
    """Everything that was measured, as it came out."""
    return {
        "rows": steps["evaluation"].figures["rows"],
        "registration": steps["registration"].figures,
        "replay": steps["replay"].figures,
        "clouds": steps["dataset"].figures,
        "thresholds": steps["model"].figures,
        "decisions": steps["evaluation"].figures["decisions"],
        "examples": steps["evaluation"].figures["examples"],
        "seconds": {name: step.seconds for name, step in steps.items()},
        "seed": seed,
        "size": asdict(size),
        "versions": versions(),
    }


def _say_how_to_go_on(console: Console, out: Path, extension: Path | None) -> None:
    model = out / "model" / DETECTOR_FILE
    get = extension or "python build.py addon"
    lines = [
        f"Open the report:        {out / 'report.html'}",
        f"Serve the detector:     flawsmith serve {model}",
        f"Score a scan of yours:  flawsmith score {model} SCAN.ply --out scores",
        f"See it in Blender:      open {out / 'blender' / 'showcase.blend'}",
        f"Install the extension:  {get}, then Get Extensions > Install from Disk",
    ]
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
