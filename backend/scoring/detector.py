"""The detector: a raw cloud in, a score for every point and for the object out.

Each category is compared by one family of detectors, in one or more channels. Each channel is
turned into -log10 of its tail probability on held-out nominal clouds; the point score is their
mean. Anomalous points that hang together are regions. The limits of the category decide. Stray
points are left out of all this, and marked. A scan that is not surely of the part gets no decision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from backend.arrays import BoolArray, Float32Array, FloatArray
from backend.cloud import PointCloud
from backend.errors import CheckpointError, CloudError
from backend.models.checkpoint import load_checkpoint, save_checkpoint
from backend.models.families import FAMILIES
from backend.models.family import Deviations, Heights, LikelyKinds, Tensors, below, with_prefix
from backend.models.normalization import Normalization
from backend.scoring.category import Category, fuse, score_of_object
from backend.scoring.kinds import RegionKinds, ScoredSurface
from backend.scoring.object_score import BEYOND_DOUBT
from backend.scoring.recognition import Recogniser, Recognition
from backend.scoring.regions import Region, ThinSurface, find_regions, region_numbers
from backend.scoring.tails import TailTable
from backend.scoring.upsampling import ThinNeighbors, nearest_of
from backend.scoring.verdict import Findings, Judgement, Rule, judge, unrecognised
from shared_schema.api import Certainty, Verdict

KIND = "detector"
# A part with a gross defect is known by at least this share of its points.
ENOUGH_OF_PART = 0.5
# A scan with at least this share of nominal points has no more anomalous ones than nominal scans.
CALM = 0.98


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of one cloud of N points, and the verdict.

    Attributes:
        point_scores: (N,) float32, higher is more anomalous; the mean over the channels of
            -log10 of the tail probability among nominal points; 12 for stray points; NaN where the
            scan was not scored because it may show another part.
        object_score: mean of the highest half percent, of parts of revolution of the top 0.2 %, but
            for stray points; and what ``widespread`` adds. NaN where the scan was not scored.
        judgement: the verdict, and why.
        point_threshold: exceeded by half a percent of held-out nominal points.
        region: (N,) int32 the number of the region of each point, from 1; 0 for none.
        region_kinds: the likeliest kind of defect of each region, None where the detector tells
            none.
    """

    point_scores: Float32Array
    object_score: float
    judgement: Judgement
    point_threshold: float
    region: NDArray[np.int32]
    region_kinds: tuple[str | None, ...]

    @property
    def verdict(self) -> Verdict | None:
        """Pass, review, reject, doubtful or unknown; None where no limit is certified."""
        return self.judgement.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """Whole sentences that explain the verdict; none for a pass."""
        return self.judgement.reasons

    @property
    def is_scored(self) -> bool:
        """Whether there are scores: not for a scan that may show another part."""
        return bool(np.isfinite(self.object_score))

    @property
    def above_threshold(self) -> BoolArray:
        """(N,) which points are anomalous."""
        return self.point_scores > self.point_threshold


@dataclass(frozen=True, eq=False)
class ScoreMap(Scores):
    """What a detector says about one cloud of N points; see also ``Scores``.

    Attributes:
        recognition: the category it was scored as, and how sure that is.
        stray: (N,) bool, points that belong to no surface.
        rule: the limits of the category.
        regions: where it is anomalous, the gravest first.
        deviation: (N,) float32 height over the usual surface in the cloud's unit, outwards
            positive; NaN where the detector knows no such surface.
        apart: usual distance of the thinned points, the unit of ``rule.review``.
        compared: the thinned points that the regions were found among; None where the scan was not
            scored.

    >>> result = detector.score(scans[0].points, scans[0].normals)  # that of ``train``'s example
    >>> result.point_scores.shape, result.verdict, result.category
    ((805,), None, 'plate')
    """

    recognition: Recognition
    stray: BoolArray
    rule: Rule
    regions: tuple[Region, ...]
    deviation: Float32Array
    apart: float
    compared: Deviations | None

    def __repr__(self) -> str:
        points = f"{self.above_threshold.sum():,} of {len(self.point_scores):,} points"
        verdict = "undecided" if self.verdict is None else self.verdict.value
        return (
            f"<ScoreMap of {self.category}: {verdict}, object score {self.object_score:.3g}, "
            f"{points} above the threshold>"
        )

    @property
    def category(self) -> str:
        """The category it was scored as."""
        return self.recognition.category

    @property
    def fields(self) -> dict[str, NDArray[Any]]:
        """What is written of each point, by name; deviations only where there are any."""
        found: dict[str, NDArray[Any]] = {
            "score": self.point_scores,
            "anomalous": self.above_threshold,
            "region": self.region,
        }
        if np.isfinite(self.deviation).any():
            found["deviation"] = self.deviation
        return found

    def scaled(self, factor: float) -> ScoreMap:
        """The same, with all lengths times ``factor``, of a cloud in another unit."""
        if factor == 1.0:
            return self
        regions = tuple(one.scaled(factor) for one in self.regions)
        deviation = (self.deviation * factor).astype(np.float32)
        compared = None if self.compared is None else self.compared.scaled(factor)
        apart = self.apart * factor
        return replace(self, regions=regions, deviation=deviation, apart=apart, compared=compared)

    @property
    def object_threshold(self) -> float | None:
        """Score above which the object is anomalous; None where none is certified."""
        return self.rule.reject.value


