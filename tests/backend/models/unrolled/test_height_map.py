"""The outline of a category, and scans unrolled along it."""

from __future__ import annotations

import numpy as np
import pytest

from backend.models.unrolled.axis_frame import AxisFrame
from backend.models.unrolled.height_map import HeightGrid, blurred, blurred_where
from backend.models.unrolled.outline import Outline, alignment, simplified
from tests.backend.turned import NUT, STEPS, scan

CELL = 0.6


def frames(count: int) -> list[AxisFrame]:
    clouds = [scan(seed) for seed in range(count)]
    return [AxisFrame.of(c.points, c.normals) for c in clouds]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def outline() -> Outline:
    return Outline.fit(frames(8), CELL)


def test_outline_goes_along_the_steps(outline: Outline) -> None:
    start, end = np.sort(outline.corners[:, 0])[[0, -1]]
    assert end - start == pytest.approx(34.0, abs=2 * CELL)
    assert outline.length == pytest.approx(34.0 + 7.0 + 6.0 + 1.0 + 2 * 3.5 + 2.0, rel=0.15)
    aligned = outline.aligned(frames(1)[0])
    _, height = outline.unroll(aligned)
    beside_nut = np.abs(aligned.place[:, 1] - [[s[0]] for s in STEPS]).min(axis=0) < 0.2
    assert np.median(np.abs(height[beside_nut])) < 0.3


def test_scans_are_aligned_along_the_axis(outline: Outline) -> None:
    """Whatever its pose, a scan's steps come to lie in the same place."""
    edges = []
    for frame in frames(12):
        aligned = outline.aligned(frame)
        thick = np.abs(aligned.place[:, 1] - STEPS[2][0]) < 0.2
        edges.append(np.median(aligned.place[thick & (aligned.normal[:, 1] > 0.9), 0]))
    assert np.ptp(edges) < 1.5 * CELL


def test_alignment_finds_a_known_shift_and_the_sense_of_the_axis(outline: Outline) -> None:
    aligned = outline.aligned(frames(1)[0])
    for sign, shift in ((1.0, 3.3), (-1.0, 3.3), (-1.0, -7.15)):
        found_sign, found = alignment(aligned.moved(sign, shift), outline.profile, CELL)
        assert found_sign == sign
        assert found == pytest.approx(-sign * shift, abs=CELL)


def test_map_shows_the_nut_and_nothing_on_the_far_side(outline: Outline) -> None:
    grid = HeightGrid.of(outline, 6.0)
    cloud = scan(0)
    height_map = grid.unroll(outline.aligned(frames(1)[0]))
    assert height_map.height.shape == (grid.rows, grid.columns)
    front = slice(0, grid.columns // 2)
    assert height_map.seen[:, front].mean() > 3 * height_map.seen[:, grid.columns // 2 :].mean()
    # From flat to corner the nut's radius varies by so much, and the outline runs between.
    aligned = outline.aligned(frames(1)[0])
    flats = (aligned.place[:, 1] > 7.5) & (aligned.normal[:, 1] > 0.8)
    spread = np.ptp(np.quantile(height_map.offsets[flats] * CELL, [0.02, 0.98]))
    assert spread == pytest.approx(NUT[0] * (1 - np.cos(np.pi / 6)), rel=0.2)
    assert (height_map.sums(np.ones(len(cloud))) == height_map.counts).all()
    assert height_map.at_points(height_map.height).shape == (len(cloud),)


def test_cells_begin_elsewhere_with_an_offset(outline: Outline) -> None:
    grid = HeightGrid.of(outline, 6.0)
    aligned = outline.aligned(frames(1)[0])
    usual, half, whole = (grid.unroll(aligned, offset) for offset in (0.0, 0.5, 1.0))
    assert (half.offsets == usual.offsets).all()
    assert 0.6 < (half.cells != usual.cells).mean() < 0.9
    last = usual.cells // grid.columns == grid.rows - 1
    turned = (usual.cells // grid.columns + 1) * grid.columns + (usual.cells + 1) % grid.columns
    # But for what lies at the edge of a cell to the last digit.
    assert (whole.cells == turned)[~last].mean() > 0.999


def test_bore_and_end_face_belong_to_the_outline() -> None:
    rng = np.random.default_rng(0)
    height, angle = rng.uniform(0, 20, 6000), rng.uniform(0, 2 * np.pi, 6000)
    around = np.stack([np.cos(angle), np.sin(angle), np.zeros(6000)], axis=1)
    along = np.stack([np.zeros(6000), np.zeros(6000), height], axis=1)
    outside, inside = 10.0 * around + along, 6.0 * around + along
    ring = Outline.fit(
        [AxisFrame.of(np.concatenate([outside, inside]), np.concatenate([around, -around]))], 0.5
    )
    # Out along the outside, back through the bore, and the two end faces.
    assert ring.length == pytest.approx(2 * 20.0 + 2 * 4.0, rel=0.05)
    assert ring.corners[0] == pytest.approx(ring.corners[-1])
    faces = np.stack([np.sqrt(rng.uniform(0, 100, 3000)), rng.uniform(0, 2 * np.pi, 3000)])
    top = np.stack([faces[0] * np.cos(faces[1]), faces[0] * np.sin(faces[1]), np.full(3000, 20.0)])
    up = np.tile([0.0, 0.0, 1.0], (3000, 1))
    peg = Outline.fit(
        [AxisFrame.of(np.concatenate([outside, top.T]), np.concatenate([around, up]))], 0.5
    )
    assert peg.length == pytest.approx(20.0 + 10.0 * (1 - 0.05**0.5), rel=0.05)


def test_simplified_line_stays_within_the_tolerance() -> None:
    x = np.linspace(0, 10, 200)
    line = np.stack([x, np.where(x < 5, 0.0, 2.0) + 0.05 * np.sin(20 * x)], axis=1)
    few = simplified(line, 0.2)
    assert len(few) < 10
    distance = []
    for point in line:
        start, step = few[:-1], np.diff(few, axis=0)
        share = ((point - start) * step).sum(1) / (step**2).sum(1)
        nearest = start + np.clip(share, 0, 1)[:, None] * step
        distance.append(np.linalg.norm(point - nearest, axis=1).min())
    assert max(distance) <= 0.2


def test_blur_goes_round_and_leaves_out_what_is_not_seen() -> None:
    values = np.zeros((9, 12), np.float32)
    values[4, 0] = 1.0
    assert blurred(values, 1.0)[4, 11] == pytest.approx(blurred(values, 1.0)[4, 1])
    seen = np.ones_like(values)
    seen[:, 6:] = 0
    assert blurred_where(np.full_like(values, 3.0), seen, 1.0)[4, 5] == pytest.approx(3.0)
    assert blurred_where(np.full_like(values, 3.0), np.zeros_like(seen), 1.0).max() == 0.0
