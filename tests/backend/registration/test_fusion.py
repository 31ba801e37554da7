"""A nominal model that is fused from scans."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.spatial.transform import Rotation

from backend.arrays import FloatArray
from backend.cli import main
from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.errors import CloudError, RegistrationError
from backend.geometry.transform import transform_points
from backend.io import read_cloud, write_cloud
from backend.registration import NominalModel, register
from backend.registration.fused_surface import left_out_residuals, shrunk_spread
from backend.registration.fusion import fuse_scans
from backend.samples import load_sample
from backend.sensor.virtual_scan import virtual_scan

PART = "motor_holder"


def scan(seed: int) -> PointCloud:
    """The part from all around, with normals, in its own frame."""
    mesh, rng = load_sample(PART), np.random.default_rng(seed)
    noise = 2e-4 * mesh.diagonal
    return virtual_scan(mesh, views=8, points=5_000, noise=noise, rng=rng)


def anywhere(seed: int) -> FloatArray:
    """A pose (4, 4) by chance."""
    rng = np.random.default_rng([seed, 1])
    pose = np.eye(4)
    pose[:3, :3] = Rotation.random(random_state=rng).as_matrix()
    pose[:3, 3] = 100.0 * rng.normal(size=3)
    return pose


def off_by(poses: list[FloatArray], moved: list[FloatArray]) -> FloatArray:
    """How far (S,) ``poses`` bring scans that were ``moved`` apart, as ratios of the diagonal."""
    corners = load_sample(PART).points
    placed = [transform_points(p @ m, corners) for p, m in zip(poses, moved, strict=True)]
    away = [np.linalg.norm(one - placed[0], axis=1).max() for one in placed]
    return np.array(away) / load_sample(PART).diagonal


def test_the_command_makes_a_model_that_scans_are_registered_to(tmp_path: Path) -> None:
    moved = [anywhere(seed) for seed in range(3)]
    files = [tmp_path / f"{seed}.ply" for seed in range(3)]
    for seed, file in enumerate(files):
        write_cloud(file, scan(seed).transformed(moved[seed]))
    out = tmp_path / "out"
    given = ["fuse", *map(str, files), "--out", str(out), "--unit", "mm", "--picture"]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output
    record = json.loads((out / "model.json").read_text("utf-8"))
    assert record["trust"]["is_trusted"] and record["trust"]["scans"] == 3
    assert "3 nominal scans lie on one another" in " ".join(result.output.split())
    poses = [np.array(record["T_part_scan"][file.name]) for file in files]
    assert off_by(poses, moved).max() < 2e-3
    assert (out / "model.png").stat().st_size > 0

    model, mesh = read_cloud(out / "model.ply", unit="mm"), load_sample(PART)
    truth = subsample_surface(mesh, 4_000, np.random.default_rng(0), even=False)
    placed = transform_points(poses[0] @ moved[0], truth.points)
    assert np.quantile(NominalModel(model).distance(placed), 0.9) < 3e-3 * mesh.diagonal
    assert np.median(model.fields["scans"]) == 3
    assert 1e-5 < np.median(model.fields["spread"]) < 1e-3

    found = register(model, scan(9).transformed(anywhere(9)), rng=np.random.default_rng(0))
    assert off_by([poses[0], found.T_part_scan], [moved[0], anywhere(9)]).max() < 3e-3
    with pytest.raises(CloudError, match="no faces"):
        register(scan(9), scan(8), rng=np.random.default_rng(0))  # a scan is no model


def test_partial_views_are_joined() -> None:
    """Three views of one side; the first and the last look 70 degrees apart."""
    mesh = load_sample(PART)
    noise = 2e-4 * mesh.diagonal
    views = [
        virtual_scan(mesh, views=1, points=3_000, noise=noise, rng=np.random.default_rng(seed))
        for seed in (34, 1, 9)
    ]
    moved = [anywhere(seed) for seed in range(3)]
    scans = [view.transformed(pose) for view, pose in zip(views, moved, strict=True)]
    assert scans[2].normals is not None
    scans[2] = scans[2].with_normals(-scans[2].normals)  # as if its points did not tell its outside
    fused = fuse_scans(scans, progress=None)
    assert off_by(list(fused.poses), moved).max() < 0.01
    assert set(fused.surface.fields["scans"].tolist()) >= {1, 2, 3}
    assert fused.trust.residual is not None and fused.trust.residual < 0.005


def test_too_few_scans_are_refused() -> None:
    with pytest.raises(RegistrationError, match="at least 3 nominal scans, and there are 2"):
        fuse_scans([scan(0), scan(1)], progress=None)


def test_a_scan_is_compared_with_the_mean_of_the_others() -> None:
    heights = np.array([[1.0, 2.0, 6.0], [1.0, np.nan, 3.0], [np.nan, np.nan, 5.0]])
    found = left_out_residuals(heights)
    np.testing.assert_allclose(found[0], [1.0 - 4.0, 2.0 - 3.5, 6.0 - 1.5])
    np.testing.assert_allclose(found[1, [0, 2]], [-2.0, 2.0])
    assert np.isnan(found[1, 1]) and np.isnan(found[2]).all()


def test_the_spread_of_few_scans_is_drawn_to_that_of_all_places() -> None:
    rng = np.random.default_rng(0)
    many, few = rng.normal(size=(2_000, 40)), np.full((2_000, 40), np.nan)
    few[:, :2] = many[:, :2]
    quiet = np.concatenate([0.1 * many, many])
    spread = shrunk_spread(quiet)
    assert np.median(spread[:2_000]) < 0.3 < 0.9 < np.median(spread[2_000:])
    # Two scans alone would say anything between 0 and 3.
    assert shrunk_spread(few).std() < 0.25 and np.nanstd(few, axis=1, ddof=1).std() > 0.5
