"""The detector that comes with flawsmith works at once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from backend.errors import CheckpointError
from backend.io import write_cloud
from backend.models.bundled import model_names, model_path
from backend.samples import load_sample, sample_names
from backend.scoring.detector import Detector
from backend.virtual_scan import virtual_scan
from tests.backend.cli.conftest import Run

LARGEST = 20e6


def test_every_bundled_detector_is_whole_small_and_of_bundled_data() -> None:
    assert model_names() == ["bundled_parts"]
    for name in model_names():
        assert model_path(name).stat().st_size < LARGEST
        detector = Detector.load(model_path(name))
        assert set(detector.categories) <= set(sample_names())
        assert detector.unit == "mm"
    with pytest.raises(CheckpointError, match="'nothing'; there are: bundled_parts"):
        model_path("nothing")


def test_both_ways_of_scoring_are_in_it() -> None:
    detector = Detector.load(model_path("bundled_parts"))
    assert detector.predictor is not None
    compared = {name for name, model in detector.categories.items() if model.relief is not None}
    assert compared == {"pawn"}  # of the real ring, the demo has but arcs


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