@dataclass(frozen=True, eq=False)
class Detector:
    """Everything that scoring needs; the module's docstring explains it.

    Attributes:
        normalization: scale per category and spacing of points.
        recogniser: of categories.
        categories: by name.
        point_threshold: score above which a point is anomalous; half a percent of the held-out
            nominal points exceed it.
        info: how it was made: version, seed, configuration, counts.
        kinds: tells the kinds of defects; None where it has learned fewer than two.

    >>> path = detector.save(folder / "detector.safetensors")  # that of ``train``'s example
    >>> fs.Detector.load(path)
    <Detector of plate>
    """

    normalization: Normalization
    recogniser: Recogniser
    categories: Mapping[str, Category]
    point_threshold: float
    info: Mapping[str, Any]
    kinds: RegionKinds | None = None

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
        told = f"compared {title}" + ("" if why is None else f", because {why}")
        fusion = self.info.get("fusions", {}).get(category)
        if fusion is None:
            return told
        used = "and with" if fusion["is_trusted"] else "but not with"
        return f"{told}; {used} a nominal model fused from its scans, because {fusion['why']}"

    def score(
        self, points: ArrayLike, normals: ArrayLike | None = None, category: str | None = None
    ) -> ScoreMap:
        """Score a cloud.

        A scan that surely shows another thing is not scored, nor one of which it is in doubt what
        it shows, unless the category is given.

        Args:
            points: (N, 3) in the unit of the training clouds.
            normals: (N, 3) outward; estimated where not given.
            category: one of ``categories``; recognised if not given.

        Raises:
            CloudError: the arrays are no cloud, or there are too few points.
        """
        cloud = PointCloud.of(points, normals)
        if category is not None:
            self.normalization.scale(category)  # refuses one that is unknown
        with _one_thread():
            return self._score(cloud, category)

    def _score(self, cloud: PointCloud, category: str | None) -> ScoreMap:
        recognition = self.recogniser.recognise(cloud, category)
        is_named = category is not None or len(self.categories) == 1
        if recognition.certainty is Certainty.UNKNOWN or not (is_named or recognition.is_nearest):
            return self._unscored(len(cloud), recognition)
        found, findings = self._scored(cloud, recognition)
        if recognition.certainty is Certainty.SURE:
            return found
        if self._shows_part(found, cloud):
            sure = replace(recognition, certainty=Certainty.SURE, reason="")
            return replace(found, recognition=sure, judgement=judge(findings, found.rule, sure))
        return found if is_named else self._unscored(len(cloud), recognition)

    def _shows_part(self, found: ScoreMap, cloud: PointCloud) -> bool:
        """Whether a doubtful scan surely shows the part, by what its points are like.

        It does if it is likely the part and its points are nominal, as in a scan that shows more of
        the part than those of the training. It also does if the scan is sure once what is anomalous
        is left out: a gross defect does not make it another part.
        """
        rest = ~found.above_threshold
        if found.recognition.is_likely and rest.mean() >= CALM:
            return True
        if rest.mean() < ENOUGH_OF_PART:
            return False
        try:
            again = self.recogniser.recognise(PointCloud(cloud.points[rest]), found.category)
        except CloudError:  # too few points are left
            return False
        return again.certainty is Certainty.SURE

    def _scored(self, cloud: PointCloud, recognition: Recognition) -> tuple[ScoreMap, Findings]:
        chosen = self.categories[recognition.category]
        scores, objects = np.zeros(len(cloud)), []
        comparisons = list(chosen.model.deviations(cloud))
        near = [ThinNeighbors.of(cloud.points, cloud.points[one.rows]) for one in comparisons]
        for found, neighbors in zip(comparisons, near, strict=True):
            thin_scores = fuse(found.channels, chosen.tails)
            scores += neighbors.mean(thin_scores)
            objects.append(score_of_object(chosen.model, thin_scores, self.point_threshold))
        scores /= len(comparisons)
        first, value = comparisons[0], float(np.mean(objects))
        surface = ThinSurface.of(cloud.points[first.rows])
        placement = first.placement
        in_part = None if placement is None else placement.points
        seen = (first.heights, first.kinds, in_part)
        regions = self.regions(surface, scores[first.rows], *seen)
        doubts = () if placement is None else placement.all_doubts
        findings = findings_of(value, regions, surface, self.unit, doubts)
        point_scores = np.where(first.stray, BEYOND_DOUBT, scores).astype(np.float32)
        scored = ScoreMap(
            point_scores,
            value,
            judge(findings, chosen.rule, recognition),
            self.point_threshold,
            _numbered(cloud, first, regions, point_scores > self.point_threshold, surface.apart),
            tuple(one.kind for one in regions),
            recognition,
            first.stray,
            chosen.rule,
            tuple(regions),
            _deviation(first, near[0]),
            surface.apart,
            first,
        )
        return scored, findings

    def regions(
        self,
        surface: ThinSurface,
        scores: FloatArray,
        heights: Heights | None,
        kinds: LikelyKinds | None,
        in_part: FloatArray | None,
    ) -> list[Region]:
        """The regions of a scored scan with their likely kinds; see ``find_regions``.

        Args:
            surface: M points.
            scores: (M,) of them.
            heights: over the nominal surface, where there is one.
            kinds: what a network takes each point for, where it has learned that.
            in_part: (M, 3) the points in the frame of the nominal model, where there is one.
        """
        limit = self.point_threshold
        found = find_regions(surface, scores, limit, heights, in_part)
        if self.kinds is None:
            return found
        return self.kinds.told(ScoredSurface(surface, scores - limit, heights, kinds), found)

    def _unscored(self, count: int, recognition: Recognition) -> ScoreMap:
        nothing = np.full(count, np.nan, np.float32)
        return ScoreMap(
            nothing,
            float("nan"),
            unrecognised(recognition),
            self.point_threshold,
            np.zeros(count, np.int32),
            (),
            recognition,
            np.zeros(count, dtype=bool),
            self.categories[recognition.category].rule,
            (),
            nothing,
            float("nan"),
            None,
        )

    def save(self, path: Path | str) -> Path:
        """Write to ``path``, by custom ``*.safetensors``."""
        tensors, recognition = self.recogniser.to_checkpoint()
        categories: dict[str, Any] = {}
        families: dict[str, Any] = {}
        for name, category in self.categories.items():
            categories[name] = {
                "family": category.family,
                "tails": sorted(category.tails),
                "rule": category.rule.to_record(),
            }
            tails = {n: torch.from_numpy(table.quantiles) for n, table in category.tails.items()}
            tensors |= with_prefix(f"tails/{name}/", tails)
        for family in sorted({category.family for category in self.categories.values()}):
            models = {n: c.model for n, c in self.categories.items() if c.family == family}
            parts, families[family] = FAMILIES[family].to_checkpoint(models)
            tensors |= with_prefix(f"{family}/", parts)
        if self.kinds is not None:
            tensors |= with_prefix("kinds/", self.kinds.to_tensors())
        document: dict[str, Any] = {
            "normalization": self.normalization.to_record(),
            "recognition": recognition,
            "point_threshold": self.point_threshold,
            "families": families,
            "categories": categories,
            "kinds": None if self.kinds is None else list(self.kinds.names),
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
            kinds = document.get("kinds")  # models of earlier versions tell none
            return cls(
                normalization,
                Recogniser.from_checkpoint(tensors, document["recognition"]),
                _categories(tensors, document, normalization),
                document["point_threshold"],
                document["info"],
                None
                if kinds is None
                else RegionKinds.from_tensors(kinds, below("kinds/", tensors)),
            )
        except (KeyError, TypeError) as error:
            raise CheckpointError(f"{path}: the model file lacks {error}") from error


@contextmanager
def _one_thread() -> Iterator[None]:
    """Meanwhile torch computes with one thread, as the last digits of its sums depend on that."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def findings_of(
    score: float,
    regions: Sequence[Region],
    surface: ThinSurface,
    unit: str | None,
    doubts: Sequence[str],
) -> Findings:
    """What the verdict on an object rests on, by the regions on its surface."""
    longest = max((one.extent for one in regions), default=0.0)
    return Findings(score, longest / surface.apart, surface.apart, unit, doubts)


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
        model, rule = models[record["family"]][name], Rule.from_record(record["rule"])
        categories[name] = Category(record["family"], model, tails, rule)
    return categories


def _numbered(
    cloud: PointCloud,
    found: Deviations,
    regions: Sequence[Region],
    anomalous: BoolArray,
    apart: float,
) -> NDArray[np.int32]:
    """(N,) the region of each anomalous point: that of the nearest thinned one, if that is near."""
    numbers = np.zeros(len(cloud), np.int32)
    if not regions:
        return numbers
    rows = np.flatnonzero(anomalous & ~found.stray)
    thin_numbers = region_numbers(regions, len(found.rows))
    inside = thin_numbers > 0
    thin_points = cloud.points[found.rows[inside]]
    nearest, distance = nearest_of(cloud.points[rows], thin_points)
    near = distance <= apart
    numbers[rows[near]] = thin_numbers[inside][nearest[near]]
    return numbers


def _deviation(found: Deviations, near: ThinNeighbors) -> Float32Array:
    """(N,) heights over the usual surface; NaN where there is none, and of stray points."""
    if found.heights is None:
        return np.full(len(found.stray), np.nan, np.float32)
    heights = near.mean(found.heights.signed)
    return np.where(found.stray, np.nan, heights).astype(np.float32)
