"""Several scans of one object, such as the views of a turntable, judged as one.

Each scan is placed on the nominal model of the part. Points that several scans see get the mean of
their scores, and what no scan sees is not inspected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from backend.arrays import BoolArray, Float32Array, FloatArray, IntArray
from backend.cloud import PointCloud
from backend.errors import CloudError
from backend.geometry.poisson_disk import poisson_disk
from backend.models.family import Deviations, Heights, LikelyKinds, Placement
from backend.scoring.category import score_of_object
from backend.scoring.detector import Detector, ScoreMap, findings_of
from backend.scoring.recognition import Recognition
from backend.scoring.regions import Region, ThinSurface, region_numbers
from backend.scoring.scan import LISTED, described_regions, score_scan, unit_scale
from backend.scoring.verdict import Judgement, Rule, judge
from shared_schema.api import JointResponse, JointScanResponse, Verdict

# If the scans together miss more than this share of what nominal scans show, the object does not
# pass: so much is missed at the places' own resolution.
MOST_MISSED = 0.05


@dataclass(frozen=True, eq=False)
class JointScore:
    """What a detector says about one object that several scans show.

    M points are left where the scans overlap and are thinned. Lengths are in the detector's unit,
    places in the frame of the nominal model.

    Attributes:
        scans: what it says about each scan alone, in the scan's own unit and frame.
        recognition: the category, and how sure it is that all the scans together show it.
        judgement: the verdict on the object, and why.
        rule: the limits of the category, which are those of single scans.
        object_score: as for a single scan, of the M points.
        points, normals: (M, 3).
        point_scores: (M,) float32, means over the scans that see a point.
        point_threshold: above which a point is anomalous.
        views: (M,) how many scans see it.
        regions: where the object is anomalous, the gravest first.
        region: (M,) int32 the number of the region of each point, from 1; 0 for none.
        deviation: (M,) float32 height over the usual surface, outwards positive.
        inspected: share of the surface that nominal scans show, all together, that some scan shows.

    >>> settings = fs.TrainingConfig(target_points=500, channels=("surface",), family="pointwise")
    >>> sets = {"plate": fs.TrainingSet(scans, nominal_model=plate)}
    >>> placing = fs.train(sets, settings, seed=0, progress=None)
    >>> joint = fs.score_together(placing, scans[:2])
    >>> joint
    <JointScore of plate: undecided, 2 scans, object score ...>
    >>> joint.inspected > 0.9, joint.point_scores.shape == joint.views.shape
    (True, True)
    """

    scans: tuple[ScoreMap, ...]
    recognition: Recognition
    judgement: Judgement
    rule: Rule
    object_score: float
    points: FloatArray
    normals: FloatArray
    point_scores: Float32Array
    point_threshold: float
    views: IntArray
    regions: tuple[Region, ...]
    region: NDArray[np.int32]
    deviation: Float32Array
    inspected: float

    def __repr__(self) -> str:
        verdict = "undecided" if self.verdict is None else self.verdict.value
        return (
            f"<JointScore of {self.recognition.category}: {verdict}, {len(self.scans)} scans, "
            f"object score {self.object_score:.3g}, {self.inspected:.0%} of the surface inspected>"
        )

    @property
    def verdict(self) -> Verdict | None:
        """See ``ScoreMap.verdict``."""
        return self.judgement.verdict

    @property
    def fields(self) -> dict[str, NDArray[Any]]:
        """What is written of each point, by name."""
        return {
            "score": self.point_scores,
            "anomalous": self.point_scores > self.point_threshold,
            "region": self.region,
            "deviation": self.deviation,
            "views": self.views,
        }


def score_together(
    detector: Detector,
    scans: Sequence[PointCloud],
    category: str | None = None,
    viewpoint: ArrayLike | None = None,
) -> JointScore:
    """Score scans of one object.

    Args:
        detector: what scores; it needs a nominal model of the part.
        scans: each in its own unit and frame, and of any part of the surface.
        category: the part; by default the one that most scans are taken for.
        viewpoint: see ``score_scan``; of each scan in its own frame.

    Raises:
        CloudError: there is no scan, a scan cannot be scored, a scan surely shows another thing, or
            the detector has no nominal model of the part.

    >>> fs.score_together(detector, scans)  # that of ``train``'s example
    Traceback (most recent call last):
    backend.errors.CloudError: the detector has no nominal model of 'plate', so that several scans \
cannot be joined; score each by itself, or train with a nominal model
    """
    found = [score_scan(detector, scan, category, viewpoint) for scan in scans]
    return join(detector, scans, found, category, viewpoint)


def join(
    detector: Detector,
    scans: Sequence[PointCloud],
    found: Sequence[ScoreMap],
    category: str | None = None,
    viewpoint: ArrayLike | None = None,
) -> JointScore:
    """What ``score_together`` gives, of ``scans`` for which ``score_scan`` gave ``found``."""
    if not scans:
        raise CloudError("there is no scan to score")
    name = category or Counter(one.category for one in found).most_common(1)[0][0]
    scored, views = [], []
    for number, (scan, own) in enumerate(zip(scans, found, strict=True), 1):
        if own.category != name or not own.is_scored:
            own = score_scan(detector, scan, name, viewpoint)
        if not own.is_scored:
            raise CloudError(f"scan {number} of {len(scans)}: {own.reasons[0]}")
        scored.append(own)
        views.append(_View.of(detector, scan, own))
    return _joined(detector, tuple(scored), views, name, category is not None)


@dataclass(frozen=True, eq=False)
class _View:
    """The thinned points of one scan in the frame of the nominal model and the detector's unit."""

    compared: Deviations
    placement: Placement
    heights: Heights
    scores: FloatArray
    apart: float

    @classmethod
    def of(cls, detector: Detector, scan: PointCloud, found: ScoreMap) -> _View:
        here = found.scaled(unit_scale(detector, scan.unit))
        compared = here.compared
        if compared is None or compared.placement is None or compared.heights is None:
            raise CloudError(
                f"the detector has no nominal model of {found.category!r}, so that several scans "
                "cannot be joined; score each by itself, or train with a nominal model"
            )
        scores = here.point_scores[compared.rows].astype(np.float64)
        return cls(compared, compared.placement, compared.heights, scores, here.apart)

    def values(self) -> FloatArray:
        """(M, 3 + K) what is averaged: score, height, its spread, and the kinds' probabilities."""
        columns = [self.scores, self.heights.signed, self.heights.spread]
        kinds = self.compared.kinds
        return np.column_stack([*columns, *(() if kinds is None else (kinds.probabilities,))])

    def oriented(self, apart: float) -> FloatArray:
        """(M, 6) places that are far apart on the two sides of a thin wall."""
        return np.hstack([self.placement.points, apart * self.placement.normals])


