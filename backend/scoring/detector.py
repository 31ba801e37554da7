"""The detector: a raw cloud in, a score for every point and for the object out.

Each category is compared by one family of detectors, in one or more channels. Each channel is
turned into -log10 of its tail probability on held-out nominal clouds; the point score is their
mean. Stray points are left out of all this, and marked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from backend.arrays import BoolArray, Float32Array
from backend.cloud import PointCloud
from backend.errors import CheckpointError
from backend.models.checkpoint import load_checkpoint, save_checkpoint
from backend.models.families import FAMILIES
from backend.models.family import Tensors, below, with_prefix
from backend.models.normalization import Normalization
from backend.scoring.calibration import Thresholds
from backend.scoring.category import Category, fuse
from backend.scoring.decision import decision
from backend.scoring.object_score import BEYOND_DOUBT
from backend.scoring.recognition import Recogniser, Recognition
from backend.scoring.tails import TailTable
from backend.scoring.upsampling import upsample

KIND = "detector"


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
        anomalous: the decision; None where there is no threshold, or where it is in doubt.
        point_threshold: exceeded by half a percent of held-out nominal points.
        recognition: the category it was scored as, and how sure that is.
        stray: (N,) bool, points that belong to no surface.
        doubt: why there is no decision though there is a threshold, in a whole sentence.

    >>> result = detector.score(scans[0].points, scans[0].normals)  # that of ``train``'s example
    >>> result.point_scores.shape, result.anomalous, result.category
    ((805,), None, 'plate')
    """

    point_scores: Float32Array
    object_score: float
    object_threshold: float | None
    anomalous: bool | None
    point_threshold: float
    recognition: Recognition
    stray: BoolArray
    doubt: str | None = None

    def __repr__(self) -> str:
        points = f"{self.above_threshold.sum():,} of {len(self.point_scores):,} points"
        verdict = {True: "anomalous", False: "not anomalous", None: "undecided"}[self.anomalous]
        return (
            f"<ScoreMap of {self.category}: {verdict}, object score {self.object_score:.3g}, "
            f"{points} above the threshold>"
        )

    @property
    def category(self) -> str:
        """The category it was scored as."""
        return self.recognition.category

    @property
    def above_threshold(self) -> BoolArray:
        """(N,) which points are anomalous."""
        return self.point_scores > self.point_threshold


@dataclass(frozen=True, eq=False)
class Detector:
    """Everything that scoring needs; the module's docstring explains it.

    Attributes:
        normalization: scale per category and spacing of points.
        recogniser: of categories.
        categories: by name.
        thresholds: decisions.
        info: how it was made: version, seed, configuration, counts.

    >>> path = detector.save(folder / "detector.safetensors")  # that of ``train``'s example
    >>> fs.Detector.load(path)
    <Detector of plate>
    """

    normalization: Normalization
    recogniser: Recogniser
    categories: Mapping[str, Category]
    thresholds: Thresholds
    info: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<Detector of {', '.join(self.categories)}>"

    @property
    def unit(self) -> str | None:
        """The length unit of the training clouds, where they had one."""
        return self.info.get("unit")

    def comparison(self, category: str) -> str:
        """How scans of ``category`` are compared with nominal ones, and why: half a sentence.

        >>> detector.comparison("plate")
        'compared point by point with their nominal surroundings, because the settings ask for it'
        """
        title = FAMILIES[self.categories[category].family].title
        # Detectors of earlier versions do not say why.
        why = self.info.get("families", {}).get(category, {}).get("why")
        return f"compared {title}" + ("" if why is None else f", because {why}")

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
        chosen = self.categories[recognition.category]
        scores, objects = np.zeros(len(cloud)), []
        for found in chosen.model.deviations(cloud):
            thin_scores = fuse(found.channels, chosen.tails)
            scores += upsample(cloud.points, cloud.points[found.rows], thin_scores)
            objects.append(chosen.object_score(thin_scores, self.thresholds.point))
        point_scores = np.where(found.stray, BEYOND_DOUBT, scores / len(objects))
        value, limit = float(np.mean(objects)), self.thresholds.object
        anomalous, doubt = decision(value, limit, recognition)
        return ScoreMap(
            point_scores.astype(np.float32),
            value,
            limit,
            anomalous,
            self.thresholds.point,
            recognition,
            found.stray,
            doubt,
        )

    def save(self, path: Path | str) -> Path:
        """Write to ``path``, by custom ``*.safetensors``."""
        tensors, recognition = self.recogniser.to_checkpoint()
        categories: dict[str, Any] = {}
        families: dict[str, Any] = {}
        for name, category in self.categories.items():
            categories[name] = {"family": category.family, "tails": sorted(category.tails)}
            tails = {n: torch.from_numpy(table.quantiles) for n, table in category.tails.items()}
            tensors |= with_prefix(f"tails/{name}/", tails)
        for family in sorted({category.family for category in self.categories.values()}):
            models = {n: c.model for n, c in self.categories.items() if c.family == family}
            parts, families[family] = FAMILIES[family].to_checkpoint(models)
            tensors |= with_prefix(f"{family}/", parts)
        document: dict[str, Any] = {
            "normalization": self.normalization.to_record(),
            "recognition": recognition,
            "thresholds": vars(self.thresholds),
            "families": families,
            "categories": categories,
            "info": dict(self.info),
        }
        return save_checkpoint(path, KIND, tensors, document)

    @classmethod
    def load(cls, path: Path | str) -> Detector:
        """Read a detector that ``save`` wrote.

        Raises:
            CheckpointError: the file is missing, damaged, or of another version.
        """
        tensors, document = load_checkpoint(path, KIND)
        try:
            normalization = Normalization.from_record(document["normalization"])
            return cls(
                normalization,
                Recogniser.from_checkpoint(tensors, document["recognition"]),
                _categories(tensors, document, normalization),
                Thresholds(**document["thresholds"]),
                document["info"],
            )
        except (KeyError, TypeError) as error:
            raise CheckpointError(f"{path}: the model file lacks {error}") from error


def _categories(
    tensors: Tensors, document: Mapping[str, Any], normalization: Normalization
) -> dict[str, Category]:
    """The categories of a model file, in the order in which they were learned."""
    models = {
        family: FAMILIES[family].from_checkpoint(
            below(f"{family}/", tensors), record, normalization
        )
        for family, record in document["families"].items()
    }
    categories = {}
    for name, record in document["categories"].items():
        parts = below(f"tails/{name}/", tensors)
        tails = {channel: TailTable(parts[channel].numpy()) for channel in record["tails"]}
        categories[name] = Category(record["family"], models[record["family"]][name], tails)
    return categories
