"""The detector that comes with flawsmith works at once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from backend.cloud import PointCloud
from backend.errors import CheckpointError, CloudError
from backend.io import write_cloud
from backend.models.bundled import model_names, model_path
from backend.samples import load_sample, sample_names
from backend.scoring.detector import Detector
from backend.sensor.virtual_scan import virtual_scan
from shared_schema.api import Certainty, Verdict
from tests.backend.cli.conftest import Run

LARGEST = 20e6


def test_every_bundled_detector_is_whole_small_and_of_bundled_data() -> None:
    assert model_names() == ["bundled_parts"]
    for name in model_names():
        assert model_path(name).stat().st_size < LARGEST
        detector = Detector.load(model_path(name))
        assert set(detector.categories) <= set(sample_names())
        assert detector.unit == "mm"
    with pytest.raises(CheckpointError, match="'nothing'; bundled are bundled_parts"):
        model_path("nothing")


def test_both_ways_of_scoring_are_in_it() -> None:
    detector = Detector.load(model_path("bundled_parts"))
    assert {one.family for one in detector.categories.values()} == {"pointwise"}
    placed = {name for name, one in detector.categories.items() if one.model.finder is not None}
    assert set(detector.categories) - placed == {"pawn_scan"}  # of the real ring there are but arcs
    assert "network" in detector.categories["pawn_scan"].tails


def in_any_pose(cloud: PointCloud, seed: int) -> PointCloud:
    """Turned and shifted, its points in another order."""
    rng = np.random.default_rng([seed])
    turn, order = Rotation.random(random_state=rng).as_matrix(), rng.permutation(len(cloud))
    points = cloud.points[order] @ turn.T + 100.0 * rng.normal(size=3)
    return PointCloud(points, None if cloud.normals is None else cloud.normals[order] @ turn.T)


def with_strays(cloud: PointCloud, seed: int) -> PointCloud:
    """A thousandth more points: half in the part's box, half up to 5 m away."""
    rng = np.random.default_rng([seed, 1])
    low, high = cloud.points.min(axis=0), cloud.points.max(axis=0)
    few = (8, 3)
    near, far = rng.uniform(low, high, few), rng.uniform(-5e3, 5e3, few)
    strays = rng.normal(size=(16, 3))
    strays /= np.linalg.norm(strays, axis=1, keepdims=True)
    normals = None if cloud.normals is None else np.concatenate([cloud.normals, strays])
    return PointCloud(np.concatenate([cloud.points, near, far]), normals)


def test_neither_the_pose_nor_stray_points_matter(tmp_path: Path, run: Run) -> None:
    """``benchmarks/pose_invariance.py`` looks at all parts, in many more poses."""
    rng = np.random.default_rng(0)
    part = virtual_scan(load_sample("plate_holes"), views=6, points=16_000, noise=0.05, rng=rng)
    scans = [part, in_any_pose(part, 0), in_any_pose(with_strays(part, 1), 1)]
    paths = [tmp_path / f"{number}.ply" for number in range(len(scans))]
    for path, cloud in zip(paths, scans, strict=True):
        write_cloud(path, cloud)
    run("score", "bundled_parts", *paths, "--out", tmp_path / "out", "--unit", "mm")
    records = [json.loads((tmp_path / "out" / f"{p.stem}.json").read_text()) for p in paths]
    assert [record["verdict"] for record in records] == ["pass"] * len(scans)
    scores = [record["object_score"] for record in records]
    assert scores[1] == pytest.approx(scores[0], abs=0.02)
    assert scores[2] == pytest.approx(scores[0], abs=0.5)


def scan_of(name: str) -> PointCloud:
    """The part from all sides, with noise; or the real scan itself."""
    part = load_sample(name)
    if part.faces is None:
        return part
    rng = np.random.default_rng(0)
    return virtual_scan(part, views=6, points=16_000, noise=0.03, rng=rng)


def with_other_axes(cloud: PointCloud) -> PointCloud:
    """Its axes in another order, which is a turn by a third."""
    axes = [2, 0, 1]
    normals = None if cloud.normals is None else cloud.normals[:, axes]
    return PointCloud(cloud.points[:, axes], normals)


# One of each way to compare: with a nominal model, and without one.
EACH_WAY = ("plate_holes", "pawn_scan")