def _joined(
    detector: Detector, found: tuple[ScoreMap, ...], views: Sequence[_View], name: str, given: bool
) -> JointScore:
    apart = float(np.median([view.apart for view in views]))
    values, count = _averaged(views, apart)
    points = np.concatenate([view.placement.points for view in views])
    normals = np.concatenate([view.placement.normals for view in views])
    # Of points that lie near one another, that stays which most scans see.
    order = np.argsort(-count, kind="stable")
    rows = poisson_disk(points, order, detector.normalization.apart(points, name))
    points, normals, values, count = points[rows], normals[rows], values[rows], count[rows]

    chosen = detector.categories[name]
    limit = detector.point_threshold
    scores, heights = values[:, 0], Heights(values[:, 1], values[:, 2])
    surface = ThinSurface.of(points)
    kinds = views[0].compared.kinds
    if kinds is not None:
        kinds = LikelyKinds(kinds.names, values[:, 3:])
    regions = detector.regions(surface, scores, heights, kinds, points)
    value = score_of_object(chosen.model, scores, limit)
    recognition = detector.recogniser.recognise(PointCloud(points), name)
    densities = [d for d in (one.recognition.density for one in found) if d is not None]
    density = float(np.median(densities)) if densities else None
    recognition = replace(recognition, given=given, density=density)
    inspected = _inspected(views)
    doubts = (*_doubts_of_poses(views), *_doubt_of_coverage(inspected))
    findings = findings_of(value, regions, surface, detector.unit, doubts)
    return JointScore(
        found,
        recognition,
        judge(findings, chosen.rule, recognition),
        chosen.rule,
        value,
        points,
        normals,
        scores.astype(np.float32),
        limit,
        count,
        tuple(regions),
        region_numbers(regions, len(points)).astype(np.int32),
        heights.signed.astype(np.float32),
        inspected,
    )


def _averaged(views: Sequence[_View], apart: float) -> tuple[FloatArray, IntArray]:
    """The values of all points, each the mean over the views that see it; and how many do.

    A view sees a point if it has one of its own within ``apart`` of it, on the same side of the
    surface.
    """
    places = [view.oriented(apart) for view in views]
    values = [view.values() for view in views]
    trees = [cKDTree(own) for own in places]
    found, counts = [], []
    for number, own in enumerate(values):
        total, count = own.copy(), np.ones(len(own), np.int64)
        for other, tree in enumerate(trees):
            if other == number:
                continue
            distance, nearest = tree.query(places[number], distance_upper_bound=apart)
            there = np.isfinite(distance)
            total[there] += values[other][nearest[there]]
            count += there
        found.append(total / count[:, None])
        counts.append(count)
    return np.concatenate(found), np.concatenate(counts)


def _inspected(views: Sequence[_View]) -> float:
    """Share of the visible surface that any of the views shows."""
    visible = views[0].placement.visible
    seen: BoolArray = np.any([view.placement.seen for view in views], axis=0)
    return float(seen[visible].mean())


def _doubts_of_poses(views: Sequence[_View]) -> Iterator[str]:
    for number, view in enumerate(views, 1):
        yield from (f"in scan {number}, {doubt}" for doubt in view.placement.doubts)


def _doubt_of_coverage(inspected: float) -> Iterator[str]:
    missed = 1.0 - inspected
    if missed > MOST_MISSED:
        yield (
            f"{missed:.0%} of the part's surface that nominal scans show is in none of the scans "
            "and is not inspected"
        )


def summarize_joint(result: JointScore, files: Sequence[str], unit: str | None) -> JointResponse:
    """``result`` as the command line tells it.

    Args:
        result: of several scans.
        files: their names.
        unit: of the detector.
    """
    alone = [
        JointScanResponse(
            file=file,
            verdict=one.verdict,
            reasons=one.reasons,
            object_score=one.object_score if one.is_scored else None,
        )
        for file, one in zip(files, result.scans, strict=True)
    ]
    return JointResponse(
        verdict=result.verdict,
        reasons=result.judgement.reasons,
        category=result.recognition.category,
        object_score=result.object_score,
        object_threshold=result.rule.reject.value,
        inspected=result.inspected,
        regions=described_regions(result.regions[:LISTED], result.region),
        region_count=len(result.regions),
        point_threshold=result.point_threshold,
        point_count=len(result.points),
        anomalous_points=int(result.fields["anomalous"].sum()),
        unit=unit,
        scans=tuple(alone),
    )
