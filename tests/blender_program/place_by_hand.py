"""A scene, see ``hand.py``: one defect of each kind is placed on a ball by mouse and keyboard."""

import importlib
import math
from itertools import pairwise

import bpy
from mathutils import Matrix, Vector

ADDON = "bl_ext.user_default.flawsmith"
RADIUS = 30.0
DISTANCE = 65.0
# Blender itself has no use for it.
FREE_KEY = "F19"


def play(hand, picture):
    """Place one of each kind; returns what came of it, and a picture of the window."""
    # Without a graphics card each sample of the view takes its time.
    bpy.context.preferences.system.viewport_aa = "OFF"
    part = add_ball()
    place = Places(hand, part)
    bpy.ops.ed.undo_push(message="A ball")
    found = {"aimed": {}, "placed": {}, "cancelled": {}}
    for number, (kind, (operator, properties, act)) in enumerate(TOOLS.items()):
        look_down(hand, number % 2 == 1)
        yield
        found["cancelled"][kind] = yield from cancelled(hand, operator, properties, act, place)
        assert hand.begin(operator, **properties) == {"RUNNING_MODAL"}
        yield
        found["aimed"][kind] = yield from act(hand, place, True)
        yield
        found["placed"][kind] = last_defect()
    found["undone"] = yield from undone(hand)
    yield from hand.photograph(picture)
    for name, act in OTHERS.items():
        bpy.context.active_object.modifiers.clear()
        bpy.ops.ed.undo_push(message="No defects")
        look_down(hand, True)
        yield
        found[name] = yield from act(hand, place)
    return found


def look_down(hand, perspective):
    """See the upper side of the ball."""
    part = bpy.context.active_object
    against = part.matrix_world.to_3x3() @ Vector((0, 0, 1))
    hand.look(against, part.location, DISTANCE, perspective)


def add_ball():
    """An icosphere of 40,962 vertices, away from the origin, turned and scaled."""
    bpy.ops.object.select_all(action="SELECT")
    bpy.ops.object.delete()
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=7, radius=RADIUS)
    ball = bpy.context.active_object
    ball.matrix_world = (
        Matrix.Translation((4.0, -3.0, 2.0))
        @ Matrix.Rotation(0.5, 4, (1.0, 2.0, 0.5))
        @ Matrix.Diagonal((0.6, 0.75, 0.5, 1.0))
    )
    bpy.context.view_layer.update()
    return ball


class Places:
    """Places on the upper side of the ball."""

    def __init__(self, hand, part):
        self.hand, self.matrix = hand, part.matrix_world.copy()

    def local(self, x, y):
        """The ball's point above (x, y), both in radii."""
        return RADIUS * Vector((x, y, math.sqrt(1.0 - x * x - y * y)))

    def pixel(self, x, y):
        """Where that is seen."""
        return self.hand.pixel(self.local(x, y), self.matrix)


def click(x, y):
    def act(hand, place, finish):
        yield from hand.move(place.pixel(x, y))
        if finish:
            yield from hand.click(place.pixel(x, y))
        return [list(place.local(x, y))]

    return act


def drag(*corners):
    """Drag along a line through ``corners``, ten steps each."""

    def act(hand, place, finish):
        along = [
            tuple(a + (b - a) * step / 10.0 for a, b in zip(first, last, strict=True))
            for first, last in pairwise(corners)
            for step in range(10)
        ] + [corners[-1]]
        yield from hand.drag([place.pixel(*spot) for spot in along], release=finish)
        return [list(place.local(*spot)) for spot in along]

    return act


def clicks(*spots, end=None):
    """Click at each of ``spots``, and press a key at the end."""

    def act(hand, place, finish):
        for spot in spots if finish else spots[:-1]:
            yield from hand.click(place.pixel(*spot))
        if finish and end:
            yield from hand.key(end)
        return [list(place.local(*spot)) for spot in spots]

    return act


def round_line(x, y, radius, steps=12):
    """Corners of a closed line about (x, y)."""
    turns = [2.0 * math.pi * step / steps for step in range(steps)]
    return [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]


