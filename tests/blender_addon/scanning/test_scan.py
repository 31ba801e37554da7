"""Virtual scans: what is measured lies on the surface with its labels; what is lost is right."""

from __future__ import annotations

import bpy
import numpy as np
import pytest
import trimesh

from backend.geometry.closest_on_mesh import closest_on_mesh
from backend.sensor.noise import _growth
from blender_addon.documents.errors import AddonError
from blender_addon.parts.frame import set_part_frame
from blender_addon.scanning.scan import PRESETS, load_scanner, scan_part
from blender_addon.stack.modifiers import add_defect
from shared_schema.scanner import Scanner
from shared_schema.sensor import RayNoise
from tests.blender import add_part, egg, evaluate

CENTER = np.array([1000.0, -2000.0, 300.0])
PLAIN = {
    **Scanner().model_dump(mode="json"),
    "width": 96,
    "height": 80,
    "max_incidence": 1.5,
    "views": {"type": "around", "count": 5},
}


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def from_above(height: float, **changes: object) -> dict[str, object]:
    views = {"type": "given", "viewpoints": [[0.0, 0.0, height]]}
    return {**PLAIN, "views": views, **changes}


def dented_egg() -> bpy.types.Object:
    part = add_part(*egg(10.0), "egg")
    place = {"center": [0.0, 0.0, 5.0], "radius": 3.0, "depth": 1.0, "label": 300}
    add_defect(part, "dent", place)
    set_part_frame(part, "mm", CENTER)
    return part


def step() -> bpy.types.Object:
    """A wall 4 high across y on a plate 20 wide; it stands over x = -0.5 … 0.5."""
    plate = trimesh.creation.box((20.0, 20.0, 1.0))
    wall = trimesh.creation.box((1.0, 20.0, 4.0)).apply_translation((0.0, 0.0, 2.5))
    both = trimesh.util.concatenate([plate, wall])
    return add_part(both.vertices, both.faces, "step")


@pytest.mark.parametrize("name", ["structured_light", "laser_line", "depth_camera"])
def test_bundled_scanners_are_valid_and_complete(name: str) -> None:
    assert (PRESETS / f"{name}.json").exists()
    document = load_scanner(name)
    assert Scanner.model_validate(document).model_dump(mode="json", exclude_none=True).items()
    assert set(document) == set(Scanner.model_fields)


def test_a_bad_scanner_is_refused_with_what_is_there() -> None:
    with pytest.raises(
        AddonError, match="no such file and no bundled scanner; bundled are depth_camera, las"
    ):
        load_scanner("radar")
    with pytest.raises(AddonError, match="width: 3"):
        load_scanner("laser_line", {"width": 3})


def test_points_lie_on_the_evaluated_part_in_the_part_frame() -> None:
    part = dented_egg()
    scan = scan_part(part, PLAIN, rng())
    after = evaluate(part)
    points = (scan.points - CENTER)[::20]
    nearest = closest_on_mesh(after.points.astype(np.float64), egg()[1], points)
    assert np.linalg.norm(nearest - points, axis=1).max() < 1e-6 * 25.0
    assert set(scan.view) == set(range(5))
    inward = np.einsum("ij,ij->i", scan.normals, scan.points - CENTER)
    assert inward.min() > 0.0


def test_labels_are_those_of_the_surface() -> None:
    scan = scan_part(dented_egg(), PLAIN, rng())
    away = np.linalg.norm(scan.points - CENTER - (0.0, 0.0, 5.0), axis=1)
    assert set(scan.labels[scan.mask]) == {300}
    assert not scan.labels[~scan.mask].any()
    assert away[scan.mask].max() < 3.0
    assert scan.mask[away < 1.5].all()
    vertices = egg(10.0)[0][scan.source_index]
    assert np.linalg.norm(vertices - (scan.points - CENTER), axis=1).max() < 1.6


def test_noise_goes_along_the_ray_with_the_stated_deviation() -> None:
    noise = {"model": "ray", "sigma": 0.05, "distance": 50.0, "incidence": "none"}
    settings = from_above(50.0, views={"type": "given", "viewpoints": [[0.0, 0.0, 50.0]]})
    part = step()
    exact = scan_part(part, settings, rng())
    noisy = scan_part(part, {**settings, "noise": noise}, rng())
    moved = noisy.points - exact.points
    ray = exact.points - (0.0, 0.0, 50.0)
    distance = np.linalg.norm(ray, axis=1)
    along = np.einsum("ij,ij->i", moved, ray) / distance
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), np.abs(along), atol=1e-9)
    assert (along / (0.05 * (distance / 50.0) ** 2)).std() == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("incidence", ["none", "cosine", "hyperbolic"])
def test_noise_grows_with_incidence_as_the_backend_has_it(incidence: str) -> None:
    from blender_addon.scanning.scan import _noise

    cosine = np.linspace(0.0, 1.0, 50)
    noise = {"sigma": 2.0, "distance": None, "incidence": incidence, "grazing": 0.1}
    expected = 2.0 * _growth(cosine, RayNoise(sigma=2.0, incidence=incidence, grazing=0.1))
    np.testing.assert_allclose(_noise(noise, np.ones(50), cosine), expected)


