"""What several folders of backend tests share, made once a session."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from backend.engine.processes import Workers
from backend.training import DETECTOR_FILE, train
from tests.backend.parts import TINY, labeled_set, nominal_set, sets


@pytest.fixture(scope="session", autouse=True)
def _lasting_workers() -> Iterator[None]:
    """Every training in this process uses the same worker processes.

    Each of them imports torch, which takes longer than what most tests have them do.
    """
    with pytest.MonkeyPatch.context() as patched, Workers(2) as workers:
        training = importlib.import_module("backend.training.train")
        patched.setattr(training, "Workers", lambda: nullcontext(workers))
        yield


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector of both parts in mm, trained for a few seconds, with a certified threshold."""
    fitting = replace(TINY.fitting, epochs=4, steps_per_epoch=20)
    config = replace(TINY, fitting=fitting, false_alarm_rate=0.2)
    nominal = {
        part: [replace(cloud, unit="mm") for cloud in clouds]
        for part, clouds in nominal_set(9).items()
    }
    out = tmp_path_factory.mktemp("model")
    train(sets(nominal, labeled_set(10)), config, seed=0, out=out)
    return out / DETECTOR_FILE
