"""Resampling restores the scan's density on stretched surface, and touches nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from backend.cloud import LabeledCloud, PointCloud
from backend.geometry.falloff import falloff
from backend.replay.replay import replay
from shared_schema.constants import Falloff
from shared_schema.record import EffectReport
from tests.backend.sensor.scenes import DEFECTS, TOP, deformed, recipe, sensed, surface

NEIGHBORS = 12
CASES = [(name, kind) for name in TOP for kind in DEFECTS]


def spacing(points: np.ndarray, rows: np.ndarray) -> float:
    """Median edge of the square that each of ``rows`` has to itself."""
    distance, _ = cKDTree(points).query(points[rows], k=NEIGHBORS + 1)
    return float(np.median(distance[:, -1]) * np.sqrt(np.pi / NEIGHBORS))


def spacing_ratio(labeled: LabeledCloud) -> float:
    """Spacing well within the defect over that of the surface round about."""
    outside = np.flatnonzero(labeled.weight == 0)
    inside = np.flatnonzero(labeled.weight > 0.05)
    return spacing(labeled.points, inside) / spacing(labeled.points, outside)


def restored(name: str, kind: str) -> LabeledCloud:
    return sensed(deformed(name, kind), surface(name), resample={}).labeled


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_defect_is_as_dense_as_the_surface_about_it(name: str, kind: str) -> None:
    assert spacing_ratio(deformed(name, kind)) > 1.5
    assert spacing_ratio(restored(name, kind)) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_points_that_were_there_stay_bit_identical(name: str, kind: str) -> None:
    before, after = deformed(name, kind), restored(name, kind)
    source = after.source_index[: np.argmax(np.diff(after.source_index) < 0) + 1]
    kept = np.searchsorted(before.source_index, source)
    assert len(kept) > 0.99 * len(before)
    assert after.points[: len(kept)].tobytes() == before.points[kept].tobytes()
    assert after.normals[: len(kept)].tobytes() == before.normals[kept].tobytes()
    outside = before.weight == 0
    assert outside[kept].sum() == outside.sum()


def new_points(name: str, kind: str) -> LabeledCloud:
    before, after = deformed(name, kind), restored(name, kind)
    new = ~np.isin(after.points, before.points).all(axis=1)
    assert new.sum() > 100
    return LabeledCloud(
        after.points[new], after.normals[new], after.mask[new], after.labels[new],
        after.weight[new], after.source_index[new],
    )  # fmt: skip


def dent_errors(points: np.ndarray, name: str) -> np.ndarray:
    """Distances (M,) to the analytic dent, to first order in its slope."""
    radius, depth, step = 3.0, 6.0, 1e-6
    # The dent's falloff is of the distance in space, on a sphere the chord to its center.
    across = np.hypot(points[:, 0], points[:, 1])

    def height(r: np.ndarray) -> np.ndarray:
        base = np.sqrt(100.0 - r * r) if name == "sphere" else np.full_like(r, TOP[name][2])
        chord = np.hypot(r, base - TOP[name][2])
        return base - depth * falloff(chord / radius, Falloff.COSINE)

    slope = (height(across + step) - height(across)) / step
    return np.abs(points[:, 2] - height(across)) / np.hypot(1.0, slope)


@pytest.mark.parametrize("name", list(TOP))
def test_new_points_of_a_deep_dent_lie_on_it(name: str) -> None:
    errors = dent_errors(new_points(name, "dent").points, name) / surface(name).spacing
    assert np.median(errors) < 0.05
    assert errors.max() < 0.7


@pytest.mark.parametrize("name", ["plate", "random"])
def test_new_points_of_a_hole_lie_on_its_wall_or_bottom(name: str) -> None:
    points = new_points(name, "hole").points - TOP[name]
    away = np.hypot(points[:, 0], points[:, 1])
    errors = np.minimum(np.abs(away - 2.0), np.minimum(abs(points[:, 2] + 4.0), abs(points[:, 2])))
    # The two sharp edges are as rounded as the points that were there allow.
    assert np.median(errors) < 0.15 * surface("plate").spacing
    assert errors.max() < surface("plate").spacing


@pytest.mark.parametrize("kind", list(DEFECTS))
def test_a_new_point_has_everything_of_one_parent(kind: str) -> None:
    before = deformed("plate", kind)
    tagged = replace(before, fields={"tag": np.arange(len(before), dtype=np.uint16)})
    after = sensed(tagged, surface("plate"), resample={}).labeled
    parent = after.fields["tag"].astype(int)
    for name in ("mask", "labels", "weight", "source_index"):
        values, given = getattr(after, name), getattr(before, name)
        assert values.dtype == given.dtype
        np.testing.assert_array_equal(values, given[parent])
    assert after.fields["tag"].dtype == np.uint16
    np.testing.assert_allclose(np.linalg.norm(after.normals, axis=1), 1.0, atol=1e-9)
    # The parent is among the nearest of the points that were there.
    away = np.linalg.norm(after.points - before.points[parent], axis=1)
    assert away.max() < 4.0 * np.median(spacing(before.points, np.arange(len(before))))


def test_nothing_is_put_into_a_crack() -> None:
    cloud = surface("random")
    crack = {
        "kind": "crack", "origin": [0, 0, 0], "normal": [1, 0, 0], "direction": [0, 0, -1],
        "length": 8, "depth": 4, "gap": 1.5, "flank": 2, "opening": 0.9,
    }  # fmt: skip
    before = replay(recipe(cloud, **crack), cloud).labeled
    after = sensed(before, cloud, resample={}).labeled
    assert len(before) > len(after) > 0.9 * len(before)
    for name in ("source_index", "points"):
        assert set(map(bytes, getattr(after, name))) <= set(map(bytes, getattr(before, name)))
    # The flanks were pressed together, and are as sparse as the rest now.
    flanks = {id(x): np.flatnonzero(x.mask) for x in (before, after)}
    outside = spacing(after.points, np.flatnonzero(after.weight == 0))
    assert spacing(before.points, flanks[id(before)]) < 0.9 * outside
    assert spacing(after.points, flanks[id(after)]) == pytest.approx(outside, rel=0.15)
    assert len(sensed(before, cloud, resample={"thin": False}).labeled) == len(before)


def test_a_surface_that_only_moved_stays_as_it_is() -> None:
    cloud = surface("plate")
    shallow = replay(recipe(cloud, kind="dent", center=TOP["plate"], radius=3, depth=0.2), cloud)
    after = sensed(shallow.labeled, cloud, resample={})
    assert after.labeled is shallow.labeled
    assert after.record.effects == (EffectReport(effect="resample", added=0, removed=0),)


def test_points_that_coincide_are_no_stretched_surface() -> None:
    once = surface("random")
    twice = PointCloud.of(np.concatenate([once.points] * 2), np.concatenate([once.normals] * 2))
    shallow = replay(recipe(twice, kind="dent", center=TOP["random"], radius=3, depth=0.2), twice)
    noisy = replace(shallow.labeled, points=shallow.labeled.points + 1e-5 * twice.points[::-1])
    effects = sensed(noisy, twice, resample={}).record.effects
    assert effects == (EffectReport(effect="resample", added=0, removed=0),)
