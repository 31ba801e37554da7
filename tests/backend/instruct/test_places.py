"""Places that documents name are found by the part's shape: recipes that are drawn lie on them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.geometry.surface import is_watertight, signed_volume
from backend.instruct.compile import Compiled, compile_template
from backend.instruct.knowledge import defects, places
from backend.instruct.validation import Target, validate
from backend.samples import sample_path
from backend.sampling.places import Surface, load_surface
from backend.sampling.recipes import sample_recipes
from shared_schema.instruction import Basis, InstructedDefect, Polarity
from shared_schema.recipe import Unit
from tests.backend.instruct import solids

Points = NDArray[np.float64]
DRAWS = 50


def compiled(place: str, surface: Surface) -> Compiled:
    row = defects()["casting/blowholes"]
    item = InstructedDefect(
        defect=row.key,
        kind=row.kind,
        polarity=Polarity.OCCURS,
        used=True,
        basis=Basis.STATED,
        place=place,
        sizes={"diameter": (0.5, 0.5)},
    )
    return compile_template([item], defects(), surface, name="test")


def drawn(place: str, surface: Surface) -> Points:
    """The middles (50, 3) of defects that are drawn at a place."""
    template = compiled(place, surface).template.model_copy(update={"draws": 1.0})
    recipes = sample_recipes(template, surface, seed=0, count=DRAWS)
    return np.array([recipe.defects[0].center for recipe in recipes])


def told(place: str, surface: Surface) -> str:
    """What the user is told of a place."""
    return " ".join(finding.message for finding in compiled(place, surface).findings)


@cache
def sample(name: str) -> Surface:
    return load_surface(sample_path(name), unit=Unit.MM, seed=0)


@cache
def holes() -> Surface:
    """Four holes of 5 mm radius in a row, in a plate of 160 x 40 x 8 mm."""
    return solids.part(solids.plate(40.0, 8.0, [(5.0, 0.0)] * 4))


@cache
def bosses() -> Surface:
    """Two bosses of 6 mm radius and 15 mm height, and a hole between them."""
    return solids.part(solids.plate(40.0, 6.0, [(6.0, 15.0), (4.0, 0.0), (6.0, 15.0)]))


@cache
def bracket() -> Surface:
    """An angle of 60 x 50 mm, 6 mm thick, with an inner radius of 5 mm, 40 mm long."""
    inner = solids.arc((11.0, 11.0), 5.0, 270.0, 180.0)
    profile = [[0, 0], [60, 0], [60, 6], *inner, [6, 50], [0, 50]]
    return solids.part(solids.extruded(profile, (3.0, 3.0), 40.0))


@cache
def sharp_bracket() -> Surface:
    """The same angle with a sharp inner corner."""
    profile = [[0, 0], [60, 0], [60, 6], [6, 6], [6, 50], [0, 50]]
    return solids.part(solids.extruded(profile, (3.0, 3.0), 40.0))


@cache
def ribbed() -> Surface:
    """A plate of 80 x 60 x 12 mm with a rib, 4 mm thick and 20 mm high, along its middle."""
    profile = [[-40, -12], [40, -12], [40, 0], [2, 0], [2, 20], [-2, 20], [-2, 0], [-40, 0]]
    return solids.part(solids.extruded(profile, (0.0, -3.0), 60.0))


@cache
def pipe() -> Surface:
    """A pipe with radii of 15 and 20 mm, 80 mm long, with a flange of 40 mm radius at its foot."""
    return solids.part(solids.revolved([[15, 0], [40, 0], [40, 8], [20, 8], [20, 80], [15, 80]]))


def share(on: NDArray[np.bool_]) -> float:
    return float(on.mean())


def off_circles(points: Points, middles: Points, radius: float, axis: int = 2) -> Points:
    """Distances to the nearest of some circles of one radius about an axis."""
    away = points[:, None] - middles
    along = away[..., axis]
    across = np.linalg.norm(np.delete(away, axis, axis=2), axis=2)
    return np.asarray(np.hypot(across - radius, along).min(axis=1))


@pytest.mark.parametrize("make", [holes, bosses, bracket, sharp_bracket, ribbed, pipe])
def test_the_parts_of_these_tests_are_closed_and_look_outward(make) -> None:
    mesh = make().mesh
    assert is_watertight(mesh.faces)
    assert signed_volume(mesh.points, mesh.faces) > 0


def test_edges_of_holes_are_their_rims_and_not_the_edges_of_the_part() -> None:
    points, reach = drawn("hole_edge", holes()), 0.02 * holes().part.diagonal
    middles = np.array([[40.0 * n, 0.0, z] for n in range(4) for z in (0.0, -8.0)])
    assert share(off_circles(points, middles, 5.0) <= reach) >= 0.95
    # All four holes have their share, and nothing is left to tell.
    assert len(np.unique(np.round(points[:, 0] / 40.0))) == 4
    assert told("hole_edge", holes()) == ""


def test_a_boss_has_no_rim_and_a_hole_beside_it_has() -> None:
    points = drawn("hole_edge", bosses())
    assert share(np.linalg.norm(points[:, :2] - (40.0, 0.0), axis=1) < 7.0) >= 0.95


def test_a_pipe_has_the_rims_of_its_opening() -> None:
    points, reach = drawn("hole_edge", pipe()), 0.02 * pipe().part.diagonal
    middles = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 80.0]])
    assert share(off_circles(points, middles, 15.0) <= reach) >= 0.95


def test_a_bore_is_the_inside_of_a_hole() -> None:
    points = drawn("bore", holes())
    across = np.linalg.norm(points[:, :2] - np.round(points[:, :1] / 40.0) * (40.0, 0.0), axis=1)
    assert share(np.abs(across - 5.0) < 0.3) >= 0.95
    inside = drawn("bore", pipe())
    assert share(np.abs(np.linalg.norm(inside[:, :2], axis=1) - 15.0) < 0.3) >= 0.95


def test_a_boss_is_what_stands_on_the_plate() -> None:
    points = drawn("boss", bosses())
    assert share(points[:, 2] > 0.0) >= 0.95
    assert {0.0, 2.0} == set(np.round(points[:, 0] / 40.0).tolist())


def test_a_fillet_is_the_rounded_inner_corner() -> None:
    points = drawn("fillet", bracket())
    middle = points[:, [0, 2]] - (11.0, 11.0)
    assert (
        share((np.abs(np.linalg.norm(middle, axis=1) - 5.0) < 0.2) & (middle < 0.6).all(1)) >= 0.95
    )


def test_a_sharp_inner_corner_is_taken_where_none_is_rounded_and_that_is_told() -> None:
    points, reach = drawn("fillet", sharp_bracket()), 0.02 * sharp_bracket().part.diagonal
    assert share(np.linalg.norm(points[:, [0, 2]] - 6.0, axis=1) < reach) >= 0.95
    assert "no rounded inner corner" in told("fillet", sharp_bracket())


@pytest.mark.parametrize("place", ["rib", "thin_wall"])
def test_a_rib_is_the_thin_wall_that_stands_on_the_plate(place: str) -> None:
    points = drawn(place, ribbed())
    assert share((np.abs(points[:, 0]) < 2.1) & (points[:, 2] > -0.1)) >= 0.95


def test_the_walls_of_an_angle_are_no_ribs() -> None:
    assert "shows no rib" in told("rib", bracket())


def test_a_flange_is_the_plate_that_sticks_out_widest() -> None:
    points = drawn("flange", pipe())
    assert share(points[:, 2] <= 8.1) >= 0.95
    assert np.linalg.norm(points[:, :2], axis=1).max() > 35.0


def test_a_thick_section_is_where_the_most_material_is() -> None:
    points = drawn("thick_section", pipe())
    assert share(points[:, 2] < 20.0) >= 0.95


def test_corners_are_where_edges_meet() -> None:
    low, high = bracket().cloud.box
    points, reach = drawn("corner", bracket()), 0.02 * bracket().part.diagonal
    profile = [(0, 0), (60, 0), (60, 6), (6, 50), (0, 50)]
    corners = np.array([(x, y, z) for x, z in profile for y in (low[1], high[1])])
    away = np.linalg.norm(points[:, None] - corners, axis=2).min(axis=1)
    assert share(away <= reach) >= 0.95
    assert "The part has 10 corners" in told("corner", bracket())


def test_ends_are_those_of_the_longest_side() -> None:
    points = drawn("end", holes())
    assert share((points[:, 0] < -6.0) | (points[:, 0] > 126.0)) == 1.0
    assert 0.2 < share(points[:, 0] < 0.0) < 0.8


def test_machined_faces_are_the_largest_flat_ones_and_a_doubt_remains() -> None:
    points = drawn("machined_face", bracket())
    assert (
        share(
            (np.abs(points[:, 0]) < 0.1)
            | (np.abs(points[:, 2]) < 0.1)
            | (np.abs(points[:, 0] - 6) < 0.1)
            | (np.abs(points[:, 2] - 6) < 0.1)
        )
        >= 0.95
    )
    assert "largest flat faces are taken" in told("machined_face", bracket())


def test_places_are_found_whichever_way_the_part_is_turned() -> None:
    turn = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    mesh = holes().seen
    turned = solids.part(PointCloud.of(mesh.points @ turn.T, faces=mesh.faces, unit="mm"))
    points = drawn("hole_edge", turned) @ turn
    middles = np.array([[40.0 * n, 0.0, z] for n in range(4) for z in (0.0, -8.0)])
    assert share(off_circles(points, middles, 5.0) <= 0.02 * turned.part.diagonal) >= 0.95


def test_holes_of_a_part_that_lies_askew_are_found() -> None:
    tilt = np.radians(20.0)
    turn = np.array([[np.cos(tilt), 0, np.sin(tilt)], [0, 1, 0], [-np.sin(tilt), 0, np.cos(tilt)]])
    mesh = holes().seen
    askew = solids.part(PointCloud.of(mesh.points @ turn.T, faces=mesh.faces, unit="mm"))
    points = drawn("hole_edge", askew) @ turn
    middles = np.array([[40.0 * n, 0.0, z] for n in range(4) for z in (0.0, -8.0)])
    assert share(off_circles(points, middles, 5.0) <= 0.02 * askew.part.diagonal) >= 0.95


# --- bundled parts ------------------------------------------------------------------------------


def test_holes_of_bundled_parts() -> None:
    """The plate has four countersunk holes near its corners, and a stepped one in its middle."""
    plate = sample("plate_holes")
    corners = [(x, y) for x in (39.9, 163.3) for y in (47.8, 257.0)]
    rims = {
        6.45: [(*corner, 12.7) for corner in corners],
        5.56: [(101.6, 154.5, 12.7)],
        3.38: [(*corner, z) for corner in corners for z in (0.0, 9.2)]
        + [(101.6, 154.5, z) for z in (0.0, 6.3)],
    }
    points = drawn("hole_edge", plate)
    away = [off_circles(points, np.array(middles), radius) for radius, middles in rims.items()]
    assert share(np.min(away, axis=0) <= 0.02 * plate.part.diagonal) >= 0.95
    points = drawn("bore", plate)
    middles = np.array([*corners, (101.6, 154.5)])
    across = np.linalg.norm(points[:, None, :2] - middles, axis=2).min(axis=1)
    assert share((np.abs(across - 3.38) < 0.3) | (np.abs(across - 5.56) < 0.3)) >= 0.95


@pytest.mark.parametrize("name", ["nist_ftc_08", "nist_ftc_10", "upper_arm", "wrist_roll"])
def test_what_is_called_a_bore_looks_inward(name: str) -> None:
    """From a bore, the surface opposite, across the hole, is in front of the surface."""
    surface = sample(name)
    points = drawn("bore", surface)
    rows = surface.cloud.tree.query(points)[1]
    normals = surface.cloud.normals[rows]
    ahead = surface.cloud.points[None] - points[:, None]
    depth = np.einsum("pni,pi->pn", ahead, normals)
    off = np.linalg.norm(ahead - depth[..., None] * normals[:, None], axis=2)
    seen = (depth > surface.cloud.spacing) & (off < 1.5 * surface.cloud.spacing)
    assert share((seen & (surface.cloud.normals @ normals.T < -0.7).T).any(axis=1)) >= 0.9


@pytest.mark.parametrize("name", ["nist_ftc_08", "motor_holder"])
def test_fillets_of_bundled_parts_curve_inward(name: str) -> None:
    surface = sample(name)
    rows = surface.cloud.tree.query(drawn("fillet", surface))[1]
    _, near = surface.cloud.tree.query(surface.cloud.points[rows], k=24)
    step = surface.cloud.points[near] - surface.cloud.points[rows][:, None]
    turn = surface.cloud.normals[near] - surface.cloud.normals[rows][:, None]
    # What looks elsewhere is of another face, or of the other side of a thin wall.
    same = np.linalg.norm(turn, axis=2) < 1.0
    bend = (same * np.einsum("pki,pki->pk", step, turn)).sum(axis=1)
    assert share(bend < 0) >= 0.9


# --- what is not found --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place", [key for key in places() if key not in ("anywhere", "edge", "top", "bottom", "side")]
)
def test_every_place_is_found_or_told_in_whole_sentences(place: str) -> None:
    result = compiled(place, holes())
    anywhere = all(getattr(d.location, "region", None) is None for d in result.template.defects)
    message = told(place, holes())
    assert message or not anywhere
    assert not message or (message[0].isupper() and message.endswith("."))
    if anywhere:
        assert "give the defect in the template a location" in message


@pytest.mark.parametrize("place", ["gate", "ejector", "thread", "weld_bead", "layers"])
def test_what_shape_cannot_tell_may_lie_anywhere_and_the_user_is_told_how_to_mark_it(place) -> None:
    result = compiled(place, holes())
    assert result.template.defects[0].location.type == "surface_random"
    assert "view_box" in told(place, holes())


def test_a_scan_alone_tells_ends_and_walls_and_says_what_it_cannot_tell() -> None:
    scan = replace(ribbed(), mesh=None)
    for place in ("thin_wall", "end"):
        assert all(d.location.region for d in compiled(place, scan).template.defects)
    points = drawn("thin_wall", scan)
    assert share((np.abs(points[:, 0]) < 2.1) & (points[:, 2] > -0.1)) >= 0.95
    assert "a nominal model with faces alone" in told("hole_edge", scan)


def test_a_plate_of_one_thickness_has_no_thin_wall() -> None:
    assert "no wall that is thinner" in told("thin_wall", holes())


def test_the_draws_of_a_place_in_several_boxes_have_the_chance_of_one() -> None:
    template = compiled("end", holes()).template
    assert len(template.defects) == 2
    assert sum(defect.chance for defect in template.defects) == pytest.approx(1.0)


def test_a_defect_in_several_boxes_is_valid_on_the_part() -> None:
    template = compiled("end", holes()).template
    assert validate(template, Target(holes())).valid is not None


def test_an_odd_mesh_ends_in_a_location_or_a_sentence() -> None:
    """One triangle, a flat square, and triangles that meet in one edge."""
    square = [[0, 0, 0], [9, 0, 0], [9, 9, 0], [0, 9, 0], [3, 3, 9]]
    for faces in ([[0, 1, 2]], [[0, 1, 2], [0, 2, 3]], [[0, 1, 2], [0, 2, 3], [0, 2, 4]]):
        surface = solids.part(PointCloud.of(np.array(square, dtype=float), faces=faces, unit="mm"))
        for place in places():
            assert compiled(place, surface).template.defects
