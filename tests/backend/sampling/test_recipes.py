"""Drawing recipes: within the template's ranges, at its locations, by seed alone."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.defects import DEFECTS
from backend.errors import SamplingError
from backend.samples import sample_path
from backend.sampling.places import Surface, load_surface
from backend.sampling.recipes import sample_recipe, sample_recipes
from shared_schema.load import parse_document
from shared_schema.recipe import Part, RecipeTemplate, Unit
from shared_schema.views import Camera, ViewSet
from tests.backend.shapes import KINDS, plate, sphere, surface, template

DENT = '"kind": "dent", "radius": {"min": 0.05, "max": 0.1}, "depth": 0.02'


def read(defects: str, head: str = "") -> RecipeTemplate:
    return parse_document(f'{{"schema_version": 1, {head} "defects": [{defects}]}}', RecipeTemplate)


def draw(given: RecipeTemplate, cloud: PointCloud, seed: int = 0, views: ViewSet | None = None):
    place = Surface(cloud, Part(diagonal=cloud.diagonal), views)
    return sample_recipe(given, place, rng=np.random.default_rng(seed))


def test_a_recipe_depends_on_its_number_and_not_on_the_others() -> None:
    given = template(*KINDS)
    all_six = list(sample_recipes(given, surface(sphere()), seed=3, count=6))
    last_two = list(sample_recipes(given, surface(sphere()), seed=3, count=2, first=4))
    assert all_six[4:] == last_two
    assert len({recipe.model_dump_json() for recipe in all_six}) == 6


def test_values_lie_in_their_ranges_and_fill_them() -> None:
    cloud = sphere()
    radii = np.array(
        [
            recipe.defects[0].radius / cloud.diagonal
            for recipe in sample_recipes(template("dent"), surface(cloud), seed=0, count=200)
        ]
    )
    assert 0.05 <= radii.min() < 0.06
    assert 0.19 < radii.max() <= 0.2


def test_random_sign_gives_both() -> None:
    recipes = sample_recipes(template("dent"), surface(sphere()), seed=0, count=50)
    assert {np.sign(recipe.defects[0].depth) for recipe in recipes} == {-1.0, 1.0}


def test_random_places_are_even_by_area_not_by_points() -> None:
    rng = np.random.default_rng(0)
    dense_top = sphere().normals[:, 2] > 0
    keep = dense_top | (rng.random(len(sphere())) < 0.2)
    cloud = sphere().subset(keep)
    assert np.mean(cloud.normals[:, 2] > 0) > 0.8
    recipes = sample_recipes(template("dent"), surface(cloud), seed=1, count=300)
    top = np.mean([recipe.defects[0].center[2] > 0 for recipe in recipes])
    assert top == pytest.approx(0.5, abs=0.1)


def test_draws_pick_by_chance() -> None:
    given = read(
        f'{{{DENT}, "chance": 3}}, {{{DENT}, "chance": 1, "falloff": "flat"}}', '"draws": 1,'
    )
    recipes = list(sample_recipes(given, surface(sphere()), seed=0, count=200))
    assert {len(recipe.defects) for recipe in recipes} == {1}
    flat = np.mean([recipe.defects[0].falloff == "flat" for recipe in recipes])
    assert flat == pytest.approx(0.25, abs=0.08)


def test_automatic_labels_count_the_defects() -> None:
    recipe = draw(template(*KINDS), sphere())
    assert [defect.label for defect in recipe.defects] == list(range(1, len(KINDS) + 1))


def test_scratch_is_about_as_long_as_drawn_and_lies_on_the_surface() -> None:
    given = read('{"kind": "scratch", "length": 0.3, "width": 0.02, "depth": 0.01}')
    for recipe in islice(sample_recipes(given, surface(sphere()), seed=0, count=20), 20):
        path = np.array(recipe.defects[0].path.points)
        length = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
        assert length == pytest.approx(0.3 * sphere().diagonal, rel=0.15)
        np.testing.assert_allclose(np.linalg.norm(path, axis=1), 10.0, atol=0.05)
        assert recipe.defects[0].path.resolved


def test_bend_turns_the_lighter_side() -> None:
    cloud = plate(thickness=0.5, size=20.0)
    cloud = cloud.subset(np.abs(cloud.points[:, 1]) < 4)
    for recipe in sample_recipes(template("bend"), surface(cloud), seed=0, count=10):
        spec = recipe.defects[0]
        assert abs(spec.side[0]) > 0.99
        assert abs(spec.hinge_axis[1]) > 0.99
        behind = (cloud.points - spec.hinge_point) @ spec.side > 0
        assert behind.mean() <= 0.5


def test_a_region_restricts_random_places() -> None:
    given = read(
        f'{{{DENT}, "location": {{"type": "surface_random", "region": "top"}}}}',
        '"lengths": "absolute", "regions": {"top": {"min": [-99, -99, 5], "max": [99, 99, 99]}},',
    )
    for recipe in sample_recipes(given, surface(sphere()), seed=0, count=20):
        assert recipe.defects[0].center[2] >= 5


def test_a_region_is_in_the_unit_of_its_template() -> None:
    inches = read(
        f'{{{DENT}, "location": {{"type": "surface_random", "region": "top"}}}}',
        '"lengths": "absolute", "unit": "inch", '
        '"regions": {"top": {"min": [-1, -1, 0.3], "max": [1, 1, 1]}},',
    )
    for recipe in sample_recipes(inches, surface(sphere()), seed=0, count=20):
        assert recipe.defects[0].center[2] >= 0.3 * 25.4


def test_an_empty_region_is_refused() -> None:
    given = read(
        f'{{{DENT}, "location": {{"type": "surface_random", "region": "off"}}}}',
        '"lengths": "absolute", "regions": {"off": {"min": [50, 50, 50], "max": [60, 60, 60]}},',
    )
    with pytest.raises(SamplingError, match=r"region 'off' from \(50"):
        draw(given, sphere())


def test_given_places() -> None:
    point = read(f'{{{DENT}, "location": {{"type": "point", "position": [0, 0, 0.6]}}}}')
    assert draw(point, sphere()).defects[0].center[2] > 9.9
    plane = read(
        '{"kind": "crack", "length": 0.2, "depth": 0.1, "gap": 0.01, "flank": 0.02, "location": '
        '{"type": "plane", "origin": [0, 0, 0.6], "normal": [1, 0, 0]}}'
    )
    assert draw(plane, sphere()).defects[0].normal == (1.0, 0.0, 0.0)
    path = read(
        '{"kind": "scratch", "length": 0.1, "width": 0.02, "depth": 0.01, "location": {"type": '
        '"path", "path": {"points": [[0.25, 0, 0], [0, 0.25, 0]], "resolved": false}}}'
    )
    points = np.array(draw(path, sphere()).defects[0].path.points)
    np.testing.assert_allclose(points[[0, -1]], [[10, 0, 0], [0, 10, 0]], atol=0.5)
    hull = read(
        '{"kind": "freeform", "size": 0.1, "amplitude": 0.01, "location": {"type": "hull", '
        '"points": [[0, 0, 0.2], [0.1, 0, 0.3], [0, 0.1, 0.3], [-0.1, 0, 0.3]]}}'
    )
    assert draw(hull, sphere()).defects[0].hull[0][2] == pytest.approx(0.2 * sphere().diagonal)


CAMERA = Camera(
    name="above",
    width=200,
    height=200,
    fx=200.0,
    fy=200.0,
    cx=100.0,
    cy=100.0,
    # 30 above the centre, looking down: x right, y down the image is -y of the part.
    T_camera_part=((1, 0, 0, 0), (0, -1, 0, 0), (0, 0, -1, 30), (0, 0, 0, 1)),
)


def in_view_box(kind: str, box: list[float], view: str = "above") -> RecipeTemplate:
    location = f'"location": {{"type": "view_box", "view": "{view}", "box": {box}}}'
    text = template(kind).model_dump_json(exclude_none=True)
    text = text.replace('"location":{"type":"surface_random"}', location)
    return parse_document(text, RecipeTemplate)


def test_view_box_finds_the_visible_surface() -> None:
    views = ViewSet(cameras=(CAMERA,))
    dent = draw(in_view_box("dent", [95, 95, 105, 105]), sphere(), views=views).defects[0]
    np.testing.assert_allclose(dent.center, [0, 0, 10], atol=0.6)
    right = draw(in_view_box("dent", [140, 95, 150, 105]), sphere(), views=views).defects[0]
    assert right.center[0] > 4
    assert right.center[2] > 0, "the far side of the sphere is hidden"
    up = draw(in_view_box("dent", [95, 50, 105, 60]), sphere(), views=views).defects[0]
    assert up.center[1] > 4


def test_view_box_gives_paths_planes_and_hulls() -> None:
    views, box = ViewSet(cameras=(CAMERA,)), [70, 95, 130, 105]
    path = np.array(draw(in_view_box("scratch", box), sphere(), views=views).defects[0].path.points)
    assert np.ptp(path[:, 0]) > 4
    assert np.ptp(path[:, 1]) < 1.5
    crack = draw(in_view_box("crack", box), sphere(), views=views).defects[0]
    assert abs(crack.normal[0]) > 0.9
    hull = np.array(draw(in_view_box("freeform", box), sphere(), views=views).defects[0].hull)
    assert np.ptp(hull[:, 0]) > 5


def test_view_box_errors() -> None:
    views = ViewSet(cameras=(CAMERA,))
    with pytest.raises(SamplingError, match="'below' is not in the view set; known views: above"):
        draw(in_view_box("dent", [0, 0, 9, 9], view="below"), sphere(), views=views)
    with pytest.raises(SamplingError, match="none were given"):
        draw(in_view_box("dent", [0, 0, 9, 9]), sphere())
    with pytest.raises(SamplingError, match="shows none of the surface"):
        draw(in_view_box("dent", [0, 0, 2, 2]), sphere(), views=views)


def test_a_cloud_without_normals_is_refused() -> None:
    with pytest.raises(SamplingError, match="outward normals"):
        draw(template("dent"), PointCloud.of(sphere().points))


def test_a_row_of_marks_is_evenly_spaced_and_heads_one_way() -> None:
    given = read(
        '{"kind": "scratch", "length": 0.08, "width": 0.005, "depth": 0.002, "repeat": '
        '{"count": 5, "spacing": 0.03}}'
    )
    cloud = plate(step=0.1)
    paths = [np.array(defect.path.points) for defect in draw(given, cloud).defects]
    assert len(paths) == 5
    middles = np.array([path.mean(axis=0) for path in paths])
    steps = np.diff(middles, axis=0)
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), 0.03 * cloud.diagonal, atol=0.25)
    headings = np.array([path[-1] - path[0] for path in paths])
    headings /= np.linalg.norm(headings, axis=1, keepdims=True)
    assert (headings @ headings[0] > 0.98).all()
    assert [defect.label for defect in draw(given, cloud).defects] == [1, 2, 3, 4, 5]


def test_the_mouths_of_a_row_of_cracks_lie_side_by_side() -> None:
    given = read(
        '{"kind": "crack", "length": 0.08, "depth": 0.01, "gap": 0.004, "flank": 0.01, "repeat": '
        '{"count": 4, "spacing": 0.03}}'
    )
    cloud = plate(step=0.1)
    for seed in range(6):
        cracks = draw(given, cloud, seed).defects
        row = np.array(cracks[-1].origin) - cracks[0].origin
        row /= np.linalg.norm(row)
        for crack in cracks:
            assert abs(row @ crack.normal) > 0.95, "the plane of each lies across the row"


def test_edges_are_found_and_their_normal_is_midway() -> None:
    cloud = load_surface(sample_path("nist_ftc_10"), unit=Unit.MM, seed=0).cloud
    location = '"location": {"type": "edge_random", "angle": 1.0}'
    given = read(f'{{"kind": "dent", "radius": 0.02, "depth": 0.01, "along": "place", {location}}}')
    for recipe in sample_recipes(given, surface(cloud), seed=0, count=10):
        dent = recipe.defects[0]
        near = cloud.tree.query_ball_point(dent.center, 0.02 * cloud.diagonal)
        cosine = cloud.normals[near] @ cloud.normals[near].T
        assert cosine.min() < np.cos(1.0)
        assert dent.direction == tuple(-x for x in dent.center_normal)


def test_a_surface_without_edges_is_refused() -> None:
    given = read(f'{{{DENT}, "location": {{"type": "edge_random"}}}}')
    with pytest.raises(SamplingError, match=r"none of the surface turns by more than 0\.6"):
        draw(given, sphere())


def test_near_places_are_about_the_first_defect() -> None:
    near = '"location": {"type": "near", "distance": 0.1}'
    given = read(f"{{{DENT}}}, {{{DENT}, {near}}}, {{{DENT}, {near}}}")
    apart = set()
    for recipe in sample_recipes(given, surface(sphere()), seed=0, count=20):
        first, *others = (np.array(defect.center) for defect in recipe.defects)
        away = [np.linalg.norm(other - first) for other in others]
        assert max(away) <= 0.1 * sphere().diagonal
        apart |= {round(float(x), 9) for x in away}
    assert len(apart) > 20


def test_a_lasso_becomes_a_hull_through_the_surface() -> None:
    cloud = plate(step=0.1)
    line = "[[-3, -2, 0.25], [3, -2, 0.25], [3, 2, 0.25], [-3, 2, 0.25]]"
    given = read(
        '{"kind": "freeform", "size": 2, "amplitude": 0.2, "bump_count": 6, "margin_ratio": 0.05, '
        f'"location": {{"type": "lasso", "points": {line}}}}}',
        '"lengths": "absolute",',
    )
    effect = DEFECTS["freeform"](cloud, draw(given, cloud).defects[0])
    x, y, z = cloud.points.T
    inside = (np.abs(x) < 3) & (np.abs(y) < 2) & (z > 0)
    assert (effect.weight[inside] > 0).mean() > 0.95
    assert not effect.weight[~inside].any(), "not even on the far side"


def test_a_lasso_that_encloses_nothing_is_refused() -> None:
    location = '{"type": "lasso", "points": [[0, 0, 0.3], [0.1, 0, 0.3], [0.2, 0, 0.3]]}'
    given = read(f'{{"kind": "freeform", "size": 0.1, "amplitude": 0.01, "location": {location}}}')
    with pytest.raises(SamplingError, match="encloses nothing"):
        draw(given, sphere())


def test_a_row_at_a_border_stays_parallel() -> None:
    scratch = (
        '{"kind": "scratch", "length": 0.12, "width": 0.005, "depth": 0.002, "repeat": '
        '{"count": 4, "spacing": 0.02}, "location": {"type": "point", "position": [0.3, 0.3, 0]}}'
    )
    cloud = plate(step=0.1)
    for seed in range(6):
        recipe = draw(read(scratch, '"lengths": "ratio",'), cloud, seed)
        paths = [np.array(defect.path.points) for defect in recipe.defects]
        headings = np.array([path[-1] - path[0] for path in paths])
        headings /= np.linalg.norm(headings, axis=1, keepdims=True)
        assert (headings @ headings.T > 0.95).all()


def test_a_scratch_that_has_nowhere_to_go_is_refused() -> None:
    given = read('{"kind": "scratch", "length": 0.001, "width": 0.001, "depth": 0.001}')
    with pytest.raises(SamplingError, match="nowhere to go"):
        draw(given, plate(step=1.0))
