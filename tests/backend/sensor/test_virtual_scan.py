"""Virtual scans see what a sensor would see."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.errors import CloudError, MissingDependencyError
from backend.samples import load_sample
from backend.sensor.virtual_scan import virtual_scan


def _scan(name: str = "plate_holes", seed: int = 0, **changes: object) -> PointCloud:
    settings = {"views": 4, "points": 5_000, "noise": 0.0} | changes
    return virtual_scan(load_sample(name), rng=np.random.default_rng(seed), **settings)


def test_without_noise_every_point_lies_on_the_surface() -> None:
    scan = _scan()
    surface = subsample_surface(load_sample("plate_holes"), 40_000, np.random.default_rng(0))
    distance, nearest = surface.tree.query(scan.points)
    apart = scan.points - surface.points[nearest]
    assert distance.max() < 10 * surface.spacing
    height = np.abs(np.einsum("ni,ni->n", apart, surface.normals[nearest]))
    assert np.median(height) < 1e-3
    assert scan.unit == "mm"


def test_about_as_many_points_as_wanted() -> None:
    assert len(_scan()) == pytest.approx(5_000, rel=0.05)


def test_one_view_sees_only_what_faces_it() -> None:
    scan = _scan("pawn", views=1)
    # One direction of view exists that no normal faces away from.
    towards = scan.normals.mean(axis=0)
    towards /= np.linalg.norm(towards)
    assert (scan.normals @ towards).min() > -0.25
    everywhere = _scan("pawn", views=8)
    assert (everywhere.normals @ towards).min() < -0.9


def test_noise_moves_points_by_as_much_as_was_asked() -> None:
    clean, noisy = _scan("pawn", views=1), _scan("pawn", views=1, noise=0.05)
    surface = subsample_surface(load_sample("pawn"), 200_000, np.random.default_rng(0), even=False)

    def heights(scan: PointCloud) -> np.ndarray:
        _, nearest = surface.tree.query(scan.points)
        apart = scan.points - surface.points[nearest]
        return np.einsum("ni,ni->n", apart, surface.normals[nearest])

    assert heights(clean).std() < 0.02
    assert 0.02 < heights(noisy).std() < 0.07


def test_the_same_state_gives_the_same_bytes() -> None:
    first, second = _scan(noise=0.1), _scan(noise=0.1)
    assert first.points.tobytes() == second.points.tobytes()
    assert first.normals.tobytes() == second.normals.tobytes()
    assert _scan(noise=0.1, seed=1).points.tobytes() != first.points.tobytes()


def test_normals_of_an_inside_out_mesh_still_point_out() -> None:
    mesh = load_sample("pawn")
    turned = PointCloud(mesh.points, faces=mesh.faces[:, ::-1])
    scan = virtual_scan(turned, views=6, points=3_000, noise=0.0, rng=np.random.default_rng(0))
    head = scan.points[:, 2] > 120.0
    center = np.array([0.0, 0.0, 126.0])
    outward = np.einsum("ni,ni->n", scan.normals[head], scan.points[head] - center)
    assert (outward > 0).all()


def test_a_scan_cannot_be_scanned() -> None:
    with pytest.raises(CloudError, match="no faces"):
        _scan("pawn_scan")


def test_without_embreex_the_install_command_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "trimesh.ray.ray_pyembree", None)
    with pytest.raises(MissingDependencyError, match=r"flawsmith\[scan\]"):
        _scan()
