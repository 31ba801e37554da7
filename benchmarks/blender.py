"""How long Blender takes: to evaluate defects after a change, to render views and to scan.

    python -m benchmarks.blender > benchmarks/blender.txt

Each defect is alone in the stack of a torus, or all are in one stack, placed as a new defect is.
The freeform has 12 bumps and 5 rounds of smoothing. What is timed is what an artist waits for after
dragging a value: the update of the dependency graph, from the change to the evaluated mesh, as the
median of several. Machines differ, so read the times as ratios to a plain Geometry Nodes modifier,
one Set Position that moves every point of the same mesh.

Views and scans are of the sample part with its seven defects: seconds a view of each kind of pass,
and rays and points a second of a scanner, as ratios to evaluating the part once.
"""

from __future__ import annotations

import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import trimesh

from blender_addon.commands import quiet_blender
from blender_addon.examples.sample import add_sample_defects, add_sample_part
from blender_addon.nodes.tree import Value, new_tree
from blender_addon.placing.places import Place, place_near, placed_values
from blender_addon.placing.surface_paths import Surface
from blender_addon.rendering.studio import Look, photograph, studio
from blender_addon.rendering.view_sets import look
from blender_addon.rendering.views import cameras_around
from blender_addon.scanning.scan import load_scanner, scan_part
from blender_addon.stack import modifiers

COUNTS = (10_000, 100_000, 250_000, 1_000_000)
RING, TUBE = 10.0, 4.0
WARM_UPS, UPDATES = 2, 9

# The input that is dragged, one that changes the shape.
CHANGED = {
    "dent": "depth",
    "scratch": "depth",
    "bend": "angle",
    "crack": "gap",
    "freeform": "margin",
    "hole": "depth",
    "deposit": "height",
}
BUMPS, SMOOTHING = 12, 5


def torus(count: int) -> bpy.types.Object:
    """A torus of about ``count`` vertices, in an otherwise empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    around = int(np.sqrt(count * TUBE / RING))
    mesh = trimesh.creation.torus(RING, TUBE, major_sections=count // around, minor_sections=around)
    data = bpy.data.meshes.new("torus")
    data.from_pydata(mesh.vertices, [], mesh.faces)
    part = bpy.data.objects.new("torus", data)
    bpy.context.scene.collection.objects.link(part)
    return part


def values_of(kind: str, surface: Surface) -> dict[str, Any]:
    """A new defect of ``kind`` on the torus, beside its top."""
    size = float(np.linalg.norm(np.ptp(surface.points, axis=0)))
    place = place_near(surface, (RING, 1.0, TUBE), size)
    values = placed_values(kind, surface, place)
    if kind == "freeform":
        values.update(bumps=bumps(place, size), smoothing=SMOOTHING)
    return values


def bumps(place: Place, size: float) -> list[dict[str, Any]]:
    """Bumps on a ring about the place, up and down in turn."""
    turn = 2.0 * np.pi * np.arange(BUMPS) / BUMPS
    ring = np.outer(np.cos(turn), place.heading) + np.outer(np.sin(turn), place.across)
    centers = place.position + 0.06 * size * ring
    return [
        {"center": center.tolist(), "amplitude": 0.01 * size * sign, "sigma": 0.02 * size}
        for center, sign in zip(centers, cycle((1.0, -1.0)), strict=False)
    ]


def plain_seconds(part: bpy.types.Object) -> float:
    """Seconds of an update of one Set Position over all points."""
    group, tree = new_tree("plain")
    for direction in ("OUTPUT", "INPUT"):
        group.interface.new_socket("Geometry", in_out=direction, socket_type="NodeSocketGeometry")
    group.interface.new_socket("Offset", in_out="INPUT", socket_type="NodeSocketFloat")
    inputs = tree.node("NodeGroupInput")
    geometry, amount = (Value(tree, inputs.outputs[name]) for name in ("Geometry", "Offset"))
    tree.node("NodeGroupOutput", tree.move(geometry, tree.vector(0.0, 0.0, amount)))
    modifier: Any = part.modifiers.new("plain", "NODES")
    modifier.node_group = group
    name = next(item.identifier for item in group.interface.items_tree if item.name == "Offset")
    seconds = update_seconds(part, lambda share: modifier.__setitem__(name, share))
    part.modifiers.remove(modifier)
    return seconds


def stack_seconds(part: bpy.types.Object, kinds: Sequence[str]) -> float:
    """Seconds of an update of a stack of defects, the first of which is changed."""
    surface = Surface(part)
    added = [modifiers.add_defect(part, kind, values_of(kind, surface)) for kind in kinds]
    field = CHANGED[kinds[0]]
    before = modifiers.read_values(added[0])[field]
    seconds = update_seconds(
        part, lambda share: modifiers.write_values(added[0], {field: before * (1.0 + share)})
    )
    part.modifiers.clear()
    return seconds


def update_seconds(part: bpy.types.Object, change: Callable[[float], None]) -> float:
    """Median seconds from a change, by a small share that differs each time, to the mesh."""
    seconds = []
    for number in range(WARM_UPS + UPDATES):
        change(0.01 * (1 + number % 3))
        start = time.perf_counter()
        part.update_tag()
        graph = bpy.context.evaluated_depsgraph_get()
        assert len(part.evaluated_get(graph).data.vertices)  # type: ignore[union-attr]
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds[WARM_UPS:]))


def print_evaluation() -> None:
    """Print the table of evaluation times."""
    rows: dict[str, Sequence[str]] = {kind: (kind,) for kind in CHANGED}
    rows["all of them"] = tuple(CHANGED)
    columns = []
    for count in COUNTS:
        part = torus(count)
        found = {"plain": plain_seconds(part)}
        found.update({name: stack_seconds(part, kinds) for name, kinds in rows.items()})
        columns.append(found)
    print("evaluation after a change: seconds, and as a ratio to the plain modifier")
    print(f"{'vertices':<12}" + "".join(f"{count:>18,}" for count in COUNTS))
    for name in columns[0]:
        cells = (f"{found[name]:>10.5f} {found[name] / found['plain']:>7.1f}" for found in columns)
        print(f"{name:<12}" + "".join(cells))


VIEWS, SIZE, RADIUS = 4, 512, 70.0
SAMPLES = 24


def sample_part() -> bpy.types.Object:
    """The sample part with its defects, in an otherwise empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    part = add_sample_part()
    add_sample_defects(part)
    return part


