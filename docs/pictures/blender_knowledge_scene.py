"""A scene, see ``tests/blender_program/hand.py``: a document is read for the sample part."""

import importlib
from pathlib import Path

import bpy
from mathutils import Vector

ADDON = "bl_ext.user_default.flawsmith"
TEXT = """Flange, turned and milled from C45.

- Dents of 4 to 6 mm in diameter and 0.5 mm deep occur on the top.
- Scratches of 15 to 30 mm in length are not permitted.
- Burrs higher than 0.4 mm are not permitted.
- No cracks were found.
"""


def play(hand, folder):
    """Photograph the section after the document was read; returns the name of the picture."""
    prepare(hand)
    yield
    hand.area.spaces.active.show_region_ui = True
    yield
    sidebar = next(region for region in hand.area.regions if region.type == "UI")
    sidebar.active_panel_category = "Flawsmith"
    yield
    # Without an event it waits for the end: a window that is drawn meanwhile takes the time of it.
    assert bpy.ops.flawsmith.read_document() == {"FINISHED"}
    yield from hand.move((hand.region.x + 300, hand.region.y + 60))
    yield from hand.photograph(Path(folder) / "window_knowledge.png")
    return ["knowledge"]


def prepare(hand):
    """The sample part with a text about it; the section is open, and the others are closed."""
    bpy.ops.object.select_all(action="SELECT")
    bpy.ops.object.delete()
    frame = importlib.import_module(f"{ADDON}.parts.frame")
    frame.show_in_unit(bpy.context.scene, "mm")
    open_section()
    space = hand.area.spaces.active
    space.shading.light, space.shading.show_cavity = "STUDIO", True
    space.overlay.show_cursor = space.overlay.show_floor = False
    space.overlay.show_axis_x = space.overlay.show_axis_y = False
    space.show_gizmo_object_translate = False
    space.clip_start, space.clip_end = 1.0, 5000.0
    with bpy.context.temp_override(window=hand.window, area=hand.area, region=hand.region):
        bpy.ops.flawsmith.add_sample(with_defects=False)
    text = bpy.data.texts.new("flange.txt")
    text.from_string(TEXT)
    known = bpy.context.active_object.flawsmith_knowledge
    known.source, known.text = "TEXT", text
    hand.look(Vector((0.45, -1.0, 0.95)), (22.0, -6.0, -14.0), 190.0)


def open_section():
    """As clicks on the headers do, before the sidebar is shown for the first time."""
    ui = importlib.import_module(f"{ADDON}.ui")
    for cls in ui.CLASSES:
        if getattr(cls, "bl_parent_id", ""):
            bpy.utils.unregister_class(cls)
            cls.bl_options = set() if "knowledge" in cls.bl_idname else {"DEFAULT_CLOSED"}
            bpy.utils.register_class(cls)
