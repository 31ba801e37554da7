"""Defects drawn while the network learns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from backend.engine.processes import Workers
from backend.models.normalization import Normalization
from backend.progress import Progress
from backend.sampling.drawing import PreparedSurface
from backend.scoring.detector import Detector
from backend.training import DETECTOR_FILE, WORK_FOLDER, SynthesisConfig, TrainingConfig, train
from backend.training.pointwise.examples import ExampleDrawing, Examples, drawn_examples
from backend.training.pointwise.network import Example
from shared_schema.recipe import RecipeTemplate
from tests.backend.parts import TINY, nominal_set

TEMPLATE = RecipeTemplate.model_validate(
    {
        "name": "dents",
        "defects": [
            {
                "kind": "dent",
                "radius": {"min": 0.15, "max": 0.25},
                "depth": {"min": 0.02, "max": 0.08},
            }
        ],
    }
)
CONFIG = replace(TINY, synthesis=SynthesisConfig(count=2, fresh=1, pool=3))


def interrupting(step: str, done: int, total: int, about: str = "", /) -> None:
    """Ctrl-C after the first epoch."""
    if step == "Training" and done:
        raise KeyboardInterrupt


def run(out: Path, config: TrainingConfig = CONFIG, progress: Progress | None = None) -> Path:
    train(nominal_set(), config, seed=3, out=out, template=TEMPLATE, progress=progress)
    return out / DETECTOR_FILE


@pytest.fixture
def drawing() -> ExampleDrawing:
    normalization = Normalization.fit(nominal_set(), 500)
    return ExampleDrawing(TEMPLATE, normalization, CONFIG.augmentation, (1, 5))


@pytest.fixture
def surfaces(tmp_path: Path) -> dict[str, list[Path]]:
    """Files of the prepared nominal clouds."""
    files = {
        name: [tmp_path / f"{name}-{number}.safetensors" for number in range(len(clouds))]
        for name, clouds in nominal_set().items()
    }
    for name, clouds in nominal_set().items():
        for path, cloud in zip(files[name], clouds, strict=True):
            PreparedSurface.of(cloud, TEMPLATE).write(path)
    return files


def test_examples_come_in_turn_and_depend_on_their_number_alone(
    surfaces: dict[str, list[Path]], drawing: ExampleDrawing
) -> None:
    with Workers(1) as one, Workers(2) as two:
        first = list(islice(drawn_examples(surfaces, drawing, one), 4))
        second = list(islice(drawn_examples(surfaces, drawing, two), 6))
    for a, b in zip(first, second, strict=False):
        assert a is not None and b is not None
        assert (a.cloud.points == b.cloud.points).all() and (a.mask == b.mask).all()
        assert a.mask.any() and not a.mask.all()
    sizes = [np.ptp(one.cloud.points, axis=0).max() for one in second if one is not None]
    assert len(set(np.round(sizes, 6))) == 6  # no two alike


def test_what_an_epoch_sees_depends_on_the_epoch_alone() -> None:
    def numbered() -> Iterator[Example]:
        yield from (number for number in range(100))  # type: ignore[misc]

    whole = Examples([], first=4, fresh=2, pool=5, stream=numbered())
    seen = [list(whole.at(epoch)) for epoch in range(4)]
    assert seen == [[0, 1, 2, 3], [1, 2, 3, 4, 5], [3, 4, 5, 6, 7], [5, 6, 7, 8, 9]]
    resumed = Examples([], first=4, fresh=2, pool=5, stream=numbered())
    assert list(resumed.at(3)) == seen[3]


def test_a_detector_learns_from_drawn_defects_alone(tmp_path: Path) -> None:
    detector = Detector.load(run(tmp_path))
    assert "network" in detector.categories["egg"].tails
    assert detector.info["labeled_clouds"] == {"ball": 2, "egg": 2}
    assert detector.info["config"]["synthesis"] == {
        "count": 2,
        "fresh": 1,
        "pool": 3,
        "scans_for_kinds": 96,
    }


def test_interrupted_run_goes_on_to_the_same_result(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", progress=interrupting)
    assert (tmp_path / "cut" / WORK_FOLDER).exists()
    assert run(tmp_path / "cut").read_bytes() == whole.read_bytes()


def test_training_ends_when_held_out_defects_are_found_no_better(tmp_path: Path) -> None:
    fitting = replace(TINY.fitting, epochs=12, patience=1, held_out=4, learning_rate=1e-9)
    epochs: list[str] = []

    def progress(step: str, done: int, total: int, about: str = "", /) -> None:
        if step == "Training" and done:
            epochs.append(about)

    path = run(tmp_path / "patient", replace(CONFIG, fitting=fitting), progress)
    assert len(epochs) < 12  # such a rate changes nothing
    assert "held out 0." in epochs[-1]
    assert "network" in Detector.load(path).categories["egg"].tails


def test_best_weights_survive_an_interruption(tmp_path: Path) -> None:
    fitting = replace(TINY.fitting, patience=2, held_out=4)
    config = replace(CONFIG, fitting=fitting)
    whole = run(tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", config, interrupting)
    assert run(tmp_path / "cut", config).read_bytes() == whole.read_bytes()
