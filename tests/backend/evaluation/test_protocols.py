"""Each benchmark's metrics against plain definitions of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label

from backend.cloud import LabeledCloud
from backend.dataset.benchmark import protocol_of
from backend.evaluation.cases import ScoredCase, TestCase
from backend.evaluation.measure import report
from backend.evaluation.pixel_map import filled
from backend.io.organised import PIXEL
from backend.scoring.detector import Scores
from backend.scoring.verdict import Judgement

SIZE = 24


def case(seed: int, anomalous: bool) -> ScoredCase:
    """An organised scan with holes in it, two defects that touch by a corner, and noisy scores."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((SIZE, SIZE), bool)
    if anomalous:
        truth[4:8, 4:8] = truth[8:11, 8:10] = truth[15:18, 2:20] = True
    present = rng.random((SIZE, SIZE)) < 0.7
    row, column = np.nonzero(present)
    mask = truth[row, column]
    points = np.stack([column, row, np.zeros(len(row))], axis=1).astype(float)
    cloud = LabeledCloud(
        points,
        None,
        mask,
        mask.astype(np.int32),
        mask.astype(float),
        np.arange(len(row)),
        dict(zip(PIXEL, (row, column), strict=True)),
    )
    scores = np.round(np.abs(mask + rng.normal(size=len(row))), 1).astype(np.float32)
    nowhere = np.zeros(len(scores), np.int32)
    result = Scores(scores, float(scores.max()), Judgement(None), 1.0, nowhere, ())
    return ScoredCase(TestCase(cloud, "part", "dent" if anomalous else "nominal", truth), result)


CASES = [case(seed, seed % 2 == 0) for seed in range(8)]


def pairs_won(positive: np.ndarray, negative: np.ndarray) -> float:
    """AUROC by its definition."""
    more = (positive[:, None] > negative).mean()
    return float(more + 0.5 * (positive[:, None] == negative).mean())


def precision_over_recall(truth: np.ndarray, scores: np.ndarray) -> float:
    """Average precision by its definition."""
    area, recall = 0.0, 0.0
    for limit in np.unique(scores)[::-1]:
        chosen = scores >= limit
        hits = truth[chosen].sum()
        area += (hits / truth.sum() - recall) * hits / chosen.sum()
        recall = hits / truth.sum()
    return area


def overlap_area(images: list[np.ndarray], truths: list[np.ndarray], limit: float = 0.3) -> float:
    """AUPRO as the authors' code for MVTec 3D-AD has it, with every score as a threshold."""
    components = []
    nominal = []
    for scores, truth in zip(images, truths, strict=True):
        numbers, count = label(truth, structure=np.ones((3, 3)))
        components += [scores[numbers == number + 1] for number in range(count)]
        nominal.append(scores[numbers == 0])
    negatives = np.concatenate(nominal)
    rates, overlaps = [0.0], [0.0]
    for threshold in np.unique(np.concatenate([s.ravel() for s in images]))[::-1]:
        rates.append(float((negatives >= threshold).mean()))
        overlaps.append(float(np.mean([(c >= threshold).mean() for c in components])))
    area = 0.0
    for x0, x1, y0, y1 in zip(rates, rates[1:], overlaps, overlaps[1:], strict=False):
        if x0 >= limit:
            break
        if x1 > limit:
            y1 = y0 + (y1 - y0) * (limit - x0) / (x1 - x0)
            x1 = limit
        area += 0.5 * (y0 + y1) * (x1 - x0)
    return area / limit


def test_points_of_nominal_scans_count_where_the_benchmarks_have_it_so() -> None:
    row = report(CASES, protocol_of("real3d-ad")).rows[-1]
    truth = np.concatenate([c.case.cloud.mask for c in CASES])
    scores = np.concatenate([c.result.point_scores for c in CASES])
    assert row.p_auroc == pytest.approx(pairs_won(scores[truth], scores[~truth]), abs=1e-9)
    assert row.average_precision == pytest.approx(precision_over_recall(truth, scores), abs=1e-9)
    anomalous = np.array([c.case.anomalous for c in CASES])
    objects = np.array([c.result.object_score for c in CASES])
    assert row.o_auroc == pytest.approx(pairs_won(objects[anomalous], objects[~anomalous]))
    assert row.o_ap == pytest.approx(precision_over_recall(anomalous, objects))
    own = report(CASES, protocol_of("flawsmith")).rows[-1]
    of_anomalous = [c for c in CASES if c.case.anomalous]
    truth = np.concatenate([c.case.cloud.mask for c in of_anomalous])
    scores = np.concatenate([c.result.point_scores for c in of_anomalous])
    assert own.p_auroc == pytest.approx(pairs_won(scores[truth], scores[~truth]), abs=1e-9)
    assert own.p_auroc != pytest.approx(row.p_auroc, abs=1e-6)


def image_of(one: ScoredCase) -> np.ndarray:
    """The scores of the points in their pixels; NaN elsewhere."""
    image = np.full((SIZE, SIZE), np.nan, np.float32)
    fields = one.case.cloud.fields
    image[fields["row"], fields["column"]] = one.result.point_scores
    return image


def test_regions_of_images_are_those_of_the_benchmark() -> None:
    truths = [one.case.image for one in CASES if one.case.image is not None]
    measured = report(CASES, protocol_of("mvtec-3d-ad"))
    row = measured.rows[-1]
    at_points = [np.nan_to_num(image_of(one)) for one in CASES]
    assert row.aupro_at_points == pytest.approx(overlap_area(at_points, truths), abs=1e-9)
    images = [gaussian_filter(filled(image_of(one)), 4.0) for one in CASES]
    assert row.aupro == pytest.approx(overlap_area(images, truths), abs=1e-9)
    truth, scores = (np.concatenate([i.ravel() for i in part]) for part in (truths, images))
    assert row.p_auroc == pytest.approx(pairs_won(scores[truth], scores[~truth]), abs=1e-9)
    rate, overlap = measured.overlap_curves["all"]
    assert rate[0] == overlap[0] == 0.0
    assert (rate[-1], overlap[-1]) == pytest.approx((1.0, 1.0))
    assert np.isnan(report(CASES, protocol_of("real3d-ad")).rows[-1].aupro_at_points)


def test_a_pixel_without_a_point_takes_the_score_of_a_nearest_one() -> None:
    bare = np.pad(image_of(CASES[0]), 12, constant_values=np.nan)
    dense = filled(bare)
    places = np.argwhere(~np.isnan(bare))
    for pixel in np.ndindex(bare.shape):
        squared = ((places - pixel) ** 2).sum(axis=1)
        nearest = places[squared == squared.min()]
        if squared.min() <= 64:
            assert dense[pixel] in bare[tuple(nearest.T)]
        else:
            assert dense[pixel] == 0.0
    assert (filled(np.full((9, 9), np.nan, np.float32)) == 0.0).all()


@pytest.mark.parametrize("layout", ["flawsmith", "real3d-ad", "mvtec-3d-ad"])
def test_large_data_sets_are_measured_without_their_geometry(layout: str) -> None:
    protocol = protocol_of(layout)
    slim = [one.without_geometry(protocol) for one in CASES]
    assert all(len(one.case.cloud.points) == 0 for one in slim)
    assert report(slim, protocol).to_record() == report(CASES, protocol).to_record()


def test_each_category_has_a_row() -> None:
    measured = report(CASES)
    assert list(measured.categories) == ["part"]
    assert measured.categories["part"].to_record() == measured.rows[-1].to_record()
