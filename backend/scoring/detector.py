"""The detector: a raw cloud in, a score for every point and for the object out.

Parts of revolution are unrolled and compared place by place with nominal scans: the *relief*
channel. For all others three channels look at each point by itself: the network's logit, the
distance of its learned features from nominal prototypes, and the distance of its histogram
descriptors from nominal prototypes; and where there is a nominal model, the *surface* channel tells
how far a point lies off it. Each channel is turned into -log10 of its tail probability on held-out
nominal clouds; the point score is their mean. Stray points are left out of all this, and marked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from backend.cloud import PointCloud
from backend.errors import CheckpointError
from backend.models.checkpoint import load_checkpoint, save_checkpoint
from backend.models.normalization import Normalization
from backend.models.pointwise.memory_bank import PrototypeBank
from backend.models.pointwise.nominal_surface import NominalSurface
from backend.models.pointwise.predictor import Predictor
from backend.models.pointwise.preparation import PreparedCloud, prepare
from backend.models.unrolled import storage
from backend.models.unrolled.model import ReliefModel
from backend.scoring.calibration import false_alarm_interval
from backend.scoring.object_score import (
    BEYOND_DOUBT,
    RELIEF_TOP_FRACTION,
    TOP_FRACTION,
    object_score,
    widespread,
)
from backend.scoring.recognition import Recogniser, Recognition
from backend.scoring.tails import TailTable
from backend.scoring.upsampling import smooth, upsample

KIND = "detector"
SMOOTHING = 32
HISTOGRAMS = "histograms"
LEARNED = "learned"
NETWORK = "network"
SURFACE = "surface"
RELIEF = "relief"


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """What a detector says about one cloud of N points.

    Attributes:
        point_scores: (N,) float32, higher is more anomalous; the mean over the channels of
            -log10 of the tail probability among nominal points; 12 for stray points.
        object_score: mean of the highest half percent, of parts of revolution of the top 0.2 %, but
            for stray points; and what ``widespread`` adds.
        object_threshold: score above which the object is anomalous; None where the detector saw
            too few held-out nominal clouds to certify one.
        anomalous: the decision; None where there is no threshold.
        point_threshold: exceeded by half a percent of held-out nominal points.
        recognition: the category it was scored as, and how sure that is.
        stray: (N,) bool, points that belong to no surface.
    """

    point_scores: NDArray[np.float32]
    object_score: float
    object_threshold: float | None
    anomalous: bool | None
    point_threshold: float
    recognition: Recognition
    stray: NDArray[np.bool_]

    @property
    def category(self) -> str:
        """The category it was scored as."""
        return self.recognition.category

    @property
    def above_threshold(self) -> NDArray[np.bool_]:
        """(N,) which points are anomalous."""
        return self.point_scores > self.point_threshold


@dataclass(frozen=True)
class Thresholds:
    """Calibrated on held-out nominal clouds.

    Attributes:
        object: see ``ScoreMap.object_threshold``.
        point: see ``ScoreMap.point_threshold``.
        false_alarm_rate: what ``object`` certifies, on average over calibrations.
        nominal_clouds: how many clouds it was calibrated on.
    """

    object: float | None
    point: float
    false_alarm_rate: float
    nominal_clouds: int

    @property
    def false_alarm_interval(self) -> tuple[float, float] | None:
        """95 % interval of the rate that ``object`` really has; None where there is none."""
        return false_alarm_interval(self.nominal_clouds, self.false_alarm_rate)


@dataclass(frozen=True, eq=False)
class CategoryModel:
    """What is nominal in one category.

    Attributes:
        banks: prototypes by channel; none where there is a relief.
        tails: by channel.
        relief: of parts of revolution.
        surface: of other parts with a nominal model.
    """

    banks: Mapping[str, PrototypeBank] = field(default_factory=dict)
    tails: Mapping[str, TailTable] = field(default_factory=dict)
    relief: ReliefModel | None = None
    surface: NominalSurface | None = None

    def object_score(self, thin_scores: NDArray[np.float64], point_threshold: float) -> float:
        """One score from those of a thinned cloud's points (M,)."""
        fraction = TOP_FRACTION if self.relief is None else RELIEF_TOP_FRACTION
        return object_score(thin_scores, fraction) + widespread(thin_scores, point_threshold)


