"""A scan by a real Blender, by two workers; a folder of data that the backend reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import trimesh

from backend.dataset.folder import data_files, read_samples
from tests.blender import egg
from tests.blender_program.program import Blender

CENTER = np.array([100.0, 20.0, -5.0])
DENT = {"kind": "dent", "center": [0.0, 0.0, 5.0], "radius": 4.0, "depth": 1.0, "label": 3}
RECIPE = {
    "schema_version": 1,
    "part": {"diagonal": 26.0},
    "origin": CENTER.tolist(),
    "defects": [DENT],
}


def test_a_part_with_and_without_its_defect_is_scanned(blender: Blender, tmp_path: Path) -> None:
    points, faces = egg(10.0)
    trimesh.Trimesh(points + CENTER, faces).export(tmp_path / "egg.stl")
    (tmp_path / "dent.json").write_text(json.dumps(RECIPE), encoding="utf-8")
    options = ["--recipes", tmp_path / "dent.json", "--nominal", "--size", 96, 96, "--views", 3]
    result = blender.command(
        "scan", tmp_path / "egg.stl", *options, "--out", tmp_path / "data", "--jobs", 2
    )
    assert result.returncode == 0, result.stderr
    assert "[2/2] egg/" in result.stderr
    samples, unmarked = read_samples(data_files(tmp_path / "data"))
    assert not unmarked
    assert [sample.kind for sample in samples] == ["nominal", "dent"]
    nominal, dented = (sample.cloud for sample in samples)
    away = np.linalg.norm((nominal.points - CENTER) / (10.0, 7.0, 5.0), axis=1)
    assert np.abs(np.median(away) - 1.0) < 0.01
    marked = dented.points[dented.mask] - CENTER
    assert np.linalg.norm(marked - DENT["center"], axis=1).max() < 4.2
    assert set(dented.labels[dented.mask]) == {3}
