"""Normals lie across the surface, agree with each other, and point out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.cloud import PointCloud
from backend.cloud.normals import with_outward_normals
from backend.cloud.surface import subsample_surface
from backend.geometry.normals import (
    estimate_normals,
    mesh_vertex_normals,
    orient_consistently,
    orient_towards,
)
from backend.registration.nominal_model import nominal_model
from backend.samples import load_sample, sample_names
from backend.sensor.virtual_scan import virtual_scan


def samples(mesh: PointCloud) -> PointCloud:
    """What of a nominal model tells the outside of a scan."""
    return nominal_model(mesh).dense_samples


def _sphere(count: int = 2_000) -> PointCloud:
    """Even points on a unit sphere, whose normals are the points themselves."""
    height = 1.0 - 2.0 * (np.arange(count) + 0.5) / count
    angle = np.pi * (1.0 + np.sqrt(5.0)) * np.arange(count)
    flat = np.sqrt(1.0 - height**2)
    return PointCloud(np.stack([flat * np.cos(angle), flat * np.sin(angle), height], axis=1))


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("ni,ni->n", a, b)


def test_estimated_normals_lie_across_the_surface() -> None:
    sphere = _sphere()
    normals = estimate_normals(sphere.points, sphere.tree)
    assert np.abs(_cosines(normals, sphere.points)).min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)


def test_estimating_a_subset_gives_the_same_normals() -> None:
    sphere = _sphere()
    rows = np.array([5, 3, 900])
    np.testing.assert_allclose(
        estimate_normals(sphere.points, sphere.tree, subset=rows),
        estimate_normals(sphere.points, sphere.tree)[rows],
        atol=1e-12,
    )


def test_fewer_points_than_neighbors_are_enough() -> None:
    flat = PointCloud(np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]))
    normals = estimate_normals(flat.points, flat.tree)
    np.testing.assert_allclose(np.abs(normals), [[0, 0, 1]] * 3, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_consistent_normals_of_closed_pieces_all_point_out(seed: int) -> None:
    """Two spheres far apart, signs at random: each piece is made right on its own."""
    sphere = _sphere()
    both = PointCloud(np.vstack([sphere.points, 3.0 * sphere.points + 50.0]))
    outward = np.vstack([sphere.points, sphere.points])
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(len(both), 1))
    oriented = orient_consistently(both.points, outward * signs, both.tree)
    assert (_cosines(oriented, outward) > 0).all()


def test_normals_of_a_cavity_point_into_it() -> None:
    """A hollow ball with a smaller one loose inside: each points out of its material."""
    sphere = _sphere(4_000)
    radii = np.repeat([1.0, 0.8, 0.3], len(sphere))
    points = np.tile(sphere.points, (3, 1)) * radii[:, None] + 5.0
    cloud = PointCloud(points)
    oriented = orient_consistently(points, estimate_normals(points, cloud.tree), cloud.tree)
    outward = np.tile(sphere.points, (3, 1)) * np.where(radii == 0.8, -1.0, 1.0)[:, None]
    assert (_cosines(oriented, outward) > 0).all()


def test_an_open_shell_makes_no_cavity() -> None:
    sphere = _sphere(4_000).points
    bowl = sphere[sphere[:, 2] < 0.5]
    points = np.concatenate([bowl, 0.3 * sphere])
    cloud = PointCloud(points)
    oriented = orient_consistently(points, estimate_normals(points, cloud.tree), cloud.tree)
    assert (_cosines(oriented, points) > 0).all()


@pytest.mark.parametrize("name", sample_names("mesh"))
def test_normals_of_a_scanned_closed_part_point_out(name: str) -> None:
    """Over thin walls and sharp edges, from the points alone."""
    scan = subsample_surface(load_sample(name), 60_000, np.random.default_rng(1))
    cloud, source = with_outward_normals(PointCloud(scan.points))
    assert source == "consistent"
    assert (_cosines(cloud.normals, scan.normals) > 0).mean() > 0.997


def test_walls_of_a_thin_plate_point_away_from_each_other() -> None:
    """Two spacings apart, joined by the narrow sides."""
    box = np.array([[x, y, z] for x in (0.0, 60) for y in (0.0, 60) for z in (0.0, 2)])
    squares = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    faces = np.array([t for a, b, c, d in squares for t in ([a, b, c], [a, c, d])])
    scan = subsample_surface(PointCloud(box, faces=faces), 7_600, np.random.default_rng(0))
    signs = np.random.default_rng(1).choice([-1.0, 1.0], (len(scan), 1))
    oriented = orient_consistently(scan.points, signs * scan.normals, scan.tree)
    assert (_cosines(oriented, scan.normals) > 0).mean() > 0.999


def test_the_viewpoint_tells_the_outside_of_an_open_scan() -> None:
    mesh = load_sample("upper_arm")
    scan = virtual_scan(mesh, views=1, points=20_000, noise=0.0, rng=np.random.default_rng(0))
    far = scan.points.mean(axis=0) + 1e3 * mesh.diagonal * _seen_from(scan)
    cloud, source = with_outward_normals(PointCloud(scan.points), viewpoint=far)
    assert source == "viewpoint"
    assert (_cosines(cloud.normals, scan.normals) > 0).mean() > 0.995


@pytest.mark.parametrize("noise", [1e-4, 3e-3])
def test_what_was_seen_faces_its_sensor_whatever_the_nominal_model_says(noise: float) -> None:
    """Noise as large as a wall is thick brings points to the wrong wall of the model."""
    mesh = load_sample("upper_arm")
    rng = np.random.default_rng(0)
    scan = virtual_scan(mesh, views=1, points=8_000, noise=noise * mesh.diagonal, rng=rng)
    eye = scan.points.mean(axis=0) + 3.0 * mesh.diagonal * _seen_from(scan)
    bare = PointCloud(scan.points)
    cloud, source = with_outward_normals(bare, viewpoint=eye, nominal=samples(mesh))
    assert source == "viewpoint"
    assert (_cosines(cloud.normals, eye - cloud.points) >= 0).all()
    by_model, _ = with_outward_normals(bare, nominal=samples(mesh))
    agree = (_cosines(cloud.normals, by_model.normals) > 0).mean()
    assert agree > (0.99 if noise < 1e-3 else 0.8)


def test_normals_of_a_file_keep_their_sign_before_a_viewpoint() -> None:
    """A file with normals may have been seen from elsewhere, too."""
    sphere = _sphere()
    scan = PointCloud(sphere.points, sphere.points)
    assert with_outward_normals(scan, viewpoint=[0.0, 0.0, 10.0]) == (scan, "file")


def _seen_from(scan: PointCloud) -> np.ndarray:
    """The direction towards the sensor that made ``scan`` in one view: none of it faces away."""
    directions = _sphere(20_000).points
    worst = np.array([np.quantile(scan.normals @ d, 0.001) for d in directions[::10]])
    return directions[::10][np.argmax(worst)]


def test_normals_towards_a_viewpoint() -> None:
    sphere = _sphere()
    eye = np.array([0.0, 0.0, 10.0])
    oriented = orient_towards(sphere.points, sphere.points, eye)
    assert (_cosines(oriented, eye - sphere.points) >= 0).all()


def test_mesh_normals_do_not_depend_on_how_faces_are_cut() -> None:
    """A cube's corner points along its diagonal, whichever way its squares are split."""
    cube = np.array([[x, y, z] for x in (0.0, 1) for y in (0.0, 1) for z in (0.0, 1)])
    squares = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    for turn in (0, 1):
        turned = [np.roll(square, turn) for square in squares]
        faces = np.array([t for a, b, c, d in turned for t in ([a, b, c], [a, c, d])])
        normals = mesh_vertex_normals(cube, faces)
        np.testing.assert_allclose(normals, (2.0 * cube - 1.0) / np.sqrt(3.0), atol=1e-12)


