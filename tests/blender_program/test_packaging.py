"""The zip in a real Blender: accepted, installed, reloaded, taken away without a trace."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pytest

import build
from tests.architecture.project import ROOT
from tests.blender_program.program import MODULE, Blender, blender_program

PROBLEM = re.compile(r"warning|error|traceback|exception", re.IGNORECASE)
REPOSITORY = "user_default"

ON_AND_OFF = f"""
import addon_utils, bpy

def snapshot():
    handlers = {{name: getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)}}
    lengths = {{name: len(all) for name, all in handlers.items() if isinstance(all, list)}}
    libraries = bpy.context.preferences.filepaths.asset_libraries
    return set(dir(bpy.types)), lengths, [library.name for library in libraries]

assert hasattr(bpy.types, "FLAWSMITH_PT_defects")
there = snapshot()
bpy.ops.preferences.addon_disable(module="{MODULE}")
gone = snapshot()
assert not any("FLAWSMITH" in name or "flawsmith" in name.lower() for name in gone[0]), gone[0]
assert "Flawsmith" not in gone[2]
for _ in range(2):
    bpy.ops.preferences.addon_enable(module="{MODULE}")
    assert snapshot() == there
    bpy.ops.preferences.addon_disable(module="{MODULE}")
    assert snapshot() == gone
bpy.ops.preferences.addon_enable(module="{MODULE}")
bpy.ops.script.reload()
bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=4)
assert bpy.ops.flawsmith.add_defect(kind="dent") == {{"FINISHED"}}
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Blender:
    """Blender as new, without the extension."""
    return Blender(blender_program(), tmp_path / "resources")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return build.build_addon(ROOT / "blender_addon", tmp_path)


def extension(blender: Blender, *arguments: object) -> subprocess.CompletedProcess[str]:
    result = blender.run("--command", "extension", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def test_blender_finds_the_zip_valid(fresh: Blender, archive: Path) -> None:
    said = extension(fresh, "validate", archive)
    assert not PROBLEM.search(said.stdout + said.stderr)


def test_it_is_installed_twice_and_removed_without_a_trace(fresh: Blender, archive: Path) -> None:
    for _ in range(2):
        extension(fresh, "install-file", "-r", REPOSITORY, "-e", archive)
    folder = fresh.resources / "extensions" / REPOSITORY / "flawsmith"
    assert (folder / "schema.json").exists()
    extension(fresh, "remove", "flawsmith")
    assert not folder.exists()
    assert fresh.command("--help").returncode != 0


def test_it_is_switched_off_and_on_and_reloaded(blender: Blender, tmp_path: Path) -> None:
    script = tmp_path / "on_and_off.py"
    script.write_text(ON_AND_OFF, encoding="utf-8")
    result = blender.script(script)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not PROBLEM.search(result.stdout + result.stderr)


def test_it_works_offline(blender: Blender) -> None:
    result = blender.run("--offline-mode", "--command", "flawsmith", "--help")
    assert result.returncode == 0, result.stderr


def test_it_changes_no_path_and_opens_no_connection(archive: Path) -> None:
    forbidden = re.compile(
        r"sys\.path|^\s*(?:import|from) (?:socket|urllib|http|requests|ssl|ftplib)\b", re.MULTILINE
    )
    with zipfile.ZipFile(archive) as files:
        sources = {name: files.read(name).decode() for name in files.namelist() if ".py" in name}
    assert sources
    assert not {
        name: found[0] for name, text in sources.items() if (found := forbidden.search(text))
    }