def evaluation_seconds(part: bpy.types.Object) -> float:
    """Median seconds to evaluate the part once more."""
    first = modifiers.defect_modifiers(part)[0]
    depth = modifiers.read_values(first)["depth"]
    return update_seconds(
        part, lambda share: modifiers.write_values(first, {"depth": depth * (1.0 + share)})
    )


def seconds_of(work: Callable[[], object]) -> float:
    """Seconds of one piece of work."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def print_views(part: bpy.types.Object, once: float) -> None:
    """Print how long pictures and exact passes take."""
    cameras = cameras_around((0.0, 0.0, 0.0), RADIUS, VIEWS, size=(SIZE, SIZE), angle=0.5)
    exact = seconds_of(lambda: list(look(part, cameras))) / VIEWS
    graph = bpy.context.evaluated_depsgraph_get()
    mesh = bpy.data.meshes.new_from_object(part.evaluated_get(graph), depsgraph=graph)
    style = Look("metal", SAMPLES, seed=0, lighting="studio")
    with tempfile.TemporaryDirectory() as folder, studio(mesh, style) as scene, quiet_blender():
        paths = [Path(folder) / f"{camera.name}.png" for camera in cameras]
        drawn = [
            seconds_of(lambda c=camera, p=path: photograph(scene, c, style, p))
            for camera, path in zip(cameras, paths, strict=True)
        ]
    print(f"\nviews of {SIZE} x {SIZE} pixels, {len(mesh.vertices):,} vertices: seconds a view")
    for name, seconds in {"rgb": float(np.median(drawn)), "all others": exact}.items():
        print(f"{name:<12}{seconds:>10.3f} {seconds / once:>7.1f}")


def print_scans(part: bpy.types.Object, once: float) -> None:
    """Print how many rays and points a second each bundled scanner has."""
    print(f"\nscans{'seconds':>17}{'ratio':>8}{'rays/s':>14}{'points/s':>14}")
    for name in ("structured_light", "laser_line", "depth_camera"):
        scanner = load_scanner(name)
        start = time.perf_counter()
        scan = scan_part(part, scanner, np.random.default_rng(0))
        seconds = time.perf_counter() - start
        rays = scanner["width"] * scanner["height"] * len(scan.views) / seconds
        points = len(scan.points) / seconds
        print(f"{name:<18}{seconds:>6.2f}{seconds / once:>8.0f}{rays:>14,.0f}{points:>14,.0f}")


def main() -> None:
    """Print the tables, one function each."""
    print(f"{platform.machine()}, Blender {bpy.app.version_string}, numpy {np.__version__}\n")
    print_evaluation()
    part = sample_part()
    once = evaluation_seconds(part)
    print(f"\nthe sample part, evaluated once: {once:.3f} seconds")
    print_views(part, once)
    print_scans(part, once)


if __name__ == "__main__":
    main()
