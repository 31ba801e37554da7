"""A scene, see ``hand.py``: what may happen while a document is being read for a part."""

import importlib
import json
import time
from pathlib import Path

import bpy

ADDON = "bl_ext.user_default.flawsmith"
OPERATOR = "read_document"
# Seconds, after which a scene that waits is taken to hang.
PATIENCE = 60.0


def play(hand, command, saved):
    """What came of each.

    ``command`` goes on until there is a file ``go`` beside it.
    """
    bpy.context.preferences.system.viewport_aa = "OFF"
    bpy.context.preferences.filepaths.use_auto_save_temporary_files = False
    bpy.context.preferences.addons[ADDON].preferences.command = command
    bpy.ops.wm.save_as_mainfile(filepath=saved)
    show_section(hand)
    go = Path(command).with_name("go")
    found = {}
    for name, step in STEPS.items():
        go.unlink(missing_ok=True)
        yield from fresh(hand)
        assert hand.begin("flawsmith.read_document") == {"RUNNING_MODAL"}
        yield
        assert OPERATOR in running()
        found[name] = yield from step(hand, go, saved)
    return found


def show_section(hand):
    """Open the sidebar with the section of documents, and close the other ones."""
    ui = importlib.import_module(f"{ADDON}.ui")
    for cls in ui.CLASSES:
        if getattr(cls, "bl_parent_id", ""):
            bpy.utils.unregister_class(cls)
            cls.bl_options = set() if "knowledge" in cls.bl_idname else {"DEFAULT_CLOSED"}
            bpy.utils.register_class(cls)
    hand.area.spaces.active.show_region_ui = True


def fresh(hand):
    """A ball with a text about it."""
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=5, radius=30.0)
    ball = bpy.context.active_object
    ball.name = "ball"
    text = bpy.data.texts.get("notes") or bpy.data.texts.new("notes")
    text.from_string("Dents of 2 to 3 mm in diameter occur.")
    ball.flawsmith_knowledge.source, ball.flawsmith_knowledge.text = "TEXT", text
    bpy.ops.ed.undo_push(message="A ball")
    yield
    sidebar = next(region for region in hand.area.regions if region.type == "UI")
    sidebar.active_panel_category = "Flawsmith"
    yield


def running():
    """The operators that wait in the window."""
    operators = bpy.context.window_manager.windows[0].modal_operators
    return [operator.bl_idname.rpartition("_OT_")[2].rpartition(".")[2] for operator in operators]


def state():
    """Defects of each object, whether anything is being read, and what is left of it."""
    reading = importlib.import_module(f"{ADDON}.knowledge.reading")
    objects = [obj for obj in bpy.data.objects if obj.type == "MESH" and obj.users_scene]
    return {
        "modifiers": {obj.name: len(obj.modifiers) for obj in objects},
        "running": OPERATOR in running() or reading.running() is not None,
        "left": [path.name for path in Path(bpy.app.tempdir).glob("flawsmith_reading_*")],
    }


def until(condition):
    """Let Blender work until something has happened."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < PATIENCE, json.dumps(state())
        yield


def to_the_end(go):
    """Let the command come to its end, and the operator take up what it has made."""
    go.touch()
    yield from until(lambda: OPERATOR not in running())
    yield


def finished(hand, go, saved):
    yield from to_the_end(go)
    after = state()
    bpy.ops.ed.undo()
    yield
    return {**after, "undone": state()["modifiers"]}


def cancelled(hand, go, saved):
    yield from hand.move((hand.region.x + 100, hand.region.y + 100))
    yield from hand.key("ESC")
    yield from until(lambda: OPERATOR not in running())
    return state()


def cancelled_by_button(hand, go, saved):
    bpy.ops.flawsmith.cancel_reading()
    yield from until(lambda: OPERATOR not in running())
    return state()


def deleted(hand, go, saved):
    bpy.data.objects.remove(bpy.data.objects["ball"])
    yield from to_the_end(go)
    # Away from the popup, which closes then.
    yield from hand.move((hand.region.x + 20, hand.region.y + 20))
    return state()


def edited(hand, go, saved):
    """The defects come when edit mode is left: a step in edit mode could not be undone."""
    reading = importlib.import_module(f"{ADDON}.knowledge.reading")
    bpy.ops.object.mode_set(mode="EDIT")
    go.touch()
    yield from until(lambda: reading.running().is_done)
    start = time.monotonic()
    yield from until(lambda: time.monotonic() - start > 1.0)
    during = state()
    bpy.ops.object.mode_set(mode="OBJECT")
    yield from to_the_end(go)
    return {**state(), "during": during["modifiers"]}


def undone(hand, go, saved):
    bpy.data.objects["ball"].location.x = 1.0
    bpy.ops.ed.undo_push(message="Moved")
    bpy.ops.ed.undo()
    yield from to_the_end(go)
    return state()


def disabled(hand, go, saved):
    bpy.ops.preferences.addon_disable(module=ADDON)
    yield
    left = [path.name for path in Path(bpy.app.tempdir).glob("flawsmith_reading_*")]
    after = {"running": OPERATOR in running(), "left": left}
    command = str(go.with_name("flawsmith"))
    bpy.ops.preferences.addon_enable(module=ADDON)
    bpy.context.preferences.addons[ADDON].preferences.command = command
    yield
    return after


def loaded(hand, go, saved):
    bpy.ops.wm.open_mainfile(filepath=saved)
    yield
    hand.__init__()
    return {name: value for name, value in state().items() if name != "modifiers"}


STEPS = {
    "finished": finished,
    "cancelled": cancelled,
    "cancelled_by_button": cancelled_by_button,
    "deleted": deleted,
    "edited": edited,
    "undone": undone,
    "disabled": disabled,
    "loaded": loaded,
}
