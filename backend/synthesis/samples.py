"""One sample of a synthesised data set: a recipe drawn and replayed on a prepared scan."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from backend.cloud import LabeledCloud
from backend.dataset.shards import SUFFIX, read_sample
from backend.errors import FileFormatError, SamplingError
from backend.io import read_labeled, write_json
from backend.io.digest import file_identity
from backend.replay.replay import Replayed, replay
from backend.sampling.drawing import draw_until_it_shows
from backend.sampling.places import Surface, load_surface
from backend.sampling.recipes import sample_recipe
from backend.synthesis.manifest import FileEntry, MissingEntry, SampleEntry
from backend.synthesis.plan import SynthesisPlan
from backend.synthesis.prepared_scans import PreparedScan, apply_sensor, load_prepared
from backend.synthesis.sample_files import write_with_record
from shared_schema.load import load_template, load_views
from shared_schema.recipe import Part, Recipe, RecipeTemplate
from shared_schema.record import Draw, FileIdentity, ReplayRecord
from shared_schema.views import ViewSet


class SampleTask(NamedTuple):
    """Sample ``number`` is to be made from ``scan``."""

    number: int
    scan: str


@dataclass(frozen=True, eq=False)
class _Source:
    """What recipes are drawn from; ``surface`` is the nominal model's, or None without one."""

    template: RecipeTemplate
    identity: FileIdentity
    views: ViewSet | None
    surface: Surface | None


def make_sample(plan: SynthesisPlan, task: SampleTask) -> SampleEntry | MissingEntry:
    """Make one sample and write it, unless it is there.

    It depends on the plan's seed and on its number alone, through the scan and a generator of its
    own for each draw.
    """
    found = _found(plan, task)
    if found is not None:
        return found
    scan = load_prepared(plan, task.scan)
    try:
        labeled, record = _draw(plan, task, scan)
    except SamplingError as error:
        missing = MissingEntry(sample=task.number, scan=task.scan, missing=str(error))
        write_json(plan.missing_file(task.number), missing.model_dump(mode="json"))
        return missing
    write_with_record(plan.sample_file(task.number), labeled, record)
    return _entry(plan, task, record)


def _found(plan: SynthesisPlan, task: SampleTask) -> SampleEntry | MissingEntry | None:
    """What an earlier run has come to.

    Files appear whole, so what a killed run left is whole; still they are read once, since a
    machine that went down may have cut one short, and costs little beside making it.
    """
    missing, path = plan.missing_file(task.number), plan.sample_file(task.number)
    try:
        if missing.exists():
            return MissingEntry.model_validate_json(missing.read_text(encoding="utf-8"))
        if path.suffix == SUFFIX:
            _, document = read_sample(path)
        else:
            document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            read_labeled(path)
        return _entry(plan, task, ReplayRecord.model_validate(document))
    except (FileFormatError, OSError, ValueError):
        return None


def _draw(plan: SynthesisPlan, task: SampleTask, scan: PreparedScan) -> Replayed:
    """The first draw that shows on the scan.

    Raises:
        SamplingError: none does.
    """
    attempt, drawn = draw_until_it_shows(lambda attempt: _attempt(plan, task, scan, attempt))
    draw = _about(plan, task, drawn.labeled, attempt)
    return Replayed(drawn.labeled, drawn.record.model_copy(update={"draw": draw}))


def _attempt(plan: SynthesisPlan, task: SampleTask, scan: PreparedScan, attempt: int) -> Replayed:
    """One draw, as the sensor of the plan sees it."""
    rng = np.random.default_rng([plan.seed, task.number, attempt])
    labeled, record = _replay(plan, _recipe(plan, task, scan, rng), scan)
    labeled, report = apply_sensor(plan, labeled, scan.cloud, rng)
    about = {
        "source": scan.record.source,
        "nominal": scan.record.nominal,
        "alignment": scan.record.alignment,
        "sensor": report,
        "format": plan.suffix,
    }
    return Replayed(labeled, record.model_copy(update=about))


def _recipe(
    plan: SynthesisPlan, task: SampleTask, scan: PreparedScan, rng: np.random.Generator
) -> Recipe:
    source = _source(plan)
    surface = source.surface
    if surface is None:
        cloud = scan.in_part_frame.surface
        part = Part(name=plan.category, unit=source.template.unit, diagonal=cloud.part_diagonal)
        surface = Surface(cloud, part, source.views)
    name = f"{source.template.name}-{plan.seed}-{task.number:05d}"
    return sample_recipe(source.template, surface, rng=rng, name=name)


def _replay(plan: SynthesisPlan, recipe: Recipe, scan: PreparedScan) -> Replayed:
    return replay(
        recipe,
        scan.cloud,
        T_part_scan=scan.T_part_scan,
        snap=plan.nominal is not None,
        on_empty=plan.on_empty,
    )


def _about(plan: SynthesisPlan, task: SampleTask, labeled: LabeledCloud, attempt: int) -> Draw:
    return Draw(
        sample=task.number,
        seed=plan.seed,
        attempt=attempt,
        template=_source(plan).identity,
        scan=task.scan,
        points=len(labeled),
        marked=int(labeled.mask.sum()),
    )


@lru_cache(maxsize=1)
def _source(plan: SynthesisPlan) -> _Source:
    template = load_template(plan.template)
    views = None if plan.views is None else load_views(plan.views)
    surface = None
    if plan.nominal is not None:
        surface = load_surface(
            plan.nominal,
            unit=plan.intake.nominal_unit or template.unit,
            part_unit=template.unit,
            seed=plan.seed,
            views=views,
        )
    return _Source(template, file_identity(plan.template), views, surface)


def _entry(plan: SynthesisPlan, task: SampleTask, record: ReplayRecord) -> SampleEntry:
    draw = record.draw
    if draw is None:
        raise ValueError("the record is not of a data set")
    path = plan.sample_file(task.number)
    beside = None if path.suffix == SUFFIX else path.with_suffix(".json")
    shown = [defect for defect in record.defects if defect.points]
    return SampleEntry(
        sample=task.number,
        cloud=FileEntry.of(path, plan.out),
        record=None if beside is None else FileEntry.of(beside, plan.out),
        scan=task.scan,
        attempt=draw.attempt,
        kinds=tuple(sorted({defect.kind for defect in shown})),
        labels=tuple(sorted({defect.label for defect in shown})),
        points=draw.points,
        marked=draw.marked,
    )