@pytest.mark.parametrize("name", EACH_WAY)
def test_neither_pose_nor_order_nor_axes_nor_stray_points_matter(name: str) -> None:
    detector, part = Detector.load(model_path("bundled_parts")), scan_of(name)
    scans = [part, in_any_pose(part, 0), with_other_axes(part), with_strays(part, 1)]
    found = [detector.score(scan.points, scan.normals, name) for scan in scans]
    assert [one.verdict for one in found] == [Verdict.PASS] * len(scans)
    scores = [one.object_score for one in found]
    assert scores[1:3] == pytest.approx([scores[0]] * 2, abs=0.02)
    assert scores[3] == pytest.approx(scores[0], abs=0.5)
    # Rounding moves the pose on the model.
    at_most = 1e-3 if name == "pawn_scan" else 0.5
    np.testing.assert_allclose(found[2].point_scores, found[0].point_scores, atol=at_most)


@pytest.fixture(scope="module")
def parts() -> dict[str, PointCloud]:
    detector = Detector.load(model_path("bundled_parts"))
    return {name: scan_of(name) for name in detector.categories}


@pytest.mark.parametrize("name", EACH_WAY)
def test_no_other_thing_passes_as_a_part_that_is_named(
    name: str, parts: dict[str, PointCloud]
) -> None:
    detector, rng = Detector.load(model_path("bundled_parts")), np.random.default_rng(0)
    size = parts[name].part_diagonal
    ball = rng.normal(size=(8000, 3))
    ball *= 0.3 * size / np.linalg.norm(ball, axis=1, keepdims=True)
    flat = np.column_stack([rng.uniform(0.0, 0.7 * size, (8000, 2)), np.zeros(8000)])
    others = {other: part for other, part in parts.items() if other != name}
    others |= {"ball": PointCloud(ball), "plane": PointCloud(flat)}
    verdicts = {
        other: detector.score(cloud.points, cloud.normals, name).verdict
        for other, cloud in others.items()
    }
    assert set(verdicts.values()) <= {Verdict.UNKNOWN, Verdict.DOUBTFUL, Verdict.REJECT}, verdicts
    line = np.outer(np.linspace(0.0, size, 8000), [1.0, 0.0, 0.0])
    with pytest.raises(CloudError, match="scan more of the part"):
        detector.score(line, None, name)


@pytest.mark.parametrize(("name", "share"), [("pawn_scan", 0.3), ("plate", 0.7)])
def test_a_sparser_scan_is_still_nominal(name: str, share: float) -> None:
    """A scan may be less dense than those that were learned from."""
    detector, rng = Detector.load(model_path("bundled_parts")), np.random.default_rng(0)
    if name == "plate":
        name, part = "plate_holes", load_sample("plate_holes")
        cloud = virtual_scan(part, views=6, points=16_000, noise=0.05, rng=rng)
    else:
        cloud = load_sample(name)
    sparse = cloud.points[rng.random(len(cloud)) < share]
    result = detector.score(sparse, None, name)
    assert result.verdict is Verdict.PASS
    assert result.above_threshold.mean() < 0.05


def test_a_scan_that_is_too_sparse_gets_no_decision(tmp_path: Path, run: Run) -> None:
    rng = np.random.default_rng(0)
    part = virtual_scan(load_sample("plate_holes"), views=6, points=16_000, noise=0.05, rng=rng)
    write_cloud(tmp_path / "plate.ply", part.cropped(rng.random(len(part)) < 0.3))
    options = ("--out", tmp_path / "out", "--unit", "mm", "--category", "plate_holes")
    shown = run("score", "bundled_parts", tmp_path / "plate.ply", *options)
    assert "plate.ply: review, plate_holes" in shown.stdout
    assert "too sparse for this detector" in shown.stdout
    record = json.loads((tmp_path / "out" / "plate.json").read_text())
    assert record["verdict"] == "review" and "too sparse" in record["reasons"][0]
    assert record["object_score"] > record["object_threshold"]


def test_a_gross_defect_does_not_make_it_another_part() -> None:
    """It is as far from nominal as other parts are, but the rest of it is as ever."""
    detector, mesh = Detector.load(model_path("bundled_parts")), load_sample("plate_holes")
    rng = np.random.default_rng(0)
    cloud = virtual_scan(mesh, views=6, points=16_000, noise=0.05, rng=rng)
    assert cloud.normals is not None
    away = np.linalg.norm(cloud.points - cloud.points[100], axis=1) / (0.25 * mesh.diagonal)
    waves = np.where(away < 1.0, (1.0 - away**2) ** 2 * np.sin(20.0 * away), 0.0)
    wavy = cloud.points + 0.08 * mesh.diagonal * waves[:, None] * cloud.normals
    alone = detector.recogniser.recognise(PointCloud(wavy), "plate_holes")
    assert alone.certainty is Certainty.DOUBTFUL and alone.distance > 0.2
    assert detector.score(wavy, cloud.normals, "plate_holes").verdict is Verdict.REJECT