@pytest.mark.parametrize("name", sample_names("mesh"))
@pytest.mark.parametrize("flipped", [False, True])
def test_a_small_step_along_the_normal_leaves_a_closed_part(name: str, flipped: bool) -> None:
    """Inward is inward on every face, however the file winds its faces."""
    mesh = load_sample(name)
    faces = mesh.faces[:, ::-1] if flipped else mesh.faces
    surface = subsample_surface(
        PointCloud(mesh.points, faces=faces), 60, np.random.default_rng(0), even=False
    )
    step = 1e-6 * mesh.diagonal * surface.normals
    assert not _inside(mesh, surface.points + step).any()
    assert _inside(mesh, surface.points - step).all()


def _inside(mesh: PointCloud, points: np.ndarray) -> np.ndarray:
    """Whether the winding number (van Oosterom and Strackee, 1983) around each point is one."""
    a, b, c = np.moveaxis(mesh.points[mesh.faces][None] - points[:, None, None, :], 2, 0)
    la, lb, lc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    volume = np.einsum("pfi,pfi->pf", a, np.cross(b, c))
    ab, bc, ca = (np.einsum("pfi,pfi->pf", *pair) for pair in ((a, b), (b, c), (c, a)))
    angle = 2.0 * np.arctan2(volume, la * lb * lc + ab * lc + bc * la + ca * lb)
    return angle.sum(axis=1) / (4.0 * np.pi) > 0.5


