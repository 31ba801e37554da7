"""Learning what is nominal point by point: descriptors, network, prototypes, nominal models."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import RegistrationError, TrainingError
from backend.models.pointwise.memory_bank import MemoryBank
from backend.models.pointwise.model import (
    HISTOGRAMS,
    LEARNED,
    NETWORK,
    SURFACE,
    PointwiseModel,
    bank_features,
)
from backend.models.pointwise.nominal_surface import NominalSurface
from backend.models.pointwise.predictor import Predictor, Standardization
from backend.models.pointwise.preparation import PreparedCloud, prepare
from backend.registration.fusion import Trust, fuse_scans
from backend.training.augmentation import (
    AugmentationConfig,
    as_dense_as,
    augment,
    drop_points,
)
from backend.training.kinds import kinds_of
from backend.training.pointwise.examples import (
    ExampleDrawing,
    Examples,
    drawn_examples,
    example_of,
)
from backend.training.pointwise.network import EpochFigures, Example, NetworkFitter
from backend.training.run import CalibrationScan, Fitted, Run, Suitability
from backend.training.sets import CategoryData
from backend.training.surfaces import prepare_surfaces

STATE_FILE = "network.safetensors"
# Scans that a nominal model is fused from at most, and as many that it is tried on.
MOST_FUSED = 40


@dataclass(frozen=True, eq=False)
class NominalSet:
    """One category's prepared nominal clouds.

    Attributes:
        name, number: of the category.
        learn: what network and prototypes learn from.
        changed: the same clouds, sparser, noisier and turned, for network and prototypes: what
            density and noise do to a surface would pass for a defect otherwise.
        rest: what deviations are measured on, each cloud as it is and sparser, with its number; a
            changed copy if there is but one cloud.
    """

    name: str
    number: int
    learn: Sequence[PreparedCloud]
    changed: Sequence[PreparedCloud]
    rest: Sequence[tuple[int, PreparedCloud]]

    @property
    def all_learned(self) -> list[PreparedCloud]:
        """Both that are learned from."""
        return [*self.learn, *self.changed]


@dataclass(frozen=True, eq=False)
class PointwiseTraining:
    """See ``FamilyTraining``; one network is trained for all categories together."""

    run: Run

    def suits(self, part: CategoryData) -> Suitability:
        """It suits every part."""
        return Suitability(True, "it suits every part")

    def fit(self, parts: Sequence[CategoryData]) -> dict[str, Fitted]:
        """See ``FamilyTraining``."""
        run = self.run
        sets = {
            part.name: self.nominal_set(part)
            for part in run.track(parts, "Describing nominal clouds", len(parts))
        }
        predictor = None
        has_anomalies = run.template is not None or any(part.labeled for part in parts)
        if run.config.learns and has_anomalies:
            predictor = self.network(sets, parts)
        fitted = {}
        for part in run.track(parts, "Collecting prototypes", len(parts)):
            own = sets[part.name]
            surface, trust = self.surface(part, own)
            model = self.category(own, predictor, surface)
            compared = [
                CalibrationScan(number, cloud.points, model.compare(cloud).channels)
                for number, cloud in own.rest
            ]
            fitted[part.name] = Fitted(model, compared, trust)
        return fitted

    def nominal_set(self, part: CategoryData) -> NominalSet:
        """Describe a category's nominal clouds."""
        normalization = self.run.normalization
        rng = np.random.default_rng([self.run.seed, 1, part.number])
        # A side that is cut away would make the rims of holes nominal.
        whole = replace(self.run.config.augmentation, view_probability=0.0)

        def allowed(cloud: PointCloud) -> AugmentationConfig:
            return as_dense_as(whole, cloud.spacing, normalization.apart(cloud.points, part.name))

        changed = [augment(LabeledCloud.nominal(c), rng, allowed(c)) for c in part.learn]
        sparser = [
            drop_points(LabeledCloud.nominal(c), rng, allowed(c).dropout) for c in part.calibrate
        ]
        rest: list[tuple[int, PointCloud | LabeledCloud]]
        rest = [*enumerate(part.calibrate), *enumerate(sparser)] or [(0, changed[0])]
        return NominalSet(
            part.name,
            part.number,
            [self._described(cloud, part.name) for cloud in part.learn],
            [self._described(cloud, part.name) for cloud in changed],
            [(number, self._described(cloud, part.name)) for number, cloud in rest],
        )

    def _described(self, cloud: PointCloud | LabeledCloud, name: str) -> PreparedCloud:
        return prepare(PointCloud(cloud.points, cloud.normals), self.run.normalization, name)

    def network(self, sets: Mapping[str, NominalSet], parts: Sequence[CategoryData]) -> Predictor:
        """Train the network on all categories together; ``sets`` are their described clouds."""
        prepared = [cloud for part in sets.values() for cloud in part.all_learned]
        given = [Example(cloud, np.zeros(len(cloud.rows), dtype=bool)) for cloud in prepared]
        given += self._given(parts)
        held_out, examples = self._drawn(given, parts)
        fitter = NetworkFitter(
            examples.at,
            held_out,
            Standardization.fit([cloud.invariants for cloud in prepared]),
            self.run.config.network,
            self.run.config.fitting,
            kinds=kinds_of(self.run.template),
            seed=self.run.seed,
            device=_device(self.run.config.device),
            state=self.run.folder / STATE_FILE,
            fingerprint=self.run.fingerprint,
        )
        self._follow(fitter, examples)
        return fitter.predictor

    def _follow(self, fitter: NetworkFitter, examples: Examples) -> None:
        started = time.perf_counter()
        epochs = self.run.track(fitter.run(), "Training", len(fitter), fitter.done, _in_words)
        for figures in epochs:
            seconds = time.perf_counter() - started
            values = {
                "loss": figures.loss,
                "learning rate": figures.rate,
                "held-out average precision": figures.held_out,
                "drawn defects": float(examples.taken),
                "seconds": seconds,
                "share of time waited for defects": examples.waited / seconds,
            }
            self.run.log(figures.epoch, values)

    def _given(self, parts: Sequence[CategoryData]) -> Iterator[Example]:
        tasks = [(part.name, cloud) for part in parts for cloud in part.labeled]
        described = self.run.track(tasks, "Describing labelled clouds", len(tasks))
        for number, (name, cloud) in enumerate(described):
            rng = np.random.default_rng([self.run.seed, 2, number])
            yield example_of(cloud, name, self.run.normalization, self.run.config.augmentation, rng)

    def _drawn(
        self, given: Sequence[Example], parts: Sequence[CategoryData]
    ) -> tuple[list[Example], Examples]:
        """Examples that the end is decided on, and those to learn from."""
        run = self.run
        if run.template is None:
            return [], Examples(given)
        drawing = ExampleDrawing(
            run.template, run.normalization, run.config.augmentation, (run.seed, 5)
        )
        surfaces = {part.name: prepare_surfaces(run, part) for part in parts}
        held_out: list[Example] = []
        if run.config.fitting.patience:
            others = drawn_examples(surfaces, replace(drawing, seed=(run.seed, 6)), run.workers)
            drawn = islice(others, run.config.fitting.held_out)
            held_out = [one for one in drawn if one is not None]
        synthesis = run.config.synthesis
        return held_out, Examples(
            given,
            sum(run.draws(part) for part in parts),
            synthesis.fresh * len(parts),
            synthesis.pool * len(parts),
            drawn_examples(surfaces, drawing, run.workers),
        )

    def surface(
        self, part: CategoryData, own: NominalSet
    ) -> tuple[NominalSurface | None, Trust | None]:
        """The surface of a category's nominal model, or of one fused from its scans.

        Returns:
            The surface, None where there is none to be trusted; and whether a fused one is to be
            trusted, None where none was tried.
        """
        config = self.run.config
        if not config.compares_surfaces:
            return None, None
        if part.nominal_model is None:
            return self._fused(part, own) if config.fuse_scans else (None, None)
        scale = self.run.normalization.scale(part.name)
        model = part.nominal_model.surface
        mesh = model.moved(model.points / scale, model.normals)
        try:
            return self._placed(mesh, own), None
        except RegistrationError as error:
            raise RegistrationError(
                f"nominal model of {part.name!r}: {error}. Scans whose pieces move against one "
                "another fit no model; leave it out then"
            ) from error

    def _fused(self, part: CategoryData, own: NominalSet) -> tuple[NominalSurface | None, Trust]:
        learn, held_out = (self._few(clouds, part) for clouds in (part.learn, part.calibrate))
        try:
            fused = fuse_scans(
                learn, held_out=held_out, progress=self.run.progress, step=f"Fusing {part.name}"
            )
            surface = self._placed(fused.surface, own) if fused.trust.is_trusted else None
            return surface, fused.trust
        except RegistrationError as error:
            return None, Trust.declined(str(error), len(learn))

    def _few(self, clouds: Sequence[PointCloud], part: CategoryData) -> list[PointCloud]:
        """Some of the clouds, at even steps of their order, at unit scale."""
        scale = self.run.normalization.scale(part.name)
        few = clouds[:: max(1, -(-len(clouds) // MOST_FUSED))]
        return [PointCloud(cloud.points / scale, cloud.normals) for cloud in few]

    def _placed(self, surface: PointCloud, own: NominalSet) -> NominalSurface:
        return NominalSurface.fit(surface, own.learn, self.run.progress, f"Placing {own.name}")

    def category(
        self, part: NominalSet, predictor: Predictor | None, surface: NominalSurface | None
    ) -> PointwiseModel:
        """What is nominal in a category: prototypes by channel, and the model's surface."""
        rng = np.random.default_rng([self.run.seed, 3, part.number])
        channels = self._channels(predictor, surface is not None)
        features = [bank_features(cloud, predictor, channels) for cloud in part.all_learned]
        size, pool = self.run.config.bank_size, self.run.config.bank_pool
        banks = {
            channel: MemoryBank.fit(
                np.concatenate([one[channel] for one in features]), size, pool, rng
            )
            for channel in features[0]
        }
        return PointwiseModel(
            part.name,
            self.run.normalization,
            predictor,
            banks,
            surface,
            channels,
            self.run.config.test_time_offsets,
        )

    def _channels(self, predictor: Predictor | None, has_surface: bool) -> tuple[str, ...]:
        """Those that are configured and can be; the histograms where none of them can."""
        possible = {HISTOGRAMS}
        if predictor is not None:
            possible |= {LEARNED, NETWORK}
        if has_surface:
            possible.add(SURFACE)
        return tuple(name for name in self.run.config.channels if name in possible) or (HISTOGRAMS,)


def _in_words(figures: EpochFigures) -> str:
    held_out = "" if np.isnan(figures.held_out) else f", held out {figures.held_out:.3f}"
    return f"loss {figures.loss:.3f}{held_out}"


def _device(name: str) -> torch.device:
    """``auto`` is a GPU where there is one.

    Raises:
        TrainingError: a GPU is asked for, and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError(
            "device 'cuda': torch finds no GPU. Leave the device out, or install torch for a GPU "
            "as docs/reference/dependencies.md says"
        )
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
