"""Learning what is nominal in a category of parts of revolution, and what a defect looks like.

A scan must not be explained by itself. So the nominal scans are parted into folds, neighbours in
one, since those are often of one specimen; every scan, and every anomaly that was made of it, is
compared with the scans of the other folds only.

Defects are drawn in two rounds: half of them by the template as it is; then it is seen which of
them networks find that were trained on the others, and the other half are drawn where that is least
decided (the closed loop).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.cloud import LabeledCloud, PointCloud
from backend.engine.processes import Workers
from backend.models.unrolled.axis_frame import AxisFrame
from backend.models.unrolled.height_map import ReliefGrid, ReliefMap
from backend.models.unrolled.inputs import NominalSpread, example
from backend.models.unrolled.matching import Bank
from backend.models.unrolled.model import ReliefConfig, ReliefModel, aligned, fit_grid, thin_scan
from backend.models.unrolled.network import ReliefExample, ReliefNetwork, fit_network, infer
from backend.training.difficulty import Difficulty, Traits
from backend.training.unrolled.comparisons import (
    Drawing,
    Task,
    compare_task,
    read_comparison,
    write_bank,
)
from shared_schema.recipe import RecipeTemplate

Track = Callable[[Iterable[Any], str, int], Iterator[Any]]

FOLDS = 2
FEWEST_SCANS = 2
# A labelled cloud is made of a nominal one if it shares so many of its points.
SAME_POINTS = 0.3
# What is not of revolution reaches 0.98 from unlucky sides, a part of revolution more than 0.99.
LEAST_ROUND = 0.985
# A defect is found if its strongest points exceed those of so many nominal scans.
STRONGEST, NOMINAL_SHARE = 30, 0.95


def fit_relief(
    nominal: Sequence[PointCloud],
    labeled: Sequence[LabeledCloud],
    config: ReliefConfig,
    *,
    template: RecipeTemplate | None,
    count: int,
    seed: Sequence[int],
    folder: Path,
    workers: Workers,
    track: Track,
) -> ReliefModel | None:
    """Learn from one category's clouds.

    Args:
        nominal: defect-free scans; with outward normals, or scanned so that they can be told.
        labeled: anomalies; those made of one of ``nominal`` are recognised by their points.
        config: see ``ReliefConfig``.
        template: of defects to be drawn on ``nominal``, which take turns.
        count: how many.
        seed: of the defects and the networks.
        folder: for the comparisons; what is in it is taken to be of the same inputs.
        workers: who compares the clouds.
        track: shows progress.

    Returns:
        None where the parts are not of revolution, or there are fewer than two scans.
    """
    if not config.use or len(nominal) < FEWEST_SCANS:
        return None
    # New ones, without the indices that theirs may have: they are sent to other processes.
    clouds = [PointCloud(c.points, c.normals, rows=c.rows) for c in nominal]
    spacing = float(np.median([cloud.spacing for cloud in nominal]))
    frames = _frames(clouds, config.cell_spacings * spacing, workers, track)
    if not all_round(frames):
        return None
    grid = fit_grid(frames, spacing, config)
    maps = [grid.unroll(aligned(frame, grid, config)) for frame in frames]
    work = _Work(clouds, maps, grid, config, tuple(seed), folder, workers, track)
    work.compare(work.given(labeled))
    if template is not None and config.fitting.networks:
        work.draw(count, Drawing(template, tuple(seed), spacing))
    networks = list(work.networks()) if work.has_anomalies else []
    return ReliefModel(grid, _bank(maps, config), work.spread(), networks, config)


def all_round(frames: Sequence[AxisFrame]) -> bool:
    """Whether the scans are of parts of revolution, but for flats, ribs and threads."""
    return bool(np.median([frame.roundness for frame in frames]) > LEAST_ROUND)


def _frames(
    clouds: Sequence[PointCloud], cell: float, workers: Workers, track: Track
) -> list[AxisFrame]:
    found = workers.spread(partial(_frame, cell=cell), list(enumerate(clouds)))
    numbered = dict(track(found, "Finding axes", len(clouds)))
    return [numbered[number] for number in range(len(clouds))]


def _frame(item: tuple[int, PointCloud], cell: float) -> tuple[int, AxisFrame]:
    number, cloud = item
    scan = thin_scan(cloud, cell)
    return number, AxisFrame.of(scan.points, scan.normals)


def source_of(labeled: LabeledCloud, nominal: Sequence[PointCloud]) -> int | None:
    """Which nominal cloud a labelled one was made of, by the points that did not move."""
    for number, cloud in enumerate(nominal):
        source = cloud.positions_of(labeled.source_index)
        if (source >= 0).all():
            same = (labeled.points == cloud.points[source]).all(axis=1)
            if same.mean() >= SAME_POINTS:
                return number
    return None


def _bank(maps: Sequence[ReliefMap], config: ReliefConfig) -> Bank:
    """Of as many maps as there may be, evenly taken."""
    count = min(config.bank_scans, len(maps))
    return Bank.of([maps[row] for row in np.linspace(0, len(maps) - 1, count).round().astype(int)])


@dataclass
class _Work:
    """Comparing one category's clouds, nominal ones first, and learning from that.

    Attributes:
        nominal, maps: the nominal clouds and their maps.
        grid, config, seed, folder, workers, track: as in ``fit_relief``.
        folds: of each cloud that has been compared; ``FOLDS`` for those made of no nominal one.
    """

    nominal: Sequence[PointCloud]
    maps: Sequence[ReliefMap]
    grid: ReliefGrid
    config: ReliefConfig
    seed: tuple[int, ...]
    folder: Path
    workers: Workers
    track: Track
    folds: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for fold in (*range(FOLDS), FOLDS):
            others = [part for n, part in enumerate(self.maps) if self.fold_of(n) != fold]
            write_bank(self.folder, fold, _bank(others, self.config))

    def fold_of(self, scan: int) -> int:
        """The fold of a nominal scan."""
        return scan * FOLDS // len(self.nominal)

    @property
    def has_anomalies(self) -> bool:
        """Whether there is anything that networks could learn from."""
        return len(self.folds) > len(self.nominal)

    def given(self, labeled: Sequence[LabeledCloud]) -> list[Task]:
        """The nominal and the labelled clouds."""
        tasks = [Task(n, self.fold_of(n), cloud) for n, cloud in enumerate(self.nominal)]
        for cloud in labeled:
            source = source_of(cloud, self.nominal)
            fold = FOLDS if source is None else self.fold_of(source)
            bare = PointCloud(cloud.points, cloud.normals)
            tasks.append(Task(len(tasks), fold, bare, cloud.mask))
        return tasks

    def compare(self, tasks: Sequence[Task], drawing: Drawing | None = None) -> None:
        """Compare further clouds."""
        work = partial(
            compare_task, folder=self.folder, grid=self.grid, config=self.config, drawing=drawing
        )
        title = "Comparing scans" if drawing is None else "Drawing and comparing defects"
        for _ in self.track(self.workers.spread(work, tasks), title, len(tasks)):
            pass
        self.folds += [task.fold for task in tasks]

    def draw(self, count: int, drawing: Drawing) -> None:
        """Compare defects drawn on the nominal clouds in turn, in the closed loop or at once."""
        scans = np.arange(count) % len(self.nominal)
        if not self.config.closed_loop:
            self._draw_on(scans, drawing)
            return
        half = len(scans) // 2
        self._draw_on(scans[:half], drawing)
        self._draw_on(scans[half:], replace(drawing, difficulty=self._difficulty()))

    def _draw_on(self, scans: NDArray[np.int64], drawing: Drawing) -> None:
        first = len(self.folds)
        tasks = [
            Task(first + number, self.fold_of(scan), self.nominal[scan])
            for number, scan in enumerate(scans.tolist())
        ]
        self.compare(tasks, drawing)

    def _difficulty(self) -> Difficulty | None:
        """What the networks of each fold find of the other's defects."""
        traits: list[Traits] = []
        found: list[bool] = []
        for fold in range(FOLDS):
            inside = [n for n, own in enumerate(self.folds) if own == fold]
            others = [n for n, own in enumerate(self.folds) if own != fold]
            fitting = replace(self.config.fitting, epochs=self.config.probe_epochs)
            examples = list(self.examples(others))
            title = f"Probing {fold + 1} of {FOLDS}"
            *_, network = self.track(
                fit_network(examples, fitting, [*self.seed, fold]), title, fitting.epochs
            )
            strengths, own = self._strengths(network, inside)
            nominal = [s for s, one in zip(strengths, own, strict=True) if one is None]
            limit = np.quantile(nominal, NOMINAL_SHARE)
            drawn = [(s > limit, o) for s, o in zip(strengths, own, strict=True) if o is not None]
            found += [bool(is_found) for is_found, _ in drawn]
            traits += [one for _, one in drawn]
        return Difficulty.fit(traits, found)

    def _strengths(
        self, network: ReliefNetwork, numbers: Sequence[int]
    ) -> tuple[list[float], list[Traits | None]]:
        """Mean logit of the strongest points, of a drawn defect alone; and its traits."""
        strengths: list[float] = []
        traits: list[Traits | None] = []
        for number, one in zip(numbers, self.examples(numbers), strict=True):
            comparison = read_comparison(self.folder, number)
            relief = comparison.compared.relief
            logits = relief.at_points(infer([network], one.inputs.astype(np.float32), relief.seen))
            if comparison.traits is not None and comparison.mask is not None:
                logits = logits[comparison.mask]
            strengths.append(float(np.sort(logits)[-STRONGEST:].mean()))
            traits.append(comparison.traits)
        return strengths, traits

    def spread(self, without: int | None = None) -> NominalSpread:
        """Of the nominal clouds, but for those of a fold."""
        numbers = [n for n in range(len(self.nominal)) if self.folds[n] != without]
        return NominalSpread.fit([read_comparison(self.folder, n).compared for n in numbers])

    def examples(self, numbers: Sequence[int]) -> Iterator[ReliefExample]:
        """Clouds by the spread of those that they were not made of."""
        spreads = {
            fold: self.spread(without=fold) for fold in sorted({self.folds[n] for n in numbers})
        }
        for number in numbers:
            comparison = read_comparison(self.folder, number)
            yield example(comparison.compared, spreads[self.folds[number]], comparison.mask)

    def networks(self) -> Iterator[ReliefNetwork]:
        """Trained on everything that has been compared."""
        fitting, total = self.config.fitting, len(self.folds)
        examples = list(self.track(self.examples(range(total)), "Reading comparisons", total))
        for number in range(fitting.networks):
            title = f"Training network {number + 1} of {fitting.networks}"
            epochs = fit_network(examples, fitting, [*self.seed, FOLDS + number])
            *_, network = self.track(epochs, title, fitting.epochs)
            yield network
