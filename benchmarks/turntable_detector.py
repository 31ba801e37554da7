"""What detectors find on real views of a casting by a depth camera, with its CAD and without.

    python benchmarks/turntable_detector.py DATA WORK > benchmarks/turntable_detector.txt

DATA is that of ``turntable.py``; nothing of it is part of the project. Each view is placed
on the CAD, with the others of its turn where these agree, cleaned and cut out. Every other view of
run A is learned from; every third of these only calibrates. The views in between are judged, and
those of run B that can be placed: as they are, and with drawn defects, never on learned views. A
defect is of one kind and of swept size, and all its lengths grow with that. Its depth is by how
much it moves the point that it moves most; of a crack and a hole, it is that of the recipe. A view
is scored in the frame of the camera. The detector without CAD gets the same points, but not the
CAD. A defect is found if its scan is rejected and an anomalous region overlaps it.

With ``--together``, the judged views of run A are one object instead, and the defects are the first
of each kind, drawn on every view by their recipes in the part's frame. That printed
``turntable_together.txt``.

Of the judged views as they are, "noise" is the scatter about the CAD in mm, and "off" how far half
a percent of the points is at least off the surface where learned views have it, by the detector
with CAD. It is these points that the score of an object is the mean of.

WORK keeps the placed views and the detectors, so that a run that was killed goes on from there.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from turntable import scans_of

import flawsmith as fs
from backend.arrays import FloatArray
from backend.cli.progress import progress_display
from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.benchmark import OWN_PROTOCOL
from backend.engine.processes import Workers
from backend.errors import CloudError, RegistrationError, ReplayError, SamplingError
from backend.evaluation.cases import ScoredCase, TestCase
from backend.evaluation.measure import MetricRow, report
from backend.evaluation.pod.sweep import SIZES, Sweep
from backend.io import write_json
from backend.models.pointwise.model import SURFACE, PointwiseModel
from backend.progress import Progress, track
from backend.registration.align import align, turntable_poses
from backend.replay import Replayed
from backend.sampling.drawing import PreparedSurface, read_prepared_surface
from backend.sampling.places import Surface
from backend.scoring.detector import Scores
from backend.scoring.together import join
from backend.training import DETECTOR_FILE
from backend.training.families import FamilyChoice
from backend.training.pointwise.fitting import PointwiseTraining
from backend.training.pointwise.network import FittingConfig
from backend.training.run import CalibrationScan, Fitted, Run
from backend.training.sets import CategoryData
from backend.training.tracking import no_log
from backend.training.train import calibrated
from shared_schema.defects import CrackSpec, DefectSpec, HoleSpec
from shared_schema.recipe import Part, Recipe, RecipeTemplate, Unit

SEED = 0
PART = "casting"
TURN = 20.0
ATTEMPTS = 20
# Of the sensor: the scatter of the views about the CAD, in mm.
NOISE = 1.0
DEEP = 3.0 * NOISE
# Three views that calibrate certify no lower rate of false alarms.
RATE = 0.25
SETTINGS = fs.TrainingConfig(
    threads=1,
    family="pointwise",
    false_alarm_rate=RATE,
    review_rate=RATE,
    fitting=FittingConfig(epochs=8),
)
DETECTORS = ("with CAD", "without CAD")
# The ends of the swept field, in mm.
ENDS = {
    "dent": (1.0, 8.0),
    "scratch": (1.0, 6.0),
    "crack": (8.0, 50.0),
    "hole": (1.5, 6.0),
    "deposit": (1.0, 8.0),
    "freeform": (1.0, 8.0),
}


def ranged(low: float, high: float) -> dict[str, float]:
    """A field of the template."""
    return {"min": low, "max": high}


TEMPLATE = RecipeTemplate.model_validate(
    {
        "name": "casting",
        "unit": "mm",
        "lengths": "absolute",
        "defects": [
            {"kind": "dent", "depth": ranged(1, 8), "radius": ranged(4, 12)},
            {
                "kind": "scratch",
                "depth": ranged(1, 6),
                "width": ranged(2, 5),
                "length": ranged(15, 40),
            },
            {
                "kind": "crack",
                "length": ranged(8, 50),
                "depth": ranged(3, 15),
                "gap": ranged(0.8, 2),
                "flank": ranged(1.5, 3),
                "walls": ranged(1.5, 4),
                "opening": 0.3,
                "roughness": 0.6,
            },
            {
                "kind": "hole",
                "radius": ranged(1.5, 6),
                "depth": ranged(2, 8),
                "walls": "closed",
                "rim_width": 0.5,
            },
            {"kind": "deposit", "height": ranged(1, 8), "radius": ranged(3, 10)},
            {"kind": "freeform", "amplitude": ranged(1, 8), "size": ranged(8, 25)},
        ],
    }
)
SWEEPS = tuple(
    Sweep(one.kind, one.kind, "", TEMPLATE.model_copy(update={"defects": (one,)}), *ENDS[one.kind])
    for one in TEMPLATE.defects
)


class View(NamedTuple):
    """A placed view of the part: the folder of all, its run, ``A`` or ``B``, and its angle."""

    folder: Path
    run: str
    angle: int

    @property
    def file(self) -> Path:
        """Its points, in the part's frame."""
        return self.folder / f"{self.run}_{self.angle:03d}.safetensors"

    @property
    def record(self) -> Path:
        """File that says where it lies, or why it could not be placed."""
        return self.file.with_suffix(".json")

    @property
    def placing(self) -> dict[str, Any]:
        """What ``record`` holds."""
        return dict(json.loads(self.record.read_text()))

    def in_camera(self, labeled: LabeledCloud) -> LabeledCloud:
        """``labeled``, which is in the part's frame, as the camera sees it."""
        pose = np.array(self.placing["T_scan_part"])
        cloud = PointCloud(labeled.points, labeled.normals).transformed(pose)
        return replace(labeled, points=cloud.points, normals=cloud.normals)

    def scan(self) -> PointCloud:
        """The view as it is."""
        seen = self.in_camera(LabeledCloud.nominal(self.surface.cloud))
        return PointCloud(seen.points, seen.normals, unit=Unit.MM.value)

    @property
    def surface(self) -> Surface:
        """What defects are drawn on."""
        return read_prepared_surface(self.file).surface


