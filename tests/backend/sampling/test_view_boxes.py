"""Boxes in rendered views find the surface that they show, on meshes and on scans."""

from __future__ import annotations

import re

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.errors import SamplingError
from backend.samples import load_sample
from backend.sampling.places import Place, Surface, find_place
from backend.sampling.view_boxes import SeenBox, see_box
from shared_schema.locations import ViewBoxLocation
from shared_schema.recipe import Part
from shared_schema.views import Camera, ViewSet
from tests.backend.shapes import sphere, template

Box = tuple[float, float, float, float]
# Above the origin, looking down; the part's x runs to the right, its y upwards.
DOWN = ((1.0, 0.0, 0.0, 0.0), (0.0, -1.0, 0.0, 0.0), (0.0, 0.0, -1.0, 100.0), (0.0, 0.0, 0.0, 1.0))
ABOVE = Camera(
    name="above", width=800, height=800, fx=2000, fy=2000, cx=400, cy=400, T_camera_part=DOWN
)
VIEWS = ViewSet(cameras=(ABOVE,))


def slab(low: tuple[float, float, float], high: tuple[float, float, float]) -> PointCloud:
    """A box of twelve triangles between two corners, its faces wound outwards."""
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [corner for a, b, c, d in sides for corner in ((a, b, c), (a, c, d))]
    return PointCloud.of(np.array(low) + corners * np.subtract(high, low), faces=faces)


def both(*meshes: PointCloud) -> PointCloud:
    """Several meshes as one."""
    starts = np.cumsum([0, *(len(mesh) for mesh in meshes)])
    return PointCloud.of(
        np.concatenate([mesh.points for mesh in meshes]),
        faces=np.concatenate([m.faces + n for m, n in zip(meshes, starts[:-1], strict=True)]),
    )


# A wide block with its top at z = 0, and a fin of a quarter of a millimetre that stands on it.
FIN = both(slab((-10, -10, -5), (10, 10, 0)), slab((-0.125, -8, 0), (0.125, 8, 10)))


def see(box: Box, cloud: PointCloud = FIN, spacing: float = 0.3) -> SeenBox:
    return see_box(ViewBoxLocation(view="above", box=box), cloud, VIEWS, spacing)


