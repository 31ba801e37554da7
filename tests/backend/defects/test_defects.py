"""Each defect against what its formula says by hand, on surfaces with known geometry."""

from __future__ import annotations

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.defects import DEFECTS
from backend.errors import ReplayError
from backend.geometry.blur import blur
from backend.geometry.polyline import arc_lengths
from shared_schema.constants import Falloff
from shared_schema.defects import (
    BendSpec,
    Bump,
    CrackSpec,
    DentSpec,
    FreeformSpec,
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
        with pytest.raises(ReplayError, match="anchors only"):
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

    def test_rough_crack_strays_off_its_plane(self) -> None:
        cloud = plate(step=0.1)
        spec = crack(roughness=0.5, seed=3, severed=Severed.SHIFT, gap=0.6)
        removed = cloud.points[DEFECTS["crack"](cloud, spec).removed]
        middle = [
            removed[np.abs(removed[:, 1] - y) < 0.01, 0].mean() for y in np.arange(-9, 9, 1.0)
        ]
        assert 0.1 < np.ptp(middle) < 2.0


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
