"""What is published holds all that it needs, and works without the source beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from backend.samples import load_sample, sample_path
from tests.architecture.project import PACKAGES, ROOT

BUILD = "from setuptools import build_meta as b; b.build_wheel('dist'); b.build_sdist('dist')"
IN_SOURCE = (*PACKAGES, ".ci", "benchmarks", "docs", "requirements", "tests")
NO_SOURCE = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache", ".DS_Store")


def files_below(folder: Path, names: tuple[str, ...]) -> set[str]:
    """The files of the folders ``names`` by their paths in ``folder``."""
    found = (path for name in names for path in (folder / name).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a wheel and a source archive in ``dist``, built there."""
    copy = tmp_path_factory.mktemp("source")
    for name in IN_SOURCE:
        shutil.copytree(ROOT / name, copy / name, ignore=NO_SOURCE)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    subprocess.run([sys.executable, "-c", BUILD], cwd=copy, check=True, capture_output=True)
    return copy


def test_the_wheel_holds_every_file_of_the_packages(source: Path) -> None:
    [wheel] = (source / "dist").glob("*.whl")
    inside = tuple(f"{name}/" for name in PACKAGES)
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith(inside)}
    assert held == files_below(source, PACKAGES)
    assert {f"{name}/py.typed" for name in ("backend", "flawsmith", "shared_schema")} <= held


def test_the_source_archive_holds_tests_documents_and_lock(source: Path) -> None:
    [archive] = (source / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        held = {member.name.partition("/")[2] for member in opened if member.isfile()}
    # What is copied beside the folders may be somebody's own, but these are the project's.
    documents = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "NOTICE", "README.md"}
    beside = documents | {"build.py", "pyproject.toml"}
    assert files_below(source, IN_SOURCE) | beside <= held


def test_the_wheel_replays_a_sample_from_any_folder(source: Path, tmp_path: Path) -> None:
    [wheel] = (source / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    part = load_sample("pawn")
    top = part.points[part.points[:, 2].argmax()].tolist()
    dent = {"kind": "dent", "center": top, "radius": 6.0, "depth": 1.0}
    recipe = {"schema_version": 1, "part": {"diagonal": part.diagonal}, "defects": [dent]}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    assert "version" in flawsmith(tmp_path, "--version").stdout
    scan = os.path.relpath(sample_path("pawn"), tmp_path)
    flawsmith(tmp_path, "replay", "recipe.json", scan, "--out", "out")
    assert json.loads((tmp_path / "out" / "pawn.json").read_text())["defects"][0]["points"] > 0


def flawsmith(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command of the wheel that lies in ``folder``, started there."""
    site = str(folder / "site")
    program = f"import backend.cli as c; assert c.__file__.startswith({site!r}); c.main()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": site},
        check=True,
        capture_output=True,
        text=True,
    )