def test_vertices_without_faces_get_normals_too() -> None:
    mesh = load_sample("plate_holes")
    loose = PointCloud(np.vstack([mesh.points, mesh.points[0] + 1e-3]), faces=mesh.faces)
    cloud, _ = with_outward_normals(loose)
    np.testing.assert_allclose(np.linalg.norm(cloud.normals, axis=1), 1.0)


def test_the_choice_is_told() -> None:
    mesh = load_sample("plate_holes")
    scan = subsample_surface(mesh, 2_000, np.random.default_rng(0))
    bare = PointCloud(scan.points)
    assert with_outward_normals(scan)[1] == "file"
    assert with_outward_normals(mesh)[1] == "mesh"
    assert with_outward_normals(bare, viewpoint=[0, 0, 1e3])[1] == "viewpoint"
    assert with_outward_normals(bare, nominal=samples(mesh))[1] == "nominal"
    assert with_outward_normals(bare)[1] == "consistent"


@pytest.mark.parametrize("name", sample_names("mesh"))
def test_the_nominal_model_tells_outside_of_a_noisy_scan(name: str) -> None:
    mesh = load_sample(name)
    rng = np.random.default_rng(1)
    noise = 1e-4 * mesh.diagonal
    scan = virtual_scan(mesh, views=4, points=8_000, noise=noise, rng=rng)
    cloud, _ = with_outward_normals(PointCloud(scan.points), nominal=samples(mesh))
    assert (_cosines(cloud.normals, scan.normals) > 0).mean() > 0.98


@pytest.mark.parametrize("name", sample_names("mesh"))
def test_the_nominal_model_tells_outside_up_to_the_edges(name: str) -> None:
    mesh = load_sample(name)
    rng = np.random.default_rng(1)
    spread = subsample_surface(mesh, 8_000, rng, even=False)
    signs = rng.choice([-1.0, 1.0], (len(spread), 1))
    cloud, _ = with_outward_normals(
        PointCloud(spread.points, signs * spread.normals), nominal=samples(mesh)
    )
    assert (_cosines(cloud.normals, spread.normals) > 0).mean() > 0.999


@given(seed=st.integers(0, 2**32 - 1))
def test_orientation_only_ever_flips_whole_normals(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(60, 3))
    normals = rng.normal(size=(60, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    cloud = PointCloud(points)
    for oriented in (
        orient_consistently(points, normals, cloud.tree),
        orient_towards(points, normals, rng.normal(size=3)),
    ):
        same = (oriented == normals).all(axis=1)
        flipped = (oriented == -normals).all(axis=1)
        assert (same | flipped).all()
