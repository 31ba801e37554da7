"""Examine how small a defect a detector finds, spread over processes.

Each outcome depends on the plan alone and is written at once. So a run that was killed goes on when
it is run again, and its report is the same, byte for byte, on one kind of processor.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import binomtest

from backend.cloud import PointCloud
from backend.engine.processes import Workers
from backend.errors import DatasetError
from backend.evaluation.pod.curve import Curves, Fit, pod_curve
from backend.evaluation.pod.needs import cautions, in_one_frame, needs
from backend.evaluation.pod.outcomes import DefectTask, Inspection, inspect_defect, inspect_scan
from backend.evaluation.pod.places import Patches, differ, number_of_places, place_sizes
from backend.evaluation.pod.plan import PARTIAL, PodPlan
from backend.evaluation.pod.sweep import Sweep, sweeps
from backend.io.digest import file_identity
from backend.progress import Progress, track
from backend.sampling.drawing import read_prepared_surface
from backend.scoring.calibration import Limit
from backend.scoring.detector import Detector
from backend.scoring.scan import unit_scale, versions
from shared_schema.api import Verdict
from shared_schema.load import load_template
from shared_schema.pod import (
    PodDefect,
    PodFalseAlarms,
    PodMissing,
    PodNominal,
    PodPlace,
    PodReport,
    PodSkipped,
    PodSweep,
)
from shared_schema.recipe import Unit

# Defects of one scan that go to one process together: the scan is read and indexed once for them.
CHUNK = 4


@dataclass(frozen=True, eq=False)
class Examined:
    """A report, and the part that its places are on: a scan in the part frame with normals."""

    report: PodReport
    part: PointCloud


def examine(plan: PodPlan, jobs: int | None, progress: Progress) -> Examined:
    """Do what is left of ``plan``.

    Raises:
        DatasetError: no scan can be used, or the category is not clear.
        SchemaError: a template is not valid.
        CloudError: the detector has no limit for it, or does not know its unit.
        SamplingError: a template does not fit.
        EngineError: a process was killed.
    """
    detector = Detector.load(plan.model)
    run = _inspection(plan, detector)
    templates = [load_template(path) for path in plan.templates]
    with Workers(jobs) as workers:
        scans, skipped = _scans(plan, run, workers, progress)
        part = read_prepared_surface(run.scan_file(scans[0].scan)).surface
        swept = tuple(sweeps(templates, part))
        outcomes = list(_outcomes(plan, run, swept, scans, workers, progress))
    defects = sorted((one for one in outcomes if isinstance(one, PodDefect)), key=_order)
    missing = sorted((one for one in outcomes if isinstance(one, PodMissing)), key=_order)
    # In scans that lie about, a place has no meaning.
    places = number_of_places(plan.count) if in_one_frame(scans, part.part.diagonal) else 1
    patches = Patches.of(part.cloud, places)
    report = PodReport(
        model=file_identity(plan.model),
        category=run.category,
        unit=run.unit,
        diagonal=part.part.diagonal,
        seed=plan.seed,
        count=plan.count,
        nominal=None if plan.nominal is None else file_identity(plan.nominal),
        templates=tuple(file_identity(path) for path in plan.templates),
        scans=tuple(scans),
        skipped=tuple(skipped),
        false_alarms=_false_alarms(scans, detector.categories[run.category].rule.reject),
        sweeps=tuple(_sweep(one, patches, defects, missing, run.unit) for one in swept),
        places=tuple(_places(patches, scans)),
        needs=(),
        cautions=(),
        defects=tuple(defects),
        missing=tuple(missing),
        versions=versions(),
    )
    said = {"needs": tuple(needs(report)), "cautions": tuple(cautions(report))}
    return Examined(report.model_copy(update=said), part.cloud)


def forget(plan: PodPlan) -> None:
    """Delete what was kept for another run."""
    shutil.rmtree(plan.out / PARTIAL, ignore_errors=True)


def _inspection(plan: PodPlan, detector: Detector) -> Inspection:
    return Inspection(
        plan.model,
        plan.category_of(detector),
        _unit(plan, detector),
        plan.nominal,
        plan.intake,
        plan.seed,
        plan.work_folder(versions()),
    )


def _false_alarms(scans: Sequence[PodNominal], limit: Limit) -> PodFalseAlarms:
    rejected = sum(scan.verdict is Verdict.REJECT for scan in scans)
    interval = binomtest(rejected, len(scans)).proportion_ci(0.95, "exact")
    return PodFalseAlarms(
        scans=len(scans),
        rejected=rejected,
        interval=(float(interval.low), float(interval.high)),
        promised=limit.rate,
        promised_interval=limit.interval,
        limit_scans=limit.scans,
    )


def _unit(plan: PodPlan, detector: Detector) -> Unit:
    """The unit of the report."""
    unit_scale(detector, plan.intake.unit)  # refuses one that does not fit
    return plan.intake.unit or Unit(detector.unit or Unit.MM)


def _order(one: PodDefect | PodMissing) -> tuple[str, int]:
    return one.sweep, one.number


def _scans(
    plan: PodPlan, run: Inspection, workers: Workers, progress: Progress
) -> tuple[list[PodNominal], list[PodSkipped]]:
    """What the nominal scans are like, by name, and those that cannot be used."""
    files = plan.scan_files()
    found = workers.map_unordered(partial(inspect_scan, run), files)
    outcomes = sorted(
        track(progress, found, "Scoring nominal scans", len(files)), key=lambda one: one.scan
    )
    usable = [one for one in outcomes if isinstance(one, PodNominal)]
    skipped = [one for one in outcomes if isinstance(one, PodSkipped)]
    if not usable:
        raise DatasetError(
            f"none of the {len(files)} scans can be used; the reason of the first is: "
            f"{skipped[0].skipped}"
        )
    return usable, skipped


def _outcomes(
    plan: PodPlan,
    run: Inspection,
    swept: tuple[Sweep, ...],
    scans: Sequence[PodNominal],
    workers: Workers,
    progress: Progress,
) -> Iterator[PodDefect | PodMissing]:
    """First defects over the whole range of sizes, then where hits and misses meet."""
    inspect = partial(inspect_defect, run, swept)
    wide = (plan.count + 1) // 2
    first: list[PodDefect | PodMissing] = []
    for step, numbers in (
        ("Making defects of all sizes", range(wide)),
        ("Making defects of telling sizes", range(wide, plan.count)),
    ):
        tasks = [
            DefectTask(index, number, scans[number % len(scans)].scan, value)
            for index, sweep in enumerate(swept)
            for number, value in zip(
                numbers, _values(sweep, first, len(numbers), [plan.seed, index]), strict=True
            )
        ]
        # Scan by scan, for what a process has in memory.
        tasks.sort(key=lambda task: (task.scan, task.sweep, task.number))
        made = workers.map_unordered(inspect, tasks, chunk_size=CHUNK)
        for outcome in track(progress, made, step, len(tasks)):
            first.append(outcome)
            yield outcome


def _values(
    sweep: Sweep, before: Sequence[PodDefect | PodMissing], count: int, seed: list[int]
) -> list[float]:
    """Values of the swept field, by what came of the defects ``before``."""
    rng = np.random.default_rng([*seed, int(bool(before))])
    own = [one for one in before if isinstance(one, PodDefect) and one.sweep == sweep.key]
    values = sweep.narrow(count, own, rng) if own else sweep.wide(count, rng)
    return [float(value) for value in values]


def _sweep(
    sweep: Sweep,
    patches: Patches,
    defects: Sequence[PodDefect],
    missing: Sequence[PodMissing],
    unit: str,
) -> PodSweep:
    own = [one for one in defects if one.sweep == sweep.key]
    size, hit = np.array([one.size for one in own]), np.array([one.found for one in own], bool)
    curve = pod_curve(size, hit, unit=unit)
    about: dict[str, Any] = {"places": (), "places_differ": None, "scans_differ": None}
    if curve.link is not None:
        about = _by_group(Curves.of(size, hit).best, own, patches)
    verdicts = Counter("undecided" if one.verdict is None else one.verdict.value for one in own)
    return PodSweep(
        key=sweep.key,
        title=sweep.title,
        template=sweep.source,
        kind=sweep.entry.kind,
        size_name=sweep.size.name,
        curve=curve,
        verdicts=dict(sorted(verdicts.items())),
        elsewhere=sum(one.verdict is Verdict.REJECT and not one.overlapped for one in own),
        marked=sum(one.overlapped and not one.found for one in own),
        missing=sum(one.sweep == sweep.key for one in missing),
        **about,
    )


def _by_group(fit: Fit, defects: Sequence[PodDefect], patches: Patches) -> dict[str, Any]:
    """What is found out of places and scans, by the curve of their ``defects``."""
    positions, normals = (
        np.array([getattr(one, name) for one in defects]) for name in ("position", "normal")
    )
    place, count = patches.number_of(positions, normals), len(patches)
    return {
        "places": tuple(place_sizes(fit, place, count)) if count > 1 else (),
        "places_differ": differ(fit, place),
        "scans_differ": differ(fit, [one.scan for one in defects]),
    }


def _places(patches: Patches, scans: Sequence[PodNominal]) -> Iterator[PodPlace]:
    """The patches, and at how many nominal scans have an anomalous region there."""
    alarms: Counter[int] = Counter()
    for scan in scans:
        if scan.regions:
            alarms.update(set(patches.nearest(np.array(scan.regions)).tolist()))
    for number in range(len(patches)):
        yield PodPlace(
            number=number + 1,
            center=tuple(patches.centers[number].tolist()),
            normal=tuple(patches.normals[number].tolist()),
            alarms=alarms[number],
        )
