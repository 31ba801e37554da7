"""The installed command works from a folder that holds other people's code, under any names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend.io import ENCODED_WRITERS, WRITERS, read_cloud, write_cloud
from backend.io.organised import cloud_from_image
from shared_schema.load import dump
from tests.backend.parts import scan
from tests.backend.shapes import template

# Ours, what children import before anything of ours, and what we depend on.
FOLDERS = ("backend", "shared_schema", "blender_addon")
FILES = ("json", "numpy", "pickle", "scipy", "signal", "socket", "struct", "threading", "torch")


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder in which every import that finds something fails."""
    folder = tmp_path / "their project"
    folder.mkdir()
    files = [*(f"{name}/__init__.py" for name in FOLDERS), *(f"{name}.py" for name in FILES)]
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("raise ImportError('this is another project')\n")
    return folder


def flawsmith(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command, started in ``folder``."""
    program = Path(sys.executable).with_name("flawsmith")
    environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
    return subprocess.run(
        [program, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_files_are_read_that_a_process_of_its_own_reads(foreign: Path) -> None:
    image = np.moveaxis(np.mgrid[-10:11, -10:11, 5:6].squeeze(), 0, 2).astype(np.float32)
    cloud = cloud_from_image(image)
    files = {
        "a.laz": WRITERS[".laz"](cloud),
        "b.pcd": ENCODED_WRITERS[".pcd"](cloud, "binary_compressed"),
        "c.tiff": WRITERS[".tiff"](cloud),
    }
    for name, data in files.items():
        (foreign / name).write_bytes(data)
    dent = {"kind": "dent", "center": [0, 0, 5], "center_normal": [0, 0, 1]}
    dent |= {"radius": 4.0, "depth": 1.0, "label": 1}
    recipe = {"schema_version": 1, "part": {"name": "plane", "diagonal": cloud.diagonal}}
    (foreign / "recipe.json").write_text(json.dumps(recipe | {"defects": [dent]}))
    result = flawsmith(
        foreign, "replay", "recipe.json", *files, "--viewpoint", "0", "0", "99", "--out", "out"
    )
    assert result.returncode == 0, result.stderr
    for name in files:
        written = read_cloud(foreign / "out" / f"{Path(name).stem}.ply")
        assert written.points[:, 2].min() == pytest.approx(4.0, abs=1e-3), name


def test_work_is_spread_over_processes(foreign: Path) -> None:
    for number in range(2):
        write_cloud(foreign / "egg" / f"{number}.ply", scan("egg", number))
    (foreign / "template.json").write_text(dump(template("dent")))
    result = flawsmith(
        foreign, "synthesize", "template.json", "--scans", "egg", "--count", "4", "--jobs", "2",
        "--out", "out",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "another project" not in result.stderr
    assert len(list((foreign / "out" / "egg" / "anomalous").iterdir())) == 4