class Task(NamedTuple):
    """A judged view with the defect ``number`` of sweep ``sweep``, or as it is if that is None."""

    view: View
    sweep: int | None = None
    number: int = 0
    value: float = 0.0


@dataclass(frozen=True, eq=False)
class Judged:
    """What the detectors say about a task.

    Attributes:
        task: see there.
        depth: of the defect, in mm; 0 without one.
        cases: by detector.
        found: by detector, whether it is rejected and a region overlaps the defect.
    """

    task: Task
    depth: float
    cases: tuple[ScoredCase, ...]
    found: tuple[bool, ...]


# --- The views -----------------------------------------------------------------------------------


def place_run(folder: Path, run: Path, cad: PointCloud, progress: Progress) -> list[View]:
    """Place, clean and cut out the views of a run, unless that has been done."""
    name = run.name.split("_")[1]
    angles, clouds = zip(*scans_of(run), strict=True)
    views = [View(folder, name, int(angle)) for angle in angles]
    if all(view.record.exists() for view in views):
        return views
    scans = [replace(cloud, unit=Unit.MM.value) for cloud in clouds]
    poses: Sequence[FloatArray | RegistrationError | None]
    try:
        poses = turntable_poses(scans, cad, turn=TURN, clean=True)
    except RegistrationError:
        poses = [None] * len(scans)
    items = list(zip(views, scans, poses, strict=True))
    for view, scan, pose in track(progress, items, f"Placing run {name}", len(items)):
        place(view, scan, cad, pose)
    return views


def place(
    view: View, scan: PointCloud, cad: PointCloud, pose: FloatArray | RegistrationError | None
) -> None:
    """Place one view at ``pose``, or anywhere if that is None, and write it."""
    try:
        if isinstance(pose, RegistrationError):
            raise pose
        found = align(scan, cad, pose=pose, seed=SEED, clean=True)
    except RegistrationError as error:
        write_json(view.record, {"refusal": str(error).partition(". ")[0]})
        return
    cloud = found.in_part_frame
    part = Part(name=PART, unit=Unit.MM, diagonal=cad.diagonal)
    PreparedSurface(Surface(replace(cloud, unit=Unit.MM.value), part), True).write(view.file)
    registration = found.record.registration
    assert registration is not None  # there is a CAD
    about = {"noise": registration.noise, "T_scan_part": np.linalg.inv(found.T_part_scan).tolist()}
    write_json(view.record, about)


def placed(views: Sequence[View]) -> list[View]:
    """Those that could be placed."""
    return [view for view in views if "refusal" not in view.placing]


# --- The detectors -------------------------------------------------------------------------------


