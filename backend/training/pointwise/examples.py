"""What the network learns from: given clouds, and defects drawn while it learns."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

import numpy as np

from backend.cloud import LabeledCloud, PointCloud
from backend.engine.processes import Workers
from backend.errors import SamplingError
from backend.models.normalization import Normalization
from backend.models.pointwise.preparation import prepare
from backend.sampling.drawing import draw_until_it_shows, read_prepared_surface
from backend.training.augmentation import AugmentationConfig, as_dense_as, augment
from backend.training.kinds import kind_numbers, kinds_by_label, kinds_of
from backend.training.pointwise.network import Example
from shared_schema.recipe import RecipeTemplate

# So many defects are in the making while others are learned from.
AHEAD = 8


@dataclass(frozen=True, eq=False)
class ExampleDrawing:
    """How examples are drawn.

    Attributes:
        template: of the defects.
        normalization, augmentation: what becomes of a cloud with a defect.
        seed: with an example's number, of everything that is drawn by chance.
    """

    template: RecipeTemplate
    normalization: Normalization
    augmentation: AugmentationConfig
    seed: tuple[int, ...]


class _Task(NamedTuple):
    """Example ``number`` is to be drawn on the prepared surface in ``surface``."""

    number: int
    category: str
    surface: Path


def example_of(
    labeled: LabeledCloud,
    category: str,
    normalization: Normalization,
    augmentation: AugmentationConfig,
    rng: np.random.Generator,
    kinds: Mapping[int, int] | None = None,
) -> Example:
    """A labelled cloud, changed at random and described.

    Args:
        labeled: the cloud.
        category: of it.
        normalization, augmentation: what becomes of it.
        rng: of the change.
        kinds: the number of the kind of each defect by its label; None: they are not known.
    """
    apart = normalization.apart(labeled.points, category)
    allowed = as_dense_as(augmentation, PointCloud(labeled.points).spacing, apart)
    changed = augment(labeled, rng, allowed)
    prepared = prepare(PointCloud(changed.points, changed.normals), normalization, category)
    numbers = kind_numbers(changed.labels[prepared.rows], kinds or {})
    return Example(prepared, changed.mask[prepared.rows], numbers)


def _draw(task: _Task, drawing: ExampleDrawing) -> Example | None:
    """The example, which depends on the seed and its number alone; None if no defect shows."""
    rng = np.random.default_rng([*drawing.seed, task.number])
    surface = read_prepared_surface(task.surface)
    try:
        _, drawn = draw_until_it_shows(lambda _: surface.draw(drawing.template, rng))
    except SamplingError:
        return None
    given = (task.category, drawing.normalization, drawing.augmentation)
    kinds = kinds_by_label(drawn.record.defects, kinds_of(drawing.template))
    return example_of(surface.as_scanned(drawn.labeled), *given, rng, kinds)


@dataclass(eq=False)
class Examples:
    """Given examples, and a stream of drawn ones of which the latest are kept.

    What there is in an epoch depends on the epoch alone, not on how quickly defects are drawn.

    Attributes:
        given: always there.
        first, fresh, pool: drawn ones at the start, further ones an epoch, the most that are kept.
        stream: of drawn ones, in the order of their numbers.
        drawn: those that are kept.
        taken: how many have come out of the stream.
        waited: seconds that were spent waiting for the stream.
    """

    given: Sequence[Example]
    first: int = 0
    fresh: int = 0
    pool: int = 1
    stream: Iterator[Example | None] = field(default_factory=lambda: iter(()))
    drawn: deque[Example] = field(default_factory=deque)
    taken: int = 0
    waited: float = 0.0

    def at(self, epoch: int) -> Sequence[Example]:
        """The examples of an epoch; epochs must not go back."""
        wanted = self.first + epoch * self.fresh
        started = time.perf_counter()
        while self.taken < wanted:
            one = next(self.stream)
            self.taken += 1
            if one is not None:
                self.drawn.append(one)
            if len(self.drawn) > self.pool:
                self.drawn.popleft()
        self.waited += time.perf_counter() - started
        return [*self.given, *self.drawn]


def drawn_examples(
    surfaces: Mapping[str, Sequence[Path]], drawing: ExampleDrawing, workers: Workers
) -> Iterator[Example | None]:
    """Endless: categories take turns, and in each its prepared nominal scans."""
    return workers.in_order(partial(_draw, drawing=drawing), _tasks(surfaces), ahead=AHEAD)


def _tasks(surfaces: Mapping[str, Sequence[Path]]) -> Iterator[_Task]:
    names = list(surfaces)
    for number in count():
        name = names[number % len(names)]
        own = surfaces[name]
        yield _Task(number, name, own[number // len(names) % len(own)])
