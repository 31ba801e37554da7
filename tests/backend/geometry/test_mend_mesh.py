"""A mesh stands for a surface: all of it faces outward, and nothing but its faces has a size."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from backend.cloud import PointCloud
from backend.cloud.normals import with_outward_normals
from backend.cloud.surface import face_normals, subsample_surface
from backend.geometry.mend_mesh import mend_mesh


def joined(*meshes: trimesh.Trimesh) -> PointCloud:
    whole = trimesh.util.concatenate(meshes)
    return PointCloud(np.array(whole.vertices), faces=np.array(whole.faces, dtype=np.int64))


def ball(radius: float = 1.0, center: tuple[float, ...] = (0, 0, 0), inward: bool = False):
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    mesh.apply_translation(center)
    if inward:
        mesh.invert()
    return mesh


def turned(mesh: PointCloud, which: np.ndarray) -> PointCloud:
    faces = np.where(which[:, None], mesh.faces[:, ::-1], mesh.faces)
    return PointCloud(mesh.points, faces=faces)


def soup(mesh: PointCloud) -> PointCloud:
    """A vertex for each corner of each face, as in an STL file."""
    corners = mesh.points[mesh.faces].reshape(-1, 3)
    return PointCloud(corners, faces=np.arange(len(corners)).reshape(-1, 3))


def outward(mesh: PointCloud) -> np.ndarray:
    return face_normals(mesh.surface)[0]


TWO = joined(
    ball(),
    trimesh.creation.box((1.0, 2.0, 0.5), trimesh.transformations.translation_matrix((4, 0, 0))),
)
HOLLOW = joined(ball(3.0), ball(2.0, inward=True), ball(0.5, (0.3, 0, 0)))


@pytest.mark.parametrize("mesh", [TWO, HOLLOW], ids=["two bodies", "a ball in a hollow one"])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("shape", [lambda mesh: mesh, soup], ids=["indexed", "soup"])
def test_faces_are_turned_outward_body_by_body(mesh: PointCloud, share: float, shape) -> None:
    which = np.random.default_rng(1).random(len(mesh.faces)) < share
    bad = shape(turned(mesh, which))
    np.testing.assert_allclose(outward(bad), face_normals(mesh)[0], atol=1e-12)
    assert f"{which.sum()} of {len(which)} faces were wound the wrong way" in bad.surface.notices[0]
    assert ("cavity" in bad.surface.notices[0]) == (mesh is HOLLOW)


def test_one_body_of_two_is_turned() -> None:
    bad = joined(ball(), ball(2.0, (5, 0, 0), inward=True))
    good = joined(ball(), ball(2.0, (5, 0, 0)))
    np.testing.assert_allclose(outward(bad), face_normals(good)[0], atol=1e-12)


@pytest.mark.parametrize("mesh", [TWO, HOLLOW])
def test_a_sound_mesh_is_its_own_surface(mesh: PointCloud) -> None:
    assert mesh.surface is mesh and mesh.notices == ()
    assert mend_mesh(mesh.points, mesh.faces).faces is mesh.faces


def test_a_body_that_sticks_out_of_another_one_is_no_cavity() -> None:
    """A shaft through a plate: most of it lies within."""
    shaft = trimesh.creation.cylinder(0.5, 4.4)
    plate = trimesh.creation.box((4.0, 4.0, 4.0))
    good = joined(plate, shaft)
    assert good.surface is good
    bad = turned(good, np.arange(len(good.faces)) >= 12)
    np.testing.assert_array_equal(bad.surface.faces[12:, ::-1], bad.faces[12:])


def test_bodies_that_touch_with_a_whole_face_are_turned_outward() -> None:
    """As an STL file has them: the vertices of the face that they share are one."""
    left, right = (
        trimesh.creation.box((1, 1, 1), trimesh.transformations.translation_matrix((x, 0, 0)))
        for x in (0, 1)
    )
    good = joined(left, right)
    bad = soup(turned(good, np.arange(24) % 2 == 0))
    outside = np.abs(good.points[good.faces].mean(axis=1)[:, 0] - 0.5) > 1e-6
    np.testing.assert_allclose(outward(bad)[outside], face_normals(good)[0][outside], atol=1e-12)


def test_a_mesh_with_holes_is_turned_outward() -> None:
    good = joined(ball())
    open_ball = PointCloud(good.points, faces=good.faces[20:])
    bad = turned(open_ball, np.ones(len(open_ball.faces), dtype=bool))
    np.testing.assert_allclose(outward(bad), face_normals(open_ball)[0], atol=1e-12)
    assert open_ball.mended.faces is open_ball.faces and open_ball.mended.notices == ()


def test_most_of_the_winding_of_an_open_sheet_stays_and_the_doubt_is_told() -> None:
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(10.0), np.arange(10.0)))
    corner = np.arange(90)[np.arange(90) % 10 < 9]
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + 11], 1),
            np.stack([corner, corner + 11, corner + 10], 1),
        ]
    )
    sheet = PointCloud(np.stack([x, y, 0.1 * np.sin(x)], axis=1), faces=faces)
    bad = turned(sheet, np.arange(len(faces)) % 3 == 0)
    assert (outward(bad)[:, 2] > 0).all()
    assert "100% of the surface is open or one-sided" in bad.surface.notices[-1]
    cloud, source = with_outward_normals(sheet, viewpoint=(4.5, 4.5, -30.0))
    assert source == "viewpoint" and (cloud.normals[:, 2] < 0).all()


def test_a_strip_with_one_side_is_told() -> None:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    middle = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    arm = 0.2 * (np.cos(angle / 2)[:, None] * middle + np.sin(angle / 2)[:, None] * [0, 0, 1])
    points = np.concatenate([middle + arm, middle - arm])
    here, there = np.arange(40), (np.arange(40) + 1) % 40
    upper, lower = there.copy(), there + 40
    upper[-1], lower[-1] = 40, 0
    faces = np.concatenate(
        [np.stack([here, here + 40, upper], axis=1), np.stack([here + 40, lower, upper], axis=1)]
    )
    strip = PointCloud(points, faces=faces)
    assert "one-sided" in strip.surface.notices[0]
    assert strip.surface.faces is strip.faces


def test_what_no_face_has_does_not_enlarge_the_part() -> None:
    good = joined(ball())
    far = np.array([[0, 0, 5e3], [9e3, 0, 0]])
    # A loose vertex, and one that only a face without area has.
    faces = np.vstack([good.faces, [[0, 1, 0], [0, len(good) + 1, len(good) + 1]]])
    stray = PointCloud(np.vstack([good.points, far]), faces=faces)
    assert stray.surface.diagonal == good.diagonal
    np.testing.assert_array_equal(stray.surface.rows, np.arange(len(good)))
    assert "2 of 164 vertices were left out: no face has them." in stray.surface.notices[0]
    spread = subsample_surface(stray, 500, np.random.default_rng(0))
    assert np.linalg.norm(spread.points, axis=1).max() <= 1.0 + 1e-9
    # As a scan, all its vertices count.
    assert len(with_outward_normals(stray)[0]) == 164


def test_faces_that_are_there_twice_count_once() -> None:
    good = joined(ball())
    twice = PointCloud(
        good.points, faces=np.vstack([good.faces, np.roll(good.faces[:50], 1, axis=1)])
    )
    np.testing.assert_array_equal(twice.surface.faces, good.faces)
    both_sides = PointCloud(good.points, faces=np.vstack([good.faces[:, ::-1], good.faces]))
    np.testing.assert_allclose(outward(both_sides), face_normals(good)[0], atol=1e-12)
    assert len(both_sides.surface.faces) == len(good.faces)


def test_the_vertex_normals_of_a_mesh_that_is_a_scan_are_outward() -> None:
    which = np.random.default_rng(0).random(len(TWO.faces)) < 0.4
    cloud, source = with_outward_normals(turned(TWO, which))
    np.testing.assert_allclose(cloud.normals, with_outward_normals(TWO)[0].normals, atol=1e-12)
    assert source == "mesh" and "turned" in cloud.notices[0]
