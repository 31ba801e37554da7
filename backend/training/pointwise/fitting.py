"""Training what scores point by point: descriptors, network, prototypes, nominal models."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from backend.cloud import LabeledCloud, PointCloud
from backend.engine.processes import Workers
from backend.errors import RegistrationError, TrainingError
from backend.models.normalization import Normalization
from backend.models.pointwise.memory_bank import PrototypeBank
from backend.models.pointwise.nominal_surface import NominalSurface
from backend.models.pointwise.predictor import Predictor, Standardization
from backend.models.pointwise.preparation import PreparedCloud, prepare
from backend.scoring.detector import (
    HISTOGRAMS,
    LEARNED,
    NETWORK,
    SURFACE,
    CategoryModel,
    bank_features,
    local_deviations,
)
from backend.training.augmentation import (
    AugmentationConfig,
    as_dense_as,
    augment,
    drop_points,
)
from backend.training.config import TrainingConfig
from backend.training.pointwise.examples import Examples, Recipe, drawn_examples, example_of
from backend.training.pointwise.network import Example, NetworkFitter, Progress
from backend.training.tracking import Scalars, Tracker
from shared_schema.recipe import RecipeTemplate

NominalClouds = Mapping[str, Sequence[PointCloud]]
LabeledClouds = Mapping[str, Sequence[LabeledCloud]]
ChannelDeviations = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class NominalSet:
    """One category's prepared nominal clouds.

    Attributes:
        name, number: of the category.
        learn: what network and prototypes learn from.
        changed: the same clouds, sparser, noisier and turned, for network and prototypes: what
            density and noise do to a surface would pass for a defect otherwise.
        rest: what deviations are measured on; a changed copy if there is but one cloud.
    """

    name: str
    number: int
    learn: Sequence[PreparedCloud]
    changed: Sequence[PreparedCloud]
    rest: Sequence[PreparedCloud]

    @property
    def all_learned(self) -> list[PreparedCloud]:
        """Both that are learned from."""
        return [*self.learn, *self.changed]


@dataclass(frozen=True, eq=False)
class LocalTraining:
    """One run.

    Attributes:
        config, seed: of the whole training.
        normalization: of all categories.
        template: of defects to be drawn, or None.
        state: file of the network's state, to go on from.
        fingerprint: of all that the result depends on.
        workers: who draws the defects.
        track, log: how it is followed.
    """

    config: TrainingConfig
    seed: int
    normalization: Normalization
    template: RecipeTemplate | None
    state: Path
    fingerprint: str
    workers: Workers
    track: Tracker
    log: Scalars = field(repr=False)

    def nominal_set(
        self, number: int, name: str, learn: Sequence[PointCloud], rest: Sequence[PointCloud]
    ) -> NominalSet:
        """Describe a category's nominal clouds; those that calibrate as sparse as chance has it."""
        rng = np.random.default_rng([self.seed, 1, number])
        # A side that is cut away would make the rims of holes nominal.
        whole = replace(self.config.augmentation, view_probability=0.0)

        def allowed(cloud: PointCloud) -> AugmentationConfig:
            return as_dense_as(whole, cloud.spacing, self.normalization.apart(cloud.points, name))

        changed = [augment(LabeledCloud.nominal(c), rng, allowed(c)) for c in learn]
        sparser = [drop_points(LabeledCloud.nominal(c), rng, allowed(c).dropout) for c in rest]
        described = (
            [self._described(cloud, name) for cloud in clouds]
            for clouds in (learn, changed, sparser or changed[:1])
        )
        return NominalSet(name, number, *described)

    def _described(self, cloud: PointCloud | LabeledCloud, name: str) -> PreparedCloud:
        return prepare(PointCloud(cloud.points, cloud.normals), self.normalization, name)

    def network(
        self, sets: Mapping[str, NominalSet], labeled: LabeledClouds, learn: NominalClouds
    ) -> Predictor:
        """Train the network on all categories together.

        Args:
            sets: prepared nominal clouds.
            labeled: anomalies; of categories in ``sets`` they count.
            learn: the nominal clouds, to draw defects on.
        """
        prepared = [cloud for part in sets.values() for cloud in part.all_learned]
        given = [Example(cloud, np.zeros(len(cloud.rows), dtype=bool)) for cloud in prepared]
        given += self._given(sets, labeled)
        held_out, examples = self._drawn(given, {name: learn[name] for name in sets})
        fitter = NetworkFitter(
            examples.at,
            held_out,
            Standardization.fit([cloud.invariants for cloud in prepared]),
            self.config.network,
            self.config.fitting,
            seed=self.seed,
            device=_device(self.config.device),
            state=self.state,
            fingerprint=self.fingerprint,
        )
        self._follow(fitter, examples)
        return fitter.predictor

    def _follow(self, fitter: NetworkFitter, examples: Examples) -> None:
        started = time.perf_counter()
        epochs = self.track(fitter.run(), "Training", len(fitter), fitter.done, _in_words)
        for progress in epochs:
            seconds = time.perf_counter() - started
            values = {
                "loss": progress.loss,
                "learning rate": progress.rate,
                "held-out average precision": progress.held_out,
                "drawn defects": float(examples.taken),
                "seconds": seconds,
                "share of time waited for defects": examples.waited / seconds,
            }
            self.log(progress.epoch, values)

    def _given(self, sets: Mapping[str, NominalSet], labeled: LabeledClouds) -> Iterator[Example]:
        tasks = [(name, cloud) for name in sets for cloud in labeled.get(name, ())]
        described = self.track(tasks, "Describing labelled clouds", len(tasks))
        for number, (name, cloud) in enumerate(described):
            rng = np.random.default_rng([self.seed, 2, number])
            yield example_of(cloud, name, self.normalization, self.config.augmentation, rng)

    def _drawn(
        self, given: Sequence[Example], clouds: NominalClouds
    ) -> tuple[list[Example], Examples]:
        """Examples that the end is decided on, and those to learn from."""
        if self.template is None:
            return [], Examples(given)
        recipe = Recipe(self.template, self.normalization, self.config.augmentation, (self.seed, 5))
        held_out: list[Example] = []
        if self.config.fitting.patience:
            others = drawn_examples(clouds, replace(recipe, seed=(self.seed, 6)), self.workers)
            drawn = islice(others, self.config.fitting.held_out)
            held_out = [one for one in drawn if one is not None]
        synthesis = self.config.synthesis
        return held_out, Examples(
            given,
            sum(synthesis.first(len(part)) for part in clouds.values()),
            synthesis.fresh * len(clouds),
            synthesis.pool * len(clouds),
            drawn_examples(clouds, recipe, self.workers),
        )

    def category(
        self, part: NominalSet, predictor: Predictor | None, nominal_model: PointCloud | None
    ) -> CategoryModel:
        """What is nominal in a category: prototypes by channel, and the model's surface."""
        rng = np.random.default_rng([self.seed, 3, part.number])
        channels = self._channels(predictor, nominal_model is not None)
        features = [bank_features(cloud, predictor, channels) for cloud in part.all_learned]
        size, pool = self.config.bank_size, self.config.bank_pool
        banks = {
            channel: PrototypeBank.fit(
                np.concatenate([one[channel] for one in features]), size, pool, rng
            )
            for channel in features[0]
        }
        surface = None
        if nominal_model is not None and SURFACE in channels:
            scale = self.normalization.scale(part.name)
            mesh = nominal_model.surface.moved(nominal_model.surface.points / scale, None)
            track = partial(self.track, text=f"Placing {part.name}", total=len(part.learn))
            try:
                surface = NominalSurface.fit(mesh, part.learn, track)
            except RegistrationError as error:
                raise RegistrationError(f"nominal model of {part.name!r}: {error}") from error
        return CategoryModel(banks, surface=surface)

    def deviations(
        self, part: NominalSet, predictor: Predictor | None, model: CategoryModel
    ) -> list[ChannelDeviations]:
        """Of the nominal clouds that calibrate."""
        channels = self._channels(predictor, model.surface is not None)
        return [local_deviations(one, predictor, model, channels).channels for one in part.rest]

    def _channels(self, predictor: Predictor | None, has_model: bool) -> tuple[str, ...]:
        """Those that are configured and can be; the histograms where none of them can."""
        possible = {HISTOGRAMS}
        if predictor is not None:
            possible |= {LEARNED, NETWORK}
        # Clouds that are scaled by their own size do not fit the model.
        if has_model and self.config.sdn:
            possible.add(SURFACE)
        return tuple(name for name in self.config.channels if name in possible) or (HISTOGRAMS,)


def _in_words(progress: Progress) -> str:
    held_out = "" if np.isnan(progress.held_out) else f", held out {progress.held_out:.3f}"
    return f"loss {progress.loss:.3f}{held_out}"


def _device(name: str) -> torch.device:
    """``auto`` is a GPU where there is one.

    Raises:
        TrainingError: a GPU is asked for, and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "device 'cuda': torch finds no GPU; docs/reference/dependencies.md says how to install "
            "it for one; or leave the device out"
        )
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
