"""The demo's steps in their order. Each is done once, and again when what it depends on changed.

What a command of flawsmith does, the demo has that command do, and prints it as a user would type
it. Its folders are those that the commands take, so each can be run again by hand.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from backend.demo.design import RECIPE, design, extension_digest
from backend.demo.real_scan import SCAN_IN_PART, model_path, register_scan, replay_design
from backend.demo.report import decision_line, write_report
from backend.demo.scans import learned_scans, tested_scans, write_models, write_scans
from backend.demo.sizes import FULL, QUICK, REAL, DemoSize
from backend.demo.steps import Step, code_digest, run_step
from backend.io import write_bytes, write_json
from backend.io.digest import file_digest
from backend.progress import Progress
from backend.scoring.detector import Detector
from backend.scoring.scan import versions
from backend.training import DETECTOR_FILE

TITLES = {
    "registration": "Registering the nominal model to the real scan",
    "blender": "Designing a defect of every kind in Blender",
    "replay": "Replaying the recipe on the real scan",
    "train": "Scanning the nominal parts, to learn from",
    "test": "Scanning them again, and making labelled scans, to test on",
    "model": "Training a detector",
    "evaluation": "Measuring it on the scans to test on",
}
# Code that no step depends on.
BESIDE = ("serving", "report/demo.html.j2", "demo/report.py", "demo/sizes.py")

TEMPLATES = Path(__file__).parent / "templates"
# The scanned rim is lower than a part's defects are wide.
PARTS_TEMPLATE, RIM_TEMPLATE = "parts.json", "rim.json"
SETTINGS = "settings.json"
# What reading the scans asks for: they are in millimetres and show nothing but the part.
INTAKE = ("--unit", "mm", "--no-crop")

Displays = Callable[[], AbstractContextManager[Progress]]
Call = Callable[[Sequence[str]], None]


@dataclass(frozen=True, eq=False)
class _Demo:
    """One run.

    Attributes:
        out: where everything goes.
        size: how much of everything.
        seed: of all chance.
        console: to talk to.
        display: makes progress displays.
        call: runs the command ``flawsmith`` with the given arguments.
        code: digest of the code that results depend on.
        extension: zip of the Blender extension, if it is not the source beside the backend.
        addon: digest of the Blender extension.
    """

    out: Path
    size: DemoSize
    seed: int
    console: Console
    display: Displays
    call: Call
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
        step = run_step(folder, {"code": self.code, "seed": self.seed, **inputs}, make)
        self._say(f"    {'as before' if step.reused else f'{step.seconds:.0f} s'}")
        return step

    def _say(self, line: str, style: str | None = None) -> None:
        """Print a line as it is, however long."""
        self.console.print(line, style=style, markup=False, soft_wrap=True)

    def flawsmith(self, *arguments: object) -> None:
        """Say a command and run it."""
        given = [str(argument) for argument in arguments]
        self._say(f"$ {shlex.join(['flawsmith', *given])}", style="cyan")
        self.call(given)

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
        region, pixels = registration.figures["region"], self.size.preview_pixels
        model = file_digest(model_path())
        inputs = {"model": model, "region": region, "pixels": pixels, "addon": self.addon}

        def make(folder: Path) -> Mapping[str, Any]:
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

    def train(self, registration: Step) -> Step:
        """Nominal scans with their nominal models, and what else the training takes."""
        scans, ring = learned_scans(self.size), registration.folder / SCAN_IN_PART

        def make(folder: Path) -> Mapping[str, Any]:
            with self.display() as progress:
                write_scans(folder, scans, self.size, self.seed, ring, progress)
            write_models(folder, self.size)
            write_json(folder / SETTINGS, self.size.all_settings)
            _copy_template(PARTS_TEMPLATE, folder)
            return {"nominal": len(scans)}

        return self.step("train", {"size": asdict(self.size), "ring": file_digest(ring)}, make)

    def test(self, registration: Step) -> Step:
        """Further nominal scans, and labelled ones made of them."""
        scans, ring = tested_scans(self.size), registration.folder / SCAN_IN_PART

        def make(folder: Path) -> Mapping[str, Any]:
            with self.display() as progress:
                write_scans(folder, scans, self.size, self.seed, ring, progress)
            # Each part draws other defects: all kinds are tested, though not on every part.
            for number, name in enumerate(self.size.categories):
                self._synthesize(folder, name, self.seed + number)
            made = [len(list((folder / n / "anomalous").iterdir())) for n in self.size.categories]
            return {"nominal": len(scans), "anomalous": sum(made)}

        return self.step("test", {"size": asdict(self.size), "ring": file_digest(ring)}, make)

    def _synthesize(self, folder: Path, category: str, seed: int) -> None:
        template = _copy_template(RIM_TEMPLATE if category == REAL else PARTS_TEMPLATE, folder)
        made_of = ("--scans", folder / category / "nominal", "--no-nominal")
        what = ("--category", category, "--count", self.size.anomalous, "--seed", seed)
        jobs = () if self.size.jobs is None else ("--jobs", self.size.jobs)
        self.flawsmith("synthesize", template, *made_of, *what, *jobs, "--out", folder)

    def model(self, train: Step) -> Step:
        """The detector, which draws defects on the nominal scans while it learns."""

        def make(folder: Path) -> Mapping[str, Any]:
            given = ("--template", train.folder / PARTS_TEMPLATE, "--seed", self.seed)
            settings = ("--config", train.folder / SETTINGS)
            self.flawsmith("train", train.folder, *INTAKE, *given, *settings, "--out", folder)
            categories = Detector.load(folder / DETECTOR_FILE).categories
            return {name: one.rule.to_record() for name, one in categories.items()}

        return self.step("model", {"train": train.digest}, make)

    def evaluation(self, model: Step, test: Step) -> Step:
        """What the detector makes of scans that it has not seen."""

        def make(folder: Path) -> Mapping[str, Any]:
            detector = model.folder / DETECTOR_FILE
            self.flawsmith("evaluate", detector, test.folder, *INTAKE, "--out", folder)
            figures: dict[str, Any] = json.loads((folder / "metrics.json").read_text("utf-8"))
            return figures

        step = self.step("evaluation", {"model": model.digest, "test": test.digest}, make)
        self._say(f"    {decision_line(step.figures['scans'])}")
        return step


def _copy_template(name: str, folder: Path) -> Path:
    write_bytes(folder / name, (TEMPLATES / name).read_bytes())
    return folder / name


def run_demo(
    out: Path,
    *,
    seed: int,
    quick: bool,
    console: Console,
    display: Displays,
    call: Call,
    extension: Path | None = None,
) -> Path:
    """Do what is not done yet, write metrics.json and report.html, and say how to go on.

    Args:
        out: folder of all results.
        seed: of everything that is drawn by chance.
        quick: a small data set and a short training, to try it out.
        console: to talk to.
        display: makes progress displays.
        call: runs the command ``flawsmith`` with the given arguments.
        extension: zip of the Blender extension; by default its source beside the backend.

    Returns:
        The report.

    Raises:
        FlawsmithError: a step failed; the message says why and what to do.
    """
    size = QUICK if quick else FULL
    code = code_digest("backend", without=BESIDE) + code_digest("shared_schema")
    addon = extension_digest(extension)
    demo = _Demo(out, size, seed, console, display, call, code, extension, addon)
    registration = demo.registration()
    blender = demo.blender(registration)
    replayed = demo.replay(blender, registration)
    train, test = demo.train(registration), demo.test(registration)
    model = demo.model(train)
    evaluation = demo.evaluation(model, test)
    done = (registration, blender, replayed, train, test, model, evaluation)
    steps = dict(zip(TITLES, done, strict=True))
    metrics = _metrics(steps, size, seed)
    write_json(out / "metrics.json", metrics)
    write_report(out / "report.html", steps, metrics)
    _say_how_to_go_on(console, out, extension)
    return out / "report.html"


def _metrics(steps: Mapping[str, Step], size: DemoSize, seed: int) -> dict[str, Any]:
    """Everything that was measured, as it came out."""
    evaluation = steps["evaluation"].figures
    return {
        "rows": evaluation["rows"],
        "categories": evaluation["categories"],
        "scans": evaluation["scans"],
        "worst": evaluation["worst"],
        "registration": steps["registration"].figures,
        "replay": steps["replay"].figures,
        "train": steps["train"].figures,
        "test": steps["test"].figures,
        "limits": steps["model"].figures,
        "seconds": {name: step.seconds for name, step in steps.items()},
        "cpu_seconds": {name: step.cpu_seconds for name, step in steps.items()},
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
