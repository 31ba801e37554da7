"""Even points on closed meshes."""

from __future__ import annotations

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.errors import CloudError
from backend.geometry.surface import is_watertight, signed_volume
from backend.geometry.thinning import thin
from backend.samples import load_sample

TRIANGLE = PointCloud(np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), faces=np.array([[0, 1, 2]]))


def test_a_mesh_with_a_face_missing_or_turned_is_not_watertight() -> None:
    faces = load_sample("plate_holes").faces
    assert is_watertight(faces)
    assert not is_watertight(faces[1:])
    assert not is_watertight(np.vstack([faces[:1, ::-1], faces[1:]]))
    assert not is_watertight(faces[:0])


def test_volume_of_a_plate_with_holes() -> None:
    plate = load_sample("plate_holes")
    box = np.ptp(plate.points, axis=0).prod()
    assert 0.9 * box < signed_volume(plate.points, plate.faces) < box
    flipped = signed_volume(plate.points, plate.faces[:, ::-1])
    assert flipped == pytest.approx(-signed_volume(plate.points, plate.faces))


def test_points_lie_within_the_face_and_fill_it_evenly() -> None:
    cloud = subsample_surface(TRIANGLE, 1_000, np.random.default_rng(0))
    x, y, z = cloud.points.T
    assert (x >= 0).all() and (y >= 0).all() and (x + y <= 1 + 1e-12).all() and (z == 0).all()
    assert len(cloud) == pytest.approx(1_000, rel=0.05)
    # As many in the quarter near a corner as its area says.
    assert (x > 0.5).mean() == pytest.approx(0.25, abs=0.03)
    np.testing.assert_array_equal(cloud.normals, np.tile([0.0, 0, 1], (len(cloud), 1)))


def test_an_even_spread_has_no_close_pairs_beyond_chance() -> None:
    rng = np.random.default_rng(0)
    even = subsample_surface(TRIANGLE, 1_000, rng)
    chance = subsample_surface(TRIANGLE, 1_000, rng, even=False)
    assert len(chance) == 1_000
    assert even.spacing > 1.2 * chance.spacing


def test_the_same_state_gives_the_same_points() -> None:
    mesh = load_sample("pawn")
    first, second = (subsample_surface(mesh, 3_000, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.points, second.points)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_thinning_keeps_about_as_many_as_wanted_at_any_scale(scale: float) -> None:
    points = np.random.default_rng(0).random((20_000, 3)) * scale
    assert thin(points, 500).sum() == pytest.approx(500, rel=0.05)
    assert thin(points, 30_000).all()


def test_thinning_of_points_at_one_place_keeps_one() -> None:
    assert thin(np.zeros((10, 3)), 3).sum() == 1


def test_a_scan_has_no_surface_to_sample() -> None:
    with pytest.raises(CloudError, match="have no faces; give the nominal model as STL"):
        subsample_surface(load_sample("pawn_scan"), 10, np.random.default_rng(0))


def test_a_mesh_without_area_is_refused() -> None:
    flat = PointCloud(np.zeros((3, 3)), faces=np.array([[0, 1, 2]]))
    with pytest.raises(CloudError, match="no area"):
        subsample_surface(flat, 10, np.random.default_rng(0))