def test_steep_surface_is_lost() -> None:
    scan = scan_part(add_part(*egg(10.0)), {**PLAIN, "max_incidence": 0.7}, rng())
    places = np.array([view["place"] for view in scan.views])[scan.view]
    ray = scan.points - places
    cosine = -np.einsum("ij,ij->i", ray, scan.normals) / np.linalg.norm(ray, axis=1)
    assert cosine.min() >= np.cos(0.7)
    assert sum(view["lost"]["incidence"] for view in scan.views) > 0


def test_dropout_keeps_points_in_proportion_to_the_cosine() -> None:
    part = add_part(*egg(10.0))
    everything = scan_part(part, PLAIN, rng())
    dropout = [{"model": "incidence", "sure_cosine": 0.8}, {"model": "random", "share": 0.25}]
    scan = scan_part(part, {**PLAIN, "dropout": dropout}, rng())
    places = np.array([view["place"] for view in everything.views])[everything.view]
    ray = everything.points - places
    cosine = -np.einsum("ij,ij->i", ray, everything.normals) / np.linalg.norm(ray, axis=1)
    expected = 0.75 * np.minimum(cosine / 0.8, 1.0).sum()
    assert len(scan.points) == pytest.approx(expected, rel=0.03)
    lost = [view["lost"] for view in scan.views]
    assert all(view["dropout_0"] > 0 and view["dropout_1"] > 0 for view in lost)


def test_surface_behind_other_surface_is_not_measured() -> None:
    scan = scan_part(step(), from_above(30.0), rng())
    # Rays from the middle above pass the wall's top and meet the plate only beyond its shadow.
    low = np.abs(scan.points[scan.points[:, 2] < 1.0, 0])
    assert low.min() > 0.5 * 30.0 / (30.0 - 4.5) * 0.97
    assert (scan.points[:, 2] > 4.4).any()


def test_the_projectors_shadow_lies_on_the_far_side_of_a_step() -> None:
    camera_only = scan_part(step(), from_above(40.0), rng())
    lit = scan_part(step(), from_above(40.0, baseline=30.0), rng())
    place, pose = lit.views[0]["place"], np.array(lit.views[0]["T_camera_part"])
    lamp = np.array(place) + 30.0 * pose[0, :3]
    side = np.sign(lamp[0]) if abs(lamp[0]) > 1.0 else 0.0
    assert side != 0.0, "the lamp stands across the wall"
    shadowed = set(map(tuple, camera_only.points)) - set(map(tuple, lit.points))
    low = np.array([point for point in shadowed if point[2] < 1.0])
    assert lit.views[0]["lost"]["shadow"] == len(shadowed) - lit.views[0]["lost"]["lamp_incidence"]
    assert (low[:, 0] * side < 0.0).all()
    # By similar triangles: the wall's edge at 0.5 stands 4 over the plate, the lamp 39.5.
    reach = (abs(lamp[0]) + 0.5) * 4.0 / 35.5
    assert np.abs(low[:, 0]).max() == pytest.approx(0.5 + reach, abs=0.4)


def test_merged_views_are_thinned_to_one_point_a_cube() -> None:
    scan = scan_part(add_part(*egg(10.0)), {**PLAIN, "spacing": 1.0}, rng())
    dense = scan_part(add_part(*egg(10.0)), PLAIN, rng())
    assert len(scan.points) < 0.5 * len(dense.points)
    cubes = np.floor(scan.points - dense.points.min(axis=0))
    assert len(np.unique(cubes, axis=0)) == len(cubes)
    assert set(map(tuple, scan.points)) <= set(map(tuple, dense.points))


def test_lengths_are_converted_to_the_parts_unit() -> None:
    part = add_part(*egg(10.0))
    in_mm = {**PLAIN, "baseline": 5.0, "views": {"type": "around", "count": 2, "standoff": 40.0}}
    in_m = {**in_mm, "unit": "m", "baseline": 0.005}
    in_m["views"] = {**in_mm["views"], "standoff": 0.04}
    np.testing.assert_allclose(
        scan_part(part, in_mm, rng()).points, scan_part(part, in_m, rng()).points, atol=1e-9
    )


def test_the_same_seed_measures_the_same() -> None:
    settings = load_scanner("structured_light", {"width": 64, "height": 64, "spacing": None})
    first, second = (scan_part(dented_egg(), settings, rng()) for _ in range(2))
    for name in ("points", "normals", "labels", "weight"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    other = scan_part(dented_egg(), settings, np.random.default_rng(6))
    assert other.points.shape != first.points.shape or (other.points != first.points).any()


def test_a_scan_of_nothing_says_what_was_lost() -> None:
    away = {"type": "given", "viewpoints": [[0.0, 0.0, 1e-3]]}
    with pytest.raises(
        AddonError, match=r"measures no point of 'egg'; rays were lost to .*'incidence'"
    ):
        scan_part(add_part(*egg(10.0), "egg"), {**PLAIN, "views": away}, rng())
