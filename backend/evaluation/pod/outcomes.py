"""One defect on one nominal scan: made, scored, found or missed. What worker processes do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError

from backend.arrays import FloatArray
from backend.cloud import LabeledCloud, PointCloud
from backend.errors import (
    CloudError,
    FlawsmithError,
    MissingDependencyError,
    ReplayError,
    SamplingError,
)
from backend.evaluation.pod.sweep import Sweep
from backend.file_names import shown
from backend.intake import Intake
from backend.io import read_cloud, write_json
from backend.registration.align import AlignedScan, align
from backend.replay import Replayed, replay
from backend.replay.resolve import triple
from backend.sampling.drawing import PreparedSurface, read_prepared_surface
from backend.sampling.places import Surface
from backend.scoring.detector import Detector, ScoreMap
from backend.scoring.part import part_in_scan
from backend.scoring.scan import unit_scale
from shared_schema.defects import DefectSpec
from shared_schema.pod import PodDefect, PodMissing, PodNominal, PodSkipped
from shared_schema.recipe import Part, Recipe, Unit

# A place may not hold a defect of the wanted size, such as a long scratch on a small face.
ATTEMPTS = 20
Outcome = TypeVar("Outcome")
OF_SCAN: TypeAdapter[PodNominal | PodSkipped] = TypeAdapter(PodNominal | PodSkipped)
OF_DEFECT: TypeAdapter[PodDefect | PodMissing] = TypeAdapter(PodDefect | PodMissing)


@dataclass(frozen=True)
class Inspection:
    """What all defects of an examination have in common.

    Attributes:
        model: file of the detector.
        category: of the scans.
        unit: of the part, in which sizes are told.
        nominal: file of the nominal model; None where the scans are in one frame.
        intake: how scans and nominal model are read.
        seed: seed of everything random.
        folder: where outcomes and prepared scans are kept.
    """

    model: Path
    category: str
    unit: Unit
    nominal: Path | None
    intake: Intake
    seed: int
    folder: Path

    def scan_file(self, scan: str) -> Path:
        """The prepared scan."""
        return self.folder / "scans" / f"{scan}.safetensors"


class DefectTask(NamedTuple):
    """A defect to be made.

    ``sweep`` is the number of the sweep, ``number`` that of the defect in it, ``value`` that of the
    swept field.
    """

    sweep: int
    number: int
    scan: str
    value: float


def inspect_scan(run: Inspection, file: Path) -> PodNominal | PodSkipped:
    """Prepare the nominal scan in ``file``, and score it as it is, unless that has been done."""
    name = shown(file.name)
    path = run.folder / "nominal" / f"{name}.json"
    return _kept(path, OF_SCAN, lambda: _inspect_scan(run, file, name))


def inspect_defect(
    run: Inspection, sweeps: tuple[Sweep, ...], task: DefectTask
) -> PodDefect | PodMissing:
    """Make a defect and score its scan, unless that has been done."""
    path = run.folder / "defects" / f"{task.sweep:03d}-{task.number:05d}.json"
    return _kept(path, OF_DEFECT, lambda: _inspect_defect(run, sweeps[task.sweep], task))


def _kept(path: Path, kind: TypeAdapter[Outcome], find_out: Callable[[], Outcome]) -> Outcome:
    """What an earlier run has found out; or it is found out now, and written at once."""
    if path.exists():
        # It may have been cut short when the machine went down.
        with suppress(ValidationError):
            return kind.validate_json(path.read_bytes())
    found = find_out()
    write_json(path, kind.dump_python(found, mode="json"))
    return found


def _inspect_scan(run: Inspection, file: Path, name: str) -> PodNominal | PodSkipped:
    try:
        aligned = _aligned(run, file)
        prepared = _prepared(run, aligned)
        nominal = LabeledCloud.nominal(prepared.surface.cloud)
        result = _scored(run, prepared, nominal)
    except MissingDependencyError:
        raise
    except FlawsmithError as error:
        return PodSkipped(scan=name, skipped=str(error).removeprefix(f"{shown(file)}: "))
    prepared.write(run.scan_file(name))
    return PodNominal(
        scan=name,
        verdict=result.verdict,
        object_score=result.object_score if result.is_scored else None,
        center=triple(np.mean(prepared.surface.cloud.box, axis=0)),
        regions=tuple(triple(center / _scale(run)) for center in _unusual(result)),
        notices=aligned.cloud.notices,
    )


def _unusual(result: ScoreMap) -> list[FloatArray]:
    """Centres (3,) of the regions that are longer than those of nominal scans usually are."""
    limit = result.rule.review.value
    return [
        region.center
        for region in result.regions
        if limit is None or region.extent > limit * result.apart
    ]


def _aligned(run: Inspection, file: Path) -> AlignedScan:
    """The scan in the part frame, and nothing but the part."""
    intake = run.intake
    scan = read_cloud(file, unit=intake.unit, assumed_unit=run.unit, text=intake.text)
    if run.nominal is None:
        detector = _detector(run.model)
        known = scan if detector.unit is not None else replace(scan, unit=None)
        part, _ = part_in_scan(detector, known, run.category, intake)
        return align(replace(part, unit=scan.unit), None, part_unit=run.unit)
    return align(
        scan,
        _nominal_model(run),
        part_unit=run.unit,
        viewpoint=None if intake.viewpoint is None else np.array(intake.viewpoint),
        seed=run.seed,
        clean=intake.clean,
        crop=intake.crop,
    )


def _prepared(run: Inspection, aligned: AlignedScan) -> PreparedSurface:
    cloud = aligned.in_part_frame
    part = Part(name=run.category, unit=run.unit, diagonal=cloud.part_diagonal)
    # Where nothing tells the outside of the scan, the detector finds it by itself.
    has_normals = aligned.record.normals != "consistent"
    return PreparedSurface(Surface(replace(cloud, unit=run.unit.value), part), has_normals)


def _inspect_defect(run: Inspection, sweep: Sweep, task: DefectTask) -> PodDefect | PodMissing:
    prepared = read_prepared_surface(run.scan_file(task.scan))
    try:
        recipe, drawn = _drawn(run, sweep, task, prepared)
        size = _size(sweep, task, prepared.surface.cloud, drawn.labeled)
        result = _scored(run, prepared, drawn.labeled)
    except (SamplingError, ReplayError, CloudError, ValidationError) as error:
        return PodMissing(
            sweep=sweep.key, number=task.number, scan=task.scan, missing=str(error).splitlines()[0]
        )
    cloud, position = prepared.surface.cloud, place_of(recipe.defects[0])
    assert cloud.normals is not None  # scans are prepared with outward normals
    mask = drawn.labeled.mask
    return PodDefect(
        sweep=sweep.key,
        number=task.number,
        scan=task.scan,
        value=task.value,
        size=size,
        position=triple(position),
        normal=triple(cloud.normals[cloud.nearest(position[None, :])[0]]),
        points=int(mask.sum()),
        verdict=result.verdict,
        object_score=result.object_score if result.is_scored else None,
        overlapped=bool((result.region[mask] > 0).any()),
    )


def _drawn(
    run: Inspection, sweep: Sweep, task: DefectTask, prepared: PreparedSurface
) -> tuple[Recipe, Replayed]:
    """The first draw that can be made, whether it shows in the scan or not.

    Raises:
        SamplingError, ReplayError, CloudError: none can.
    """
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng([run.seed, task.sweep, task.number, attempt])
        try:
            recipe = sweep.draw(task.value, prepared.surface, rng)
            return recipe, replay(recipe, prepared.surface.cloud)
        except (SamplingError, ReplayError, CloudError):
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("there is at least one attempt")


def _scored(run: Inspection, prepared: PreparedSurface, labeled: LabeledCloud) -> ScoreMap:
    labeled = prepared.as_scanned(labeled)
    points = labeled.points * _scale(run)
    return _detector(run.model).score(points, labeled.normals, run.category)


def _scale(run: Inspection) -> float:
    """What lengths of the part are multiplied by for the detector."""
    detector = _detector(run.model)
    return unit_scale(detector, None if detector.unit is None else run.unit)


def _size(sweep: Sweep, task: DefectTask, cloud: PointCloud, labeled: LabeledCloud) -> float:
    """The swept value, or the largest displacement of ``cloud``.

    Raises:
        ReplayError: nothing is displaced, so that there is no size.
    """
    if not sweep.size.measured:
        return task.value
    moved = labeled.points - cloud.points[cloud.positions_of(labeled.source_index)]
    largest = float(np.linalg.norm(moved, axis=1).max())
    if largest == 0.0:
        raise ReplayError(f"the {sweep.entry.kind} moves no point of the scan")
    return largest


def place_of(spec: DefectSpec) -> FloatArray:
    """Where a defect is (3,), in the part frame."""
    for name in ("center", "origin", "hinge_point"):
        if hasattr(spec, name):
            return np.array(getattr(spec, name))
    if hasattr(spec, "path"):
        points = np.array(spec.path.points)
        return points[len(points) // 2]
    return np.array(spec.hull).mean(axis=0)  # type: ignore[attr-defined]


@lru_cache(maxsize=1)
def _detector(path: Path) -> Detector:
    """Read once in each process."""
    return Detector.load(path)


@lru_cache(maxsize=1)
def _nominal_model(run: Inspection) -> PointCloud:
    assert run.nominal is not None
    unit = run.intake.nominal_unit or run.unit
    return read_cloud(run.nominal, unit=unit).surface.in_unit(run.unit)
