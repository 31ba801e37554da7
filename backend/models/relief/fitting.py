"""Learning what is nominal in a category of parts of revolution, and what a defect looks like.

A scan must not be explained by itself. So the nominal scans are parted into folds, neighbours in
one, since those are often of one specimen; every scan, and every labelled cloud that was made of
it, is compared with the scans of the other folds only. The comparisons are files in a folder, so
that a run that was interrupted goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from backend.cloud import LabeledCloud, PointCloud
from backend.engine.processes import Workers
from backend.io.atomic import write_bytes
from backend.models.relief.axis_frame import AxisFrame
from backend.models.relief.inputs import Compared, NominalSpread, example
from backend.models.relief.matching import Bank, Deviation
from backend.models.relief.model import (
    ReliefConfig,
    ReliefModel,
    compare_scan,
    fit_grid,
    thin_scan,
)
from backend.models.relief.network import ReliefExample, ReliefNetwork, fit_network
from backend.models.relief.relief_map import ReliefGrid, ReliefMap

Item = TypeVar("Item")
Track = Callable[[Iterable[Item], str, int], Iterator[Item]]

FOLDS = 2
FEWEST_SCANS = 2
# A labelled cloud is made of a nominal one if it shares so many of its points.
SAME_POINTS = 0.3
# What is not of revolution reaches 0.98 from unlucky sides, a part of revolution more than 0.99.
LEAST_ROUND = 0.985


@dataclass(frozen=True, eq=False)
class _Task:
    """A cloud to be compared.

    Attributes:
        number: names its file.
        cloud: in its own frame.
        fold: whose scans it is not compared with; ``FOLDS`` if it is made of none of them.
    """

    number: int
    cloud: PointCloud
    fold: int


def fit_relief(
    nominal: Sequence[PointCloud],
    labeled: Sequence[LabeledCloud],
    config: ReliefConfig,
    *,
    seed: Sequence[int],
    folder: Path,
    jobs: int,
    track: Track,
) -> ReliefModel | None:
    """Learn from one category's clouds.

    Args:
        nominal: defect-free scans; with outward normals, or scanned so that they can be told.
        labeled: anomalies; those made of one of ``nominal`` are recognised by their points.
        config: see ``ReliefConfig``.
        seed: of the networks.
        folder: for the comparisons; what is in it is taken to be of the same inputs.
        jobs: processes.
        track: shows progress.

    Returns:
        None where the parts are not of revolution, or there are fewer than two scans.
    """
    if not config.use or len(nominal) < FEWEST_SCANS:
        return None
    spacing = float(np.median([cloud.spacing for cloud in nominal]))
    with Workers(min(jobs, len(nominal))) as workers:
        work = partial(_frame, cell=config.cell_spacings * spacing)
        found = workers.spread(
            work, [(n, PointCloud(c.points, c.normals)) for n, c in enumerate(nominal)]
        )
        frames = [f for _, f in sorted(track(found, "Finding axes", len(nominal)), key=_first)]
        if not all_round(frames):
            return None
        grid = fit_grid(frames, spacing, config)
        maps = [grid.map_of(grid.meridian.aligned(frame)) for frame in frames]
        folds = [number * FOLDS // len(nominal) for number in range(len(nominal))]
        _write_banks(folder, maps, folds, config)
        tasks = _tasks(nominal, labeled, folds)
        compared = workers.spread(partial(_compare, folder=folder, grid=grid, config=config), tasks)
        for _ in track(compared, "Comparing scans", len(tasks)):
            pass
    masks = [cloud.mask for cloud in labeled]
    comparisons = _Comparisons(folder, [task.fold for task in tasks], masks)
    networks = list(_fit_networks(comparisons, config, seed, track)) if masks else []
    return ReliefModel(grid, _bank(maps, config), comparisons.spread(), networks, config)


def all_round(frames: Sequence[AxisFrame]) -> bool:
    """Whether the scans are of parts of revolution, but for flats, ribs and threads."""
    return bool(np.median([frame.roundness for frame in frames]) > LEAST_ROUND)


def _first(pair: tuple[int, AxisFrame]) -> int:
    return pair[0]


def _frame(item: tuple[int, PointCloud], cell: float) -> tuple[int, AxisFrame]:
    number, cloud = item
    scan = thin_scan(cloud.points, cloud.normals, cell)
    return number, AxisFrame.of(scan.points, scan.normals)


def _tasks(
    nominal: Sequence[PointCloud], labeled: Sequence[LabeledCloud], folds: Sequence[int]
) -> list[_Task]:
    sources = [source_of(cloud, nominal) for cloud in labeled]
    own = [*folds, *(FOLDS if source is None else folds[source] for source in sources)]
    # New ones, without the indices that theirs may have: they are sent to other processes.
    clouds = [PointCloud(cloud.points, cloud.normals) for cloud in nominal]
    clouds += [PointCloud(cloud.points, cloud.normals) for cloud in labeled]
    return [_Task(n, c, f) for n, (c, f) in enumerate(zip(clouds, own, strict=True))]


def source_of(labeled: LabeledCloud, nominal: Sequence[PointCloud]) -> int | None:
    """Which nominal cloud a labelled one was made of, by the points that did not move."""
    for number, cloud in enumerate(nominal):
        if labeled.source_index.max() < len(cloud):
            same = (labeled.points == cloud.points[labeled.source_index]).all(axis=1)
            if same.mean() >= SAME_POINTS:
                return number
    return None


def _bank(maps: Sequence[ReliefMap], config: ReliefConfig) -> Bank:
    """Of as many maps as there may be, evenly taken."""
    count = min(config.bank_scans, len(maps))
    return Bank.of([maps[row] for row in np.linspace(0, len(maps) - 1, count).round().astype(int)])


def _bank_file(folder: Path, fold: int) -> Path:
    return folder / f"bank-{fold}.safetensors"


def _write_banks(
    folder: Path, maps: Sequence[ReliefMap], folds: Sequence[int], config: ReliefConfig
) -> None:
    """For each fold the maps of the others, and for what belongs to none all of them."""
    for fold in (*range(FOLDS), FOLDS):
        others = [part for part, own in zip(maps, folds, strict=True) if own != fold]
        bank = _bank(others, config)
        write_bytes(_bank_file(folder, fold), save(vars(bank)))


@lru_cache(maxsize=FOLDS + 1)
def _read_bank(path: Path) -> Bank:
    return Bank(**load_file(path))


def _compared_file(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.safetensors"


def _compare(task: _Task, folder: Path, grid: ReliefGrid, config: ReliefConfig) -> int:
    """Compare one cloud and write what was found, unless that has been done."""
    path = _compared_file(folder, task.number)
    if not path.exists():
        scan = thin_scan(task.cloud.points, task.cloud.normals, grid.meridian.cell)
        bank = _read_bank(_bank_file(folder, task.fold))
        compared = compare_scan(scan, grid, bank, config)
        write_bytes(path, save({"rows": scan.rows} | _to_arrays(compared)))
    return task.number


def _to_arrays(compared: Compared) -> dict[str, NDArray]:
    """As small as it is worth: what is learned from needs no more than half precision."""
    relief = compared.relief
    arrays: dict[str, NDArray] = {
        "height": relief.height.astype(np.float16),
        "seen": relief.seen.astype(np.float16),
        "cells": relief.cells.astype(np.int32),
        "offsets": relief.offsets.astype(np.float16),
        "tilt": np.array([relief.tilt]),
    }
    for number, part in enumerate(compared.deviations):
        for name, values in vars(part).items():
            arrays[f"{number}.{name}"] = values.astype(np.float16)
    return arrays


def _read_compared(folder: Path, number: int) -> tuple[Compared, NDArray[np.int64]]:
    """What ``_compare`` wrote, and the rows (M,) of the cloud that are in it."""
    arrays = load_file(_compared_file(folder, number))
    rows, cells = arrays.pop("rows"), arrays.pop("cells").astype(np.int64)
    tilt = float(arrays.pop("tilt")[0])
    maps = {name: values.astype(np.float32) for name, values in arrays.items()}
    relief = ReliefMap(maps.pop("height"), maps.pop("seen"), cells, maps.pop("offsets"), tilt)
    sizes = range(len({name.split(".")[0] for name in maps}))
    names = [field.name for field in fields(Deviation)]
    parts = [Deviation(*(maps[f"{size}.{name}"] for name in names)) for size in sizes]
    return Compared(relief, parts), rows


@dataclass(frozen=True, eq=False)
class _Comparisons:
    """The written comparisons of a category's clouds, nominal ones first.

    Attributes:
        folder: where they are.
        folds: of each cloud.
        masks: of the labelled ones.
    """

    folder: Path
    folds: Sequence[int]
    masks: Sequence[NDArray[np.bool_]]

    @property
    def nominal(self) -> range:
        """Numbers of the nominal clouds."""
        return range(len(self.folds) - len(self.masks))

    def spread(self, without: int | None = None) -> NominalSpread:
        """Of the nominal clouds, but for those of a fold."""
        numbers = [n for n in self.nominal if self.folds[n] != without]
        return NominalSpread.fit([_read_compared(self.folder, n)[0] for n in numbers])

    def examples(self) -> Iterator[ReliefExample]:
        """Each cloud, by the spread of those that it was not made of."""
        spreads = {fold: self.spread(without=fold) for fold in sorted(set(self.folds))}
        for number, fold in enumerate(self.folds):
            compared, rows = _read_compared(self.folder, number)
            labeled = number - len(self.nominal)
            mask = self.masks[labeled][rows] if labeled >= 0 else None
            yield example(compared, spreads[fold], mask)


def _fit_networks(
    comparisons: _Comparisons, config: ReliefConfig, seed: Sequence[int], track: Track
) -> Iterator[ReliefNetwork]:
    total = len(comparisons.folds)
    examples = list(track(comparisons.examples(), "Reading comparisons", total))
    for number in range(config.fitting.networks):
        epochs = fit_network(examples, config.fitting, [*seed, number])
        title = f"Training network {number + 1} of {config.fitting.networks}"
        *_, network = track(epochs, title, config.fitting.epochs)
        yield network
