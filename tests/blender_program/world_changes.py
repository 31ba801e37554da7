"""A scene, see ``hand.py``: the world changes while a tool waits for the mouse."""

import importlib
from itertools import pairwise
from pathlib import Path

import bpy
from mathutils import Vector

ADDON = "bl_ext.user_default.flawsmith"
RADIUS = 30.0
TOOLS = {
    "dent": ("flawsmith.place", {"kind": "dent"}),
    "scratch": ("flawsmith.draw_scratch", {}),
    "crack": ("flawsmith.place_plane", {"kind": "crack"}),
    "freeform": ("flawsmith.lasso", {}),
}


# What asks for a file.
FILE_BROWSERS = ("export_recipe", "export_recipes", "export_template", "import_recipe")


def play(hand, folder, saved):
    """What came of each change; pictures of the window go into the folder."""
    bpy.context.preferences.system.viewport_aa = "OFF"
    bpy.context.preferences.filepaths.use_auto_save_temporary_files = False
    bpy.ops.wm.save_as_mainfile(filepath=saved)
    found = {}
    for kind in TOOLS:
        yield from fresh(hand)
        found[f"other_{kind}"] = yield from other_active(hand, kind)
    yield from fresh(hand)
    yield from hand.photograph(f"{folder}/plain.png")
    for kind in TOOLS:
        yield from fresh(hand)
        found[f"deleted_{kind}"] = yield from deleted(hand, kind, during_a_drag=False)
        yield from fresh(hand)
        found[f"drag_{kind}"] = yield from deleted(hand, kind, during_a_drag=True)
    yield from hand.photograph(f"{folder}/drag.png")
    yield from fresh(hand)
    found["undone"] = yield from undone(hand)
    yield from fresh(hand)
    found["edited"] = yield from edited(hand)
    yield from fresh(hand)
    found["redone"] = yield from redone(hand)
    yield from fresh(hand)
    found["renamed"] = yield from renamed(hand)
    yield from fresh(hand)
    found["disabled"] = yield from disabled(hand, folder)
    yield from fresh(hand)
    found["loaded"] = yield from loaded(hand, folder, saved)
    # Last, since the status bar shows for a while what they report.
    for operator in FILE_BROWSERS:
        yield from fresh(hand)
        found[operator] = yield from chosen_late(hand, operator, folder)
    yield from fresh(hand)
    found["export_deleted"] = yield from deleted_meanwhile(hand, folder)
    return found


def fresh(hand):
    """Two balls, of which the first is active and seen."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    for name, x in (("other", 500.0), ("first", 0.0)):
        bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=5, radius=RADIUS, location=(x, 0, 0))
        bpy.context.active_object.name = name
    hand.look((0, 0, 1), (0, 0, 0), 100.0)
    bpy.ops.ed.undo_push(message="Two balls")
    yield


def begin(hand, kind):
    operator, properties = TOOLS[kind]
    assert hand.begin(operator, **properties) == {"RUNNING_MODAL"}
    yield from hand.move(hand.pixel((0.0, 5.0, 29.5)))


def draw(hand, kind):
    """Draw what the tool is for, with the left button held."""
    corners = [(0, 0), (6, 0), (12, 0)]
    if kind == "freeform":
        corners = [(0, 0), (8, 0), (8, 8), (0, 8)]
    steps = [
        (a[0] + (b[0] - a[0]) * t / 4, a[1] + (b[1] - a[1]) * t / 4)
        for a, b in pairwise(corners)
        for t in range(4)
    ] + [corners[-1]]
    yield from hand.drag([hand.pixel(on_top(*spot)) for spot in steps])


def on_top(x, y):
    return Vector((x, y, (RADIUS**2 - x * x - y * y) ** 0.5))


def state():
    """Modifiers of each object, tools that wait, and what is drawn over the views for them."""
    waiting = importlib.import_module(f"{ADDON}.picking.waiting")
    modifiers = {obj.name: len(obj.modifiers) for obj in bpy.data.objects if obj.type == "MESH"}
    running = [op.bl_idname for op in bpy.context.window_manager.windows[0].modal_operators]
    return {"modifiers": modifiers, "running": running, "waiting": len(waiting._running)}


def activate(name):
    bpy.context.view_layer.objects.active = bpy.data.objects[name]


def other_active(hand, kind):
    yield from begin(hand, kind)
    activate("other")
    yield from draw(hand, kind)
    return state()


def deleted(hand, kind, during_a_drag):
    """The part is deleted while the tool waits, or with the button held."""
    yield from begin(hand, kind)
    if during_a_drag:
        yield from hand.drag([hand.pixel(on_top(x, 0)) for x in (0, 3, 6, 9)], release=False)
    bpy.data.objects.remove(bpy.data.objects["first"])
    yield from hand.move(hand.pixel((8.0, 4.0, 29.0)))
    after = state()
    hand.event("LEFTMOUSE", "RELEASE")
    yield
    return after


def undone(hand):
    """Undo in mid-drag takes the part's references away, but not the part."""
    bpy.data.objects["first"].location.x = 1.0
    bpy.ops.ed.undo_push(message="Moved")
    yield from begin(hand, "dent")
    yield from hand.drag([hand.pixel(on_top(x, 0)) for x in (0, 3, 6)], release=False)
    bpy.ops.ed.undo()
    yield from hand.move(hand.pixel(on_top(9, 0)))
    hand.event("LEFTMOUSE", "RELEASE")
    yield
    return state()


