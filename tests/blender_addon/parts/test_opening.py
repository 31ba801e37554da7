"""Opening a nominal model: where it lies, what it is made of, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.geometry.surface import is_watertight, signed_volume
from backend.io import read_cloud, write_cloud
from blender_addon.data.attributes import read_positions
from blender_addon.documents.errors import PartError
from blender_addon.exchange.checks import recipe_warnings
from blender_addon.parts.frame import part_origin, part_unit, set_part_frame
from blender_addon.parts.opening import READERS, open_part, outside_notices, refine_near
from blender_addon.stack.modifiers import diagonal
from tests.blender import add_part, egg

SIZE = np.array([8.0, 4.0, 2.0])
OFFSET = np.array([1000.0, -250.0, 32.0])


def box(tmp_path: Path, suffix: str, *, inverted: bool = False) -> Path:
    """A box far from the origin as a file."""
    mesh = trimesh.creation.box(SIZE)
    mesh.apply_translation(OFFSET)
    if inverted:
        mesh.invert()
    path = tmp_path / f"box{suffix}"
    mesh.export(path, file_type=suffix[1:].lower())
    return path


def faces_of(part: Any) -> NDArray:
    return np.array([polygon.vertices[:] for polygon in part.data.polygons])


@pytest.mark.parametrize("suffix", [*sorted(READERS), *sorted(map(str.upper, READERS))])
def test_a_part_is_recentred_and_its_place_is_kept(tmp_path: Path, suffix: str) -> None:
    part = open_part(box(tmp_path, suffix), "inch")
    points = read_positions(part.data)
    np.testing.assert_allclose(points.min(axis=0), -SIZE / 2, atol=1e-4)
    np.testing.assert_allclose(points.max(axis=0), SIZE / 2, atol=1e-4)
    np.testing.assert_allclose(part_origin(part), OFFSET, atol=1e-4)
    assert part_origin(part).dtype == np.float64
    assert part_unit(part) == "inch"
    assert part.name == "box"
    assert np.array(part.matrix_world).tolist() == np.eye(4).tolist()
    assert bpy.context.active_object == part


@pytest.mark.parametrize("suffix", sorted(READERS))
@pytest.mark.parametrize("inverted", [False, True])
def test_a_closed_part_is_one_surface_facing_outward(
    tmp_path: Path, suffix: str, inverted: bool
) -> None:
    part = open_part(box(tmp_path, suffix, inverted=inverted), edge_ratio=0.1)
    points, faces = read_positions(part.data).astype(float), faces_of(part)
    assert is_watertight(faces)
    assert signed_volume(points, faces) == pytest.approx(np.prod(SIZE), rel=1e-5)


@pytest.mark.parametrize("suffix", [".ply", ".obj"])
def test_vertices_that_no_face_has_do_not_enlarge_a_part(tmp_path: Path, suffix: str) -> None:
    """Of an opened part they are gone; of an object made in Blender they do not count."""
    mesh = trimesh.creation.box(SIZE)
    stray = PointCloud(np.vstack([mesh.vertices, [[0.0, 0.0, 500.0]]]), faces=np.array(mesh.faces))
    write_cloud(tmp_path / f"stray{suffix}", stray)
    part = open_part(tmp_path / f"stray{suffix}", edge_ratio=0.2)
    size = np.linalg.norm(SIZE)
    assert diagonal(part) == pytest.approx(size, rel=1e-6)
    np.testing.assert_allclose(part_origin(part), 0.0, atol=1e-6)
    assert np.linalg.norm(read_positions(part.data), axis=1).max() < size
    made = add_part(stray.points, stray.faces)
    assert len(made.data.vertices) == 9 and diagonal(made) == pytest.approx(size, rel=1e-6)


def test_each_body_is_turned_outward_and_a_cavity_inward(tmp_path: Path) -> None:
    bodies = [trimesh.creation.icosphere(subdivisions=2, radius=r) for r in (3.0, 2.0, 1.0, 1.5)]
    bodies[3].apply_translation((8.0, 0.0, 0.0))
    volume = sum(sign * body.volume for sign, body in zip((1, -1, 1, 1), bodies, strict=True))
    for body in bodies[1::2]:
        body.invert()
    bodies[0].invert()
    whole = trimesh.util.concatenate(bodies)
    faces = np.array(whole.faces)
    faces[::3] = faces[::3, ::-1]
    write_cloud(tmp_path / "bodies.ply", PointCloud(np.array(whole.vertices), faces=faces))
    part = open_part(tmp_path / "bodies.ply", edge_ratio=1.0)
    points, faces = read_positions(part.data).astype(float), faces_of(part)
    assert is_watertight(faces)
    assert signed_volume(points, faces) == pytest.approx(volume, rel=1e-4)


def open_pieces(name: str) -> tuple[NDArray, NDArray]:
    """Points and faces of a sphere without its top, wound as the name says; or a part of it."""
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=5.0)
    kept = mesh.triangles_center[:, 2] < (-4.0 if name == "sheet" else 4.0)
    points, faces = np.array(mesh.vertices), np.array(mesh.faces)[kept]
    if name == "mixed":
        faces[::3] = faces[::3, ::-1]
    if name in ("inward", "two"):
        faces = faces[:, ::-1]
    if name == "two":
        faces = np.concatenate([faces, faces[:, ::-1] + len(points)])
        points = np.concatenate([points, points + np.array([20.0, 0.0, 0.0])])
    return points, faces


@pytest.mark.parametrize("name", ["outward", "inward", "mixed", "two", "sheet"])
def test_bodies_with_a_border_are_turned_and_told_as_the_backend_does(
    tmp_path: Path, name: str
) -> None:
    points, faces = open_pieces(name)
    write_cloud(tmp_path / "open.ply", PointCloud(points, faces=faces))
    part = open_part(tmp_path / "open.ply", edge_ratio=1.0)
    surface = read_cloud(tmp_path / "open.ply").surface
    here = signed_volume(read_positions(part.data) + part_origin(part), faces_of(part))
    assert here == pytest.approx(signed_volume(surface.points, surface.faces), rel=1e-4)
    told, ours = " ".join(outside_notices(part)), " ".join(surface.notices)
    for words in ("wound the wrong way", "its outside is not known for sure"):
        assert (words in told) == (words in ours)
    assert ("not known for sure" in " ".join(recipe_warnings(part))) == (name == "sheet")


def test_edges_are_split_as_far_as_the_bound_allows(tmp_path: Path) -> None:
    path = box(tmp_path, ".stl")
    fine, bounded = open_part(path, edge_ratio=0.05), open_part(path, max_vertices=500)
    ends = np.array([edge.vertices[:] for edge in fine.data.edges])
    points = read_positions(fine.data)
    lengths = np.linalg.norm(points[ends[:, 0]] - points[ends[:, 1]], axis=1)
    assert lengths.max() <= 0.05 * np.linalg.norm(SIZE) * (1 + 1e-5)
    assert len(bounded.data.vertices) == 500


def test_refining_near_a_place_adds_vertices_there_only(tmp_path: Path) -> None:
    part = open_part(box(tmp_path, ".stl"), edge_ratio=0.1)
    before = read_positions(part.data)
    refine_near(part, [before[0]], 1.0, 0.05)
    after = read_positions(part.data)
    np.testing.assert_array_equal(after[: len(before)], before)
    new = after[len(before) :]
    assert len(new) > 200
    assert np.linalg.norm(new - before[0], axis=1).max() < 2.0


def test_an_object_without_a_frame_has_the_documented_one() -> None:
    part = add_part(*egg())
    assert part_unit(part) == "mm"
    assert part_origin(part).tolist() == [0.0, 0.0, 0.0]


def test_the_frame_is_kept_in_double_precision() -> None:
    part = add_part(*egg())
    origin = [1e6 / 3, -2e-7 / 3, 0.1]
    set_part_frame(part, "m", origin)
    assert part_origin(part).tolist() == origin


def test_an_unknown_unit_names_the_known_ones() -> None:
    with pytest.raises(PartError, match="unknown unit 'dm'; known are mm, cm, m, um, inch"):
        set_part_frame(add_part(*egg()), "dm", (0.0, 0.0, 0.0))


SQUARE = {
    ".obj": "v 0.5 0.5 0.0\nv 2.5 0.5 0.0\nv 2.5 2.5 0.0\nv 0.5 2.5 0.0\nf 1 2 3\nf 1 3 4\n",
    ".stl": "solid a\nfacet normal 0 0 1\nouter loop\nvertex 0.5 0.5 0.0\nvertex 2.5 0.5 0.0\n"
    "vertex 2.5 2.5 0.0\nendloop\nendfacet\nendsolid a\n",
    ".ply": "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
    "property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    "0.5 0.5 0.0\n2.5 0.5 0.0\n2.5 2.5 0.0\n3 0 1 2\n",
}


@pytest.mark.parametrize("suffix", SQUARE)
def test_decimal_commas_are_refused_with_their_line(tmp_path: Path, suffix: str) -> None:
    """Blender reads 1,5 as 1 and says nothing."""
    path = tmp_path / f"part{suffix}"
    path.write_text(SQUARE[suffix])
    assert len(open_part(path).data.polygons) > 0
    objects = len(bpy.data.objects)
    head, mark, body = SQUARE[suffix].rpartition("end_header\n")
    for ends in ("\n", "\r\n", "\r"):
        path.write_text((head + mark + body.replace(".", ",")).replace("\n", ends), newline="")
        with pytest.raises(PartError, match=r"'.*0,5 0,5 0,0' has decimal commas"):
            open_part(path)
    assert len(bpy.data.objects) == objects


@pytest.mark.parametrize(
    "wrong", [("v 2.5 2.5", "V 2.5 2.5"), ("f 1 3 4", "f 1 3 5"), ("f 1 3 4", "f 1 3 4x")]
)
def test_an_obj_that_blender_does_not_read_whole_is_refused(
    tmp_path: Path, wrong: tuple[str, str]
) -> None:
    path = tmp_path / "part.obj"
    path.write_text(SQUARE[".obj"].replace(*wrong))
    with pytest.raises(PartError, match="vert"):
        open_part(path)
    assert not [obj for obj in bpy.data.objects if obj.type == "MESH"]


def test_dialects_of_obj_that_blender_reads_are_opened(tmp_path: Path) -> None:
    path = tmp_path / "part.obj"
    faces = "f -4/1/1 -3/2/1 -2//1\nf 1 3 \\\n4\nf 1 1 2\n"
    path.write_text(
        "mtllib a.mtl\n" + SQUARE[".obj"].partition("f")[0].replace("v ", "v\t") + "v 9 9 9\n"
        "vt 0.5 0.5\nvt 0.25 0.5\nvn 0 0 1\n" + faces.replace("-4", "-5").replace("-3", "-4")
        .replace("-2", "-3") + "f 1 2 3 # twice\n"
    )  # fmt: skip
    assert len(open_part(path).data.polygons) > 0


def test_points_without_faces_are_no_part(tmp_path: Path) -> None:
    path = tmp_path / "scan.ply"
    trimesh.PointCloud(egg()[0]).export(path)
    with pytest.raises(PartError, match=r"scan\.ply: .* points but no faces; export a mesh"):
        open_part(path)
    assert not bpy.data.objects


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.stl", "there is no such file"),
        ("model.step", "parts are opened from .stl, .obj, .ply; convert the file"),
    ],
)
def test_what_cannot_be_opened_is_named(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(PartError) as refused:
        open_part(tmp_path / name)
    assert name in str(refused.value)
    assert says in str(refused.value)


@pytest.mark.parametrize("suffix", sorted(READERS))
def test_a_damaged_file_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(b"\x00\x01 this is no mesh \xff" * 20)
    with pytest.raises(PartError, match="damaged"):
        open_part(path)
    assert not bpy.data.objects
