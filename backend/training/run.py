"""What all parts of one training share, and what each family of detectors does in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from backend.arrays import FloatArray
from backend.engine.processes import Workers
from backend.models.family import CategoryModel
from backend.models.normalization import Normalization
from backend.progress import Progress, track
from backend.registration.fusion import Trust
from backend.training.config import TrainingConfig
from backend.training.sets import CategoryData
from backend.training.tracking import Scalars
from shared_schema.recipe import RecipeTemplate

Item = TypeVar("Item")
ChannelDeviations = Mapping[str, FloatArray]


@dataclass(frozen=True, eq=False)
class CalibrationScan:
    """A held-out nominal scan at one density, thinned to M points.

    Attributes:
        number: of the scan; at another density it has the same one.
        points: (M, 3) in any frame and unit.
        channels: by name (M,), how far the points deviate.
    """

    number: int
    points: FloatArray
    channels: ChannelDeviations


@dataclass(frozen=True, eq=False)
class Run:
    """One training.

    Attributes:
        config, seed: of the training.
        template: of the defects to be drawn, or None.
        normalization: of all categories.
        folder: for what an interrupted training goes on from.
        fingerprint: of everything that the result depends on.
        workers: the processes that draw and compare.
        progress, log: what follows the training.
    """

    config: TrainingConfig
    seed: int
    template: RecipeTemplate | None
    normalization: Normalization
    folder: Path
    fingerprint: str
    workers: Workers
    progress: Progress
    log: Scalars = field(repr=False)

    def track(
        self,
        items: Iterable[Item],
        step: str,
        total: int,
        done: int = 0,
        about: Callable[[Item], str] | None = None,
    ) -> Iterator[Item]:
        """Pass ``items`` on while the progress is followed; see ``backend.progress.track``."""
        return track(self.progress, items, step, total, done=done, about=about)

    def draws(self, part: CategoryData) -> int:
        """How many defects are drawn for a part before the first epoch."""
        return 0 if self.template is None else self.config.synthesis.first(len(part.learn))


@dataclass(frozen=True)
class Suitability:
    """Whether a family suits a part, and why: half a sentence for the user."""

    suits: bool
    why: str


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a family has learned of a category.

    Attributes:
        model: scores its scans.
        calibration: the clouds that calibrate.
        fusion: whether a nominal model that was fused from its scans is trusted; None where none
            was tried.
    """

    model: CategoryModel
    calibration: Sequence[CalibrationScan]
    fusion: Trust | None = None


class FamilyTraining(Protocol):
    """The training of one family of detectors in one run."""

    def suits(self, part: CategoryData) -> Suitability:
        """Whether the family can tell anomalous from nominal on scans of this part."""

    def fit(self, parts: Sequence[CategoryData]) -> Mapping[str, Fitted]:
        """Learn the categories of these parts, at least one.

        Raises:
            TrainingError: there is too little to learn from.
        """
