"""The kinds of regions: told on defects that were not learned from, and only if there are two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.cloud import LabeledCloud, PointCloud
from backend.evaluation.cases import TestCase, score_case
from backend.progress import Progress
from backend.samples import load_sample
from backend.sampling.drawing import PreparedSurface, draw_until_it_shows
from backend.scoring.detector import Detector
from backend.sensor.virtual_scan import virtual_scan
from backend.training import DETECTOR_FILE, SynthesisConfig, TrainingConfig, TrainingSet, train
from backend.training.unrolled.config import UnrolledTrainingConfig
from backend.training.unrolled.network import UnrolledFittingConfig
from shared_schema.recipe import RecipeTemplate
from tests.backend import turned
from tests.backend.parts import TINY, scan

PLATE = "plate_holes"
ENTRIES: Mapping[str, dict[str, Any]] = {
    "dent": {"radius": {"min": 0.1, "max": 0.15}, "depth": {"min": 0.04, "max": 0.06}},
    "deposit": {"radius": {"min": 0.08, "max": 0.12}, "height": {"min": 0.04, "max": 0.06}},
    "scratch": {"length": {"min": 0.4, "max": 0.5}, "width": 0.1, "depth": 0.04},
}
SYNTHESIS = SynthesisConfig(count=2, fresh=0, scans_for_kinds=8)


def template(*kinds: str) -> RecipeTemplate:
    """One defect of one of the ``kinds``."""
    defects = [{"kind": kind} | ENTRIES[kind] for kind in kinds]
    return RecipeTemplate.model_validate({"name": "some", "draws": 1, "defects": defects})


def plate(seed: int) -> PointCloud:
    rng = np.random.default_rng(seed)
    return virtual_scan(load_sample(PLATE), views=4, points=3000, noise=0.05, rng=rng)


def drawn(kind: str, clouds: list[PointCloud]) -> list[LabeledCloud]:
    """Each cloud with a defect of the kind."""
    one, found = template(kind), []
    for number, cloud in enumerate(clouds):
        rng = np.random.default_rng([9, number])
        surface = PreparedSurface.of(cloud, one)
        found.append(draw_until_it_shows(lambda _: surface.draw(one, rng))[1].labeled)  # noqa: B023
    return found


def right(detector: Detector, part: str, clouds: list[PointCloud]) -> float:
    """The share of drawn defects, of three kinds in turn, whose kind is told."""
    told = Counter(
        score_case(detector, TestCase(cloud, part, kind)).called == kind
        for kind in ENTRIES
        for cloud in drawn(kind, clouds)
    )
    return told[True] / told.total()


@pytest.fixture(scope="module")
def pointwise(tmp_path_factory: pytest.TempPathFactory) -> Detector:
    """A detector of a plate, without a network and with a nominal model."""
    config = replace(TINY, target_points=1000, channels=("histograms", "surface"))
    given = TrainingSet([plate(seed) for seed in range(4)], nominal_model=load_sample(PLATE))
    config = replace(config, synthesis=SYNTHESIS)
    out = tmp_path_factory.mktemp(PLATE)
    return train({PLATE: given}, config, out=out, template=template(*ENTRIES), progress=None)


def test_kinds_are_told_of_new_defects(pointwise: Detector, tmp_path: Path) -> None:
    assert right(pointwise, PLATE, [plate(seed) for seed in range(50, 52)]) >= 0.6
    cloud = drawn("deposit", [plate(60)])[0]
    region = pointwise.score(cloud.points, cloud.normals, PLATE).regions[0]
    assert sorted(region.kinds) == sorted(ENTRIES)
    assert sum(region.kinds.values()) == pytest.approx(1.0)
    assert list(region.kinds.values()) == sorted(region.kinds.values(), reverse=True)
    again = Detector.load(pointwise.save(tmp_path / "again.safetensors"))
    stored = again.score(cloud.points, cloud.normals, PLATE).regions[0]
    assert stored.kinds == region.kinds


def test_pose_and_unit_do_not_matter(pointwise: Detector) -> None:
    cloud = drawn("dent", [plate(61)])[0]
    assert cloud.normals is not None
    turn = np.array([[0.0, -1.0, 0.0], [0.6, 0.0, -0.8], [0.8, 0.0, 0.6]])
    here = pointwise.score(cloud.points, cloud.normals, PLATE).regions[0]
    there = pointwise.score(cloud.points @ turn.T + 7.0, cloud.normals @ turn.T, PLATE).regions[0]
    assert there.kinds == pytest.approx(here.kinds, abs=0.02)


def test_kinds_are_told_of_parts_of_revolution(tmp_path: Path) -> None:
    quick = UnrolledTrainingConfig(fitting=UnrolledFittingConfig(networks=0))
    config = replace(TINY, family="unrolled", unrolled=quick, synthesis=SYNTHESIS)
    pins = [turned.scan(number) for number in range(4)]
    detector = train({"pin": pins}, config, template=template(*ENTRIES), progress=None)
    assert right(detector, "pin", [turned.scan(seed) for seed in range(50, 52)]) >= 0.6


@pytest.mark.parametrize(("kinds", "scans"), [(("dent",), 8), (tuple(ENTRIES), 0)])
def test_fewer_than_two_kinds_are_not_told(kinds: tuple[str, ...], scans: int) -> None:
    synthesis = replace(SYNTHESIS, scans_for_kinds=scans)
    config: TrainingConfig = replace(TINY, channels=("histograms",), synthesis=synthesis)
    clouds = [scan("egg", seed) for seed in range(3)]
    detector = train({"egg": clouds}, config, template=template(*kinds), progress=None)
    (cloud,) = drawn("dent", [scan("egg", 9)])
    result = detector.score(cloud.points, cloud.normals)
    assert result.regions and {one.kind for one in result.regions} == {None}


def test_an_interrupted_training_goes_on_to_the_same_kinds(tmp_path: Path) -> None:
    config = replace(
        TINY, channels=("histograms",), synthesis=replace(SYNTHESIS, scans_for_kinds=4)
    )
    clouds = {"egg": [scan("egg", seed) for seed in range(3)]}

    def file(name: str, progress: Progress | None = None) -> bytes:
        out = tmp_path / name
        train(clouds, config, out=out, template=template("dent", "deposit"), progress=progress)
        return (out / DETECTOR_FILE).read_bytes()

    def interrupting(step: str, done: int, total: int, about: str = "", /) -> None:
        if step == "Learning kinds" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        file("cut", interrupting)
    assert file("cut") == file("whole")
