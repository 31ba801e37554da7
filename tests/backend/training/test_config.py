"""Settings of a training as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backend.errors import TrainingError
from backend.training import TrainingConfig
from backend.training.config import from_record, read_config, to_record


def test_every_setting_survives_json() -> None:
    config = TrainingConfig()
    assert from_record(json.loads(json.dumps(to_record(config)))) == config


def test_what_a_file_does_not_name_keeps_its_default(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"holdout": 0.5, "fitting": {"epochs": 3}, "channels": ["histograms"]}')
    config = read_config(path)
    assert config.holdout == 0.5 and config.fitting.epochs == 3
    assert config.channels == ("histograms",) and not config.learns
    assert config.fitting.batch_size == TrainingConfig().fitting.batch_size
    assert config.unrolled == TrainingConfig().unrolled


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"hold_out": 0.5}, "no setting 'hold_out'; known are .*holdout"),
        ({"fitting": {"epoch": 3}}, "fitting has no setting 'epoch'; known are .*epochs"),
        ({"unrolled": {"fitting": {"wide": 1}}}, "fitting has no setting 'wide'"),
        ({"relief": {}}, "the setting 'relief' of the configuration is now unrolled"),
        ({"averages": 2}, "'averages' of the configuration is now test_time_offsets"),
        ({"unrolled": {"use": False}}, "'use' of unrolled is now family, beside unrolled"),
        ({"unrolled": {"averages": 2}}, "'averages' of unrolled is now test_time_offsets"),
        ({"fitting": 3}, "fitting must be an object"),
        ([1], "must be an object"),
        ({"holdout": 1.5}, "holdout: .*less than 1.*not 1.5"),
        ({"fitting": {"epochs": 0}}, "fitting.epochs: .*greater than or equal to 1, not 0"),
        ({"fitting": {"loss": "l2"}}, "fitting.loss: .*'balanced'.*not 'l2'"),
        ({"channels": ["colour"]}, "channels.0: .*'histograms'.*not 'colour'"),
        ({"device": "tpu"}, "device: .*'cuda'.*not 'tpu'"),
    ],
)
def test_what_does_not_fit_is_quoted(record: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(record))
    with pytest.raises(TrainingError, match=message) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


def test_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text("holdout = 0.5")
    with pytest.raises(TrainingError, match=r"config\.json: the file is not readable JSON"):
        read_config(path)
