"""The bundled samples are what their table says, small, and licensed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.errors import FlawsmithError
from backend.geometry.surface import is_watertight, signed_volume
from backend.samples import (
    FOLDER,
    load_sample,
    pawn_pose,
    sample_names,
    sample_path,
    samples,
)

NOTICE = Path(__file__).parents[2] / "NOTICE"
PERMISSIVE = {"CC-BY-4.0", "Apache-2.0", "MIT", "public domain"}
LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "README_NIST.txt")


@pytest.mark.parametrize("name", sample_names("mesh"))
def test_nominal_parts_are_closed_and_not_inside_out(name: str) -> None:
    mesh = load_sample(name)
    assert is_watertight(mesh.faces)
    assert signed_volume(mesh.points, mesh.faces) > 0
    assert mesh.unit == samples()[name].unit


def test_scans_have_points_and_no_faces() -> None:
    for name in sample_names("scan"):
        assert len(load_sample(name)) > 100_000
        assert load_sample(name).faces is None


@pytest.mark.parametrize("name", sample_names())
def test_every_sample_is_permissive_and_named_in_the_notice(name: str) -> None:
    sample = samples()[name]
    assert sample.licence in PERMISSIVE
    assert sample_path(name).name in NOTICE.read_text(encoding="utf-8")
    assert any((sample_path(name).parent / file).exists() for file in LICENCE_FILES)


def test_no_file_is_bundled_without_being_named() -> None:
    notice = NOTICE.read_text(encoding="utf-8")
    for path in FOLDER.glob("*/*"):
        if path.parent.name != "__pycache__":
            assert path.name in notice or path.name in LICENCE_FILES


def test_all_samples_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 10_000_000


def test_an_unknown_sample_lists_the_known_ones() -> None:
    with pytest.raises(
        FlawsmithError, match="no bundled sample is called 'rook'; there are pawn_scan, pawn"
    ):
        load_sample("rook")


def test_the_published_pose_is_a_rigid_motion() -> None:
    rotation = pawn_pose()[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-7)
    assert np.linalg.det(rotation) == pytest.approx(1.0)
