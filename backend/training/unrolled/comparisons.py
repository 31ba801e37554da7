"""Scans compared with nominal ones by several processes, each comparison a file.

A run that was interrupted finds what it had done. What is in the folder is taken to be of the same
inputs: whoever chooses it sees to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backend.arrays import BoolArray, IntArray
from backend.cloud import LabeledCloud, PointCloud
from backend.io.arrays import read_arrays, write_arrays
from backend.models.unrolled.axis_frame import facing_direction
from backend.models.unrolled.height_map import HeightGrid, HeightMap
from backend.models.unrolled.inputs import Compared
from backend.models.unrolled.matching import Deviation, MapBank
from backend.models.unrolled.model import compare_scan, thin_scan
from backend.replay import Replayed
from backend.sampling.drawing import PreparedSurface, read_prepared_surface, shown_draws
from backend.training.augmentation import AugmentationConfig, augment
from backend.training.difficulty import Difficulty, Traits, traits_of
from backend.training.kinds import kind_numbers, kinds_by_label, kinds_of
from backend.training.unrolled.config import UnrolledTrainingConfig
from shared_schema.recipe import RecipeTemplate


@dataclass(frozen=True, eq=False)
class ComparisonTask:
    """A cloud to be compared.

    Attributes:
        number: names its file.
        fold: its bank is that of the file of this number.
        cloud: in its own frame; None where a defect is drawn.
        mask: (N,) of a labelled one.
        surface: file of the prepared scan that a defect is drawn on.
    """

    number: int
    fold: int
    cloud: PointCloud | None = None
    mask: BoolArray | None = None
    surface: Path | None = None


@dataclass(frozen=True, eq=False)
class Drawing:
    """How defects are drawn.

    Attributes:
        template: what from.
        seed: with a task's number and the attempt, of each draw.
        spacing: of the nominal scans' points.
        difficulty: what is worth drawing, once that is known.
    """

    template: RecipeTemplate
    seed: tuple[int, ...]
    spacing: float
    difficulty: Difficulty | None = None


@dataclass(frozen=True, eq=False)
class StoredComparison:
    """What a file holds.

    Attributes:
        compared: the scan.
        mask: (M,) of its points; None for a nominal one.
        kinds: (M,) numbers of their kinds, for a drawn defect.
        traits: of a drawn defect.
    """

    compared: Compared
    mask: BoolArray | None
    kinds: NDArray[np.int8] | None
    traits: Traits | None


def write_bank(folder: Path, fold: int, bank: MapBank) -> None:
    """What the clouds of a fold are compared with."""
    write_arrays(_bank_file(folder, fold), vars(bank))


def _bank_file(folder: Path, fold: int) -> Path:
    return folder / f"bank-{fold}.safetensors"


@lru_cache(maxsize=4)
def _read_bank(path: Path) -> MapBank:
    return MapBank(**read_arrays(path)[0])


def compare_task(
    task: ComparisonTask,
    folder: Path,
    grid: HeightGrid,
    config: UnrolledTrainingConfig,
    drawing: Drawing | None,
) -> int:
    """Compare a cloud, with a defect drawn on it if that is asked for, unless it has been done.

    A cloud that no defect can be drawn on is compared as it is.
    """
    path = _file(folder, task.number)
    if not path.exists():
        bank = _read_bank(_bank_file(folder, task.fold))
        arrays: dict[str, NDArray] = {}
        document: dict[str, Any] = {}
        cloud, mask, kinds = task.cloud, task.mask, None
        if task.surface is not None and drawing is not None:
            surface = read_prepared_surface(task.surface)
            drawn = draw_defect(surface, task.number, drawing, config.augmentation)
            if drawn is None:
                cloud = surface.surface.cloud
            else:
                cloud = PointCloud(drawn.labeled.points, drawn.labeled.normals)
                mask, kinds, document = drawn.labeled.mask, drawn.kinds, drawn.traits._asdict()
        assert cloud is not None  # given or drawn
        scan = thin_scan(cloud, grid.outline.cell)
        if mask is not None:
            arrays["mask"] = mask[scan.rows]
        if kinds is not None:
            arrays["kinds"] = kinds[scan.rows].astype(np.int8)
        arrays |= _to_arrays(compare_scan(scan, grid, bank, config))
        write_arrays(path, arrays, document)
    return task.number


class DrawnDefect(NamedTuple):
    """A defect on a scan.

    Attributes:
        labeled: the scan with it.
        kinds: (N,) numbers of the points' kinds.
        traits: what the defect is like.
    """

    labeled: LabeledCloud
    kinds: IntArray
    traits: Traits


def draw_defect(
    prepared: PreparedSurface, number: int, drawing: Drawing, augmentation: AugmentationConfig
) -> DrawnDefect | None:
    """Defect ``number``, drawn until one shows that is worth learning from; or None."""
    nominal = prepared.surface.cloud
    assert nominal.normals is not None  # the surface was prepared
    view = facing_direction(nominal.normals)

    # What is left of an attempt's chance, once its defect is drawn, changes the scan.
    generators: dict[int, np.random.Generator] = {}

    def draw(attempt: int) -> Replayed:
        generators[attempt] = np.random.default_rng([*drawing.seed, number, attempt])
        return prepared.draw(drawing.template, generators[attempt])

    found = None
    for attempt, replayed in shown_draws(draw):
        rng = generators[attempt]
        first = replayed.record.defects[0]
        name = first.name or first.kind
        traits = traits_of(name, replayed.labeled, nominal, drawing.spacing, view)
        labeled = augment(replayed.labeled, rng, augmentation)
        by_label = kinds_by_label(replayed.record.defects, kinds_of(drawing.template))
        found = DrawnDefect(labeled, kind_numbers(labeled.labels, by_label), traits)
        if drawing.difficulty is None or rng.random() < drawing.difficulty.weight([traits])[0]:
            break
    return found


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.safetensors"


def _to_arrays(compared: Compared) -> dict[str, NDArray]:
    """As small as it is worth: what is learned from needs no more than half precision."""
    height_map = compared.height_map
    arrays: dict[str, NDArray] = {
        "height": height_map.height.astype(np.float16),
        "seen": height_map.seen.astype(np.float16),
        "cells": height_map.cells.astype(np.int32),
        "offsets": height_map.offsets.astype(np.float16),
        "tilt": np.array([height_map.tilt]),
    }
    for number, part in enumerate(compared.deviations):
        for name, values in vars(part).items():
            arrays[f"{number}.{name}"] = values.astype(np.float16)
    return arrays


def read_comparison(folder: Path, number: int) -> StoredComparison:
    """What ``compare_task`` wrote."""
    arrays, document = read_arrays(_file(folder, number))
    mask, kinds = arrays.pop("mask", None), arrays.pop("kinds", None)
    traits = Traits(**document) if document else None
    return StoredComparison(_from_arrays(arrays), mask, kinds, traits)


def _from_arrays(arrays: dict[str, NDArray]) -> Compared:
    cells = arrays.pop("cells").astype(np.int64)
    tilt = float(arrays.pop("tilt")[0])
    maps = {name: values.astype(np.float32) for name, values in arrays.items()}
    height_map = HeightMap(maps.pop("height"), maps.pop("seen"), cells, maps.pop("offsets"), tilt)
    sizes = range(len({name.split(".")[0] for name in maps}))
    names: Sequence[str] = [field.name for field in fields(Deviation)]
    parts = [Deviation(*(maps[f"{size}.{name}"] for name in names)) for size in sizes]
    return Compared(height_map, parts)
