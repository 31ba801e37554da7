"""Each test begins in an empty file; those that need menus and operators register the add-on.

The node groups of the defects are there, built once by this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import bpy
import pytest

import blender_addon
from tests.blender import add_part, egg, empty_scene_from, write_empty_file


@pytest.fixture(scope="session")
def file_with_groups(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("groups") / "groups.blend"
    write_empty_file(path)
    return path


@pytest.fixture(autouse=True)
def empty_file(file_with_groups: Path) -> None:
    empty_scene_from(file_with_groups)


@pytest.fixture
def registered() -> Iterator[None]:
    blender_addon.register()
    yield
    blender_addon.unregister()


@pytest.fixture
def active_egg() -> bpy.types.Object:
    """An ellipsoid 2 long, selected and active."""
    part = add_part(*egg(), "egg")
    bpy.context.view_layer.objects.active = part
    return part
