"""A scene, see ``hand.py``: the mask overlay over two dents, switched on and off."""

import importlib
from pathlib import Path

import bpy
from mathutils import Vector

ADDON = "bl_ext.user_default.flawsmith"
TOP = Vector((0.0, 0.0, 1.0))
LABELS = (1, 4)
# The middle of each dent, and nominal surface, clear of the dot at the object's origin.
PLACES = ((-1.5, 0.0, 0.0), (1.5, 0.0, 0.0), (0.0, 1.8, 0.0))


def play(hand, folder):
    """Photograph each state; returns where the dents are seen, and what was drawn by."""
    drawing = importlib.import_module(f"{ADDON}.overlay.drawing")
    part = new_plate()
    hand.look(TOP, (0.0, 0.0, 0.0), 8.0)
    space = hand.area.spaces.active
    space.overlay.show_cursor = space.show_gizmo = space.show_region_toolbar = False
    seen = {}

    def photograph(name):
        yield
        yield from hand.photograph(Path(folder) / f"{name}.png")
        seen[name] = sorted(label for label in LABELS if label in shown(drawing, part))

    yield from photograph("off")
    settings = getattr(bpy.context.window_manager, drawing.PROPERTY)
    settings.show = True
    yield from photograph("weight")
    settings.by = "LABEL"
    yield from photograph("label")
    part.modifiers[1].show_viewport = False
    yield from photograph("one")
    part.modifiers[1].show_viewport = True
    pixels = [hand.pixel(place) for place in PLACES]
    bpy.ops.preferences.addon_disable(module=ADDON)
    yield from photograph("gone")
    bpy.ops.preferences.addon_enable(module=ADDON)
    yield
    return {"pixels": pixels, "height": hand.window.height, "seen": seen}


def new_plate():
    """A plate across z with two dents that leave its middle as it is."""
    bpy.ops.object.select_all(action="SELECT")
    bpy.ops.object.delete()
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=100, y_subdivisions=100, size=6.0)
    part = bpy.context.active_object
    modifiers = importlib.import_module(f"{ADDON}.stack.modifiers")
    for place, label in zip(PLACES[:2], LABELS, strict=True):
        values = {"center": list(place), "radius": 1.0, "depth": 0.01, "label": label}
        modifiers.add_defect(part, "dent", values)
    part.select_set(False)
    return part


def shown(drawing, part):
    """The labels of what is kept for the part."""
    kept = drawing._kept.get(part.session_uid)
    return set(kept.tint.labels.tolist()) if kept is not None and kept.tint is not None else set()