def train(work: Path, learned: Sequence[View], cad: PointCloud, progress: Progress) -> None:
    """Train with the CAD; take it away, unless that has been done.

    What does not depend on the CAD, the network and the prototypes, is the same in both detectors.
    """
    clouds = [[view.scan() for view in views] for views in split(learned)]
    given = fs.TrainingSet(*clouds, nominal_model=cad)
    with_cad, without = (work / name.replace(" ", "_") for name in DETECTORS)
    detector = fs.train(
        {PART: given}, SETTINGS, seed=SEED, template=TEMPLATE, out=with_cad, progress=progress
    )
    if not (without / DETECTOR_FILE).exists():
        part = CategoryData(PART, 0, *clouds, (), None)
        with Workers() as workers:
            asked = (SETTINGS, SEED, None, detector.normalization)
            run = Run(*asked, work, "", workers, progress, no_log)
            without_cad(detector, part, run).save(without / DETECTOR_FILE)


def without_cad(detector: fs.Detector, part: CategoryData, run: Run) -> fs.Detector:
    """``detector`` with a nominal model fused from the scans of ``part``, if that is trusted."""
    training = PointwiseTraining(run)
    own, category = training.nominal_set(part), detector.categories[PART]
    surface, trust = training.surface(part, own)
    assert isinstance(category.model, PointwiseModel) and trust is not None
    channels = tuple(c for c in category.model.channels if c != SURFACE or surface is not None)
    model = replace(category.model, surface=surface, channels=channels)
    compared = [CalibrationScan(n, c.points, model.compare(c).channels) for n, c in own.rest]
    choice = FamilyChoice(category.family, "the settings ask for it")
    categories, threshold = calibrated(
        {PART: Fitted(model, compared, trust)}, {PART: choice}, SETTINGS
    )
    info = {**detector.info, "fusions": {PART: asdict(trust)}}
    return replace(detector, categories=categories, point_threshold=threshold, info=info)


def split(learned: Sequence[View]) -> tuple[list[View], list[View]]:
    """The views to learn from, and every third one, which calibrates."""
    return [v for n, v in enumerate(learned) if n % 3 != 2], list(learned[2::3])


@lru_cache
def load(work: Path, name: str) -> fs.Detector:
    """Once in each process."""
    return fs.Detector.load(work / name.replace(" ", "_") / DETECTOR_FILE)


# --- Defects on single views ---------------------------------------------------------------------


def tasks(views: Sequence[View], each: int) -> list[Task]:
    """Every view as it is, and ``each`` defects of every kind on it, of sizes even in their log."""
    found = [Task(view) for view in views]
    for index, sweep in enumerate(SWEEPS):
        rng = np.random.default_rng([SEED, index])
        values = rng.permutation(sweep.wide(each * len(views), rng))
        found += [
            Task(views[n % len(views)], index, n, float(value)) for n, value in enumerate(values)
        ]
    return found


def drawn(task: Task) -> tuple[Recipe, Replayed] | None:
    """The first draw that shows; None if none of some does."""
    assert task.sweep is not None
    surface = task.view.surface
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng([SEED, task.sweep, task.number, attempt])
        try:
            recipe = SWEEPS[task.sweep].draw(task.value, surface, rng)
            made = fs.replay(recipe, surface.cloud)
        except (SamplingError, ReplayError, CloudError):
            continue
        if made.labeled.mask.any():
            return recipe, made
    return None


def depth_of(defect: DefectSpec, cloud: PointCloud, labeled: LabeledCloud) -> float:
    """How deep or high a defect is, in mm."""
    if isinstance(defect, CrackSpec | HoleSpec):
        return defect.depth
    moved = labeled.points - cloud.points[cloud.positions_of(labeled.source_index)]
    return float(np.linalg.norm(moved, axis=1).max())


def judge(task: Task, work: Path) -> Judged | None:
    """Draw the defect and score its view by both detectors; None if it cannot be drawn."""
    surface = task.view.surface
    labeled, depth, kind = LabeledCloud.nominal(surface.cloud), 0.0, "nominal"
    if task.sweep is not None:
        found = drawn(task)
        if found is None:
            return None
        labeled, kind = found[1].labeled, SWEEPS[task.sweep].key
        depth = depth_of(found[0].defects[0], surface.cloud, labeled)
    labeled = task.view.in_camera(labeled)
    case = TestCase(labeled, PART, kind)
    cases, hits = [], []
    for name in DETECTORS:
        said = load(work, name).score(labeled.points, labeled.normals, PART)
        hits.append(said.verdict is fs.Verdict.REJECT and bool(said.region[labeled.mask].any()))
        result = Scores(**{field: getattr(said, field) for field in Scores.__dataclass_fields__})
        cases.append(ScoredCase(case, result).without_geometry(OWN_PROTOCOL))
    return Judged(task, depth, tuple(cases), tuple(hits))


