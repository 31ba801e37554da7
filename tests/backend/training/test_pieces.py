"""Every piece of the pipeline can be switched off, and the detector keeps to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from backend.errors import TrainingError
from backend.models.pointwise.model import PointwiseModel
from backend.scoring.detector import Detector
from backend.training import TrainingConfig, train
from backend.training.pointwise.loss import LOSSES
from backend.training.tracking import tensorboard_log
from tests.backend.parts import TINY, labeled, labeled_set, nominal_set, scan, sets


def detector(out: Path, config: TrainingConfig) -> Detector:
    return train(sets(nominal_set(), labeled_set()), config, seed=1, out=out)


@pytest.mark.parametrize(
    ("channels", "banks", "learns"),
    [
        (("histograms",), {"histograms"}, False),
        (("network",), set(), True),
        (("learned", "histograms"), {"learned", "histograms"}, True),
    ],
)
def test_only_chosen_channels_are_there(
    channels: tuple[str, ...], banks: set[str], learns: bool, tmp_path: Path
) -> None:
    found = detector(tmp_path, replace(TINY, channels=channels))  # type: ignore[arg-type]
    category = found.categories["egg"]
    assert isinstance(category.model, PointwiseModel)
    assert set(category.model.banks) == banks
    assert set(category.tails) == set(channels)
    assert (category.model.predictor is not None) == learns
    cloud = labeled("egg", 300)
    assert np.isfinite(found.score(cloud.points, cloud.normals).point_scores).all()


def test_without_sdn_a_part_that_is_too_large_looks_nominal(tmp_path: Path) -> None:
    config = replace(TINY, channels=("histograms",))
    with_it = detector(tmp_path / "with", config)
    without = detector(tmp_path / "without", replace(config, scale_by_category=False))
    assert not without.normalization.by_category
    cloud = scan("egg", 60)
    large = 2.0 * cloud.points  # exact, so that thinning rounds as before
    own, larger = (without.score(p, cloud.normals, "egg") for p in (cloud.points, large))
    assert larger.point_scores == pytest.approx(own.point_scores, abs=1e-4)
    own, larger = (with_it.score(p, cloud.normals, "egg") for p in (cloud.points, large))
    assert np.abs(larger.point_scores - own.point_scores).max() > 0.01


def test_scores_are_averaged_over_thinnings(tmp_path: Path) -> None:
    config = replace(TINY, channels=("histograms",))
    single = detector(tmp_path / "1", config)
    several = detector(tmp_path / "4", replace(config, test_time_offsets=4))
    cloud = labeled("egg", 300)
    one, four = (d.score(cloud.points, cloud.normals, "egg") for d in (single, several))
    assert (one.point_scores != four.point_scores).any()
    assert np.corrcoef(one.point_scores, four.point_scores)[0, 1] > 0.9


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_losses_fall_towards_the_truth(name: str) -> None:
    mask = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    sizes = (5, 3)
    loss = LOSSES[name]  # type: ignore[index]
    values = [float(loss(s * (2 * mask - 1), mask, sizes)) for s in (-3.0, 0.0, 3.0, 9.0)]
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.2


def test_focal_loss_is_as_defined() -> None:
    logits, mask = torch.tensor([0.3, -1.2, 2.0]), torch.tensor([1.0, 0.0, 0.0])
    chance = 1 / (1 + np.exp(-logits.numpy()))
    right = np.where(mask.numpy() > 0, chance, 1 - chance)
    focal = (-((1 - right) ** 2) * np.log(right)).mean()
    dice = 1 - (2 * chance[0] + 1) / (chance.sum() + 1 + 1)
    assert float(LOSSES["focal_dice"](logits, mask, (3,))) == pytest.approx(focal + dice, rel=1e-5)


def test_paper_s_loss_trains_too(tmp_path: Path) -> None:
    config = replace(TINY, fitting=replace(TINY.fitting, loss="focal_dice"))
    assert detector(tmp_path, config).info["config"]["fitting"]["loss"] == "focal_dice"


def test_epochs_are_logged_for_tensorboard(tmp_path: Path) -> None:
    with tensorboard_log(tmp_path / "log") as log:
        train(sets(nominal_set(), labeled_set()), TINY, seed=1, out=tmp_path / "out", log=log)
    written = b"".join(path.read_bytes() for path in (tmp_path / "log").iterdir())
    for name in (b"loss", b"learning_rate", b"share_of_time_waited_for_defects"):
        assert written.count(name) >= TINY.fitting.epochs


@pytest.mark.parametrize("count", [1, 2, 4])
def test_few_nominal_clouds_are_enough_to_begin_with(count: int, tmp_path: Path) -> None:
    found = train(sets(nominal_set(count), labeled_set(2)), TINY, seed=0, out=tmp_path)
    cloud = labeled("egg", 300, 0.4)
    scores = found.score(cloud.points, cloud.normals, "egg").point_scores
    assert scores[cloud.mask].mean() > scores[~cloud.mask].mean()


@pytest.mark.parametrize("device", ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
def test_devices_train_alike(device: Literal["cpu", "cuda"], tmp_path: Path) -> None:
    """A GPU, where there is one, in half precision."""
    found = detector(tmp_path, replace(TINY, device=device))
    cloud = labeled("egg", 300)
    assert np.isfinite(found.score(cloud.points, cloud.normals).point_scores).all()


def test_a_gpu_that_is_not_there_is_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="'cuda': torch finds no GPU"):
        detector(tmp_path, replace(TINY, device="cuda"))
