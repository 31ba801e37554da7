"""The zip passes the checks of Blender's own packager, its list of tags included."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bpy
import pytest

import build
from tests.architecture.project import ROOT


def validate(archive: Path) -> subprocess.CompletedProcess[str]:
    """What `blender --command extension validate` says."""
    scripts = Path(bpy.utils.system_resource("SCRIPTS"))
    program = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    tags = scripts / "modules" / "_bpy_internal" / "extensions" / "tags.py"
    command = [sys.executable, program, "validate", "--valid-tags", tags, archive]
    return subprocess.run(command, capture_output=True, text=True)


def test_zip_is_valid(tmp_path: Path) -> None:
    result = validate(build.build_addon(ROOT / "blender_addon", tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("line", "damaged"),
    [('"Modeling"', '"Dents"'), ('type = "add-on"', 'type = "toy"'), ('version = "0.0.0"', "")],
)
def test_damaged_manifest_is_noticed(tmp_path: Path, line: str, damaged: str) -> None:
    manifest = (ROOT / "blender_addon" / "blender_manifest.toml").read_text("utf-8")
    assert line in manifest
    (tmp_path / "blender_manifest.toml").write_text(manifest.replace(line, damaged, 1))
    (tmp_path / "__init__.py").write_text("")
    result = validate(tmp_path)
    assert result.returncode != 0
