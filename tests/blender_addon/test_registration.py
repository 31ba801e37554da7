"""Registering adds, unregistering leaves nothing; the extension's zip installs and runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import bpy
import pytest

import blender_addon
import build
from blender_addon import ui
from blender_addon.exchange import assets
from blender_addon.overlay import drawing
from blender_addon.stack.modifiers import KINDS
from tests.architecture.project import ROOT

INSTALLED = """
import importlib, os, sys
import bpy

bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="user_default", enable_on_install=True
)
name = "bl_ext.user_default.flawsmith"
libraries = bpy.context.preferences.filepaths.asset_libraries
assert [sorted(os.listdir(l.path)) for l in libraries if l.name == "Flawsmith"] == [
    ["blender_assets.cats.txt", "flawsmith.blend"]
]
assert name in bpy.context.preferences.addons
bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=4)
assert bpy.ops.flawsmith.add_defect(kind="dent") == {"FINISHED"}
assert bpy.ops.flawsmith.export_recipe(filepath=sys.argv[2]) == {"FINISHED"}
assert importlib.import_module(name + ".commands").main(["export", "none.blend", "--out", "x"]) == 1
bpy.ops.preferences.addon_disable(module=name)
assert not hasattr(bpy.types, "FLAWSMITH_PT_defects")
assert "Flawsmith" not in libraries
"""


def snapshot() -> dict[str, Any]:
    """All that an add-on may leave behind in Blender."""
    handlers = bpy.app.handlers
    return {
        "types": set(dir(bpy.types)),
        "operators": set(dir(bpy.ops.flawsmith)),
        "properties": {name: set(getattr(bpy.types, name).bl_rna.properties.keys()) for name in ID},
        "handlers": {
            name: list(getattr(handlers, name))
            for name in dir(handlers)
            if isinstance(getattr(handlers, name), list)
        },
        "menus": {name: menu_functions(name) for name in ui.MENUS},
        "asset libraries": {library.name: library.path for library in asset_libraries()},
    }


ID = ("Object", "Scene", "Mesh", "WindowManager")


def asset_libraries() -> Any:
    return bpy.context.preferences.filepaths.asset_libraries


def menu_functions(name: str) -> list[str]:
    """What a menu is drawn by, besides its own lines."""
    drawn = getattr(getattr(bpy.types, name).draw, "_draw_funcs", [])
    return [function.__qualname__ for function in drawn[1:]]


def test_unregistering_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(assets, "FOLDER", tmp_path)
    before = snapshot()
    for _ in range(2):
        blender_addon.register()
        assert snapshot()["types"] > before["types"]
        assert snapshot()["asset libraries"][assets.NAME] == str(tmp_path)
        blender_addon.unregister()
        assert snapshot() == before


def test_what_watches_windows_goes_too(registered: None) -> None:
    before = snapshot()
    for _ in range(2):
        drawing.start()
        assert snapshot()["handlers"] != before["handlers"]
        assert len(drawing._draw_handlers) == 2
        drawing.stop()
        assert snapshot() == before
        assert not drawing._draw_handlers


def test_everything_is_there_when_registered(registered: None) -> None:
    there = snapshot()
    assert {"FLAWSMITH_PT_defects", "FLAWSMITH_MT_add_defect"} <= there["types"]
    assert {"add_defect", "export_recipe", "import_recipe"} <= there["operators"]
    assert there["menus"]["OBJECT_MT_modifier_add"] == ["draw_in_add_modifier"]
    assert there["menus"]["VIEW3D_MT_object"] == ["draw_in_object"]
    assert {"FLAWSMITH_UL_defects", "FLAWSMITH_PT_overlay", "FLAWSMITH_PT_part"} <= there["types"]


def test_a_new_file_keeps_what_is_registered(registered: None) -> None:
    before = snapshot()
    bpy.ops.wm.read_homefile(use_empty=True)
    assert snapshot() == before


def test_the_zip_installs_in_blender_and_works_there(tmp_path: Path) -> None:
    library = build.build_library(tmp_path / build.ASSETS)
    archive = build.build_addon(ROOT / "blender_addon", tmp_path / "dist", library)
    recipe = tmp_path / "recipe.json"
    result = subprocess.run(
        [sys.executable, "-c", INSTALLED, str(archive), str(recipe)],
        cwd=tmp_path,
        env={**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "user")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert recipe.exists()


def test_the_panel_has_an_icon_of_blenders_for_every_kind() -> None:
    assert list(ui.menus.ICONS) == list(KINDS)
    known = bpy.types.UILayout.bl_rna.functions["prop"].parameters["icon"].enum_items
    assert set(ui.menus.ICONS.values()) <= set(known.keys())
