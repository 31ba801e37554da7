"""A scene, see ``tests/blender_program/hand.py``: each tool at work on the sample part."""

import importlib
import math
from pathlib import Path

import bpy
from mathutils import Vector

ADDON = "bl_ext.user_default.flawsmith"
AGAINST = Vector((0.45, -1.0, 0.95))
TOP = 12.0


def play(hand, folder):
    """Photograph the panel, then each tool halfway; returns the names of the pictures."""
    prepare(hand)
    widen_properties(hand)
    yield
    hand.area.spaces.active.show_region_ui = True
    yield
    sidebar(hand).active_panel_category = "Flawsmith"
    names = []
    for name, show in PICTURES.items():
        new_flange(hand, name)
        yield
        yield from show(hand)
        yield from hand.photograph(Path(folder) / f"window_{name}.png")
        names.append(name)
        yield from hand.key("ESC")
        bpy.context.window_manager.flawsmith_overlay.show = False
        yield
    return names


def prepare(hand):
    """Leave only what the pictures are about."""
    bpy.ops.object.select_all(action="SELECT")
    bpy.ops.object.delete()
    frame = importlib.import_module(f"{ADDON}.parts.frame")
    frame.show_in_unit(bpy.context.scene, "mm")
    space = hand.area.spaces.active
    space.shading.light, space.shading.show_cavity = "STUDIO", True
    space.overlay.show_cursor = space.overlay.show_floor = False
    space.overlay.show_axis_x = space.overlay.show_axis_y = False
    space.show_gizmo_object_translate = False
    space.clip_start, space.clip_end = 1.0, 5000.0


def widen_properties(hand):
    """Make room for numbers with their units."""
    editor = next(area for area in hand.window.screen.areas if area.type == "PROPERTIES")
    with bpy.context.temp_override(window=hand.window):
        bpy.ops.screen.area_move(x=editor.x - 1, y=editor.y + editor.height // 2, delta=-60)


def sidebar(hand):
    """The region of the view's panels."""
    return next(region for region in hand.area.regions if region.type == "UI")


def new_flange(hand, name):
    """The sample part, with defects only where they are what is shown."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    with bpy.context.temp_override(window=hand.window, area=hand.area, region=hand.region):
        bpy.ops.flawsmith.add_sample(with_defects=name in WITH_DEFECTS)
    choose_tool(hand, "builtin.select_box")
    hand.look(AGAINST, (18.0, -6.0, -14.0), 165.0)


def choose_tool(hand, name):
    """Choose a tool of the toolbar."""
    with bpy.context.temp_override(window=hand.window, area=hand.area, region=hand.region):
        bpy.ops.wm.tool_set_by_id(name=name)


def pixel(hand, radius, degrees, height=TOP):
    """Where a place of the flange is seen; heights are from its lower face."""
    angle = math.radians(degrees)
    return hand.pixel((radius * math.cos(angle), radius * math.sin(angle), height - 25.0))


def panel(hand):
    """The stack, and the values of one of its defects."""
    editor = next(area for area in hand.window.screen.areas if area.type == "PROPERTIES")
    editor.spaces.active.context = "MODIFIER"
    flange = bpy.context.active_object
    for modifier in flange.modifiers:
        modifier.show_expanded = modifier == flange.modifiers[0]
    flange.modifiers.active = flange.modifiers[0]
    yield from hand.move((hand.region.x + 300, hand.region.y + 60))


def mask(hand):
    """The ground truth of the sample's defects, by label."""
    settings = bpy.context.window_manager.flawsmith_overlay
    settings.show, settings.by = True, "LABEL"
    flange = bpy.context.active_object
    flange.modifiers.active = flange.modifiers[1]
    yield from hand.move((hand.region.x + 300, hand.region.y + 60))


def dent(hand):
    """A dent whose radius is being dragged, by the tool of the toolbar."""
    choose_tool(hand, "flawsmith.place")
    yield
    yield from hand.drag(
        [pixel(hand, 49.0, -60.0), pixel(hand, 49.0, -54.0), pixel(hand, 49.0, -51.0)],
        release=False,
    )


def scratch(hand):
    """A stroke on its way."""
    hand.begin("flawsmith.draw_scratch")
    line = [
        pixel(hand, 49.0 + 5.0 * math.sin(0.2 * degrees), -78.0 + degrees)
        for degrees in range(0, 37)
    ]
    yield from hand.drag(line, release=False)


def crack(hand):
    """A crack between a click and the mouse."""
    hand.begin("flawsmith.place_plane", kind="crack")
    yield from hand.click(pixel(hand, 44.0, -75.0))
    yield from hand.move(pixel(hand, 56.0, -55.0))


def bend(hand):
    """A hinge between a click and the mouse."""
    hand.begin("flawsmith.place_plane", kind="bend")
    yield from hand.click(pixel(hand, 62.0, -120.0))
    yield from hand.move(pixel(hand, 62.0, 0.0))


def lasso(hand):
    """A line that is about to close."""
    hand.begin("flawsmith.lasso")
    turns = [math.radians(degrees) for degrees in range(0, 300, 10)]
    line = [
        pixel(hand, 50.0 + 7.0 * math.sin(turn), -60.0 + 14.0 * math.cos(turn)) for turn in turns
    ]
    yield from hand.drag(line, release=False)


PICTURES = {
    "panel": panel,
    "mask": mask,
    "place": dent,
    "scratch": scratch,
    "crack": crack,
    "bend": bend,
    "lasso": lasso,
}
WITH_DEFECTS = ("panel", "mask")