# --- All views together --------------------------------------------------------------------------


class Object(NamedTuple):
    """All judged views of run A, with the defect of a task, or as they are if that is None."""

    task: Task | None
    views: tuple[View, ...]


@lru_cache(maxsize=32)
def nominal_score(work: Path, name: str, view: View) -> fs.ScoreMap:
    """Of the view as it is, once in each process."""
    scan = view.scan()
    return load(work, name).score(scan.points, scan.normals, PART)


def judge_object(one: Object, work: Path, name: str) -> tuple[Object, float, str, int, float]:
    """Its score and verdict, how many views show the defect, and the share that is inspected."""
    scans = [view.scan() for view in one.views]
    scores = [nominal_score(work, name, view) for view in one.views]
    found = None if one.task is None else drawn(one.task)
    showing = 0
    for n, view in enumerate(one.views):
        if found is None:
            break
        labeled = fs.replay(found[0], view.surface.cloud).labeled
        if labeled.mask.any():
            seen = view.in_camera(labeled)
            scans[n] = PointCloud(seen.points, seen.normals, unit=Unit.MM.value)
            scores[n] = load(work, name).score(seen.points, seen.normals, PART)
            showing += 1
    result = join(load(work, name), scans, scores, PART)
    return one, result.object_score, word(result.verdict), showing, result.inspected


# --- What is printed -----------------------------------------------------------------------------


def word(verdict: fs.Verdict | None) -> str:
    """A verdict."""
    return "none" if verdict is None else verdict.value


def verdicts(cases: Sequence[ScoredCase]) -> str:
    """How many of each."""
    counts = Counter(word(case.result.verdict) for case in cases)
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def row(name: str, found: MetricRow, cases: Sequence[ScoredCase]) -> str:
    """Metrics and verdicts of some defects."""
    low, high = found.o_auroc_interval
    return (
        f"{name:<25}{len(cases):>3}{found.o_auroc:>8.3f} ({low:.2f} to {high:.2f})"
        f"{found.p_auroc:>9.3f}{found.aupro:>8.3f}  {verdicts(cases)}"
    )


def metrics(judged: Sequence[Judged], number: int) -> Iterator[str]:
    """The rows of one detector: each kind, and all, of any depth and of those that are deep."""
    nominal = [one.cases[number] for one in judged if one.task.sweep is None]
    yield f"{'kind':<25}{'n':>3}{'O-AUROC (95 %)':>23}{'P-AUROC':>9}{'AUPRO':>8}  verdicts"
    for name, least in (("", 0.0), (f", {DEEP:g} mm or deeper", DEEP)):
        kept = [one for one in judged if one.task.sweep is not None and one.depth >= least]
        cases = [one.cases[number] for one in kept]
        for found in report([*nominal, *cases]).rows:
            own = [case for case in cases if found.kind in ("all", case.case.kind)]
            yield row(f"{found.kind}{name}", found, own)
    in_a = [one for one in judged if one.task.view.run == "A"]
    cases = [one.cases[number] for one in in_a if one.task.sweep is None or one.depth >= DEEP]
    anomalous = [case for case in cases if case.case.anomalous]
    yield row("the same, run A alone", report(cases).rows[-1], anomalous)
    yield f"{'nominal':<25}{len(nominal):>3}{'':40}  {verdicts(nominal)}"


def pod_rows(judged: Sequence[Judged], number: int) -> Iterator[str]:
    """How large a defect of each kind is found, in mm."""
    for index, sweep in enumerate(SWEEPS):
        own = [one for one in judged if one.task.sweep == index]
        curve = fs.pod_curve(
            [one.task.value for one in own], [one.found[number] for one in own], unit="mm"
        )
        head = f"{sweep.key} by {SIZES[sweep.key].name}: {curve.found} of {curve.defects} found"
        sizes = {"a50": curve.a50, "a90": curve.a90, "a90/95": curve.a90_95}
        told = ", ".join(f"{name} {size:.2g} mm" for name, size in sizes.items() if size)
        why = " ".join(f"{refusal.rstrip('.')}." for refusal in curve.refusals)
        yield " ".join(filter(None, (f"{head};", told and f"{told}.", why)))


