"""Where on a part defects are found from which size on."""

from __future__ import annotations

import numpy as np

from backend.cloud import PointCloud
from backend.evaluation.pod.curve import Curves
from backend.evaluation.pod.places import Patches, differ, place_sizes


def plate(count: int = 4000) -> PointCloud:
    """Both sides of a thin plate of 40 by 20."""
    rng = np.random.default_rng(0)
    top = rng.random(count) < 0.5
    points = np.column_stack(
        [40.0 * rng.random(count), 20.0 * rng.random(count), np.where(top, 0.2, 0.0)]
    )
    normals = np.column_stack([np.zeros((count, 2)), np.where(top, 1.0, -1.0)])
    return PointCloud(points, normals)


def test_patches_cover_a_part_evenly_and_tell_its_sides_apart() -> None:
    cloud = plate()
    patches = Patches.of(cloud, 8)
    assert cloud.normals is not None
    number = patches.number_of(cloud.points, cloud.normals)
    counts = np.bincount(number, minlength=8)
    assert counts.min() > 0.5 * counts.mean() and counts.max() < 2.0 * counts.mean()
    for patch in range(8):
        assert len(np.unique(cloud.normals[number == patch, 2])) == 1


def test_a_place_where_defects_are_found_later_is_told() -> None:
    rng = np.random.default_rng(0)
    sizes, place = np.exp(rng.uniform(np.log(0.2), np.log(3.0), 400)), np.arange(400) % 4
    found = sizes + 0.2 * rng.normal(size=400) > np.where(place == 2, 1.4, 0.7)
    fit = Curves.of(sizes, found).best
    good, _, bad, _ = place_sizes(fit, place, 4)
    assert good.a90 is not None and good.a90_95 is not None
    assert good.a90_lower is not None and good.a90_lower < 0.7 + 0.26 < good.a90_95
    assert bad.a90_lower is not None and bad.a90_lower > good.a90_95
    different, alike = differ(fit, place), differ(fit, rng.integers(0, 4, 400))
    assert different is not None and different < 1e-6
    assert alike is not None and alike > 0.01
    assert differ(fit, np.zeros(400, int)) is None


def test_a_place_without_a_miss_has_a_bound_and_no_a90() -> None:
    rng = np.random.default_rng(0)
    sizes, place = np.exp(rng.uniform(np.log(0.2), np.log(3.0), 200)), np.arange(200) % 2
    found = (sizes + 0.2 * rng.normal(size=200) > 0.7) | (place == 1)
    few = np.where(np.arange(200) < 3, 2, place)
    fit = Curves.of(sizes, found).best
    _, all_found, some = place_sizes(fit, few, 3)
    assert all_found.found == all_found.defects and all_found.a90 is None
    assert all_found.a90_95 is not None and all_found.a90_95 < 0.7
    assert some.refusal == "There are too few defects" and some.a90_95 is None
