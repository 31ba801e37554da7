"""Model files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from backend.errors import CheckpointError
from backend.models import checkpoint
from backend.models.checkpoint import load_checkpoint, save_checkpoint

TENSORS = {"b": torch.arange(6.0).view(2, 3).T, "a": torch.ones(1)}
DOCUMENT = {"text": "ü", "nested": {"numbers": [1, 2.5, None]}}


def test_round_trip(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "m.safetensors", "thing", TENSORS, DOCUMENT)
    tensors, document = load_checkpoint(path, "thing")
    assert document == DOCUMENT
    assert {name: t.tolist() for name, t in tensors.items()} == {
        name: t.tolist() for name, t in TENSORS.items()
    }


def test_same_content_same_bytes(tmp_path: Path) -> None:
    paths = [save_checkpoint(tmp_path / n, "thing", TENSORS, DOCUMENT) for n in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\xff" * 100])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"m\.safetensors"):
        load_checkpoint(path, "thing")


def test_another_kind_version_or_no_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_checkpoint(tmp_path / "m", "thing", TENSORS, DOCUMENT)
    with pytest.raises(CheckpointError, match="kind is 'thing'"):
        load_checkpoint(path, "other")
    monkeypatch.setattr(checkpoint, "SCHEMA_VERSION", 999)
    with pytest.raises(CheckpointError, match="schema_version is 1"):
        load_checkpoint(path, "thing")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "none", "thing")
