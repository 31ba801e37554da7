"""Which part a scan shows, and when that is not said."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.errors import CloudError
from backend.scoring.recognition import Recogniser
from shared_schema.api import Certainty

SHAPES = {"block": (60.0, 40.0, 20.0), "plate": (80.0, 50.0, 2.0), "cube": (40.0, 40.0, 40.0)}
LENGTH = 40.0


def box(size: tuple[float, float, float], seed: int, count: int = 2500) -> PointCloud:
    """Points on the surface of a box, as dense everywhere, in any pose."""
    rng = np.random.default_rng(seed)
    extent = np.array(size)
    areas = np.prod(extent) / extent
    axis = rng.choice(3, count, p=areas / areas.sum())
    points = rng.random((count, 3))
    points[np.arange(count), axis] = rng.integers(0, 2, count)
    turn = Rotation.random(random_state=seed).as_matrix()
    return PointCloud(points * extent @ turn.T + 100.0 * rng.normal(size=3))


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    nominal = {name: [box(size, seed) for seed in range(3)] for name, size in SHAPES.items()}
    return Recogniser.fit(((name, own, ()) for name, own in nominal.items()), LENGTH)


@pytest.mark.parametrize("name", SHAPES)
def test_parts_are_recognised_in_any_pose(recogniser: Recogniser, name: str) -> None:
    found = recogniser.recognise(box(SHAPES[name], 9))
    assert found.category == name and not found.given
    assert found.distance < 0.12
    assert found.rival in set(SHAPES) - {name}
    assert found.rival_distance is not None and found.rival_distance > 1.5 * found.distance


def test_half_a_part_is_as_near_as_the_whole(recogniser: Recogniser) -> None:
    whole = box(SHAPES["plate"], 9)
    side = whole.points @ (whole.points[0] - whole.points.mean(axis=0))
    half = PointCloud(whole.points[side > np.median(side)])
    assert recogniser.recognise(half).category == "plate"


def test_stray_points_do_not_matter(recogniser: Recogniser) -> None:
    cloud = box(SHAPES["block"], 9)
    far = 5000.0 * np.random.default_rng(0).normal(size=(3, 3))
    with_strays = recogniser.recognise(PointCloud(np.concatenate([cloud.points, far])))
    plain = recogniser.recognise(cloud)
    assert with_strays.category == "block"
    assert with_strays.distance == pytest.approx(plain.distance, abs=0.02)


def test_in_doubt_the_candidates_are_named(recogniser: Recogniser) -> None:
    longer = box((75.0, 40.0, 20.0), 9)
    between = {name: rows.copy() for name, rows in recogniser.signatures.items()}
    between["block again"] = between["block"]
    twins = Recogniser(LENGTH, between, {**recogniser.spread, "block again": 0.0})
    found = twins.recognise(box(SHAPES["block"], 9))
    assert found.certainty is Certainty.DOUBTFUL
    assert re.search(r"several parts: block at .*block again at .*--category", found.reason)
    assert twins.recognise(longer, "block").given


def test_another_thing_is_not_taken_for_the_only_part_there_is() -> None:
    plate = [box(SHAPES["plate"], seed) for seed in range(3)]
    alone = Recogniser.fit([("plate", plate, ())], LENGTH)
    bent = box((80.0, 50.0, 4.0), 9)
    found = alone.recognise(bent)
    assert not found.given and found.rival is None
    assert 0.2 < found.distance < 0.7 and found.certainty is Certainty.DOUBTFUL
    assert "does not look quite like the nominal scans of 'plate'" in found.reason
    tiny = alone.recognise(PointCloud(bent.points / 1000.0))
    assert tiny.certainty is Certainty.UNKNOWN
    assert "does not look like any scan of a known part" in tiny.reason
    assert alone.recognise(box(SHAPES["plate"], 10)).certainty is Certainty.SURE


def test_held_out_scans_tell_how_far_a_nominal_one_may_be() -> None:
    plate, wider = [box(SHAPES["plate"], seed) for seed in range(3)], box((80.0, 50.0, 2.5), 9)
    strict = Recogniser.fit([("plate", plate, ())], LENGTH)
    lenient = Recogniser.fit([("plate", plate, [wider])], LENGTH)
    assert lenient.spread["plate"] > strict.spread["plate"]
    assert lenient.recognise(wider).certainty is Certainty.SURE


@pytest.mark.parametrize("shape", ["line", "ball", "too small", "too large"])
def test_what_is_no_part_is_told_though_it_is_named(recogniser: Recogniser, shape: str) -> None:
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(3000, 3))
    cloud = {
        "line": np.linspace(0, 80.0, 500)[:, None] * [1.0, 0.0, 0.0] + rng.normal(size=(500, 3)),
        "ball": 30.0 * ball / np.linalg.norm(ball, axis=1, keepdims=True),
        "too small": box(SHAPES["block"], 9).points / 1000.0,
        "too large": box(SHAPES["block"], 9).points * 25.4,
    }[shape]
    for category in ("block", None):
        try:
            found = recogniser.recognise(PointCloud(cloud), category)
        except CloudError as error:
            assert "at least 32" in str(error)
        else:
            assert found.certainty is not Certainty.SURE and found.reason


def test_a_stored_one_is_the_same(recogniser: Recogniser) -> None:
    again = Recogniser.from_checkpoint(*recogniser.to_checkpoint())
    cloud = box(SHAPES["cube"], 10)
    assert again.recognise(cloud) == recogniser.recognise(cloud)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
def test_how_dense_a_scan_is_against_nominal_ones_is_told(
    recogniser: Recogniser, share: float
) -> None:
    cloud = box(SHAPES["block"], 9, count=round(share * 2500))
    assert recogniser.recognise(cloud, "block").density == pytest.approx(share, rel=0.1)
    half = PointCloud(cloud.points[cloud.points[:, 0] > np.median(cloud.points[:, 0])])
    assert recogniser.recognise(half, "block").density == pytest.approx(share, rel=0.25)


def test_files_that_do_not_say_how_dense_nominal_scans_were_are_read(
    recogniser: Recogniser,
) -> None:
    tensors, document = recogniser.to_checkpoint()
    cloud = box(SHAPES["block"], 9)
    again = Recogniser.from_checkpoint(tensors, document)
    assert again.recognise(cloud) == recogniser.recognise(cloud)
    del document["reach"]
    assert Recogniser.from_checkpoint(tensors, document).recognise(cloud).density is None