def edited(hand):
    """Somebody begins to edit the mesh."""
    yield from begin(hand, "dent")
    bpy.ops.object.mode_set(mode="EDIT")
    yield from hand.move(hand.pixel(on_top(3, 0)))
    after = state()
    bpy.ops.object.mode_set(mode="OBJECT")
    return after


def redone(hand):
    """The redo panel changes the defect of the part, too, not of the object that is active now."""
    yield from begin(hand, "dent")
    activate("other")
    yield from hand.click(hand.pixel(on_top(0, 0)))
    bpy.context.window_manager.operators[-1].properties.radius = 4.0
    with bpy.context.temp_override(window=hand.window, area=hand.area, region=hand.region):
        bpy.ops.ed.undo_redo()
    yield
    modifiers = importlib.import_module(f"{ADDON}.stack.modifiers")
    [modifier] = bpy.data.objects["first"].modifiers
    return {**state(), "radius": modifiers.read_value(modifier, "radius")}


def renamed(hand):
    yield from begin(hand, "dent")
    bpy.data.objects["first"].name = "called otherwise"
    yield from hand.click(hand.pixel(on_top(0, 0)))
    return state()


def disabled(hand, folder):
    """The extension is switched off in mid-drag."""
    yield from hand.photograph(f"{folder}/before.png")
    yield from begin(hand, "dent")
    yield from hand.drag([hand.pixel(on_top(x, 0)) for x in (0, 3, 6)], release=False)
    yield from hand.photograph(f"{folder}/during.png")
    bpy.ops.preferences.addon_disable(module=ADDON)
    yield
    left = {obj.name: len(obj.modifiers) for obj in bpy.data.objects}
    hand.event("LEFTMOUSE", "RELEASE")
    yield
    yield from hand.photograph(f"{folder}/disabled.png")
    bpy.ops.preferences.addon_enable(module=ADDON)
    yield
    return {**state(), "left": left, "header": header_box(hand)}


def with_dents():
    """A dent on each ball."""
    for name in ("other", "first"):
        activate(name)
        bpy.ops.flawsmith.add_defect(kind="dent")
        bpy.data.objects[name].modifiers[0].name = f"dent of {name}"


def browse(hand, operator, **chosen):
    """Start what asks for a file, with the first ball active and selected."""
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    bpy.ops.object.select_all(action="DESELECT")
    bpy.data.objects["first"].select_set(True)
    activate("first")
    assert hand.begin(f"flawsmith.{operator}", **chosen) == {"RUNNING_MODAL"}
    yield
    yield


def confirm(hand):
    """Choose what the browser shows."""
    [area] = [area for area in hand.window.screen.areas if area.type == "FILE_BROWSER"]
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=hand.window, area=area, region=region):
        bpy.ops.file.execute()
    yield
    yield
    hand.find_view()


def chosen_late(hand, operator, folder):
    """Another object becomes the active and selected one while the browser is open."""
    with_dents()
    path = Path(folder) / operator / "file.json"
    path.parent.mkdir()
    bpy.ops.flawsmith.export_recipe(filepath=f"{folder}/before.json")
    if operator.startswith("import"):
        path = Path(folder) / "before.json"
    into_folder = operator == "export_recipes"
    chosen = {"directory": str(path.parent)} if into_folder else {"filepath": str(path)}
    yield from browse(hand, operator, **chosen)
    bpy.data.objects["first"].select_set(False)
    bpy.data.objects["other"].select_set(True)
    bpy.data.objects["first"].name = "renamed"
    activate("other")
    yield from confirm(hand)
    written = {one.name: one.read_text() for one in (Path(folder) / operator).iterdir()}
    return {**state(), "written": written}


def deleted_meanwhile(hand, folder):
    """The part is deleted while the browser is open."""
    with_dents()
    path = Path(folder) / "deleted.json"
    yield from browse(hand, "export_recipe", filepath=str(path))
    bpy.data.objects.remove(bpy.data.objects["first"])
    activate("other")
    yield from confirm(hand)
    return {**state(), "written": path.exists()}


def header_box(hand):
    """Left, upper, right and lower side of where the view shows texts, in a picture."""
    header = next(region for region in hand.area.regions if region.type == "TOOL_HEADER")
    height = hand.window.height
    lower = height - header.y
    return [header.x, lower - header.height, header.x + header.width, lower]


def loaded(hand, folder, saved):
    """Another file is opened while the tool waits; it comes with the same windows."""
    yield from begin(hand, "dent")
    bpy.ops.wm.open_mainfile(filepath=saved, load_ui=False)
    yield
    yield
    yield from hand.photograph(f"{folder}/loaded.png")
    return state()
