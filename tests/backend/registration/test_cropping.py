"""The part in the scene: what belongs to it stays, defects included, what does not goes."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.geometry.rotations import even_rotations
from backend.registration.align import align
from backend.registration.cropping import CropSettings, crop, part_of_scene
from backend.registration.nominal_model import nominal_model
from backend.samples import load_sample

FloatArray = NDArray[np.float64]

SIZE = np.array([60.0, 40.0, 20.0])
NOISE = 0.05
UP = np.array([0.0, 0.0, 1.0])
EYE = np.array([120.0, -90.0, 150.0])


@pytest.fixture(scope="module")
def block() -> PointCloud:
    """A block of 60 x 40 x 20 mm that stands on z = 0."""
    mesh = trimesh.creation.box(SIZE)
    return PointCloud(np.array(mesh.vertices) + UP * 10.0, faces=np.array(mesh.faces))


def seen(block: PointCloud, rng: np.random.Generator, dense: int = 1) -> FloatArray:
    """The faces of the block that are seen from above and two sides, ``dense`` points a mm^2."""
    spread = subsample_surface(block, 8_800 * dense, rng, even=dense == 1)
    assert spread.normals is not None
    visible = spread.normals @ [1.0, -1.0, 1.0] > 0.5
    return spread.points[visible] + rng.normal(scale=NOISE, size=(visible.sum(), 3))


def table(width: float, rng: np.random.Generator, dense: int = 1) -> FloatArray:
    """What is seen of a table that reaches ``width`` beyond the block, touching it."""
    half = SIZE[:2] / 2.0 + width
    places = rng.uniform(-half, half, size=(int(dense * np.prod(2.0 * half)), 2))
    beside = (np.abs(places) > SIZE[:2] / 2.0).any(axis=1)
    points = np.column_stack([places[beside], np.zeros(beside.sum())])
    return points + rng.normal(scale=NOISE, size=points.shape)


def stays(points: FloatArray, block: PointCloud, eye: FloatArray | None = EYE) -> NDArray[np.bool_]:
    return part_of_scene(PointCloud(points), nominal_model(block), noise=NOISE, viewpoint=eye)


@pytest.mark.parametrize("eye", [None, EYE])
@pytest.mark.parametrize("width", [6.0, 60.0])
def test_a_table_that_touches_the_part_is_cut_off_at_the_contact(
    block: PointCloud, width: float, eye: FloatArray | None
) -> None:
    rng = np.random.default_rng(0)
    part, rest = seen(block, rng), table(width, rng)
    kept = stays(np.concatenate([part, rest]), block, eye)
    assert kept[: len(part)].mean() > 0.995
    assert kept[len(part) :].mean() < 0.03


def test_stray_points_and_a_wall_behind_go(block: PointCloud) -> None:
    rng = np.random.default_rng(1)
    part = seen(block, rng)
    stray = rng.uniform(-300.0, 300.0, size=(60, 3))
    wall = np.column_stack([np.full(2_000, -80.0), rng.uniform(-40.0, 40.0, size=(2_000, 2))])
    kept = stays(np.concatenate([part, wall, stray]), block)
    assert kept[: len(part)].all()
    assert not kept[len(part) :].any()


def raised(part: FloatArray, height: float, radius: float) -> FloatArray:
    """The part with a bump, or a dent, on its top."""
    away = np.linalg.norm(part[:, :2], axis=1) / radius
    top = part[:, 2] > SIZE[2] - 1.0
    lift = np.where(top & (away < 1.0), height * (1.0 - away**2) ** 2, 0.0)
    return part + lift[:, None] * UP


def bent(part: FloatArray, angle: float) -> FloatArray:
    """The part with the half beyond x = 0 turned up about y."""
    arm = part[:, 0].clip(0.0)
    turned = part.copy()
    turned[:, 0] += arm * (np.cos(angle) - 1.0)
    turned[:, 2] += arm * np.sin(angle)
    return turned


@pytest.mark.parametrize("table_there", [False, True])
def test_no_point_of_a_defect_is_lost(block: PointCloud, table_there: bool) -> None:
    rng = np.random.default_rng(2)
    part = seen(block, rng)
    rest = table(60.0, rng) if table_there else np.empty((0, 3))
    for defect in (raised(part, 9.0, 9.0), raised(part, -8.0, 9.0), bent(part, 0.5)):
        changed = np.linalg.norm(defect - part, axis=1) > 0.5
        kept = stays(np.concatenate([defect, rest]), block)
        # What the defect leaves on the table belongs to neither alone.
        clear = changed & (defect[:, 2] > 3.0)
        assert clear.sum() > 100 and kept[: len(part)][clear].all()
        assert kept[len(part) :].sum() < 0.01 * max(len(rest), 1)


@pytest.mark.parametrize(("height", "stays_there"), [(6.0, True), (20.0, False)])
def test_a_piece_whose_flanks_are_hidden_stays_near_the_part_alone(
    block: PointCloud, height: float, stays_there: bool
) -> None:
    rng = np.random.default_rng(6)
    part = seen(block, rng)
    lid = np.column_stack([rng.uniform(-6.0, 6.0, (150, 2)), np.full(150, SIZE[2] + height)])
    part = part[(np.abs(part[:, :2]) > 6.0).any(axis=1) | (part[:, 2] < SIZE[2] - 1.0)]
    kept = stays(np.concatenate([part, lid]), block)
    assert kept[: len(part)].all()
    assert (kept[len(part) :] == stays_there).all()


def test_many_points_are_told_by_some_of_them(block: PointCloud) -> None:
    rng = np.random.default_rng(3)
    part, rest = seen(block, rng, dense=12), table(40.0, rng, dense=6)
    points = np.concatenate([part, rest, [[500.0, 0.0, 0.0]]])
    order = rng.permutation(len(points))
    kept = np.empty(len(points), dtype=bool)
    kept[order] = stays(points[order], block)
    assert len(points) > 100_000
    assert kept[: len(part)].mean() > 0.99 and kept[len(part) :].mean() < 0.01
    assert not kept[-1]


def test_a_pose_that_would_lose_the_part_crops_nothing(block: PointCloud) -> None:
    part = seen(block, np.random.default_rng(4))
    on_part = np.ones(len(part), dtype=bool)
    away = PointCloud(part + UP * 60.0)
    found = crop(away, nominal_model(block), noise=NOISE, on_part=on_part)
    assert found.stays.all() and found.record.in_doubt
    assert "was not cropped" in found.notices[0]


def test_the_record_makes_the_crop_again(block: PointCloud) -> None:
    rng = np.random.default_rng(5)
    part, rest = seen(block, rng), table(40.0, rng)
    placed = PointCloud(np.concatenate([part, rest]))
    on_part = np.arange(len(placed)) < len(part)
    found = crop(placed, nominal_model(block), noise=NOISE, on_part=on_part, viewpoint=EYE)
    assert found.record.cut == (~found.stays).sum() > 1_000
    assert found.notices == (
        f"{found.record.cut:,} of {len(placed):,} points do not belong to the part and were cut "
        "away",
    )
    settings = CropSettings(**found.record.settings)
    again = part_of_scene(
        placed, nominal_model(block), noise=found.record.noise, viewpoint=EYE, settings=settings
    )
    np.testing.assert_array_equal(again, found.stays)


def test_a_scan_is_cropped_once_it_is_placed() -> None:
    mesh, rng = load_sample("wrist_roll"), np.random.default_rng(0)
    part = subsample_surface(mesh, 4_000, rng).points
    low, high = part.min(axis=0), part.max(axis=0)
    shelf = rng.uniform(
        [high[0] + 5.0, low[1], low[2]], [high[0] + 50.0, high[1], low[2]], (600, 3)
    )
    turn = even_rotations(10)[4]
    scene = PointCloud(0.001 * np.concatenate([part, shelf]) @ turn.T, unit="m")
    aligned = align(scene, mesh, min_fitness=0.6)
    record = aligned.record.crop
    assert record is not None
    assert record.cut == len(scene) - len(aligned.cloud) == len(shelf)
    np.testing.assert_array_equal(aligned.cloud.file_rows, np.arange(len(part)))
    assert "600 of 4," in aligned.cloud.notices[-1]
