"""What several folders of backend tests share, made once a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from backend.training import DETECTOR_FILE, train
from tests.backend.parts import TINY, labeled_set, nominal_set, sets


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
