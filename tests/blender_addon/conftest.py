"""Each test begins in an empty file; those that need menus and operators register the add-on."""

from __future__ import annotations

from collections.abc import Iterator

import bpy
import pytest

import blender_addon
from tests.blender import add_part, egg, empty_scene


@pytest.fixture(autouse=True)
def empty_file() -> None:
    empty_scene()


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
