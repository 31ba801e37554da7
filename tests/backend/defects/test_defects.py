"""Each defect against what its formula says by hand, on surfaces with known geometry."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import trimesh

from backend.cloud import DefectEffect, PointCloud
from backend.cloud.normals import with_outward_normals
from backend.defects import DEFECTS
from backend.errors import ReplayError
from backend.geometry.blur import blur
from backend.geometry.polyline import arc_lengths
from backend.geometry.surface import signed_volume
from shared_schema.constants import Falloff
from shared_schema.defects import (
    BendSpec,
    Bump,
    CrackSpec,
    DentSpec,
    DepositSpec,
    FreeformSpec,
    HoleSpec,
    HoleWalls,
    ScratchSpec,
    Severed,
)
from shared_schema.locations import SurfacePath
from tests.backend.shapes import plate, sphere

UP = (0.0, 0.0, 1.0)
TOP = 0.25


def at(cloud: PointCloud, *place: float) -> int:
    """Row of the point nearest to ``place``."""
    return int(cloud.tree.query(place)[1])


def dent(**change: object) -> DentSpec:
    base = {"center": (0.0, 0.0, TOP), "center_normal": UP, "radius": 4.0, "depth": 0.8}
    return DentSpec.model_validate({**base, **change})


def scratch(**change: object) -> ScratchSpec:
    path = SurfacePath(points=((-6.0, 0.0, TOP), (6.0, 0.0, TOP)), normals=(UP, UP))
    base = {"path": path, "width": 2.0, "depth": 0.5, "taper": 0.25, "pile_up": 0.4}
    return ScratchSpec.model_validate({**base, **change})


def crack(**change: object) -> CrackSpec:
    base = {
        "origin": (0.0, 0.0, TOP), "normal": (1.0, 0.0, 0.0), "direction": (0.0, 0.0, -1.0),
        "length": 12.0, "depth": 4.0, "gap": 1.2, "opening": 0.5, "flank": 2.0,
    }  # fmt: skip
    return CrackSpec.model_validate({**base, **change})


def test_what_has_no_strength_does_nothing_and_needs_no_normals() -> None:
    bare = PointCloud.of(plate().points)
    for kind, spec in {
        "dent": dent(depth=0.0),
        "scratch": scratch(depth=0.0),
        "bend": TestBend.spec.model_copy(update={"angle": 0.0}),
        "hole": TestHole().spec(depth=0.0, walls="closed", rim=0.3),
        "deposit": TestDeposit().spec(height=0.0),
    }.items():
        effect = DEFECTS[kind](bare, spec)
        assert not effect.displacement.any() and not effect.weight.any(), kind
        assert not effect.removed.any() and effect.normals is None, kind


def test_what_follows_the_normals_says_that_there_are_none() -> None:
    bare = PointCloud.of(plate().points)
    for kind, spec, purpose in (
        ("dent", dent(center_normal=None), "pushing along the inward normal"),
        ("dent", dent(direction=UP), "the facing test"),
        ("scratch", scratch(direction=UP), "the facing test"),
        ("hole", TestHole().spec(walls="closed"), "a hole with walls or a rim"),
        ("deposit", TestDeposit().spec(), "a deposit"),
    ):
        with pytest.raises(ReplayError, match=f"{purpose} needs outward normals, but these"):
            DEFECTS[kind](bare, spec)


def test_the_length_of_a_direction_does_not_count() -> None:
    """Nor does a part of it that is not at right angles to another one."""
    for kind, spec, longer in (
        ("bend", TestBend.spec, {"hinge_axis": (0.0, 2.0, 0.0), "side": (3.0, 5.0, 0.0)}),
        ("hole", TestHole().spec(walls="closed", rim=0.2), {"direction": (0.0, 0.0, -3.0)}),
        ("deposit", TestDeposit().spec(), {"normal": (0.0, 0.0, 4.0), "heading": (2.0, 0.0, 1.0)}),
        ("crack", crack(walls=0.4), {"normal": (5.0, 0.0, 0.0), "direction": (2.0, 0.0, -2.0)}),
    ):
        expected = DEFECTS[kind](plate(), spec)
        effect = DEFECTS[kind](plate(), spec.model_copy(update=longer))
        np.testing.assert_allclose(effect.displacement, expected.displacement, atol=1e-12)
        np.testing.assert_array_equal(effect.removed, expected.removed)
        np.testing.assert_allclose(effect.normals, expected.normals, atol=1e-12)


class TestDent:
    def test_is_deepest_at_the_center_and_goes_in(self) -> None:
        effect = DEFECTS["dent"](plate(), dent())
        middle = at(plate(), 0, 0, TOP)
        np.testing.assert_allclose(effect.displacement[middle], (0, 0, -0.8))
        assert effect.weight[middle] == 1.0

    @pytest.mark.parametrize(
        ("falloff", "expected"),
        [
            ("cosine", 0.5),
            ("linear", 0.5),
            ("flat", 1.0),
            ("gaussian", (np.exp(-8 / 9) - np.exp(-32 / 9)) / (1 - np.exp(-32 / 9))),
        ],
    )
    def test_weight_at_half_the_radius(self, falloff: str, expected: float) -> None:
        effect = DEFECTS["dent"](plate(), dent(falloff=Falloff(falloff)))
        assert effect.weight[at(plate(), 2, 0, TOP)] == pytest.approx(expected)

    def test_far_side_of_a_thin_wall_does_not_move(self) -> None:
        effect = DEFECTS["dent"](plate(), dent())
        below = plate().points[:, 2] < 0
        assert not effect.displacement[below].any()
        assert not effect.weight[below].any()

    def test_without_a_center_normal_both_sides_move_towards_each_other(self) -> None:
        effect = DEFECTS["dent"](plate(), dent(center_normal=None))
        assert effect.displacement[at(plate(), 0, 0, -TOP), 2] > 0

    def test_negative_depth_is_a_bump(self) -> None:
        effect = DEFECTS["dent"](plate(), dent(depth=-0.8))
        assert effect.displacement[at(plate(), 0, 0, TOP), 2] == pytest.approx(0.8)

    def test_direction_overrides_the_normals(self) -> None:
        effect = DEFECTS["dent"](plate(), dent(direction=(3.0, 0.0, 0.0)))
        np.testing.assert_allclose(effect.displacement[at(plate(), 0, 0, TOP)], (0.8, 0, 0))


class TestScratch:
    def test_groove_is_as_deep_as_said_along_the_middle(self) -> None:
        effect = DEFECTS["scratch"](plate(), scratch())
        np.testing.assert_allclose(effect.displacement[at(plate(), 0, 0, TOP)], (0, 0, -0.5))
        np.testing.assert_allclose(effect.displacement[at(plate(), 3, 0, TOP)], (0, 0, -0.5))

    def test_lips_are_raised_beside_the_groove(self) -> None:
        effect = DEFECTS["scratch"](plate(), scratch())
        lip = at(plate(), 0, 1.5, TOP)
        assert effect.displacement[lip, 2] == pytest.approx(0.4 * 0.5)
        assert effect.weight[lip] == pytest.approx(0.4)
        assert not DEFECTS["scratch"](plate(), scratch(pile_up=0.0)).weight[lip]

    def test_fades_to_its_ends(self) -> None:
        effect = DEFECTS["scratch"](plate(), scratch())
        assert effect.displacement[at(plate(), -6, 0, TOP), 2] == 0
        assert effect.displacement[at(plate(), -4.5, 0, TOP), 2] == pytest.approx(-0.25)

    def test_without_taper_it_is_as_deep_near_its_ends(self) -> None:
        effect = DEFECTS["scratch"](plate(), scratch(taper=0.0))
        assert effect.displacement[at(plate(), -5.5, 0, TOP), 2] == pytest.approx(-0.5)

    def test_far_side_of_a_thin_wall_does_not_move(self) -> None:
        effect = DEFECTS["scratch"](plate(), scratch())
        assert not effect.displacement[plate().points[:, 2] < 0].any()

    def test_roughness_changes_the_depth_within_its_bounds_and_by_its_seed(self) -> None:
        smooth = DEFECTS["scratch"](plate(), scratch()).displacement[:, 2]
        rough = DEFECTS["scratch"](plate(), scratch(roughness=0.5, seed=1)).displacement[:, 2]
        other = DEFECTS["scratch"](plate(), scratch(roughness=0.5, seed=2)).displacement[:, 2]
        deep = np.abs(smooth) > 1e-6
        ratio = rough[deep] / smooth[deep]
        assert 0.5 - 1e-9 <= ratio.min() < 0.8
        assert 1.2 < ratio.max() <= 1.5 + 1e-9
        assert np.abs(rough - other).max() > 0.05

    def test_unresolved_path_is_refused(self) -> None:
        path = SurfacePath(points=((0.0, 0.0, TOP), (1.0, 0.0, TOP)), resolved=False)
        with pytest.raises(ReplayError, match="holds only 2 anchors"):
            DEFECTS["scratch"](plate(), scratch(path=path))


class TestBend:
    spec = BendSpec(
        hinge_point=(0.0, 0.0, 0.0),
        hinge_axis=(0.0, 1.0, 0.0),
        side=(1.0, 0.0, 0.0),
        angle=0.6,
        band=3.0,
    )

    def bent(self, points: np.ndarray) -> np.ndarray:
        normals = np.tile(UP, (len(points), 1))
        return points + DEFECTS["bend"](PointCloud.of(points, normals), self.spec).displacement

    def test_the_middle_fibre_keeps_its_length(self) -> None:
        fibre = np.stack([np.linspace(-5, 8, 4001), np.zeros(4001), np.zeros(4001)], axis=1)
        assert arc_lengths(self.bent(fibre))[-1] == pytest.approx(13.0, abs=1e-6)

    def test_behind_the_band_the_part_turns_rigidly_by_the_angle(self) -> None:
        behind = np.array([[4.0, 0, 0], [7.0, 0, 0], [4.0, 1.0, 2.0]])
        bent = self.bent(behind)
        one, other = bent[1] - bent[0], bent[2] - bent[0]
        # About +y, the x axis turns towards -z.
        np.testing.assert_allclose(one, [3 * np.cos(0.6), 0, -3 * np.sin(0.6)], atol=1e-12)
        expected = [2 * np.sin(0.6), 1.0, 2 * np.cos(0.6)]
        np.testing.assert_allclose(other, expected, atol=1e-12)

    def test_nothing_tears_at_the_ends_of_the_band(self) -> None:
        for edge in (0.0, 3.0):
            pair = np.array([[edge - 1e-9, 0.3, 0.7], [edge + 1e-9, 0.3, 0.7]])
            assert np.abs(np.diff(self.bent(pair), axis=0)).max() < 1e-8

    def test_the_band_is_the_mask(self) -> None:
        effect = DEFECTS["bend"](plate(), self.spec)
        x = plate().points[:, 0]
        assert effect.weight[(x > 0.4) & (x < 2.6)].min() == 1.0
        assert effect.weight[(x <= 0) | (x >= 3)].max() == 0.0

    def test_a_part_without_normals_stays_without(self) -> None:
        effect = DEFECTS["bend"](PointCloud.of(plate().points), self.spec)
        assert effect.normals is None
        expected = DEFECTS["bend"](plate(), self.spec).displacement
        np.testing.assert_array_equal(effect.displacement, expected)

    def test_normals_turn_with_the_part(self) -> None:
        effect = DEFECTS["bend"](plate(), self.spec)
        end = at(plate(), 9, 0, TOP)
        np.testing.assert_allclose(effect.normals[end], [np.sin(0.6), 0, np.cos(0.6)], atol=1e-12)
        assert effect.normals[at(plate(), -9, 0, TOP)].tolist() == list(UP)


class TestCrack:
    def test_the_mouth_is_as_wide_as_the_gap(self) -> None:
        cloud = plate(step=0.1)
        effect = DEFECTS["crack"](cloud, crack())
        after = (cloud.points + effect.displacement)[~effect.removed]
        row = after[(np.abs(after[:, 1]) < 1e-9) & (after[:, 2] > 0)][:, 0]
        assert 0.6 <= row[row > 0].min() < 0.6 + 0.1, "to within the spacing of the points"
        assert -0.6 - 0.1 < row[row < 0].max() <= -0.6

    def test_it_narrows_with_the_square_of_the_depth(self) -> None:
        cloud = plate(step=0.1)
        effect = DEFECTS["crack"](cloud, crack(depth=1.0))
        after = (cloud.points + effect.displacement)[~effect.removed]
        # The far side of the plate lies half as deep as the crack goes.
        row = after[(np.abs(after[:, 1]) < 1e-9) & (after[:, 2] < 0)][:, 0]
        assert 0.75 * 0.6 <= np.abs(row).min() < 0.75 * 0.6 + 0.1

    def test_it_closes_towards_its_front(self) -> None:
        cloud = plate(step=0.1)
        removed = cloud.points[DEFECTS["crack"](cloud, crack()).removed]
        assert np.abs(removed[:, 1]).max() < 6.0
        wide = np.abs(removed[np.abs(removed[:, 1]) < 0.5, 0]).max()
        narrow = np.abs(removed[np.abs(removed[:, 1]) > 5.0, 0]).max()
        assert narrow < 0.5 * wide

    def test_severed_shift_moves_the_far_piece_as_a_whole(self) -> None:
        spec = crack(severed=Severed.SHIFT, offset=(2.0, 0.0, -1.0))
        effect = DEFECTS["crack"](plate(), spec)
        x = plate().points[:, 0]
        np.testing.assert_allclose(effect.displacement[x > 3], [[2.0, 0, -1.0]] * (x > 3).sum())
        assert not effect.displacement[x < -3].any()

    def test_severed_remove_takes_the_far_piece(self) -> None:
        effect = DEFECTS["crack"](plate(), crack(severed=Severed.REMOVE))
        x = plate().points[:, 0]
        assert effect.removed[x > 0].all()
        assert not effect.removed[x < -0.5].any()

    def test_walls_are_drawn_over_the_flanks_as_deep_as_said(self) -> None:
        cloud = plate(step=0.05)
        spec = crack(gap=2.0, walls=1.5, depth=8.0)
        effect = DEFECTS["crack"](cloud, spec)
        inside = effect.displacement[:, 2] < 0
        assert inside.sum() > 1000
        after = (cloud.points + effect.displacement)[inside]
        assert -1.55 < (after[:, 2] - TOP).min() < -1.45
        # Between the middle, which goes as deep as the walls, and the edge of what is drawn down.
        assert effect.displacement[at(cloud, 0.25, 0, TOP), 2] == pytest.approx(-0.75)
        # On half an ellipse whose half width is half the gap at the middle of the mouth.
        wide, deep = after[:, 1] / 6.0, (TOP - after[:, 2]) / 8.0
        np.testing.assert_allclose(np.abs(after[:, 0]), 1.0 - wide**2 - deep**2, atol=1e-9)
        assert (cloud.points[effect.removed][:, 2] < 0).all(), "the far side has no mouth"
        facing_the_gap = effect.normals[inside][:, 0] * after[:, 0]
        assert (facing_the_gap < 0).all()

    def test_walls_of_a_severed_part_are_as_far_apart_as_the_gap(self) -> None:
        cloud = plate(step=0.05)
        effect = DEFECTS["crack"](cloud, crack(walls=0.4, severed=Severed.SHIFT))
        inside = effect.displacement[:, 2] < 0
        after = (cloud.points + effect.displacement)[inside]
        np.testing.assert_allclose(np.abs(after[:, 0]), 0.6, atol=1e-12)

    def test_rough_crack_strays_off_its_plane(self) -> None:
        cloud = plate(step=0.1)
        spec = crack(roughness=0.5, seed=3, severed=Severed.SHIFT, gap=0.6)
        removed = cloud.points[DEFECTS["crack"](cloud, spec).removed]
        middle = [
            removed[np.abs(removed[:, 1] - y) < 0.01, 0].mean() for y in np.arange(-9, 9, 1.0)
        ]
        assert 0.1 < np.ptp(middle) < 2.0


def volume(mesh: PointCloud, effect: DefectEffect) -> float:
    """Inside a closed mesh once ``effect`` has moved its points."""
    return signed_volume(mesh.points + effect.displacement, mesh.faces)


@cache
def block() -> PointCloud:
    """A closed mesh of 10 x 10 x 6 about the origin, its triangles small."""
    box = trimesh.creation.box((10.0, 10.0, 6.0)).subdivide_to_size(0.12)
    box.merge_vertices()
    return with_outward_normals(PointCloud.of(box.vertices, faces=box.faces))[0]


class TestHole:
    def spec(self, **change: object) -> HoleSpec:
        base = {"center": (0.0, 0.0, TOP), "direction": (0.0, 0.0, -1.0), "radius": 2.0}
        base |= {"depth": 0.4, "rim_width": 1.0}
        return HoleSpec.model_validate({**base, **change})

    def test_material_is_missing_through_the_disc(self) -> None:
        effect = DEFECTS["hole"](plate(), self.spec())
        away = np.linalg.norm(plate().points[:, :2], axis=1)
        above = plate().points[:, 2] > 0
        np.testing.assert_array_equal(effect.removed, (away < 2.0) & above)
        assert not effect.displacement.any()

    def test_deeper_than_the_wall_is_thick_goes_through(self) -> None:
        for walls in HoleWalls:
            effect = DEFECTS["hole"](plate(), self.spec(depth=0.6, walls=walls))
            away, below = np.linalg.norm(plate().points[:, :2], axis=1), plate().points[:, 2] < 0
            assert effect.removed[below & (away < 2.0)].all()
            assert not effect.removed[away >= 2.0].any()

    def test_a_blind_hole_takes_the_volume_of_its_cylinder(self) -> None:
        spec = self.spec(center=(0.0, 0.0, 3.0), depth=2.5, walls="closed")
        effect = DEFECTS["hole"](block(), spec)
        assert not effect.removed.any()
        taken = 600.0 - volume(block(), effect)
        assert taken == pytest.approx(np.pi * 2.0**2 * 2.5, rel=0.04)

    def test_points_are_spread_over_wall_and_bottom_by_area(self) -> None:
        cloud = plate(step=0.05)
        effect = DEFECTS["hole"](cloud, self.spec(walls="closed", depth=0.4))
        above = (effect.weight == 1.0) & (cloud.points[:, 2] > 0)
        after = (cloud.points + effect.displacement)[above]
        bottom = np.isclose(after[:, 2], TOP - 0.4)
        # 2 pi R D to pi R^2.
        assert bottom.mean() == pytest.approx(1.0 / (1.0 + 2.0 * 0.4 / 2.0), abs=0.02)
        away = np.linalg.norm(after[:, :2], axis=1)
        np.testing.assert_allclose(away[~bottom], 2.0, atol=1e-9)
        normals = effect.normals[above]
        np.testing.assert_allclose(normals[bottom], [UP] * bottom.sum(), atol=1e-12)
        inward = np.einsum("ij,ij->i", normals[~bottom, :2], after[~bottom, :2])
        np.testing.assert_allclose(inward, -2.0, atol=1e-9)

    def test_open_walls_have_no_bottom(self) -> None:
        cloud = plate(step=0.1)
        effect = DEFECTS["hole"](cloud, self.spec(walls="open"))
        kept = (cloud.points + effect.displacement)[~effect.removed]
        assert np.linalg.norm(kept[:, :2], axis=1).min() > 1.99 - 1e-9 or (kept[:, 2] < 0).any()
        top = kept[kept[:, 2] > -TOP]
        assert np.linalg.norm(top[:, :2], axis=1).min() == pytest.approx(2.0)

    def test_the_rim_is_raised_and_the_wall_begins_on_it(self) -> None:
        cloud = plate(step=0.02, size=6.0)
        effect = DEFECTS["hole"](cloud, self.spec(walls="closed", rim=0.3))
        height = (cloud.points + effect.displacement)[:, 2] - TOP
        away = np.linalg.norm(cloud.points[:, :2], axis=1)
        above = cloud.points[:, 2] > 0
        just_outside, just_inside = (away >= 2) & (away < 2.02), (away < 2) & (away > 1.99)
        np.testing.assert_allclose(height[above & just_outside], 0.3, atol=0.01)
        assert height[above & just_inside].min() > 0.2
        assert effect.weight[above & (away > 2.4) & (away < 2.6)].min() > 0.3
        assert not effect.displacement[away > 3.0].any()

    def test_rough_outline_stays_within_its_bounds(self) -> None:
        cloud = plate(step=0.05)
        removed = DEFECTS["hole"](cloud, self.spec(roughness=0.5, seed=3)).removed
        away = np.linalg.norm(cloud.points[:, :2], axis=1)
        above = cloud.points[:, 2] > 0
        assert removed[above & (away < 1.0)].all()
        assert not removed[away > 3.0].any()
        between = removed[above & (away > 1.0) & (away < 3.0)]
        assert 0.1 < between.mean() < 0.9


class TestDeposit:
    def spec(self, **change: object) -> DepositSpec:
        base = {"center": (0.0, 0.0, TOP), "normal": UP, "heading": (1.0, 0.0, 0.0)}
        return DepositSpec.model_validate({**base, "radius": 2.0, "height": 1.0, **change})

    @pytest.mark.parametrize("height", [0.5, 2.0, 3.0])
    def test_it_is_a_cap_of_a_sphere(self, height: float) -> None:
        cloud = plate(step=0.1)
        effect = DEFECTS["deposit"](cloud, self.spec(height=height))
        after = cloud.points + effect.displacement
        raised = (np.linalg.norm(cloud.points[:, :2], axis=1) < 2.0) & (cloud.points[:, 2] > 0)
        radius = (4.0 + height**2) / (2.0 * height)
        middle = np.array([0.0, 0.0, TOP + height - radius])
        np.testing.assert_allclose(np.linalg.norm(after[raised] - middle, axis=1), radius)
        outward = (after[raised] - middle) / radius
        np.testing.assert_allclose(effect.normals[raised], outward, atol=1e-9)
        assert after[at(cloud, 0, 0, TOP), 2] == pytest.approx(TOP + height)
        assert not effect.displacement[~raised].any()

    def test_it_fades_with_the_distance_from_the_plane_of_its_foot(self) -> None:
        effect = DEFECTS["deposit"](plate(), self.spec(center=(0.0, 0.0, TOP - 1.2)))
        # 1.2 of a radius of 2 leaves 0.4 of it; the fade takes the outer half of the radius.
        assert effect.weight[at(plate(), 0, 0, TOP)] == pytest.approx(3 * 0.8**2 - 2 * 0.8**3)

    def test_points_are_spread_over_the_cap_by_area(self) -> None:
        cloud = plate(step=0.05)
        effect = DEFECTS["deposit"](cloud, self.spec(height=2.0))
        after = (cloud.points + effect.displacement)[effect.weight > 0]
        # The lower half of a half sphere has half of its area.
        assert (after[:, 2] < TOP + 1.0).mean() == pytest.approx(0.5, abs=0.02)

    @pytest.mark.parametrize("height", [0.8, 2.5])
    def test_it_adds_the_volume_of_the_cap(self, height: float) -> None:
        spec = self.spec(center=(0.0, 0.0, 3.0), height=height)
        added = volume(block(), DEFECTS["deposit"](block(), spec)) - 600.0
        assert added == pytest.approx(np.pi * height * (3 * 4.0 + height**2) / 6, rel=0.02)

    def test_it_is_drawn_out_along_its_heading(self) -> None:
        spec = self.spec(heading=(0.0, 1.0, 5.0), stretch=3.0, radius=1.0)
        after = plate().points[DEFECTS["deposit"](plate(), spec).weight > 0]
        assert np.abs(after[:, 0]).max() <= 1.0
        assert 2.5 < np.abs(after[:, 1]).max() <= 3.0

    def test_far_side_of_a_thin_wall_does_not_move(self) -> None:
        effect = DEFECTS["deposit"](plate(), self.spec())
        assert not effect.displacement[plate().points[:, 2] < 0].any()

    def test_nearly_all_of_it_is_marked(self) -> None:
        effect = DEFECTS["deposit"](plate(step=0.1), self.spec(height=1.5, roughness=0.3))
        moved = effect.displacement.any(axis=1)
        assert (effect.weight[moved] > 0.1).mean() > 0.85


class TestFreeform:
    hull = tuple((x, y, z) for x in (-3.0, 3.0) for y in (-2.0, 2.0) for z in (-0.1, 1.0))
    bump = Bump(center=(0.0, 0.0, TOP), amplitude=0.5, sigma=1.0)

    def spec(self, **change: object) -> FreeformSpec:
        base = {"hull": self.hull, "bumps": (self.bump,), "margin": 0.5}
        return FreeformSpec.model_validate({**base, **change})

    def test_bumps_add_up_and_go_in(self) -> None:
        second = Bump(center=(1.0, 0.0, TOP), amplitude=-0.2, sigma=1.0)
        effect = DEFECTS["freeform"](plate(), self.spec(bumps=(self.bump, second), margin=0.1))
        depth = -effect.displacement[at(plate(), 0, 0, TOP), 2]
        assert depth == pytest.approx(0.5 - 0.2 * np.exp(-0.5))

    def test_nothing_outside_the_hull(self) -> None:
        effect = DEFECTS["freeform"](plate(), self.spec(smoothing=3))
        x, y, _ = np.abs(plate().points).T
        outside = (x > 3) | (y > 2) | (plate().points[:, 2] < -0.1)
        assert not effect.displacement[outside].any()
        assert not effect.weight[outside].any()

    def test_soft_edge(self) -> None:
        effect = DEFECTS["freeform"](plate(), self.spec(margin=0.35))
        assert effect.weight[at(plate(), 0, 0, TOP)] == 1.0
        assert effect.weight[at(plate(), 2.75, 0, TOP)] == pytest.approx(
            (0.25 / 0.35) ** 2 * (3 - 2 * 0.25 / 0.35)
        )

    def test_without_a_margin_the_edge_is_hard(self) -> None:
        weight = DEFECTS["freeform"](plate(), self.spec(margin=0.0)).weight
        assert set(weight) == {0.0, 1.0}

    def test_far_side_of_a_thin_wall_does_not_move(self) -> None:
        hull = tuple((x, y, z) for x in (-3.0, 3.0) for y in (-2.0, 2.0) for z in (-1.0, 1.0))
        spec = self.spec(hull=hull, smoothing=2)
        below = plate().points[:, 2] < 0
        assert DEFECTS["freeform"](plate(), spec).displacement[below].any()
        spec = self.spec(hull=hull, smoothing=2, normal=UP)
        effect = DEFECTS["freeform"](plate(), spec)
        assert not effect.displacement[below].any()
        assert not effect.weight[below].any()
        assert effect.weight[~below].max() == 1.0

    def test_smoothing_levels_a_spike(self) -> None:
        points = plate().points.copy()
        spike = at(plate(), 0, 0, TOP)
        points[spike, 2] += 0.5
        cloud = PointCloud.of(points, plate().normals)
        effect = DEFECTS["freeform"](cloud, self.spec(bumps=(), smoothing=10, margin=0.1))
        assert effect.displacement[spike, 2] < -0.4

    def test_smoothing_within_the_region_is_smoothing_of_the_whole(self) -> None:
        spec = self.spec(smoothing=5)
        effect = DEFECTS["freeform"](sphere(), spec.model_copy(update={"hull": SPHERE_HULL}))
        pushed = DEFECTS["freeform"](
            sphere(), spec.model_copy(update={"hull": SPHERE_HULL, "smoothing": 0})
        )
        displaced = sphere().points + pushed.displacement
        moved = blur(displaced, sphere().edges, 5) - displaced
        expected = pushed.displacement + pushed.weight[:, None] * moved
        np.testing.assert_allclose(effect.displacement, expected, atol=1e-12)

    def test_flat_hull_is_refused_with_the_way_out(self) -> None:
        flat = tuple((x, y, 0.0) for x in (-1.0, 1.0) for y in (-1.0, 1.0))
        with pytest.raises(ReplayError, match="span no volume"):
            DEFECTS["freeform"](plate(), self.spec(hull=flat))


SPHERE_HULL = tuple((x, y, z) for x in (-3.0, 3.0) for y in (-3.0, 3.0) for z in (8.0, 12.0))
