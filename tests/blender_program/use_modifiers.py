"""A scene, see ``hand.py``: a defect's handles are dragged, and defects are added from assets."""

import importlib

import bpy
from mathutils import Vector

ADDON = "bl_ext.user_default.flawsmith"
AGAINST = Vector((1.0, -0.6, 0.8))
DISTANCE = 6.0
# How far a handle is dragged; Blender counts from the first move on that makes a click a drag.
FIRST, FAR = 0.1, 0.4
TRIES = 200

X, Y, Z = Vector((1, 0, 0)), Vector((0, 1, 0)), Vector((0, 0, 1))
TOP = Z
# Of each kind: values, and for each handle its field, where it is and which way it is dragged.
DEFECTS = {
    "dent": (
        {"center": [0, 0, 1], "center_normal": [0, 0, 1], "radius": 0.5, "depth": 0.1},
        {
            "center": (TOP + 0.6 * X, X),
            "radius": (TOP - 0.5 * Y, -Y),
            "depth": (TOP + 0.5 * Y - 0.15 * Z, -Z),
        },
    ),
    "hole": (
        {"center": [0, 0, 1], "direction": [0, 0, -1], "radius": 0.5, "depth": 0.5},
        {
            "center": (TOP + 0.6 * X, X),
            "radius": (TOP - 0.5 * Y, -Y),
            "depth": (TOP - 0.55 * Z, -Z),
        },
    ),
    "deposit": (
        {"center": [0, 0, 1], "normal": [0, 0, 1], "heading": [1, 0, 0]}
        | {"radius": 0.5, "height": 0.3},
        {
            "center": (TOP + 0.6 * X, X),
            "radius": (TOP + 0.5 * Y, Y),
            "height": (TOP - 0.5 * Y + 0.35 * Z, Z),
        },
    ),
    "bend": (
        {"hinge_point": [0, 0, 0], "hinge_axis": [0, 1, 0], "side": [1, 0, 0]}
        | {"band": 0.8, "angle": 0.3},
        # By its box: the near end of its line lies on the arrow of the place and on the dial.
        {"hinge_point": (0.6 * Z, Z), "band": (1.4 * X, X), "angle": (-0.8 * X, Z)},
    ),
    "crack": (
        {"origin": [0, 0, 1], "normal": [1, 0, 0], "direction": [0, 0, -1]}
        | {"length": 1.0, "depth": 0.5},
        {
            "origin": (TOP + 0.6 * X, X),
            "length": (TOP + 0.5 * Y, Y),
            "depth": (TOP - 0.55 * Z, -Z),
        },
    ),
}


def play(hand, picture):
    """Drag every handle by ``FAR``; add each kind from the asset library."""
    bpy.context.preferences.system.viewport_aa = "OFF"
    bpy.ops.object.select_all(action="SELECT")
    bpy.ops.object.delete()
    bpy.ops.mesh.primitive_uv_sphere_add(segments=64, ring_count=32, radius=1.0)
    part = bpy.context.active_object
    hand.look(AGAINST, (0, 0, 0.5), DISTANCE, perspective=False)
    dragged = {}
    for kind, (values, handles) in DEFECTS.items():
        dragged[kind] = yield from dragged_handles(hand, part, kind, values, handles, picture)
    assets = yield from added_from_assets(part)
    return {"dragged": dragged, "assets": assets}


def dragged_handles(hand, part, kind, values, handles, picture):
    """How far each handle took its field, each on a new defect."""
    modifiers = importlib.import_module(f"{ADDON}.stack.modifiers")
    grown = {}
    for field, (start, direction) in handles.items():
        modifier = modifiers.add_defect(part, kind, values)
        part.modifiers.active = modifier
        for _ in range(10):
            hand.area.tag_redraw()
            yield
        if kind == "dent" and field == "radius":
            yield from hand.photograph(picture)
        before = modifiers.read_values(modifier)[field]
        pixels = [hand.pixel(start + way * direction) for way in (0.0, FIRST, FIRST + FAR)]
        yield from hand.move(pixels[0])
        yield from hand.drag(pixels)
        yield
        grown[field] = farther(before, modifiers.read_values(modifier)[field], direction)
        part.modifiers.remove(modifier)
    return grown


def farther(before, after, direction):
    """By how much a number grew, or a point was moved along ``direction``."""
    if isinstance(before, list):
        return (Vector(after) - Vector(before)).dot(direction)
    return after - before


def added_from_assets(part):
    """What kind of defect the modifier of each asset is taken for, and its fields."""
    modifiers = importlib.import_module(f"{ADDON}.stack.modifiers")
    found = {}
    for kind in modifiers.KINDS:
        asset = f"flawsmith.blend/NodeTree/Flawsmith {kind.title()} v1"
        library = {"asset_library_type": "CUSTOM", "asset_library_identifier": "Flawsmith"}
        for _ in range(TRIES):
            # Blender reads the library while the scene waits.
            add = bpy.ops.object.modifier_add_node_group
            if add(**library, relative_asset_identifier=asset) == {"FINISHED"}:
                break
            yield
        modifier = part.modifiers[-1]
        found[kind] = modifiers.defect_kind(modifier)
        modifiers.write_values(modifier, {"label": 7})
        part.modifiers.clear()
    return found
