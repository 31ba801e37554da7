"""Learning parts of revolution from scans and drawn defects, whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest

from backend.cloud import LabeledCloud, PointCloud
from backend.engine.processes import Workers
from backend.errors import CheckpointError, TrainingError
from backend.evaluation.metrics.auroc import auroc
from backend.models.normalization import Normalization
from backend.models.unrolled.axis_frame import facing_direction
from backend.models.unrolled.matching import Windows
from backend.models.unrolled.model import CHANNEL, UnrolledModel
from backend.models.unrolled.storage import from_checkpoint, to_checkpoint
from backend.progress import Progress, silent
from backend.samples import load_sample
from backend.sensor.virtual_scan import virtual_scan
from backend.training.config import SynthesisConfig, TrainingConfig
from backend.training.run import Run, Suitability
from backend.training.sets import CategoryData
from backend.training.tracking import no_log
from backend.training.unrolled.comparisons import read_comparison
from backend.training.unrolled.config import UnrolledTrainingConfig
from backend.training.unrolled.fitting import FOLDER, UnrolledTraining, source_of
from backend.training.unrolled.network import UnrolledFittingConfig
from shared_schema.recipe import RecipeTemplate
from tests.backend.turned import dented, posed_scan, scan

CONFIG = UnrolledTrainingConfig(
    windows=(Windows(12, 4, 60), Windows(8, 4, 30)),
    closed_loop=True,
    fitting=UnrolledFittingConfig(networks=1, epochs=6, crop=48),
)
SYNTHESIS = SynthesisConfig(count=24)
DENTS = RecipeTemplate.model_validate(
    {
        "name": "dents",
        "unit": "mm",
        "lengths": "absolute",
        "draws": 1,
        "defects": [
            {
                "kind": "dent",
                "radius": {"min": 1.5, "max": 4.0},
                "depth": {"min": 0.2, "max": 2.5, "distribution": "log_uniform"},
            }
        ],
    }
)
NOMINAL = range(12)
TEST = range(100, 112)


class Watched:
    """Progress that nobody looks at; the items are as many as announced."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}

    def __call__(self, step: str, done: int, total: int, about: str = "", /) -> None:
        """Count."""
        assert done == 0 or self.left[step] == total - done + 1, step
        self.left[step] = total - done


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(2) as found:
        yield found


def training(
    workers: Workers,
    folder: Path,
    template: RecipeTemplate | None = None,
    progress: Progress = silent,
) -> UnrolledTraining:
    config = TrainingConfig(unrolled=CONFIG, synthesis=SYNTHESIS)
    scaling = Normalization({"pin": 1.0}, 0.1)
    shown = (progress, no_log)
    return UnrolledTraining(Run(config, 0, template, scaling, folder, "pin", workers, *shown))


def part(labeled: int = 0, scans: Sequence[PointCloud] | None = None) -> CategoryData:
    learn = [scan(number) for number in NOMINAL] if scans is None else scans
    return CategoryData(
        "pin", 0, learn, [], [dented(50 + number) for number in range(labeled)], None
    )


def fit(
    workers: Workers, folder: Path, labeled: int = 0, template: RecipeTemplate | None = None
) -> UnrolledModel:
    watched = Watched()
    found = training(workers, folder, template, watched).model(part(labeled))
    assert not any(watched.left.values())
    return found


