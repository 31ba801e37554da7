"""Runs inside a Blender with a window: a hand on mouse and keyboard, led by a scene.

    blender … --enable-event-simulate --python hand.py -- SCENE RESULT [ARGUMENT …]

SCENE is a Python file with a generator ``play(hand, *arguments)`` that yields wherever Blender is
to catch up with what the hand did; what it returns is written to RESULT as JSON, a traceback as
``{"error": …}``. It imports nothing of the project: Blender has its own Python.
"""

import json
import runpy
import subprocess
import sys
import traceback
from pathlib import Path

import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Matrix, Vector

# Seconds between two steps: Blender handles what was done and draws.
PAUSE = 0.03


class Hand:
    """A hand on mouse and keyboard of the only window, over its only 3D view."""

    def __init__(self):
        self.window = bpy.context.window_manager.windows[0]
        self.at = (0, 0)
        self.find_view()

    def find_view(self):
        """Find the 3D view: its area is another one after a file browser took its place."""
        areas = self.window.screen.areas
        self.area = next(area for area in areas if area.type == "VIEW_3D")
        self.region = next(region for region in self.area.regions if region.type == "WINDOW")
        self.view = self.area.spaces.active.region_3d

    def look(self, against, at, distance, perspective=True):
        """Look against a direction (3,) at a place (3,), all in world space."""
        self.view.view_perspective = "PERSP" if perspective else "ORTHO"
        self.view.view_rotation = Vector(against).to_track_quat("Z", "Y")
        self.view.view_location, self.view.view_distance = Vector(at), distance
        self.view.update()

    def pixel(self, place, matrix=None):
        """Where in the window a place (3,) is seen, given in the local space of ``matrix``."""
        world = (matrix or Matrix()) @ Vector(place)
        x, y = location_3d_to_region_2d(self.region, self.view, world)
        return round(self.region.x + x), round(self.region.y + y)

    def begin(self, operator, **properties):
        """Start an operator as a button of the sidebar does."""
        with bpy.context.temp_override(window=self.window, area=self.area, region=self.region):
            module, name = operator.split(".")
            return getattr(getattr(bpy.ops, module), name)("INVOKE_DEFAULT", **properties)

    def event(self, kind, value, **held):
        """One event where the mouse is."""
        x, y = self.at
        self.window.event_simulate(type=kind, value=value, x=x, y=y, **held)

    def move(self, pixel):
        """Move the mouse."""
        self.at = tuple(pixel)
        self.event("MOUSEMOVE", "NOTHING")
        yield

    def click(self, pixel, button="LEFTMOUSE"):
        """Move the mouse, press a button and let it go."""
        yield from self.move(pixel)
        self.event(button, "PRESS")
        yield
        self.event(button, "RELEASE")
        yield

    def drag(self, pixels, release=True):
        """Press the left button at the first of ``pixels``, let it go at the last."""
        yield from self.move(pixels[0])
        self.event("LEFTMOUSE", "PRESS")
        yield
        # A quick hand: Blender draws once for all the way.
        for pixel in pixels[1:]:
            self.at = tuple(pixel)
            self.event("MOUSEMOVE", "NOTHING")
        yield
        if release:
            self.event("LEFTMOUSE", "RELEASE")
            yield

    def key(self, kind, **held):
        """Press a key and let it go."""
        self.event(kind, "PRESS", **held)
        yield
        self.event(kind, "RELEASE", **held)
        yield

    def photograph(self, path):
        """Write what is seen in the whole window as a PNG."""
        yield
        with bpy.context.temp_override(window=self.window, area=self.area, region=self.region):
            bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
        # Blender's own screenshot reads a buffer that software drivers leave black.
        subprocess.run(["import", "-window", "root", str(path)], check=True)


def follow(steps, result):
    """Take a step of the generator at each call; at its end write the result and quit."""

    def step():
        try:
            next(steps)
            return PAUSE
        except StopIteration as end:
            document = end.value
        except Exception:
            document = {"error": traceback.format_exc()}
        result.write_text(json.dumps(document), encoding="utf-8")
        bpy.ops.wm.quit_blender()
        return None

    return step


def main():
    scene, result, *arguments = sys.argv[sys.argv.index("--") + 1 :]
    bpy.context.preferences.view.show_splash = False

    def begin():
        # The window is there only by now.
        play = runpy.run_path(scene)["play"]
        step = follow(play(Hand(), *arguments), Path(result))
        # Other files may be opened on the way.
        bpy.app.timers.register(step, first_interval=PAUSE, persistent=True)

    bpy.app.timers.register(begin, first_interval=0.5)


main()