def test_a_box_of_one_pixel_finds_its_place_exactly() -> None:
    seen = see((499.0, 299.0, 501.0, 301.0))
    np.testing.assert_allclose(seen.position, [5.0, 5.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(seen.normal, [0.0, 0.0, 1.0], atol=1e-12)
    assert seen.path is None, "a scratch has no room between its ends"


def test_a_thin_box_on_a_thin_fin_runs_along_it() -> None:
    """4 × 20 pixels, of which the fin is 5 wide: no sampled point need lie in it."""
    seen = see((398.0, 390.0, 402.0, 410.0))
    np.testing.assert_allclose(seen.position, [0.0, 0.0, 10.0], atol=1e-9)
    assert seen.path is not None
    np.testing.assert_allclose(seen.path[:, 2], 10.0)
    np.testing.assert_allclose(np.abs(seen.path[[0, -1], 1]), 0.95 * 0.45, atol=0.05)
    np.testing.assert_allclose(np.abs(seen.plane_normal), [0.0, 1.0, 0.0], atol=1e-9)


def test_the_surface_that_fills_most_of_a_box_is_meant() -> None:
    """The fin in its middle fills a tenth of it, so the place is on the block beside the fin."""
    seen = see((370.0, 380.0, 430.0, 420.0))
    assert seen.position[2] == pytest.approx(0.0, abs=1e-9)
    assert 0.125 < abs(seen.position[0]) < 0.3
    assert seen.hull[:, 2].max() < 5.0, "the hull leaves the fin out"


def test_a_box_with_two_surfaces_is_refused_with_one_that_shows_one() -> None:
    box = (399.0, 390.0, 407.0, 410.0)
    with pytest.raises(SamplingError, match=r"2 surfaces.*at depth 100.*at depth 90") as told:
        see(box)
    assert see(boxes_in(str(told.value))[-1]).position[2] == pytest.approx(0.0, abs=1e-9)


def boxes_in(message: str) -> list[Box]:
    """The boxes that a message tells, in order."""
    found = re.findall(r"\(([^()]+, [^()]+, [^()]+, [^()]+)\)", message)
    return [tuple(map(float, box.split(", "))) for box in found]  # type: ignore[misc]


def test_steep_surface_is_one_surface() -> None:
    """Each pixel is far deeper than the one before, but none of them jumps."""
    tilt = np.array([[0.02, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.02]])
    block = slab((-40, -10, -0.5), (40, 10, 0.5))
    seen = see((380.0, 380.0, 420.0, 420.0), PointCloud.of(block.points @ tilt, faces=block.faces))
    assert abs(seen.position[0]) < 1.0


def test_an_empty_box_tells_the_nearest_place_and_a_box_that_shows_it() -> None:
    with pytest.raises(SamplingError, match="shows none of the surface; the nearest place") as told:
        see((640.0, 390.0, 660.0, 410.0))
    box = boxes_in(str(told.value))[-1]
    assert see(box).position[0] == pytest.approx(10.0, abs=1.0)


def test_what_a_view_cannot_show_is_refused() -> None:
    with pytest.raises(SamplingError, match="lies outside the picture"):
        see((900.0, 10.0, 950.0, 20.0))
    sheet = PointCloud.of([[-9, -9, 0], [9, -9, 0], [0, 9, 0]], faces=[[0, 2, 1]])
    with pytest.raises(SamplingError, match="only the back of the surface, and no box"):
        see((390.0, 390.0, 410.0, 410.0), sheet)
    away = PointCloud.of(FIN.points + np.array([500.0, 0.0, 0.0]), faces=FIN.faces)
    with pytest.raises(SamplingError, match="check that the views are of this part"):
        see((390.0, 390.0, 410.0, 410.0), away)


def test_hidden_surface_is_never_taken() -> None:
    """The lower of two plates shows beyond the upper one only."""
    plates = both(slab((-5, -5, 10), (5, 5, 11)), slab((-9, -9, 0), (9, 9, 1)))
    for left in (225.0, 260.0, 300.0, 360.0, 397.0, 450.0, 500.0, 530.0, 570.0):
        seen = see((left, 395.0, left + 6.0, 405.0), plates)
        # The upper plate ends 5 mm × 2000 / 89 mm from the middle.
        upper = abs(left + 3.0 - 400.0) < 112.0
        assert seen.position[2] == pytest.approx(11.0 if upper else 1.0, abs=1e-6)


def test_a_scan_is_met_between_its_points() -> None:
    seen = see((399.0, 399.0, 401.0, 401.0), sphere(), spacing=0.56)
    np.testing.assert_allclose(seen.position, [0.0, 0.0, 10.0], atol=0.1)
    assert seen.normal[2] > 0.99


def test_a_small_box_beside_a_scans_point_takes_it_and_a_farther_one_is_refused() -> None:
    ticks = np.arange(-5.0, 5.1)
    x, y = (grid.ravel() for grid in np.meshgrid(ticks, ticks))
    flat = PointCloud.of(np.column_stack([x, y, 0 * x]), np.tile([0.0, 0.0, 1.0], (len(x), 1)))
    beside = 400 + 20 * 6.3
    seen = see((beside - 2, 398.0, beside + 2, 402.0), flat, spacing=1.0)
    np.testing.assert_allclose(seen.position, [5.0, 0.0, 0.0], atol=1e-9)
    farther = 400 + 20 * 6.7
    with pytest.raises(SamplingError, match="the nearest place"):
        see((farther - 2, 398.0, farther + 2, 402.0), flat, spacing=1.0)


def test_a_surface_finds_each_box_once_between_the_points_of_its_mesh() -> None:
    mesh = load_sample("plate_holes").surface
    middle = (mesh.points.min(axis=0) + mesh.points.max(axis=0)) / 2.0
    normals = mesh.points - middle
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    few = PointCloud(mesh.points, normals)
    camera = ABOVE.model_copy(
        update={"T_camera_part": (*DOWN[:2], (0.0, 0.0, -1.0, 3 * mesh.diagonal), DOWN[3])}
    )
    place = Surface(few, Part(diagonal=few.diagonal), ViewSet(cameras=(camera,)), mesh)
    first, again = (
        find_place(
            ViewBoxLocation(view="above", box=(401.5, 298.5, 405.5, 318.5)),
            template("dent"),
            place,
            np.random.default_rng(0),
        )
        for _ in range(2)
    )
    assert isinstance(first, Place)
    assert again is first
    assert first.normal[2] == pytest.approx(1.0)
    assert not np.isclose(few.points, first.position).all(axis=1).any()