TOOLS = {
    "dent": ("flawsmith.place", {"kind": "dent"}, click(-0.4, 0.4)),
    "hole": ("flawsmith.place", {"kind": "hole"}, click(-0.45, -0.1)),
    "deposit": ("flawsmith.place", {"kind": "deposit"}, drag((0.4, 0.4), (0.55, 0.4))),
    "scratch": ("flawsmith.draw_scratch", {}, drag((-0.2, -0.5), (0.1, -0.4), (0.4, -0.5))),
    "crack": ("flawsmith.place_plane", {"kind": "crack"}, clicks((-0.1, 0.6), (0.2, 0.55))),
    "freeform": ("flawsmith.lasso", {}, drag(*round_line(0.45, -0.05, 0.15))),
    "bend": ("flawsmith.place_plane", {"kind": "bend"}, clicks((0.0, -0.7), (0.0, 0.7))),
}


def with_the_wheel(hand, place):
    """The radius of a dent before and after three turns of the wheel."""
    hand.begin("flawsmith.place", kind="dent")
    yield from hand.move(place.pixel(-0.1, 0.1))
    before = bpy.context.window.modal_operators[0].properties.radius
    for _ in range(3):
        yield from hand.key("WHEELUPMOUSE")
    yield from hand.click(place.pixel(-0.1, 0.1))
    return [before, last_defect()["radius"]]


def after_turning_the_view(hand, place):
    """A dent that is missed once, then placed after the view was turned: aimed and placed."""
    hand.begin("flawsmith.place", kind="dent")
    before = hand.view.view_rotation.copy()
    yield from hand.click((hand.region.x + 60, hand.region.y + 60))
    running = everything()[1]
    hand.event("MIDDLEMOUSE", "PRESS")
    yield
    yield from hand.move((hand.region.x + 100, hand.region.y + 80))
    hand.event("MIDDLEMOUSE", "RELEASE")
    yield
    turned = before.rotation_difference(hand.view.view_rotation).angle
    yield from hand.click(place.pixel(0.1, 0.2))
    return {
        "running": running,
        "turned": turned,
        "aimed": list(place.local(0.1, 0.2)),
        "placed": last_defect(),
    }


def by_clicks(hand, place):
    """A scratch of three clicks of which the last one is taken back: aimed and placed."""
    hand.begin("flawsmith.draw_scratch")
    spots = [(-0.3, 0.0), (0.2, 0.1), (0.5, 0.5)]
    for spot in spots:
        yield from hand.click(place.pixel(*spot))
    yield from hand.key("BACK_SPACE")
    yield from hand.key("RET")
    return {"aimed": [list(place.local(*spot)) for spot in spots[:2]], "placed": last_defect()}


def by_a_second_click(hand, place):
    """A scratch of two clicks, the second one twice: where its path ends, and was meant to."""
    hand.begin("flawsmith.draw_scratch")
    yield from hand.click(place.pixel(-0.3, 0.2))
    yield from hand.click(place.pixel(0.2, 0.2))
    yield from hand.click(place.pixel(0.2, 0.2))
    return {"aimed": list(place.local(0.2, 0.2)), "end": last_defect()["path"]["points"][-1]}


def flipped(hand, place):
    """The sides of two bends about the same line, the second one flipped."""
    sides = []
    for flip in (False, True):
        hand.begin("flawsmith.place_plane", kind="bend")
        yield from hand.click(place.pixel(-0.4, -0.5))
        yield from hand.move(place.pixel(-0.4, 0.5))
        if flip:
            yield from hand.key("F")
        yield from hand.click(place.pixel(-0.4, 0.5))
        sides.append(last_defect()["side"])
        bpy.ops.ed.undo()
        yield
    return sides


