"""Stray points and flying pixels go; surface stays, to the last point."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.errors import CloudError
from backend.registration.align import align, align_again
from backend.registration.cleaning import CleanSettings, clean
from backend.samples import load_sample, sample_names
from backend.sensor.virtual_scan import virtual_scan

FloatArray = NDArray[np.float64]

EYE = np.array([0.0, 0.0, 300.0])


def plate(half: float, height: float, rng: np.random.Generator) -> FloatArray:
    """A level square, four points a square unit, a little noisy."""
    steps = np.arange(-half, half, 0.5)
    x, y = np.meshgrid(steps, steps)
    points = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, height)])
    return points + rng.normal(scale=0.02, size=points.shape)


def ramp(rng: np.random.Generator) -> FloatArray:
    """What a depth camera makes up along one edge of a plate 20 over the ground: rows of points."""
    y, z = np.meshgrid(np.arange(-10.0, 10.0, 0.5), np.arange(2.0, 19.0, 1.5))
    x = 10.0 * (300.0 - z) / 280.0 + rng.normal(scale=0.02, size=z.shape)
    return np.column_stack([x.ravel(), y.ravel(), z.ravel()])


def test_stray_points_and_small_clusters_far_away_are_removed() -> None:
    rng = np.random.default_rng(0)
    surface = plate(20.0, 0.0, rng)
    alone = rng.uniform((-200.0, -200.0, 100.0), (200.0, 200.0, 500.0), (20, 3))
    cluster = rng.normal((40.0, 0.0, 0.0), 0.5, size=(12, 3))
    stray = np.concatenate([alone, cluster])
    scan = PointCloud(np.concatenate([stray, surface]), fields={"n": np.arange(6432)})
    cleaned, record = clean(scan)
    np.testing.assert_array_equal(cleaned.rows, np.arange(len(stray), len(scan)))
    np.testing.assert_array_equal(cleaned.fields["n"], cleaned.rows)
    assert (record.stray, record.flying, record.points) == (32, 0, len(scan))
    assert cleaned.notices == ("32 stray points and 0 flying pixels were removed",)
    again, _ = clean(scan, settings=CleanSettings(**record.settings))
    np.testing.assert_array_equal(again.rows, cleaned.rows)


def test_flying_pixels_between_an_edge_and_the_ground_are_removed() -> None:
    rng = np.random.default_rng(1)
    top, ground = plate(10.0, 20.0, rng), plate(40.0, 0.0, rng)
    hidden = (np.abs(ground[:, :2]) < 10.0 * 300.0 / 280.0).all(axis=1)
    surface, flying = np.concatenate([top, ground[~hidden]]), ramp(rng)
    scan = PointCloud(np.concatenate([surface, flying]))
    cleaned, record = clean(scan, EYE)
    lost = np.setdiff1d(np.arange(len(scan)), cleaned.file_rows)
    assert (lost < len(surface)).sum() == 0
    assert record.flying > 0.8 * len(flying)
    without, record = clean(scan)
    assert without is scan and record.flying == 0


def test_a_steep_wall_that_was_scanned_as_densely_as_the_rest_stays() -> None:
    rng = np.random.default_rng(2)
    wall = plate(10.0, 0.0, rng)[:, [2, 1, 0]] + [10.0, 0.0, 10.0]
    surface = np.concatenate([plate(10.0, 20.0, rng), wall, plate(40.0, 0.0, rng)])
    cleaned, _ = clean(PointCloud(surface), EYE)
    assert len(cleaned) == len(surface)


def test_hardly_a_point_of_the_bundled_scans_is_lost() -> None:
    pawn = load_sample("pawn_scan")
    assert len(clean(pawn)[0]) == len(pawn)
    for name in sample_names("mesh"):
        mesh = load_sample(name)
        scan = virtual_scan(mesh, views=3, points=4_000, noise=0.02, rng=np.random.default_rng(0))
        assert len(clean(scan)[0]) >= 0.999 * len(scan)


def test_a_scan_of_stray_points_alone_is_refused() -> None:
    corners = np.array([[0.0, 0.0, 0.0], [900.0, 0.0, 0.0]])
    apart = np.concatenate([corner + 0.01 * plate(5.0, 0.0, np.random.default_rng(3))[:200]
                            for corner in corners])  # fmt: skip
    with pytest.raises(CloudError, match="all 400 points are stray"):
        clean(PointCloud(apart), settings=CleanSettings(largest=1.0, most=300))


def test_aligning_cleans_first_and_again_from_the_record() -> None:
    rng = np.random.default_rng(4)
    scan = PointCloud(np.concatenate([[[0.0, 0.0, 90.0]], plate(20.0, 0.0, rng)]), unit="m")
    aligned = align(scan, clean=True, viewpoint=EYE)
    assert aligned.record.clean is not None and aligned.record.clean.stray == 1
    np.testing.assert_array_equal(aligned.cloud.file_rows, np.arange(1, len(scan)))
    again = align_again(aligned.record.asked, scan, None)
    assert again.cloud.points.tobytes() == aligned.cloud.points.tobytes()
    assert align(scan).record.clean is None and len(align(scan).cloud) == len(scan)
