"""A scan by a real Blender, by two workers; a folder of data that the backend reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from backend.dataset.folder import data_files, read_samples
from tests.blender_addon.egg_files import CENTER, DENT, RADII, write_egg, write_recipe
from tests.blender_program.program import Blender


def test_a_part_with_and_without_its_defect_is_scanned(blender: Blender, tmp_path: Path) -> None:
    part, recipe = write_egg(tmp_path), write_recipe(tmp_path / "dent.json", DENT)
    options = ["--recipes", recipe, "--nominal", "--size", 96, 96, "--views", 3]
    result = blender.command("scan", part, *options, "--out", tmp_path / "data", "--jobs", 2)
    assert result.returncode == 0, result.stderr
    assert "[2/2] egg/" in result.stderr
    samples, unmarked = read_samples(data_files(tmp_path / "data"))
    assert not unmarked
    assert [sample.kind for sample in samples] == ["nominal", "dent"]
    nominal, dented = (sample.cloud for sample in samples)
    away = np.linalg.norm((nominal.points - CENTER) / RADII, axis=1)
    assert np.abs(np.median(away) - 1.0) < 0.01
    marked = dented.points[dented.mask] - CENTER
    assert np.linalg.norm(marked - DENT["center"], axis=1).max() < 4.2
    assert set(dented.labels[dented.mask]) == {3}
