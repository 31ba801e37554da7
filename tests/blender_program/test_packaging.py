"""The zip in a real Blender: accepted, installed, reloaded, taken away without a trace."""

from __future__ import annotations

import ast
import os
import re
import tomllib
import zipfile
from pathlib import Path

import pytest

import build
from tests.architecture.project import ROOT, imported_modules, python_files
from tests.blender_program.program import MODULE, Blender, Ended, blender_program, complaints

OLDEST = (4, 5)
SAYS = re.compile(r"Blender (\d+)\.(\d+)\.\d+( LTS)?\b")
PROBLEM = re.compile(r"warning|error|traceback|exception", re.IGNORECASE)
REPOSITORY = "user_default"
# What could open a connection.
NETWORK = {"aiohttp", "asyncio", "ftplib", "http", "requests", "smtplib", "socket", "ssl", "urllib"}

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
assert "Flawsmith" in there[2] and "Flawsmith" not in gone[2]
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
IS_ENABLED = f"""
import bpy
assert "{MODULE}" in bpy.context.preferences.addons
assert not bpy.app.online_access
bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=4)
assert bpy.ops.flawsmith.add_defect(kind="dent") == {{"FINISHED"}}
"""
IS_GONE = f"""
import bpy
assert "{MODULE}" not in bpy.context.preferences.addons
assert not hasattr(bpy.types, "FLAWSMITH_PT_defects")
assert "Flawsmith" not in bpy.context.preferences.filepaths.asset_libraries
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Blender:
    """Blender as new, without the extension."""
    return Blender(blender_program(), tmp_path / "resources")


def extension(blender: Blender, *arguments: object) -> Ended:
    """Run Blender's own command for extensions, which must succeed."""
    ended = blender.run("--command", "extension", *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def expression(blender: Blender, program: str, *options: object) -> Ended:
    """Run Python in Blender, which must succeed."""
    ended = blender.run(*options, "--python-exit-code", 9, "--python-expr", program)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def test_blender_is_of_a_supported_version(fresh: Blender) -> None:
    """In CI it is one with long-term support."""
    said = fresh.run("--version").stdout.strip().splitlines()[0]
    found = SAYS.match(said)
    assert found, said
    assert (int(found[1]), int(found[2])) >= OLDEST, f"the tests found {said}"
    assert found[3] or "FLAWSMITH_REQUIRE_ALL" not in os.environ, f"no LTS: the tests found {said}"


def test_blender_finds_the_zip_valid(fresh: Blender, archive: Path) -> None:
    said = extension(fresh, "validate", archive)
    assert not PROBLEM.search(said.stdout + said.stderr)


def test_blender_packs_the_same_files(fresh: Blender, archive: Path, tmp_path: Path) -> None:
    source = ["--source-dir", ROOT / "blender_addon"]
    extension(fresh, "build", *source, "--output-filepath", tmp_path / "built.zip")
    files = [name for name in contents(archive) if not name.startswith(build.ASSETS)]
    assert sorted(contents(tmp_path / "built.zip")) == sorted(files)


def contents(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as files:
        return [name for name in files.namelist() if not name.endswith("/")]


def test_it_is_installed_over_another_version_and_removed_without_a_trace(
    fresh: Blender, archive: Path, tmp_path: Path
) -> None:
    older, left_out = tmp_path / "older.zip", "left_out.py"
    write_older_version(archive, older, left_out)
    for version in (older, archive):
        ended = extension(fresh, "install-file", "-r", REPOSITORY, "-e", version)
        assert not PROBLEM.search(ended.stdout + ended.stderr)
    folder = fresh.resources / "extensions" / REPOSITORY / "flawsmith"
    assert not (folder / left_out).exists()
    assert complaints(expression(fresh, IS_ENABLED, "--offline-mode")) == []
    extension(fresh, "remove", "flawsmith")
    assert not folder.exists()
    assert complaints(expression(fresh, IS_GONE)) == []


def write_older_version(archive: Path, older: Path, name: str) -> None:
    """A zip with a lower version, and a file of that ``name`` that the newer one lacks."""
    manifest = "blender_manifest.toml"
    with zipfile.ZipFile(archive) as new, zipfile.ZipFile(older, "w") as old:
        for entry in new.namelist():
            content = new.read(entry)
            if entry == manifest:
                content = re.sub(rb'\nversion = "[^"]*"', b'\nversion = "0.0.1"', content)
            old.writestr(entry, content)
        old.writestr(name, "")


def test_it_is_switched_off_and_on_and_reloaded(blender: Blender) -> None:
    assert complaints(expression(blender, ON_AND_OFF)) == []


def test_it_declares_what_it_may_do() -> None:
    manifest = (ROOT / "blender_addon" / "blender_manifest.toml").read_text(encoding="utf-8")
    assert set(tomllib.loads(manifest)["permissions"]) == {"files"}


@pytest.mark.parametrize("path", python_files("blender_addon"), ids=lambda path: path.stem)
def test_a_module_opens_no_connection_and_finds_the_others_by_relative_imports(path: Path) -> None:
    assert not set(imported_modules(path)) & {*NETWORK, "blender_addon"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) != ("sys", "path")
