"""The demo's Blender step finds the extension: its source in a checkout, else the zip."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import build
from backend.demo import design
from backend.errors import FlawsmithError, MissingDependencyError
from backend.samples import sample_path
from tests.architecture.project import ROOT
from tests.backend.cli.conftest import Run
from tests.backend.cli.conftest import run as run

REGION = (-40.0, -40.0, 0.0, 40.0, 40.0, 60.0)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The backend as if a wheel had installed it, without the extension beside it."""
    monkeypatch.setattr(design, "ROOT", str(tmp_path / "site-packages"))


def test_what_the_zip_holds_is_run_and_its_failure_told(tmp_path: Path) -> None:
    archive = tmp_path / "flawsmith-9.9.9.zip"
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("__init__.py", "")
        files.writestr("__main__.py", "import sys; sys.exit('this is ' + __package__)")
    said: list[str] = []
    with pytest.raises(FlawsmithError, match="status 1:\n    this is blender_addon"):
        design.design(sample_path("pawn"), REGION, 64, tmp_path, said.append, extension=archive)
    assert said == ["this is blender_addon"]


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "flawsmith.zip"
    damaged.write_bytes(b"PK")
    with pytest.raises(FlawsmithError, match=r"flawsmith\.zip: this is no zip"):
        design.design(sample_path("pawn"), REGION, 64, tmp_path, print, extension=damaged)


def test_the_demo_of_a_wheel_asks_for_the_zip_before_it_begins(
    installed: None, run: Run, tmp_path: Path
) -> None:
    result = run("demo", "--out", tmp_path / "out", status=1)
    assert "which is not part of the Python package; name its zip: --extension" in result.stderr
    assert not (tmp_path / "out").exists()


def test_without_blenders_module_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(design, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"flawsmith\[blender\]"):
        design.extension_digest(None)


def test_another_extension_is_told_from_this_one(tmp_path: Path) -> None:
    archive = build.build_addon(ROOT / "blender_addon", tmp_path)
    other = tmp_path / "other.zip"
    other.write_bytes(archive.read_bytes() + b"\0")
    digests = {design.extension_digest(path) for path in (None, archive, other)}
    assert len(digests) == 3