@pytest.mark.parametrize("named", ["motor_holder", None])
def test_another_part_is_neither_good_nor_bad(named: str | None) -> None:
    detector = Detector.load(model_path("bundled_parts"))
    alone = replace(detector, categories={"motor_holder": detector.categories["motor_holder"]})
    mesh, rng = load_sample("wrist_roll"), np.random.default_rng(0)
    cloud = virtual_scan(mesh, views=6, points=16_000, noise=0.02, rng=rng)
    kept = replace(
        detector.recogniser,
        signatures={"motor_holder": detector.recogniser.signatures["motor_holder"]},
    )
    result = replace(alone, recogniser=kept).score(cloud.points, cloud.normals, named)
    assert result.verdict is Verdict.DOUBTFUL and result.object_score > 5.0
    assert detector.score(cloud.points, cloud.normals).category == "wrist_roll"


def test_the_nominal_model_tells_the_outside_of_bare_scans() -> None:
    """The points of this part, which has deep openings, do not tell it by themselves."""
    detector = Detector.load(model_path("bundled_parts"))
    rng = np.random.default_rng(0)
    cloud = virtual_scan(load_sample("nist_ftc_08"), views=6, points=16_000, noise=0.05, rng=rng)
    given, bare = (detector.score(cloud.points, n, "nist_ftc_08") for n in (cloud.normals, None))
    assert given.verdict is bare.verdict is Verdict.PASS
    assert bare.object_score == pytest.approx(given.object_score, abs=0.5)


def test_stray_points_within_a_ring_are_not_taken_for_surface() -> None:
    """They lie nearer to one another than thinned points do where parts are recognised."""
    ring = load_sample("pawn_scan").points
    rng = np.random.default_rng(0)
    near = rng.uniform(ring.min(axis=0), ring.max(axis=0), (100, 3))
    far = rng.uniform(-5e3, 5e3, (100, 3))
    recogniser = Detector.load(model_path("bundled_parts")).recogniser
    found = recogniser.recognise(PointCloud(np.concatenate([ring, near, far])), "pawn_scan")
    plain = recogniser.recognise(PointCloud(ring), "pawn_scan")
    assert found.distance == pytest.approx(plain.distance, abs=0.05)


def test_a_scan_is_scored_by_name(tmp_path: Path, run: Run) -> None:
    rng = np.random.default_rng(0)
    for name in ("pawn", "motor_holder"):
        cloud = virtual_scan(load_sample(name), views=6, points=16_000, noise=0.02, rng=rng)
        scan = tmp_path / f"{name}.ply"
        write_cloud(scan, cloud)
        run("score", "bundled_parts", scan, "--out", tmp_path / "out", "--unit", "mm")
        record = json.loads((tmp_path / "out" / f"{name}.json").read_text())
        assert record["category"] == name
        assert record["point_count"] == len(cloud)
        assert record["model"]["file"] == "bundled_parts.safetensors"
    result = run("score", "nothing", scan, "--out", tmp_path, status=2)
    assert "no bundled detector is called 'nothing'" in result.stderr.replace("\n", " ")


def test_the_table_of_regions_can_be_read_in_every_unit(tmp_path: Path, run: Run) -> None:
    """In metres, deviations have many digits."""
    part, rng = load_sample("wrist_roll"), np.random.default_rng(0)
    cloud = virtual_scan(part, views=6, points=16_000, noise=0.05, rng=rng)
    assert cloud.normals is not None
    away = np.linalg.norm(cloud.points - cloud.points[100], axis=1) / (0.1 * part.diagonal)
    depth = np.where(away < 1.0, (1.0 - away**2) ** 2, 0.0)
    write_cloud(
        tmp_path / "dented.ply",
        PointCloud((cloud.points - depth[:, None] * cloud.normals) / 1000.0, cloud.normals),
    )
    options = ("--unit", "m", "--no-crop", "--category", "wrist_roll", "--out", tmp_path / "out")
    shown = run("score", "bundled_parts", tmp_path / "dented.ply", *options).stdout.splitlines()
    (head,) = [number for number, line in enumerate(shown) if line.split()[:1] == ["region"]]
    first = shown[head + 1].split()
    # Number, score, area, length, width, lowest, highest, kind, its probability, and the place.
    assert len(first) == 12 and all(float(value) for value in first[:7])
