"""Learning parts of revolution from scans and drawn defects, whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from backend.cloud import LabeledCloud, PointCloud
from backend.engine.processes import Workers
from backend.errors import CheckpointError
from backend.evaluation.metrics.auroc import auroc
from backend.models.unrolled.matching import Windows
from backend.models.unrolled.model import ReliefConfig, ReliefModel
from backend.models.unrolled.network import ReliefFittingConfig
from backend.models.unrolled.storage import from_checkpoint, to_checkpoint
from backend.samples import load_sample
from backend.sensor.virtual_scan import virtual_scan
from backend.training.unrolled.comparisons import read_comparison
from backend.training.unrolled.fitting import fit_relief, source_of
from shared_schema.recipe import RecipeTemplate
from tests.backend.turned import dented, scan

Item = TypeVar("Item")

CONFIG = ReliefConfig(
    windows=(Windows(12, 4, 60), Windows(8, 4, 30)),
    closed_loop=True,
    fitting=ReliefFittingConfig(networks=1, epochs=6, crop=48),
)
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


def tracked(items: Iterable[Item], text: str, total: int) -> Iterator[Item]:
    """Progress that nobody looks at; the steps are as many as announced."""
    done = 0
    for item in items:
        yield item
        done += 1
    assert done == total, text


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers(2) as found:
        yield found


def fit(
    workers: Workers, folder: Path, labeled: int = 0, template: RecipeTemplate | None = None
) -> ReliefModel:
    model = fit_relief(
        [scan(number) for number in NOMINAL],
        [dented(50 + number) for number in range(labeled)],
        CONFIG,
        template=template,
        count=24,
        seed=[0],
        folder=folder,
        workers=workers,
        track=tracked,
    )
    assert model is not None
    return model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, workers: Workers) -> ReliefModel:
    return fit(workers, tmp_path_factory.mktemp("relief"), labeled=16)


def scored(model: ReliefModel, cloud: PointCloud | LabeledCloud) -> tuple[np.ndarray, np.ndarray]:
    """Rows that are left after thinning, and their scores."""
    scan, values = model.score(PointCloud(cloud.points, cloud.normals))
    return scan.rows, values


def separation(model: ReliefModel) -> tuple[float, float]:
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
    model: ReliefModel, workers: Workers, tmp_path: Path
) -> None:
    bare = fit(workers, tmp_path, labeled=0)
    assert not bare.networks
    for found in (bare, model):
        objects, points = separation(found)
        assert objects > 0.8
        assert points > 0.9


def test_stored_model_scores_the_same(model: ReliefModel) -> None:
    loaded = from_checkpoint(*to_checkpoint(model))
    cloud = dented(77)
    rows, values = scored(model, cloud)
    again = scored(loaded, cloud)
    assert (again[0] == rows).all()
    assert (again[1] == values).all()


def test_model_that_is_not_whole_is_refused(model: ReliefModel) -> None:
    tensors, document = to_checkpoint(model)
    del tensors["bank.tilt"]
    with pytest.raises(CheckpointError, match=r"bank\.tilt"):
        from_checkpoint(tensors, document)


def test_score_follows_the_scan(model: ReliefModel) -> None:
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


def test_averages_are_over_maps_whose_cells_begin_elsewhere(model: ReliefModel) -> None:
    labeled = dented(300)
    twice = replace(model, config=replace(model.config, averages=2))
    (rows, one), (same, two) = (scored(m, labeled) for m in (model, twice))
    assert (rows == same).all()
    assert np.abs(two - one).max() > 0.5
    assert np.corrcoef(one, two)[0, 1] > 0.9
    assert auroc(labeled.mask[rows], two) > auroc(labeled.mask[rows], one) - 0.02


def test_same_seed_same_model_also_after_an_interruption(
    model: ReliefModel, workers: Workers, tmp_path: Path
) -> None:
    def interrupted(items: Iterable[Item], text: str, total: int) -> Iterator[Item]:
        for number, item in enumerate(items):
            if text == "Comparing scans" and number == 5:
                raise KeyboardInterrupt
            yield item

    nominal = [scan(number) for number in NOMINAL]
    drawn = [dented(50 + number) for number in range(16)]
    with pytest.raises(KeyboardInterrupt), Workers(1) as alone:
        fit_relief(
            nominal,
            drawn,
            CONFIG,
            template=None,
            count=0,
            seed=[0],
            folder=tmp_path,
            workers=alone,
            track=interrupted,
        )
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("0*.safetensors")}
    assert len(kept) >= 5
    again = fit(workers, tmp_path, labeled=16)
    assert all((tmp_path / name).stat().st_mtime_ns == when for name, when in kept.items())
    first, second = to_checkpoint(model)[0], to_checkpoint(again)[0]
    assert first.keys() == second.keys()
    assert all((first[name] == second[name]).all() for name in first if name != "profile")


def test_other_parts_are_left_to_others(workers: Workers, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    part = load_sample("upper_arm")
    views = [virtual_scan(part, views=1, points=2000, noise=0.0, rng=rng) for _ in range(6)]
    settings = {
        "template": None,
        "count": 0,
        "seed": [0],
        "folder": tmp_path,
        "workers": workers,
        "track": tracked,
    }
    assert fit_relief(views, [], CONFIG, **settings) is None  # type: ignore[arg-type]
    assert fit_relief([scan(0)], [], CONFIG, **settings) is None  # type: ignore[arg-type]
    off = ReliefConfig(use=False)
    assert fit_relief([scan(0), scan(1)], [], off, **settings) is None  # type: ignore[arg-type]


def test_defects_are_drawn_where_they_are_not_decided_yet(workers: Workers, tmp_path: Path) -> None:
    """The second half of them avoids what is found anyhow and what cannot be found."""
    model = fit(workers, tmp_path, template=DENTS)
    assert model.networks
    objects, points = separation(model)
    assert objects > 0.8
    assert points > 0.9
    first, second = len(NOMINAL), 2 * len(NOMINAL)
    drawn = [read_comparison(tmp_path, n) for n in range(first, second + len(NOMINAL))]
    assert all(one.mask is not None and one.traits is not None for one in drawn)
    again = fit(workers, tmp_path / "again", template=DENTS)
    tensors, others = to_checkpoint(model)[0], to_checkpoint(again)[0]
    assert all((tensors[n] == others[n]).all() for n in tensors if n != "profile")


def test_labelled_cloud_is_known_by_what_did_not_move() -> None:
    nominal = [scan(seed) for seed in range(4)]
    assert source_of(dented(2), nominal) == 2
    assert source_of(dented(9), nominal) is None
    moved = dented(2)
    far = PointCloud(moved.points + 1.0)
    assert source_of(dented(2), [far]) is None
