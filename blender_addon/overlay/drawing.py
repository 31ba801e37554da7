# SPDX-License-Identifier: GPL-3.0-or-later
"""The mask overlay in the 3D views: its settings, when it is made anew, and how it is drawn.

The settings belong to the window manager: they are about looking, so they are neither saved with
the file nor undone. What is drawn is kept until Blender has evaluated the part's geometry again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import blf
import bpy
import gpu
import numpy as np
from bpy.app.handlers import persistent
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from ..stack.modifiers import defect_modifiers
from .colours import Tint, colours, label_colours, legend_of, tint_of

PROPERTY = "flawsmith_overlay"
# How far the tint is pulled towards the viewer, as a ratio of the distance: it would flicker with
# the surface.
PULL = 2e-3
# Pixels at a resolution scale of one, and white.
TEXT_SIZE, LINE_HEIGHT, SWATCH, INDENT, MARGIN = 12, 20, 12, 20, 18
TEXT_COLOUR = (1.0, 1.0, 1.0, 1.0)
MOST_LINES = 24
SHADOW_BLUR, SHADOW_COLOUR = 3, (0.0, 0.0, 0.0, 0.8)


def redraw(settings: Any = None, context: Any = None) -> None:
    """Have all 3D views drawn again; Blender calls it when a setting has changed."""
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


class FLAWSMITH_PG_overlay(bpy.types.PropertyGroup):  # noqa: N801
    """How the mask is shown in the 3D views."""

    show: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Mask Overlay",
        description="Tint the surface that the recipe marks as anomalous",
        update=redraw,
    )
    by: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Colour",
        description="Meaning of the colours of the tint",
        items=[
            ("WEIGHT", "Weight", "A stronger defect is redder"),
            ("LABEL", "Label", "Each label in its own colour, with the names of its defects"),
        ],
        update=redraw,
    )
    opacity: bpy.props.FloatProperty(  # type: ignore[valid-type]
        name="Opacity",
        description="How much of the surface the tint hides",
        default=0.6,
        min=0.05,
        max=1.0,
        subtype="FACTOR",
        update=redraw,
    )
    all_parts: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="All Parts",
        description="Tint all visible objects with defects, not only the active one",
        default=True,
        update=redraw,
    )


@dataclass
class Kept:
    """What has been made for an object.

    Attributes:
        tint: None where nothing is anomalous.
        batch: for the GPU, with the settings it was made for; None until it is drawn.
    """

    tint: Tint | None
    batch: tuple[tuple[str, float], Any] | None = None


# By the number that an object has while the file is open, whatever it is called.
_kept: dict[int, Kept] = {}
_draw_handlers: list[Any] = []


def kept_for(obj: Any, depsgraph: Any) -> Kept:
    """What is shown of an object, read from its evaluated mesh if that has changed."""
    if obj.session_uid not in _kept:
        _kept[obj.session_uid] = Kept(tint_of(obj, depsgraph))
    return _kept[obj.session_uid]


@persistent  # type: ignore[untyped-decorator]
def forget_changed(scene: Any, depsgraph: Any) -> None:
    """Forget the objects whose geometry has just been evaluated."""
    for update in depsgraph.updates:
        if update.is_updated_geometry and isinstance(update.id, bpy.types.Object):
            original: Any = update.id.original
            _kept.pop(original.session_uid, None)


@persistent  # type: ignore[untyped-decorator]
def forget_all(*_: Any) -> None:
    """Forget all objects, as after another file was opened."""
    _kept.clear()


def shown_parts(context: Any) -> Iterator[Any]:
    """The objects to be tinted in a 3D view: visible there, with defects, not being edited."""
    settings = getattr(context.window_manager, PROPERTY)
    active = context.active_object
    for obj in context.visible_objects:
        is_chosen = settings.all_parts or obj == active
        if is_chosen and obj.type == "MESH" and obj.mode == "OBJECT" and defect_modifiers(obj):
            yield obj


def _is_shown(context: Any) -> bool:
    settings = getattr(context.window_manager, PROPERTY)
    return bool(settings.show and context.space_data.overlay.show_overlays)


def _draw_tints() -> None:
    context: Any = bpy.context
    if not _is_shown(context):
        return
    settings = getattr(context.window_manager, PROPERTY)
    depsgraph = context.evaluated_depsgraph_get()
    gpu.state.blend_set("ALPHA")
    gpu.state.depth_test_set("LESS_EQUAL")
    try:
        for obj in shown_parts(context):
            batch = _batch(kept_for(obj, depsgraph), settings.by, settings.opacity)
            if batch is not None:
                _draw_batch(batch, _pulled(context.region_data) @ obj.matrix_world)
    finally:
        gpu.state.depth_test_set("NONE")
        gpu.state.blend_set("NONE")


def _draw_batch(batch: Any, to_view: Matrix) -> None:
    matrix: Any = gpu.matrix
    with matrix.push_pop():
        matrix.load_matrix(to_view)
        batch.draw(gpu.shader.from_builtin("SMOOTH_COLOR"))


def _pulled(view: Any) -> Matrix:
    """The view's matrix (4, 4) with everything a little nearer, and seen at the same pixels."""
    if view.is_perspective:
        return Matrix.Scale(1.0 - PULL, 4) @ view.view_matrix
    return Matrix.Translation((0.0, 0.0, PULL * view.view_distance)) @ view.view_matrix


