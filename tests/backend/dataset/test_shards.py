"""Samples on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.cloud import LabeledCloud
from backend.dataset.shards import read_sample, write_sample
from backend.errors import FileFormatError

RECORD = {"seed": 7, "recipe": {"name": "zwölf", "defects": [{"kind": "dent"}]}}


def labeled(normals: bool = True) -> LabeledCloud:
    rng = np.random.default_rng(0)
    mask = rng.random(50) < 0.2
    return LabeledCloud(
        rng.normal(size=(50, 3)),
        rng.normal(size=(50, 3)) if normals else None,
        mask,
        mask.astype(np.int32) * 3,
        rng.random(50),
        np.arange(50)[::-1].copy(),
        {"intensity": rng.random(50).astype(np.float32)},
    )


@pytest.mark.parametrize("normals", [True, False])
def test_round_trip_is_exact(tmp_path: Path, normals: bool) -> None:
    cloud = labeled(normals)
    again, record = read_sample(write_sample(tmp_path / "a" / "s.safetensors", cloud, RECORD))
    assert record == RECORD
    for name in ("points", "normals", "mask", "labels", "weight", "source_index"):
        np.testing.assert_array_equal(getattr(again, name), getattr(cloud, name))
        if name != "normals" or normals:
            assert getattr(again, name).dtype == getattr(cloud, name).dtype
    np.testing.assert_array_equal(again.fields["intensity"], cloud.fields["intensity"])


def test_same_sample_same_bytes_and_nothing_left_behind(tmp_path: Path) -> None:
    paths = [write_sample(tmp_path / n, labeled(), RECORD) for n in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("keep", [0, 5, 300])
def test_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = write_sample(tmp_path / "s.safetensors", labeled(), RECORD)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(FileFormatError, match=r"s\.safetensors"):
        read_sample(path)


def test_foreign_and_missing_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"points": np.zeros((2, 3))}, tmp_path / "other.safetensors")
    with pytest.raises(
        FileFormatError, match=r"the format is None, not .*; give files of flawsmith synthesize"
    ):
        read_sample(tmp_path / "other.safetensors")
    with pytest.raises(FileFormatError):
        read_sample(tmp_path / "none.safetensors")
