"""Learning what is nominal in a category of parts of revolution, and what a defect looks like.

A scan must not be explained by itself. so the nominal scans are split into folds, neighbours in
one, since those are often of one specimen; every scan, and every anomaly that was made of it, is
compared with the scans of the other folds only.

Defects are drawn in two rounds: half of them by the template as it is; then it is seen which of
them networks find that were trained on the others, and the other half are drawn where that is least
decided (the closed loop).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from backend.arrays import IntArray
from backend.cloud import LabeledCloud, PointCloud
from backend.engine.processes import Workers
from backend.errors import TrainingError
from backend.models.unrolled.axis_frame import AxisFrame
from backend.models.unrolled.height_map import HeightGrid, HeightMap
from backend.models.unrolled.inputs import NominalSpread
from backend.models.unrolled.matching import MapBank
from backend.models.unrolled.model import (
    UnrolledModel,
    aligned,
    compare_with_peers,
    fit_grid,
    thin_scan,
)
from backend.models.unrolled.network import UnrolledNetwork, infer
from backend.progress import Progress, track
from backend.training.difficulty import Difficulty, Traits
from backend.training.kinds import kinds_of
from backend.training.run import CalibrationScan, Fitted, Run, Suitability
from backend.training.sets import CategoryData
from backend.training.surfaces import prepare_surfaces
from backend.training.unrolled.comparisons import (
    ComparisonTask,
    Drawing,
    compare_task,
    read_comparison,
    write_bank,
)
from backend.training.unrolled.config import UnrolledTrainingConfig
from backend.training.unrolled.network import UnrolledExample, example, fit_network

FOLDER = "comparisons"
FOLDS = 2
FEWEST_SCANS = 2
# A labelled cloud was made from a nominal one if it shares at least this share of its points.
SAME_POINTS = 0.3
# From some sides, other parts reach a roundness of 0.98; parts of revolution exceed 0.99. A scan
# that shows too little of its part to tell the axis has none, and a new one like it could not be
# unrolled: that may happen to this share of the scans at most.
LEAST_ROUND, NOT_ROUND_SHARE = 0.985, 0.1
# A defect is found if its STRONGEST points exceed those of this share of the nominal scans.
STRONGEST, NOMINAL_SHARE = 30, 0.95


@dataclass(frozen=True, eq=False)
class _Scans:
    """The nominal scans of a part as its training needs them.

    Attributes:
        clouds: without the indices that they may have, since they are sent to other processes.
        spacing: median of theirs.
        frames: the axis frames of the clouds.
    """

    clouds: Sequence[PointCloud]
    spacing: float
    frames: Sequence[AxisFrame]

    @property
    def roundness(self) -> float:
        """What nearly all scans exceed, 1 for a perfect part of revolution."""
        found = [frame.roundness for frame in self.frames]
        return float(np.quantile(found, NOT_ROUND_SHARE, method="lower"))


@dataclass(frozen=True, eq=False)
class UnrolledTraining:
    """See ``FamilyTraining``: each part of revolution is learned by itself.

    Attributes:
        run: the training.
        scans: by part, what ``suits`` has found out and ``fit`` needs again.
    """

    run: Run
    scans: dict[str, _Scans] = field(default_factory=dict)

    def suits(self, part: CategoryData) -> Suitability:
        """Whether the scans are of a part of revolution, but for flats, ribs and threads.

        One with a nominal model is better compared with that (docs/adr/0032).
        """
        if part.nominal_model is not None and self.run.config.compares_surfaces:
            return Suitability(False, "it has a nominal model to be compared with")
        if len(part.learn) < FEWEST_SCANS:
            return Suitability(False, f"there are fewer than {FEWEST_SCANS} scans to learn from")
        found = self._scans(part).roundness
        suits = found > LEAST_ROUND
        what = "of a part of revolution" if suits else "not of a part of revolution"
        if not suits:
            del self.scans[part.name]  # nothing is learned from them
        return Suitability(
            suits,
            f"its scans are {what} (nine of ten have a roundness of {found:.4f} or more, and more "
            f"than {LEAST_ROUND} is needed)",
        )

    def fit(self, parts: Sequence[CategoryData]) -> dict[str, Fitted]:
        """See ``FamilyTraining``."""
        return {part.name: self._fitted(part) for part in parts}

    def _fitted(self, part: CategoryData) -> Fitted:
        _check(part)
        model = self.model(part)
        del self.scans[part.name]
        rest = self.run.track(part.calibrate, f"Calibrating {part.name}", len(part.calibrate))
        return Fitted(model, [_calibrating(model, n, cloud) for n, cloud in enumerate(rest)])

    def model(self, part: CategoryData) -> UnrolledModel:
        """Learn one category from two scans or more."""
        run, config, scans = self.run, self.run.config.unrolled, self._scans(part)
        grid = fit_grid(scans.frames, scans.spacing, config)
        maps = [grid.unroll(aligned(frame, grid, config)) for frame in scans.frames]
        seed = (run.seed, 4, part.number)
        folder = run.folder / FOLDER / str(part.number)
        kinds = kinds_of(run.template)
        follow = (run.workers, run.progress)
        work = _Work(scans.clouds, maps, grid, config, kinds, seed, folder, *follow)
        work.compare(work.given(part.labeled))
        if run.template is not None and config.fitting.networks:
            drawing = Drawing(run.template, seed, scans.spacing)
            work.draw(run.draws(part), drawing, prepare_surfaces(run, part))
        networks = list(work.networks()) if work.has_anomalies else []
        bank = _bank(maps, config.bank_scans)
        peer_spread = self._peer_spread(part.name, maps)
        return UnrolledModel(grid, bank, work.spread(), networks, config.comparing, peer_spread)

    def _peer_spread(self, name: str, maps: Sequence[HeightMap]) -> NominalSpread | None:
        """Of scans that are compared with the others and with themselves; None of many scans."""
        config = self.run.config.unrolled
        if len(maps) > config.peers_up_to or not config.prototypes:
            return None
        found = []
        for own in self.run.track(maps, f"Comparing {name} with itself", len(maps)):
            others = _bank([one for one in maps if one is not own], config.bank_scans)
            found.append(compare_with_peers(own, others, config.comparing))
        return NominalSpread.fit(found)

    def _scans(self, part: CategoryData) -> _Scans:
        if part.name not in self.scans:
            clouds = [PointCloud(c.points, c.normals, rows=c.rows) for c in part.learn]
            spacing = float(np.median([cloud.spacing for cloud in part.learn]))
            cell = self.run.config.unrolled.cell_spacings * spacing
            frames = _frames(clouds, cell, self.run.workers, self.run.progress)
            self.scans[part.name] = _Scans(clouds, spacing, frames)
        return self.scans[part.name]


def _calibrating(model: UnrolledModel, number: int, cloud: PointCloud) -> CalibrationScan:
    found = next(model.deviations(cloud))
    return CalibrationScan(number, cloud.points[found.rows], found.channels)


def _check(part: CategoryData) -> None:
    """Refuse a part with too few clouds for an unrolled model."""
    if len(part.learn) < FEWEST_SCANS:
        raise TrainingError(
            f"the family 'unrolled' needs {FEWEST_SCANS} scans of {part.name!r} to learn from, "
            f"and there is {len(part.learn)}; give more scans, or the family 'auto'"
        )
    if not part.calibrate:
        raise TrainingError(
            f"the family 'unrolled' needs a cloud of {part.name!r} to calibrate on, and there is "
            "none; leave the calibration out to hold some of the nominal clouds back"
        )


def _frames(
    clouds: Sequence[PointCloud], cell: float, workers: Workers, progress: Progress
) -> list[AxisFrame]:
    found = workers.map_unordered(partial(_frame, cell=cell), list(enumerate(clouds)))
    numbered = dict(track(progress, found, "Finding axes", len(clouds)))
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


def _bank(maps: Sequence[HeightMap], most: int) -> MapBank:
    """Of as many maps as there may be, evenly taken."""
    count = min(most, len(maps))
    return MapBank.of(
        [maps[row] for row in np.linspace(0, len(maps) - 1, count).round().astype(int)]
    )


@dataclass
class _Work:
    """Comparing one category's clouds, nominal ones first, and learning from that.

    Attributes:
        nominal, maps: the nominal clouds and their maps.
        grid: the cells of the category.
        config: of its training.
        kinds: of defects that are told apart.
        seed: of the defects and the networks.
        folder: for the comparisons.
        workers: the processes that compare the clouds.
        progress: follows that.
        folds: of each cloud that has been compared; ``FOLDS`` for those made of no nominal one.
    """

    nominal: Sequence[PointCloud]
    maps: Sequence[HeightMap]
    grid: HeightGrid
    config: UnrolledTrainingConfig
    kinds: tuple[str, ...]
    seed: tuple[int, ...]
    folder: Path
    workers: Workers
    progress: Progress
    folds: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for fold in (*range(FOLDS), FOLDS):
            others = [part for n, part in enumerate(self.maps) if self.fold_of(n) != fold]
            write_bank(self.folder, fold, _bank(others, self.config.bank_scans))

    def fold_of(self, scan: int) -> int:
        """The fold of a nominal scan."""
        return scan * FOLDS // len(self.nominal)

    @property
    def has_anomalies(self) -> bool:
        """Whether there is anything that networks could learn from."""
        return len(self.folds) > len(self.nominal)

    def given(self, labeled: Sequence[LabeledCloud]) -> list[ComparisonTask]:
        """The nominal and the labelled clouds."""
        tasks = [ComparisonTask(n, self.fold_of(n), cloud) for n, cloud in enumerate(self.nominal)]
        for cloud in labeled:
            source = source_of(cloud, self.nominal)
            fold = FOLDS if source is None else self.fold_of(source)
            bare = PointCloud(cloud.points, cloud.normals)
            tasks.append(ComparisonTask(len(tasks), fold, bare, cloud.mask))
        return tasks

    def compare(self, tasks: Sequence[ComparisonTask], drawing: Drawing | None = None) -> None:
        """Compare further clouds."""
        work = partial(
            compare_task, folder=self.folder, grid=self.grid, config=self.config, drawing=drawing
        )
        title = "Comparing scans" if drawing is None else "Drawing and comparing defects"
        for _ in track(self.progress, self.workers.map_unordered(work, tasks), title, len(tasks)):
            pass
        self.folds += [task.fold for task in tasks]

    def draw(self, count: int, drawing: Drawing, surfaces: Sequence[Path]) -> None:
        """Compare defects drawn on the nominal scans in turn, in the closed loop or at once."""
        scans = np.arange(count) % len(self.nominal)
        if not self.config.closed_loop:
            self._draw_on(scans, drawing, surfaces)
            return
        half = len(scans) // 2
        self._draw_on(scans[:half], drawing, surfaces)
        harder = replace(drawing, difficulty=self._difficulty())
        self._draw_on(scans[half:], harder, surfaces)

    def _draw_on(self, scans: IntArray, drawing: Drawing, surfaces: Sequence[Path]) -> None:
        first = len(self.folds)
        tasks = [
            ComparisonTask(first + number, self.fold_of(scan), surface=surfaces[scan])
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
            *_, network = track(
                self.progress,
                fit_network(examples, fitting, [*self.seed, fold], self.kinds),
                title,
                fitting.epochs,
            )
            strengths, own = self._strengths(network, inside)
            nominal = [s for s, one in zip(strengths, own, strict=True) if one is None]
            limit = np.quantile(nominal, NOMINAL_SHARE)
            drawn = [(s > limit, o) for s, o in zip(strengths, own, strict=True) if o is not None]
            found += [bool(is_found) for is_found, _ in drawn]
            traits += [one for _, one in drawn]
        return Difficulty.fit(traits, found)

    def _strengths(
        self, network: UnrolledNetwork, numbers: Sequence[int]
    ) -> tuple[list[float], list[Traits | None]]:
        """Mean logit of the strongest points, of a drawn defect alone; and its traits."""
        strengths: list[float] = []
        traits: list[Traits | None] = []
        for number, one in zip(numbers, self.examples(numbers), strict=True):
            comparison = read_comparison(self.folder, number)
            height_map = comparison.compared.height_map
            logits = height_map.at_points(
                infer([network], one.inputs.astype(np.float32), height_map.seen)[0]
            )
            if comparison.traits is not None and comparison.mask is not None:
                logits = logits[comparison.mask]
            strengths.append(float(np.sort(logits)[-STRONGEST:].mean()))
            traits.append(comparison.traits)
        return strengths, traits

    def spread(self, without: int | None = None) -> NominalSpread:
        """Of the nominal clouds, but for those of a fold."""
        numbers = [n for n in range(len(self.nominal)) if self.folds[n] != without]
        return NominalSpread.fit([read_comparison(self.folder, n).compared for n in numbers])

    def examples(self, numbers: Sequence[int]) -> Iterator[UnrolledExample]:
        """Clouds by the spread of those that they were not made of."""
        spreads = {
            fold: self.spread(without=fold) for fold in sorted({self.folds[n] for n in numbers})
        }
        for number in numbers:
            comparison = read_comparison(self.folder, number)
            spread = spreads[self.folds[number]]
            yield example(comparison.compared, spread, comparison.mask, comparison.kinds)

    def networks(self) -> Iterator[UnrolledNetwork]:
        """Trained on everything that has been compared."""
        fitting, total = self.config.fitting, len(self.folds)
        examples = list(
            track(self.progress, self.examples(range(total)), "Reading comparisons", total)
        )
        for number in range(fitting.networks):
            title = f"Training network {number + 1} of {fitting.networks}"
            seed = [*self.seed, FOLDS + number]
            epochs = fit_network(examples, fitting, seed, self.kinds)
            *_, network = track(self.progress, epochs, title, fitting.epochs)
            yield network