def redone(hand, place):
    """Radius and depth of a dent after its radius was changed in the redo panel, and the stack."""
    hand.begin("flawsmith.place", kind="dent")
    yield from hand.click(place.pixel(0.1, 0.1))
    operator = bpy.context.window_manager.operators[-1]
    operator.properties.radius = 4.0
    with bpy.context.temp_override(window=hand.window, area=hand.area, region=hand.region):
        bpy.ops.ed.undo_redo()
    yield
    return [last_defect()["radius"], last_defect()["depth"], everything()[0]]


def remembered(hand, place):
    """Radii of a dent that is dragged and of one that is clicked next, both begun by a key."""
    keys = bpy.context.window_manager.keyconfigs.addon.keymaps
    keymap = keys.new(name="3D View", space_type="VIEW_3D")
    keymap.keymap_items.new("flawsmith.place", FREE_KEY, "PRESS").properties.kind = "dent"
    yield from hand.key(FREE_KEY)
    yield from hand.drag([place.pixel(0.3, 0.3), place.pixel(0.4, 0.3), place.pixel(0.5, 0.3)])
    radii = [last_defect()["radius"]]
    yield from hand.key(FREE_KEY)
    yield from hand.click(place.pixel(-0.3, -0.3))
    return [*radii, last_defect()["radius"]]


def from_the_toolbar(hand, place):
    """The stack after the toolbar's tool missed once, clicked twice and was taken away."""
    with bpy.context.temp_override(window=hand.window, area=hand.area, region=hand.region):
        bpy.ops.wm.tool_set_by_id(name="flawsmith.place")
    yield
    yield from hand.click((hand.region.x + 60, hand.region.y + 60))
    yield from hand.click(place.pixel(0.2, 0.2))
    yield from hand.drag([place.pixel(-0.3, -0.2), place.pixel(-0.3, -0.1), place.pixel(-0.3, 0.0)])
    stack = everything()
    centers = [place.local(0.2, 0.2), place.local(-0.3, -0.2)]
    modifiers = importlib.import_module(f"{ADDON}.stack.modifiers")
    found = [modifiers.read_values(one)["center"] for one in bpy.context.active_object.modifiers]
    bpy.ops.preferences.addon_disable(module=ADDON)
    yield
    yield from hand.move(place.pixel(0.0, 0.0))
    bpy.ops.preferences.addon_enable(module=ADDON)
    yield
    return {"left": stack[:2], "aimed": [list(center) for center in centers], "placed": found}


OTHERS = {
    "wheel": with_the_wheel,
    "turned": after_turning_the_view,
    "clicks": by_clicks,
    "second_click": by_a_second_click,
    "flipped": flipped,
    "redone": redone,
    "remembered": remembered,
    "toolbar": from_the_toolbar,
}


def cancelled(hand, operator, properties, act, place):
    """What there is before and after a tool is cancelled halfway, by each of the ways out."""
    before = everything()
    hand.begin(operator, **properties)
    yield from act(hand, place, False)
    # Off the part, where there is nothing to place on.
    yield from hand.move((hand.region.x + 60, hand.region.y + 60))
    yield from hand.key("RIGHTMOUSE" if len(before[0]) % 2 else "ESC")
    hand.event("LEFTMOUSE", "RELEASE")
    yield
    return {"before": before, "after": everything()}


def everything():
    """What a tool might leave behind: objects, modifiers, meshes, other operators."""
    modifiers = [modifier.name for modifier in bpy.context.active_object.modifiers]
    running = [operator.bl_idname for operator in bpy.context.window.modal_operators]
    header = [[obj.name for obj in bpy.data.objects], [mesh.name for mesh in bpy.data.meshes]]
    return [modifiers, running, *header]


def last_defect():
    modifiers = importlib.import_module(f"{ADDON}.stack.modifiers")
    stack = modifiers.defect_modifiers(bpy.context.active_object)
    return modifiers.read_values(stack[-1]) if stack else None


def undone(hand):
    """The stack before and after Ctrl + Z, and after one more."""
    seen = [everything()[0]]
    for _ in range(2):
        yield from hand.move((hand.region.x + 300, hand.region.y + 300))
        yield from hand.key("Z", ctrl=True)
        seen.append(everything()[0])
    return seen
