"""Settings of a training as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.errors import TrainingError
from backend.models.pointwise.point_transformer import PointTransformerConfig
from backend.training import TrainingConfig, train
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
        ({"unrolled": {"fitting": {"crop": 50}}}, "fitting.crop: .*multiple of 4, not 50"),
        ({"augmentation": {"dropout": 1.0}}, "augmentation.dropout: .*less than 1, not 1.0"),
        ({"network": {"channels": [8, 12]}}, "channels must be multiples .* which is 8; 12 is not"),
        ({"network": {"inputs": 3}}, "network.inputs must be 23, .*not 3; leave the setting out"),
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


def numbers(record: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the numbers in a JSON document are."""
    if isinstance(record, dict | list):
        for key, value in record.items() if isinstance(record, dict) else enumerate(record):
            yield from numbers(value, (*place, key))
    elif isinstance(record, int | float) and not isinstance(record, bool):
        yield place


def with_value(record: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy of the document with another value at a place."""
    changed = json.loads(json.dumps(record))
    parent = changed
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    return changed


@pytest.mark.parametrize("place", list(numbers(to_record(TrainingConfig()))), ids=str)
def test_every_number_has_a_bound(place: tuple[Any, ...]) -> None:
    wrong = with_value(to_record(TrainingConfig()), place, -1_000_000)
    with pytest.raises(TrainingError, match=r"must be .*-1000000") as caught:
        from_record(wrong)
    assert str(place[0]) in str(caught.value)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (TrainingConfig(threads=0), "threads: must be greater than or equal to 1, not 0"),
        (TrainingConfig(network=PointTransformerConfig(groups=5)), "channels must be multiples"),
    ],
)
def test_settings_made_in_python_are_checked_too(config: TrainingConfig, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        train({}, config)


def test_settings_within_settings_made_in_python_are_checked_too() -> None:
    config = TrainingConfig()
    fitting = replace(config.unrolled.fitting, networks=-1)
    config = replace(config, unrolled=replace(config.unrolled, fitting=fitting))
    with pytest.raises(TrainingError, match=r"unrolled\.fitting\.networks: .* to 0, not -1"):
        train({}, config)