@dataclass(frozen=True, eq=False)
class Deviations:
    """How far some points of a cloud are from nominal.

    Attributes:
        rows: (M,) int64, which points.
        channels: by name (M,), each in its own unit.
        stray: (N,) bool, points of the cloud that belong to no surface, none of them in ``rows``.
    """

    rows: NDArray[np.int64]
    channels: Mapping[str, NDArray[np.float64]]
    stray: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Detector:
    """Everything scoring needs; see the module's text.

    Attributes:
        normalization: scale per category and spacing of points.
        recogniser: of categories.
        predictor: the network; None where no channel needs one.
        categories: by name.
        thresholds: decisions.
        info: how it was made: version, seed, configuration, counts.
        averages: so many thinnings of a cloud are scored, and their scores averaged; for parts of
            revolution ``ReliefConfig`` has its own.
    """

    normalization: Normalization
    recogniser: Recogniser
    predictor: Predictor | None
    categories: Mapping[str, CategoryModel]
    thresholds: Thresholds
    info: Mapping[str, Any]
    averages: int = 1

    @property
    def unit(self) -> str | None:
        """The length unit of the training clouds, where they had one."""
        return self.info.get("unit")

    def score(
        self, points: ArrayLike, normals: ArrayLike | None = None, category: str | None = None
    ) -> ScoreMap:
        """Score a cloud.

        Args:
            points: (N, 3) in the unit of the training clouds.
            normals: (N, 3) outward; estimated where not given.
            category: one of ``categories``; recognised if not given.

        Raises:
            CloudError: the arrays are no cloud, too few points, a part that is not like any scan
                of the category, or, where none is given, like none or like several.
        """
        cloud = PointCloud.of(points, normals)
        if category is not None:
            self.normalization.scale(category)  # refuses one that is unknown
        recognition = self.recogniser.recognise(cloud, category)
        model = self.categories[recognition.category]
        scores, objects = np.zeros(len(cloud)), []
        for found in self._deviations(cloud, recognition.category):
            thin_scores = fuse(found.channels, model.tails)
            scores += upsample(cloud.points, cloud.points[found.rows], thin_scores)
            objects.append(model.object_score(thin_scores, self.thresholds.point))
        point_scores = np.where(found.stray, BEYOND_DOUBT, scores / len(objects))
        value, limit = float(np.mean(objects)), self.thresholds.object
        return ScoreMap(
            point_scores.astype(np.float32),
            value,
            limit,
            None if limit is None else value > limit,
            self.thresholds.point,
            recognition,
            found.stray,
        )

    def _deviations(self, cloud: PointCloud, category: str) -> Iterator[Deviations]:
        """Of each thinning."""
        model = self.categories[category]
        if model.relief is not None:
            yield relief_deviations(cloud, model.relief)
            return
        outward = None if model.surface is None else model.surface.outward
        for number in range(self.averages):
            offset = number / self.averages
            prepared = prepare(cloud, self.normalization, category, offset, outward)
            yield local_deviations(prepared, self.predictor, model, model.tails)

    def save(self, path: Path | str) -> Path:
        """Write to ``path``, by custom ``*.safetensors``."""
        tensors, recognition = self.recogniser.to_checkpoint()
        categories: dict[str, Any] = {}
        document: dict[str, Any] = {
            "normalization": self.normalization.to_record(),
            "recognition": recognition,
            "thresholds": vars(self.thresholds),
            "categories": categories,
            "info": dict(self.info),
            "averages": self.averages,
            "network": None,
        }
        if self.predictor is not None:
            parts, document["network"] = self.predictor.to_checkpoint()
            tensors |= parts
        for name, model in self.categories.items():
            parts, categories[name] = _to_checkpoint(model)
            tensors |= {f"{_prefix(name)}{key}": tensor for key, tensor in parts.items()}
        return save_checkpoint(path, KIND, tensors, document)

    @classmethod
    def load(cls, path: Path | str) -> Detector:
        """Read a detector that ``save`` wrote.

        Raises:
            CheckpointError: the file is missing, damaged, or of another version.
        """
        tensors, document = load_checkpoint(path, KIND)
        try:
            network = document["network"]
            return cls(
                Normalization.from_record(document["normalization"]),
                Recogniser.from_checkpoint(tensors, document["recognition"]),
                None if network is None else Predictor.from_checkpoint(tensors, network),
                {
                    name: _from_checkpoint(_below(tensors, _prefix(name)), record)
                    for name, record in document["categories"].items()
                },
                Thresholds(**document["thresholds"]),
                document["info"],
                document["averages"],
            )
        except (KeyError, TypeError) as error:
            raise CheckpointError(f"{path}: the model file lacks {error}") from error