def stored(model: UnrolledModel) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of it goes into a model file."""
    return to_checkpoint({"pin": model})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, workers: Workers) -> UnrolledModel:
    return fit(workers, tmp_path_factory.mktemp("unrolled"), labeled=16)


def scored(model: UnrolledModel, cloud: PointCloud | LabeledCloud) -> tuple[np.ndarray, np.ndarray]:
    """Rows that are left after thinning, and their scores."""
    found = next(model.deviations(PointCloud(cloud.points, cloud.normals)))
    return found.rows, found.channels[CHANNEL]


def separation(model: UnrolledModel) -> tuple[float, float]:
    """O-AUROC and P-AUROC on scans and dents that it has not seen."""
    objects, truth, points = [], [], []
    for seed in TEST:
        cloud = scan(seed)
        objects.append(np.sort(scored(model, cloud)[1])[-30:].mean())
    for seed in TEST:
        labeled = dented(200 + seed)
        rows, values = scored(model, labeled)
        objects.append(np.sort(values)[-30:].mean())
        truth.append(labeled.mask[rows])
        points.append(values)
    anomalous = np.arange(len(objects)) >= len(TEST)
    return auroc(anomalous, objects), auroc(np.concatenate(truth), np.concatenate(points))


def test_dents_are_found_with_and_without_a_network(
    model: UnrolledModel, workers: Workers, tmp_path: Path
) -> None:
    bare = fit(workers, tmp_path, labeled=0)
    assert not bare.networks
    for found in (bare, model):
        objects, points = separation(found)
        assert objects > 0.8
        assert points > 0.9


def test_stored_model_scores_the_same(model: UnrolledModel) -> None:
    loaded = from_checkpoint(*stored(model), Normalization({}, 0.1))["pin"]
    cloud = dented(77)
    rows, values = scored(model, cloud)
    again = scored(loaded, cloud)
    assert (again[0] == rows).all()
    assert (again[1] == values).all()


def test_model_that_is_not_whole_is_refused(model: UnrolledModel) -> None:
    tensors, document = stored(model)
    del tensors["pin/bank.tilt"]
    with pytest.raises(CheckpointError, match=r"bank\.tilt"):
        from_checkpoint(tensors, document, Normalization({}, 0.1))


def test_score_follows_the_scan(model: UnrolledModel) -> None:
    cloud = dented(78)
    assert cloud.normals is not None
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    # Thinning depends on the pose; what is scored is the same surface.
    first = scored(model, cloud)
    other = scored(model, PointCloud(cloud.points @ turn.T, cloud.normals @ turn.T))
    both, one, two = np.intersect1d(first[0], other[0], return_indices=True)
    assert len(both) > 0.7 * len(first[0])
    assert np.corrcoef(first[1][one], other[1][two])[0, 1] > 0.8


def test_scores_are_averaged_over_maps_whose_cells_begin_elsewhere(model: UnrolledModel) -> None:
    labeled = dented(300)
    twice = replace(model, config=replace(model.config, test_time_offsets=2))
    (rows, one), (same, two) = (scored(m, labeled) for m in (model, twice))
    assert (rows == same).all()
    assert np.abs(two - one).max() > 0.5
    assert np.corrcoef(one, two)[0, 1] > 0.9
    assert auroc(labeled.mask[rows], two) > auroc(labeled.mask[rows], one) - 0.02


def test_same_seed_same_model_also_after_an_interruption(
    model: UnrolledModel, workers: Workers, tmp_path: Path
) -> None:
    def interrupted(step: str, done: int, total: int, about: str = "", /) -> None:
        """Ctrl-C after the fifth comparison."""
        if step == "Comparing scans" and done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Workers(1) as alone:
        training(alone, tmp_path, progress=interrupted).model(part(16))
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("0*.safetensors")}
    assert len(kept) >= 5
    again = fit(workers, tmp_path, labeled=16)
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    first, second = stored(model)[0], stored(again)[0]
    assert first.keys() == second.keys()
    assert all((first[name] == second[name]).all() for name in first if name != "pin/profile")


def strip_of(seed: int) -> PointCloud:
    """A narrow piece of a scan along its axis."""
    cloud, point, axis = posed_scan(seed, points=20_000)
    assert cloud.normals is not None
    across = np.cross(axis, facing_direction(cloud.normals))
    near = np.abs((cloud.points - point) @ (across / np.linalg.norm(across))) < 1.0
    return PointCloud(cloud.points[near], cloud.normals[near], unit=cloud.unit)


def test_other_parts_are_left_to_others(workers: Workers, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    mesh = load_sample("upper_arm")
    views = [virtual_scan(mesh, views=1, points=2000, noise=0.0, rng=rng) for _ in range(6)]
    own = training(workers, tmp_path)
    assert own.suits(part(scans=views)) == Suitability(False, ANY)
    assert "not of a part of revolution" in own.suits(part(scans=views)).why
    # A strip along the axis does not tell where the axis is, nor would a new scan that shows one.
    strips = [strip_of(number) for number in range(2)]
    assert not own.suits(part(scans=[*(scan(n) for n in range(4)), *strips])).suits
    alone = training(workers, tmp_path)
    assert alone.suits(part(scans=[scan(0)])).why == "there are fewer than 2 scans to learn from"
    with pytest.raises(TrainingError, match="needs 2 scans of 'pin' to learn from, and there is 1"):
        alone.fit([part(scans=[scan(0)])])


def test_a_part_with_a_nominal_model_is_compared_with_that(
    workers: Workers, tmp_path: Path
) -> None:
    own = training(workers, tmp_path)
    with_model = replace(part(), nominal_model=load_sample("pawn"))
    assert own.suits(part()).suits and not own.suits(with_model).suits
    assert own.suits(with_model).why == "it has a nominal model to be compared with"
    # Where the surface does not count, neither does its model.
    config = replace(own.run.config, channels=("histograms",))
    assert UnrolledTraining(replace(own.run, config=config)).suits(with_model).suits


def test_defects_are_drawn_where_they_are_not_decided_yet(workers: Workers, tmp_path: Path) -> None:
    """The second half of them avoids what is found anyhow and what cannot be found."""
    model = fit(workers, tmp_path, template=DENTS)
    assert model.networks
    objects, points = separation(model)
    assert objects > 0.8
    assert points > 0.9
    first, second = len(NOMINAL), 2 * len(NOMINAL)
    folder = tmp_path / FOLDER / "0"
    drawn = [read_comparison(folder, n) for n in range(first, second + len(NOMINAL))]
    assert all(one.mask is not None and one.traits is not None for one in drawn)
    again = fit(workers, tmp_path / "again", template=DENTS)
    tensors, others = stored(model)[0], stored(again)[0]
    assert all((tensors[n] == others[n]).all() for n in tensors if n != "pin/profile")


def test_labelled_cloud_is_known_by_what_did_not_move() -> None:
    nominal = [scan(seed) for seed in range(4)]
    assert source_of(dented(2), nominal) == 2
    assert source_of(dented(9), nominal) is None
    moved = dented(2)
    far = PointCloud(moved.points + 1.0)
    assert source_of(dented(2), [far]) is None