def view_rows(work: Path, judged: Sequence[Judged], refused: Mapping[str, int]) -> Iterator[str]:
    """The judged views as they are."""
    columns = "".join(f"  {name:<17}" for name in DETECTORS)
    yield f"{'view':<8}{'points':>7}{'noise':>7}{'off':>6}{columns}".rstrip()
    for one in judged:
        if one.task.sweep is None:
            view = one.task.view
            said = "".join(
                f"  {case.result.object_score:<7.2f}{word(case.result.verdict):<10}"
                for case in one.cases
            )
            noise, off = view.placing["noise"], farthest(work, view)
            head = f"{view.run} {view.angle:<6}{len(view.surface.cloud):>7}"
            yield f"{head}{noise:>7.2f}{off:>6.1f}{said}".rstrip()
    for run, count in refused.items():
        if count:
            yield f"run {run}: {count} views cannot be placed and are left out"


def farthest(work: Path, view: View) -> float:
    """How far half a percent of the points of a nominal view are off the usual surface, in mm."""
    off = np.abs(nominal_score(work, DETECTORS[0], view).deviation)
    return float(np.nanquantile(off, 0.995))


def object_rows(
    work: Path, name: str, objects: Sequence[Object], workers: Workers, progress: Progress
) -> Iterator[str]:
    """All views together, by one detector."""
    try:
        results = [judge_object(objects[0], work, name)]
    except CloudError as error:
        yield f"{error}"
        return
    rest = workers.in_order(partial(judge_object, work=work, name=name), objects[1:], ahead=4)
    results += track(progress, rest, f"Together, {name}", len(objects) - 1)
    _, nominal, said, _, inspected = results[0]
    yield f"as they are: score {nominal:.2f}, {said}; {inspected:.0%} of the surface inspected"
    above = 0
    for (task, _), score, verdict, showing, _ in results[1:]:
        assert task is not None and task.sweep is not None
        above += score > nominal
        yield (
            f"{SWEEPS[task.sweep].key:<10}{task.value:6.2f} mm, shown by {showing} views: "
            f"score {score:.2f}, {verdict}"
        )
    yield f"{above} of {len(results) - 1} defective objects score above the nominal one"


def single_views(
    work: Path, todo: Sequence[Task], refused: Mapping[str, int], workers: Workers, follow: Progress
) -> None:
    """Judge and print single views."""
    made = workers.in_order(partial(judge, work=work), todo, ahead=16)
    judged = [one for one in track(follow, made, "Judging", len(todo)) if one is not None]
    print(f"{len(todo) - len(judged)} of {len(todo)} scans could not be made\n")
    print(*view_rows(work, judged, refused), sep="\n")
    for number, name in enumerate(DETECTORS):
        print(f"\n{name}: {load(work, name).comparison(PART)}\n")
        print(*metrics(judged, number), sep="\n")
        print()
        print(*pod_rows(judged, number), sep="\n")


def together(
    work: Path, todo: Sequence[Task], own: Sequence[View], workers: Workers, follow: Progress
) -> None:
    """Judge and print the views ``own`` together, with the first defect of each kind."""
    first = [one for one in todo if one.sweep is not None and one.number == 0]
    objects = [Object(one, tuple(own)) for one in (None, *first)]
    for name in DETECTORS:
        print(f"{name}, the {len(own)} judged views of run A together")
        print(*object_rows(work, name, objects, workers, follow), "", sep="\n", flush=True)


def main() -> None:
    """Place, learn, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="folder of the model and runs")
    parser.add_argument("work", type=Path, help="folder for what is kept")
    parser.add_argument("--each", type=int, default=1, help="defects of each kind on each view")
    parser.add_argument("--jobs", type=int, help="processes; by default one for each core")
    parser.add_argument("--together", action="store_true", help="judge the views as one object")
    asked = parser.parse_args()
    cad = fs.read_cloud(asked.data / "kopfstueck_cad.ply", unit=Unit.MM)
    with progress_display() as progress, Workers(asked.jobs) as workers:
        runs = {
            views[0].run: views
            for views in (
                place_run(asked.work / "views", run, cad, progress)
                for run in sorted(asked.data.glob("run_*"))
            )
        }
        seen = {run: placed(views) for run, views in runs.items()}
        refused = {run: len(views) - len(seen[run]) for run, views in runs.items()}
        train(asked.work, seen["A"][::2], cad, progress)
        own = seen["A"][1::2]
        todo = tasks([*own, *seen["B"]], asked.each)
        if asked.together:
            together(asked.work, todo, own, workers, progress)
        else:
            single_views(asked.work, todo, refused, workers, progress)


if __name__ == "__main__":
    main()