def _prefix(category: str) -> str:
    return f"{category}/"


def _below(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _to_checkpoint(model: CategoryModel) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    tensors: dict[str, torch.Tensor] = {}
    record: dict[str, Any] = {"banks": sorted(model.banks), "tails": sorted(model.tails)}
    for channel, bank in model.banks.items():
        tensors[f"bank.{channel}"] = torch.from_numpy(bank.prototypes)
    for channel, table in model.tails.items():
        tensors[f"tail.{channel}"] = torch.from_numpy(table.quantiles)
    if model.relief is not None:
        parts, record["relief"] = storage.to_checkpoint(model.relief)
        tensors |= {f"relief.{name}": tensor for name, tensor in parts.items()}
    if model.surface is not None:
        parts, record["surface"] = model.surface.to_checkpoint()
        tensors |= {f"surface.{name}": tensor for name, tensor in parts.items()}
    return tensors, record


def _from_checkpoint(
    tensors: Mapping[str, torch.Tensor], record: Mapping[str, Any]
) -> CategoryModel:
    relief, surface = record.get("relief"), record.get("surface")
    return CategoryModel(
        {channel: PrototypeBank(tensors[f"bank.{channel}"].numpy()) for channel in record["banks"]},
        {channel: TailTable(tensors[f"tail.{channel}"].numpy()) for channel in record["tails"]},
        None if relief is None else storage.from_checkpoint(_below(tensors, "relief."), relief),
        None
        if surface is None
        else NominalSurface.from_checkpoint(_below(tensors, "surface."), surface),
    )


def bank_features(
    cloud: PreparedCloud, predictor: Predictor | None, channels: Collection[str]
) -> dict[str, NDArray[np.float32]]:
    """Per prototype channel the features (M, F) that its bank holds."""
    features = {}
    if HISTOGRAMS in channels:
        features[HISTOGRAMS] = smooth_features(cloud.histograms, cloud.neighbors)
    if LEARNED in channels and predictor is not None:
        features[LEARNED] = predictor.infer(cloud)[1]
    return features


def smooth_features(
    features: NDArray[np.float32], neighbors: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Mean (M, F) of the features over the nearest 32 points."""
    total = features[neighbors[:, 0]].copy()
    for column in range(1, SMOOTHING):
        total += features[neighbors[:, column]]
    return total / np.float32(SMOOTHING)


def relief_deviations(cloud: PointCloud, relief: ReliefModel) -> Deviations:
    """Deviations of a part of revolution from nominal places."""
    scan, values = relief.score(cloud)
    return Deviations(scan.rows, {RELIEF: values}, scan.stray)


def local_deviations(
    cloud: PreparedCloud,
    predictor: Predictor | None,
    model: CategoryModel,
    channels: Collection[str],
) -> Deviations:
    """Deviations of each point and its surroundings from nominal ones, in these ``channels``."""
    near = cloud.neighbors[:, : SMOOTHING // 2]
    deviations = {}
    if HISTOGRAMS in channels:
        histograms = smooth_features(cloud.histograms, cloud.neighbors)
        deviations[HISTOGRAMS] = model.banks[HISTOGRAMS].distance(histograms).astype(np.float64)
    if predictor is not None:
        logits, features = predictor.infer(cloud)
        if NETWORK in channels:
            deviations[NETWORK] = logits.astype(np.float64)
        if LEARNED in channels:
            distance = model.banks[LEARNED].distance(features).astype(np.float64)
            deviations[LEARNED] = smooth(distance, near)
    if SURFACE in channels and model.surface is not None:
        deviations[SURFACE] = model.surface.deviations(cloud)
    return Deviations(cloud.rows, deviations, cloud.stray)


def fuse(
    deviations: Mapping[str, NDArray[np.float64]], tails: Mapping[str, TailTable]
) -> NDArray[np.float64]:
    """Mean (M,) of the channels' tail scores."""
    scores = [tails[channel].score(values) for channel, values in deviations.items()]
    mean: NDArray[np.float64] = np.mean(scores, axis=0)
    return mean
