"""What replay promises about every defect, on random defects of every kind."""

from __future__ import annotations

import json
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from backend.cloud import DefectEffect, LabeledCloud, PointCloud
from backend.defects import DEFECTS
from backend.errors import ReplayError
from backend.remake import remake
from backend.replay.replay import replay
from shared_schema.defects import Severed
from shared_schema.load import dump, parse_document
from shared_schema.recipe import Lengths, Part, Recipe
from shared_schema.record import DefectReport, ReplayRecord
from shared_schema.scale import scaled
from tests.backend.shapes import KINDS, plate, random_recipe, sphere

kinds = st.sampled_from(KINDS)
stacks = st.lists(kinds, min_size=2, max_size=4)
seeds = st.integers(0, 10_000)

NOTHING: dict[str, dict[str, Any]] = {
    "dent": {"depth": 0.0},
    "scratch": {"depth": 0.0},
    "bend": {"angle": 0.0},
    "crack": {"gap": 0.0},
    "freeform": {"bumps": (), "smoothing": 0},
    "hole": {"depth": 0.0},
    "deposit": {"height": 0.0},
}


def with_defects(recipe: Recipe, *defects: Any) -> Recipe:
    return recipe.model_copy(update={"defects": defects})


def rigid(seed: int, scale: float = 1.0, shift: float = 5.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    transform = np.eye(4)
    transform[:3, :3] = scale * Rotation.random(random_state=seed).as_matrix()
    transform[:3, 3] = scale * rng.uniform(-shift, shift, 3)
    return transform


def moved(cloud: PointCloud, transform: np.ndarray) -> PointCloud:
    linear = transform[:3, :3]
    rotation = linear / np.cbrt(np.linalg.det(linear))
    assert cloud.normals is not None
    return PointCloud.of(
        cloud.points @ linear.T + transform[:3, 3], cloud.normals @ rotation.T, cloud.faces
    )


def same_outside_a_band(one: LabeledCloud, other: LabeledCloud, threshold: float) -> np.ndarray:
    """Matching rows of two results, without points that rounding may tip over a threshold."""
    source, a, b = np.intersect1d(one.source_index, other.source_index, return_indices=True)
    assert len(source) >= 0.999 * max(len(one), len(other))
    certain = np.abs(one.weight[a] - threshold) > 1e-6
    return np.stack([a[certain], b[certain]])


@given(kinds, seeds)
def test_zero_depth_is_the_identity(kind: str, seed: int) -> None:
    cloud = sphere()
    recipe = random_recipe(cloud, seed, kind)
    nothing = recipe.defects[0].model_copy(update=NOTHING[kind])
    labeled, record = replay(with_defects(recipe, nothing), cloud)
    assert labeled.points.tobytes() == cloud.points.tobytes()
    assert not labeled.mask.any()
    assert not labeled.weight.any()
    assert record.defects[0].points == 0


@given(kinds, seeds)
def test_every_drawn_defect_marks_something(kind: str, seed: int) -> None:
    cloud = sphere()
    labeled, _ = replay(random_recipe(cloud, seed, kind), cloud, on_empty="refuse")
    assert 0 < labeled.mask.mean() < 0.6


@given(kinds, seeds, seeds)
def test_points_outside_the_support_are_bit_identical(kind: str, seed: int, pose: int) -> None:
    T_scan_part = rigid(pose, scale=0.001)  # noqa: N806
    cloud = moved(sphere(), T_scan_part)
    recipe = random_recipe(sphere(), seed, kind)
    labeled, _ = replay(recipe, cloud, T_part_scan=np.linalg.inv(T_scan_part))
    outside = labeled.weight == 0
    if kind == "bend":
        spec = recipe.defects[0]
        offset = sphere().points[labeled.source_index] - spec.hinge_point
        side = np.cross(np.cross(spec.hinge_axis, spec.side), spec.hinge_axis)
        outside &= offset @ side <= -1e-9
    assert outside.sum() > 0.3 * len(cloud)
    source = labeled.source_index[outside]
    assert labeled.points[outside].tobytes() == cloud.points[source].tobytes()
    assert labeled.normals[outside].tobytes() == cloud.normals[source].tobytes()


@given(kinds, seeds, seeds)
def test_rigid_motion_of_the_input_is_rigid_motion_of_the_output(
    kind: str, seed: int, pose: int
) -> None:
    cloud, T_scan_part = sphere(), rigid(pose)  # noqa: N806
    recipe = random_recipe(cloud, seed, kind)
    still, _ = replay(recipe, cloud)
    turned, _ = replay(recipe, moved(cloud, T_scan_part), T_part_scan=np.linalg.inv(T_scan_part))
    a, b = same_outside_a_band(still, turned, recipe.defects[0].mask_threshold)
    expected = still.points[a] @ T_scan_part[:3, :3].T + T_scan_part[:3, 3]
    np.testing.assert_allclose(turned.points[b], expected, atol=1e-9 * cloud.diagonal)
    np.testing.assert_array_equal(turned.mask[b], still.mask[a])
    np.testing.assert_array_equal(turned.labels[b], still.labels[a])


@given(kinds, seeds, st.floats(-3, 3))
def test_scale_of_part_and_recipe_is_scale_of_the_output(
    kind: str, seed: int, exponent: float
) -> None:
    cloud, scale = sphere(), 10.0**exponent
    recipe = random_recipe(cloud, seed, kind)
    small, _ = replay(recipe, cloud)
    large, _ = replay(
        with_defects(recipe, scaled(recipe.defects[0], scale)),
        PointCloud.of(scale * cloud.points, cloud.normals),
    )
    a, b = same_outside_a_band(small, large, recipe.defects[0].mask_threshold)
    expected = scale * small.points[a]
    np.testing.assert_allclose(large.points[b], expected, atol=1e-9 * scale * cloud.diagonal)
    np.testing.assert_array_equal(large.mask[b], small.mask[a])


def test_a_recipe_in_ratios_is_the_recipe_in_lengths() -> None:
    cloud = sphere()
    recipe = random_recipe(cloud, 5, "dent", "scratch")
    ratio = recipe.model_copy(
        update={
            "lengths": Lengths.RATIO,
            "defects": tuple(scaled(d, 1.0 / recipe.part.diagonal) for d in recipe.defects),
        }
    )
    one, _ = replay(recipe, cloud)
    other, _ = replay(parse_document(dump(ratio), Recipe), cloud)
    np.testing.assert_allclose(one.points, other.points, atol=1e-12 * cloud.diagonal)


@given(kinds, seeds)
def test_mask_is_weight_above_threshold_and_rims_of_removals(kind: str, seed: int) -> None:
    cloud = sphere(2000)
    recipe = random_recipe(cloud, seed, kind)
    labeled, _ = replay(recipe, cloud)
    removed = np.ones(len(cloud), dtype=bool)
    removed[labeled.source_index] = False
    borders = {
        int(kept)
        for a, b in cloud.edges
        for kept, gone in ((a, b), (b, a))
        if removed[gone] and not removed[kept]
    }
    rim = np.isin(labeled.source_index, sorted(borders))
    expected = (labeled.weight > recipe.defects[0].mask_threshold) | rim
    np.testing.assert_array_equal(labeled.mask, expected)
    np.testing.assert_array_equal(labeled.labels, np.where(expected, recipe.defects[0].label, 0))
    assert kind in ("crack", "hole") or not removed.any()


@given(stacks, seeds)
def test_compound_recipes_keep_every_label(stack: list[str], seed: int) -> None:
    cloud = sphere()
    recipe = random_recipe(cloud, seed, *stack)
    mask = np.zeros(len(cloud), dtype=bool)
    labels = np.zeros(len(cloud), dtype=np.int32)
    gone = np.zeros(len(cloud), dtype=bool)
    for count in range(1, len(stack) + 1):
        labeled, record = replay(with_defects(recipe, *recipe.defects[:count]), cloud)
        source = labeled.source_index
        assert (labeled.mask >= mask[source]).all(), "a later defect took a point out of the mask"
        changed = labeled.labels != labels[source]
        assert (labeled.labels[changed] == count).all()
        assert (changed <= labeled.mask).all()
        np.testing.assert_array_equal(labeled.labels > 0, labeled.mask)
        assert record.defects[-1].points == (labeled.labels == count).sum()
        mask[source], labels[source] = labeled.mask, labeled.labels
        gone[:] = True
        gone[source] = False
        assert (np.diff(source) > 0).all(), "points keep their order"


@given(stacks, seeds, seeds)
def test_a_sample_is_made_again_from_its_record(stack: list[str], seed: int, pose: int) -> None:
    T_part_scan = rigid(pose, scale=1000.0)  # noqa: N806
    cloud = moved(sphere(), np.linalg.inv(T_part_scan))
    recipe = random_recipe(sphere(), seed, *stack)
    first, record = replay(recipe, cloud, T_part_scan=T_part_scan, snap=True)
    again = remake(parse_document(record.model_dump_json(), ReplayRecord), cloud)
    for name in ("points", "normals", "mask", "labels", "weight", "source_index"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes(), name


def test_same_seed_gives_the_same_recipe_text() -> None:
    one, two = (dump(random_recipe(sphere(), 11, *KINDS)) for _ in range(2))
    assert one == two
    assert dump(random_recipe(sphere(), 12, *KINDS)) != one


@given(kinds, seeds)
def test_replay_does_not_touch_its_input(kind: str, seed: int) -> None:
    cloud = PointCloud.of(sphere().points.copy(), sphere().normals.copy())
    replay(random_recipe(cloud, seed, kind), cloud)
    assert cloud.points.tobytes() == sphere().points.tobytes()
    assert cloud.normals.tobytes() == sphere().normals.tobytes()


@given(kinds.filter(lambda kind: kind != "bend"), seeds, st.sampled_from([1e5, 1e6]))
def test_a_recipe_origin_is_a_shift_of_all_coordinates(
    kind: str, seed: int, distance: float
) -> None:
    cloud = sphere()
    recipe = random_recipe(cloud, seed, kind)
    far = PointCloud.of(cloud.points + distance, cloud.normals)
    near, _ = replay(recipe, cloud)
    there, _ = replay(recipe.model_copy(update={"origin": (distance,) * 3}), far)
    a, b = same_outside_a_band(near, there, recipe.defects[0].mask_threshold)
    np.testing.assert_allclose(there.points[b] - distance, near.points[a], atol=1e-9 * distance)


def test_a_defect_off_the_scan_is_skipped_or_refused() -> None:
    cloud = sphere()
    recipe = random_recipe(cloud, 3, "dent")
    off = recipe.defects[0].model_copy(update={"center": (1e3, 0.0, 0.0)})
    labeled, record = replay(with_defects(recipe, off), cloud)
    assert not labeled.mask.any()
    assert record.defects == (DefectReport(name="", kind="dent", label=1, points=0, removed=0),)
    with pytest.raises(ReplayError, match=r"defects\[0\] \(dent\) marks no point"):
        replay(with_defects(recipe, off), cloud, on_empty="refuse")


def test_snapping_finds_the_scan_that_lies_off_the_nominal_surface() -> None:
    cloud = sphere()
    recipe = random_recipe(cloud, 3, "dent")
    spec = recipe.defects[0].model_copy(update={"depth": 0.5, "radius": 1.0})
    larger = PointCloud.of(1.06 * cloud.points, cloud.normals)
    loose, _ = replay(with_defects(recipe, spec), larger)
    snapped, record = replay(with_defects(recipe, spec), larger, snap=True)
    assert loose.weight.max() < 0.6 < 0.95 < snapped.weight.max()
    center = np.array(record.recipe.defects[0].center)
    assert np.linalg.norm(center) == pytest.approx(10.6, abs=0.01)


@pytest.mark.parametrize("kind", ["dent", "hole", "deposit"])
def test_snapping_brings_a_center_onto_the_scan(kind: str) -> None:
    cloud = PointCloud.of(1.06 * sphere().points, sphere().normals)
    spec = random_recipe(sphere(), 3, kind).defects[0].model_copy(update={"radius": 1.0})
    recipe = with_defects(random_recipe(sphere(), 3, kind), spec)
    _, record = replay(recipe, cloud, snap=True)
    center = np.array(record.recipe.defects[0].center)
    assert np.linalg.norm(center) == pytest.approx(10.6, abs=0.01)


def test_removing_everything_is_refused() -> None:
    cloud = plate()
    recipe = random_recipe(cloud, 1, "crack")
    spec = recipe.defects[0].model_copy(
        update={
            "severed": Severed.REMOVE,
            "origin": (-99.0, 0.0, 0.0),
            "normal": (1.0, 0.0, 0.0),
            "direction": (0.0, 0.0, 1.0),
        }
    )
    with pytest.raises(ReplayError, match="removes every point"):
        replay(with_defects(recipe, spec), cloud)


def test_without_normals_the_error_says_what_to_do() -> None:
    cloud = PointCloud.of(sphere().points)
    with pytest.raises(ReplayError, match="needs outward normals"):
        replay(random_recipe(sphere(), 1, "dent"), cloud)


def test_empty_recipe_is_the_identity() -> None:
    cloud = sphere()
    labeled, _ = replay(Recipe(part=Part(diagonal=1.0)), cloud)
    assert labeled.points.tobytes() == cloud.points.tobytes()
    assert not labeled.mask.any()


def test_a_thousand_defects_are_replayed_without_keeping_a_cloud_of_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last one asks for the adjacency, which all of them hand on."""
    cloud = sphere(400)
    dents = [
        {"kind": "dent", "center": cloud.points[n % 400].tolist(), "radius": 1.0, "depth": 1e-4}
        for n in range(999)
    ]
    hole = {"kind": "hole", "center": [0.0, 0.0, 10.0], "direction": [0.0, 0.0, -1.0]}
    defects = [*dents, {**hole, "radius": 2.0, "depth": 1.0, "walls": "none", "rim_width": 1.0}]
    document = {"schema_version": 1, "part": {"diagonal": 34.6}, "defects": defects}
    seen: list[weakref.ref[PointCloud]] = []
    most = 0
    dent = DEFECTS["dent"]

    def counted(cloud: PointCloud, spec: Any) -> DefectEffect:
        nonlocal most
        seen.append(weakref.ref(cloud))
        most = max(most, sum(one() is not None for one in seen))
        return dent(cloud, spec)

    monkeypatch.setitem(DEFECTS, "dent", counted)
    labeled, record = replay(parse_document(json.dumps(document), Recipe), cloud)
    assert record.defects[-1].removed > 0
    assert len(labeled) == len(cloud) - record.defects[-1].removed
    assert len(seen) == 999 and most <= 3