def _batch(kept: Kept, by: str, opacity: float) -> Any:
    """What is drawn of an object; None where nothing is anomalous."""
    if kept.tint is None:
        return None
    if kept.batch is None or kept.batch[0] != (by, opacity):
        shader = gpu.shader.from_builtin("SMOOTH_COLOR")
        arrays: Any = {"pos": kept.tint.points, "color": colours(kept.tint, by, opacity)}
        batch = batch_for_shader(shader, "TRIS", arrays, indices=kept.tint.triangles)
        kept.batch = (by, opacity), batch
    return kept.batch[1]


def _draw_legend() -> None:
    context: Any = bpy.context
    if not _is_shown(context) or getattr(context.window_manager, PROPERTY).by != "LABEL":
        return
    lines = list(legend_of(shown_parts(context)).items())
    del lines[MOST_LINES:]
    scale = context.preferences.system.ui_scale
    blf.size(0, TEXT_SIZE * scale)
    texts = [f"{label}  {names}" for label, names in lines]
    widest = max((blf.dimensions(0, text)[0] for text in texts), default=0.0)
    left = free_right(context) - (MARGIN + INDENT) * scale - widest
    blf.enable(0, blf.SHADOW)
    blf.shadow(0, SHADOW_BLUR, *SHADOW_COLOUR)
    blf.color(0, *TEXT_COLOUR)
    for row, (text, (label, _)) in enumerate(zip(texts[::-1], lines[::-1], strict=True)):
        bottom = (MARGIN + row * LINE_HEIGHT) * scale
        _draw_swatch(left, bottom, SWATCH * scale, label)
        blf.position(0, left + INDENT * scale, bottom, 0)
        blf.draw(0, text)
    blf.disable(0, blf.SHADOW)


def free_right(context: Any) -> float:
    """Where, in pixels of the region, its right side ends or the sidebar on top of it begins."""
    region, ends = context.region, [context.region.width]
    for other in context.area.regions:
        if other.type in ("UI", "TOOLS") and other.width > 1:
            begins = other.x - region.x
            if begins > region.width / 2:
                ends.append(begins)
    return float(min(ends))


def _draw_swatch(left: float, bottom: float, size: float, label: int) -> None:
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    corners = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], dtype=np.float32)
    places: Any = {"pos": corners * size + np.array((left, bottom, 0.0), np.float32)}
    shader.uniform_float("color", (*label_colours([label])[0].tolist(), 1.0))
    batch_for_shader(shader, "TRI_FAN", places).draw(shader)


def start() -> None:
    """Begin to draw, and to notice changes."""
    view: Any = bpy.types.SpaceView3D
    for draw, when in ((_draw_tints, "POST_VIEW"), (_draw_legend, "POST_PIXEL")):
        _draw_handlers.append(view.draw_handler_add(draw, (), "WINDOW", when))
    for handlers, function in _event_handlers():
        handlers.append(function)


def stop() -> None:
    """Take the handlers away and forget everything."""
    view: Any = bpy.types.SpaceView3D
    while _draw_handlers:
        view.draw_handler_remove(_draw_handlers.pop(), "WINDOW")
    for handlers, function in _event_handlers():
        if function in handlers:
            handlers.remove(function)
    forget_all()


def _event_handlers() -> list[tuple[Any, Any]]:
    """Blender's lists of functions to be called, and ours for each."""
    handlers = bpy.app.handlers
    return [
        (handlers.depsgraph_update_post, forget_changed),
        (handlers.frame_change_post, forget_changed),
        (handlers.load_post, forget_all),
        (handlers.undo_post, forget_all),
        (handlers.redo_post, forget_all),
    ]


def register() -> None:
    """Add the settings; where there are windows, draw."""
    bpy.utils.register_class(FLAWSMITH_PG_overlay)
    props: Any = bpy.props
    pointer = props.PointerProperty(type=FLAWSMITH_PG_overlay, options={"SKIP_SAVE"})
    setattr(bpy.types.WindowManager, PROPERTY, pointer)
    if not bpy.app.background:
        start()


def unregister() -> None:
    """Take all of it away."""
    stop()
    delattr(bpy.types.WindowManager, PROPERTY)
    bpy.utils.unregister_class(FLAWSMITH_PG_overlay)
