"""The defects as assets: in a library, with pictures, and the same as those built by code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

import build
from blender_addon.defects import group_name, node_group
from blender_addon.exchange import assets
from blender_addon.stack import modifiers
from tests.architecture.project import ROOT
from tests.backend.shapes import KINDS, random_recipe
from tests.blender import add_part, egg, empty_scene, evaluate, nominal_cloud

NAMES = {group_name(kind) for kind in KINDS}


@pytest.fixture(autouse=True)
def empty_file() -> None:
    """Without groups, which are to come from the library."""
    empty_scene()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the asset library."""
    folder = tmp_path_factory.mktemp("assets") / assets.FOLDER.name
    assets.write_library(folder, ROOT / "docs" / "pictures")
    empty_scene()
    return folder


def load_groups(library: Path, *, link: bool = False) -> None:
    path = str(library / assets.BLEND)
    with bpy.data.libraries.load(path, link=link, assets_only=True) as (there, here):
        here.node_groups = there.node_groups


def listed() -> dict[str, str]:
    libraries: Any = bpy.context.preferences.filepaths.asset_libraries
    return {entry.name: entry.path for entry in libraries}


def test_every_kind_is_an_asset_and_nothing_else_is(library: Path) -> None:
    load_groups(library)
    assert {group.name for group in bpy.data.node_groups if group.asset_data} == NAMES


@pytest.mark.parametrize("kind", KINDS)
def test_asset_is_catalogued_described_and_pictured(library: Path, kind: str) -> None:
    load_groups(library)
    group: Any = bpy.data.node_groups[group_name(kind)]
    assert group.is_modifier
    about = group.asset_data
    assert about.catalog_id == assets.CATALOG_ID
    assert about.description and about.license == "CC0-1.0"
    assert {kind, "defect"} <= {tag.name for tag in about.tags}
    pixels = np.array(group.preview.image_pixels_float).reshape(-1, 4)
    assert tuple(group.preview.image_size) == (assets.PREVIEW_SIZE,) * 2
    assert pixels[:, :3].std() > 0.05 and (pixels[:, 3] == 1.0).all()


def test_catalogue_of_the_assets_is_defined(library: Path) -> None:
    lines = (library / assets.CATALOGS).read_text(encoding="utf-8").splitlines()
    assert "VERSION 1" in lines
    assert f"{assets.CATALOG_ID}:Flawsmith:Flawsmith" in lines


@pytest.mark.parametrize("link", [False, True], ids=["appended", "linked"])
def test_group_from_the_library_is_used_and_does_the_same(library: Path, link: bool) -> None:
    part = add_part(*egg())
    recipe = random_recipe(nominal_cloud(part), 6, *KINDS)
    defects = recipe.model_dump(mode="json", exclude_none=True)["defects"]
    for defect in defects:
        modifiers.add_defect(part, defect["kind"], defect)
    built = evaluate(part)
    empty_scene()
    load_groups(library, link=link)
    part = add_part(*egg())
    for defect in defects:
        modifier: Any = modifiers.add_defect(part, defect["kind"], defect)
        assert modifier.node_group.asset_data
        assert bool(modifier.node_group.library) == link
    assert {group.name for group in bpy.data.node_groups} - NAMES == {"Flawsmith Noise v1"}
    loaded = evaluate(part)
    for name in vars(built):
        assert np.array_equal(getattr(built, name), getattr(loaded, name))


@pytest.mark.parametrize("kind", KINDS)
def test_modifier_made_of_an_asset_alone_is_a_defect(library: Path, kind: str) -> None:
    load_groups(library)
    part = add_part(*egg())
    modifier: Any = part.modifiers.new(group_name(kind), "NODES")
    modifier.node_group = bpy.data.node_groups[group_name(kind)]
    assert modifiers.defect_kind(modifier) == kind
    assert len(evaluate(part).points)
    assert node_group(kind) == modifier.node_group


def test_library_is_listed_while_registered(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "FOLDER", library)
    before = listed()
    for _ in range(2):
        assets.register()
        assert listed() == {**before, assets.NAME: str(library)}
    assets.unregister()
    assert listed() == before


def test_library_of_an_older_version_is_replaced(
    library: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    libraries: Any = bpy.context.preferences.filepaths.asset_libraries
    own = libraries.new(name="Flawsmith", directory=str(tmp_path / "mine"))
    libraries.new(name="Flawsmith", directory=str(tmp_path / "old" / assets.FOLDER.name))
    monkeypatch.setattr(assets, "FOLDER", library)
    assets.register()
    assert set(listed().values()) >= {str(tmp_path / "mine"), str(library)}
    assert str(tmp_path / "old" / assets.FOLDER.name) not in listed().values()
    assets.unregister()
    assert str(tmp_path / "mine") in listed().values()
    libraries.remove(own)


def test_without_a_library_none_is_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(assets, "FOLDER", tmp_path / assets.FOLDER.name)
    before = listed()
    assets.register()
    assert listed() == before


def test_build_packs_the_library_where_it_is_looked_for() -> None:
    assert assets.FOLDER == ROOT / "blender_addon" / build.ASSETS
