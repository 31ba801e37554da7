"""Pictures of a part with the same numbered marks in all of them."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.cloud import PointCloud
from backend.cloud.sight import look, pixels_of
from backend.errors import FileFormatError, SamplingError
from backend.instruct.views import BoxFrame, RenderedViews, mark_views, render_views
from backend.instruct.views.marks import APART, MOST
from backend.samples import load_sample
from backend.sampling.view_boxes import see_box
from shared_schema.recipe import Unit
from tests.backend.shapes import sphere

PIXELS = 320


@cache
def arm() -> PointCloud:
    return load_sample("upper_arm").surface


@cache
def rendered() -> RenderedViews:
    return render_views(arm(), unit=Unit.MM, pixels=PIXELS, count=6)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_the_same_part_gives_the_same_pictures() -> None:
    again = render_views(arm(), unit=Unit.MM, pixels=PIXELS, count=6)
    assert again.pictures == rendered().pictures
    assert again.views == rendered().views
    assert len(again.views.cameras) == 6
    assert again.views.unit is Unit.MM


def test_the_part_fills_each_picture_and_is_told_from_the_background() -> None:
    for png in rendered().pictures.values():
        image = pixels(png)
        assert image.shape == (PIXELS, PIXELS, 3)
        part = np.argwhere((image != 255).any(axis=2))
        assert np.ptp(part, axis=0).max() > 0.85 * PIXELS
        assert part.min() > 0 and part.max() < PIXELS - 1


def test_nearly_all_of_the_surface_is_seen_in_some_view() -> None:
    """Each view sees a side; together they leave out what is within the part's holes."""
    seen = set()
    for camera in rendered().views.cameras:
        centres = np.arange(PIXELS) + 0.5
        seen |= set(np.unique(look(arm(), camera, centres, centres).row).tolist())
    corners = arm().points[arm().faces]
    areas = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    assert areas[sorted(seen - {-1})].sum() > 0.85 * areas.sum()


def test_a_mark_is_the_same_place_in_every_view_that_shows_it() -> None:
    views, marks = rendered().views, rendered().marks
    assert {camera.name for camera in views.cameras} == set(marks.views)
    for camera in views.cameras:
        shown = marks.views[camera.name]
        assert 10 <= len(shown.numbers) <= MOST
        places = marks.positions[shown.numbers - 1]
        np.testing.assert_allclose(pixels_of(places, camera), shown.pixels)
        for place, pixel in zip(places, shown.pixels, strict=True):
            sight = look(arm(), camera, pixel[:1], pixel[1:])
            np.testing.assert_allclose(sight.places[0, 0], place, atol=1e-3 * arm().diagonal)
    several = np.bincount(np.concatenate([m.numbers for m in marks.views.values()]))
    assert several.max() > 1
    assert several[1:].min() > 0, "each mark is seen somewhere"


def test_no_mark_hides_another() -> None:
    for marks in rendered().marks.views.values():
        step = marks.pixels[:, None] - marks.pixels[None]
        apart = np.linalg.norm(step, axis=2) + np.eye(len(step)) * PIXELS
        assert apart.min() >= APART


def test_marks_are_on_every_side_also_where_another_view_has_many() -> None:
    """Both faces of a plate, and its narrow rim."""
    plate = load_sample("plate_holes")
    marks = render_views(plate, unit=Unit.MM, pixels=256, count=8).marks
    thin = int(np.argmin(np.ptp(plate.points, axis=0)))
    height = np.abs(marks.normals[:, thin])
    for sign in (-1, 1):
        assert (sign * marks.normals[:, thin] > 0.9).sum() >= 6
    assert (height < 0.3).sum() >= 6


def test_a_single_view_has_at_most_forty_marks() -> None:
    alone = render_views(arm(), unit=Unit.MM, pixels=512, count=1)
    assert len(alone.marks) == MOST
    assert [len(of.numbers) for of in alone.marks.views.values()] == [MOST]


def test_a_mark_is_a_place_for_a_template() -> None:
    marks = rendered().marks
    place = rendered().mark_location(3, scale=2.0)
    np.testing.assert_allclose(2.0 * np.array(place.position), marks.positions[2])
    shown = next(name for name, of in marks.views.items() if 3 in of.numbers)
    hidden = next(name for name, of in marks.views.items() if 3 not in of.numbers)
    assert rendered().mark_location(3, view=shown).position == tuple(marks.positions[2])
    with pytest.raises(SamplingError, match=f"{hidden!r} does not show mark 3; it is seen in .*"):
        rendered().mark_location(3, view=hidden)
    with pytest.raises(SamplingError, match=f"no mark 0; the marks are 1 to {len(marks)}"):
        rendered().mark_location(0)
    with pytest.raises(SamplingError, match="known views"):
        rendered().mark_location(3, view="nowhere")


def test_a_box_means_the_same_in_each_frame_and_finds_the_mark_in_it() -> None:
    name, marks = next(iter(rendered().marks.views.items()))
    x, y = marks.pixels[0]
    box = np.array([x - 2, y - 2, x + 2, y + 2])
    found = [
        rendered().box_location(name, (box / PIXELS * end).tolist(), frame)
        for end, frame in (
            (PIXELS, BoxFrame.PIXELS),
            (1000.0, BoxFrame.PER_MILLE),
            (1.0, BoxFrame.UNIT),
        )
    ]
    for one in found:
        np.testing.assert_allclose(one.box, box)
    seen = see_box(found[0], arm(), rendered().views, 0.01 * arm().diagonal)
    mark = rendered().marks.positions[marks.numbers[0] - 1]
    np.testing.assert_allclose(seen.position, mark, atol=0.002 * arm().diagonal)


@pytest.mark.parametrize(
    ("box", "frame", "message"),
    [
        ((1.0, 2.0, 3.0), BoxFrame.PIXELS, "has 3 numbers"),
        ((5.0, 5.0, 2.0, 9.0), BoxFrame.PIXELS, "is empty"),
        ((float("nan"), 5.0, 8.0, 9.0), BoxFrame.PIXELS, "is empty"),
        ((40.0, 50.0, 80.0, 90.0), BoxFrame.UNIT, "ends at 1 to the right"),
        ((40.0, 50.0, 80.0, 1200.0), BoxFrame.PER_MILLE, "ends at 1000"),
    ],
)
def test_what_is_no_box_is_refused(box: tuple, frame: BoxFrame, message: str) -> None:
    with pytest.raises(SamplingError, match=message):
        rendered().box_location(rendered().views.cameras[0].name, box, frame)


def test_a_scan_without_normals_is_drawn_by_its_points() -> None:
    ball = render_views(PointCloud(sphere().points), unit=Unit.CM, pixels=160, count=2)
    for name, png in ball.pictures.items():
        covered = (pixels(png) != 255).any(axis=2).mean()
        assert covered == pytest.approx(np.pi / 4 * 0.92**2, abs=0.07)
        assert len(ball.marks.views[name].numbers) >= 8
    np.testing.assert_allclose(np.linalg.norm(ball.marks.positions, axis=1), 10.0, atol=0.2)


def test_given_views_keep_their_pictures_under_the_marks(tmp_path: Path) -> None:
    views = rendered().views.model_copy(update={"cameras": rendered().views.cameras[:2]})
    first = views.cameras[0].model_copy(update={"passes": {"rgb": "one.png"}})
    views = views.model_copy(update={"cameras": (first, views.cameras[1])})
    Image.new("RGB", (PIXELS, PIXELS), (10, 200, 30)).save(tmp_path / "one.png")
    marked = mark_views(arm(), views, tmp_path)
    green = (pixels(marked.pictures[first.name]) == (10, 200, 30)).all(axis=2)
    assert 0.5 < green.mean() < 1.0, "the marks are drawn on it"
    assert (pixels(marked.pictures[views.cameras[1].name]) == 255).any()
    Image.new("RGB", (9, 7)).save(tmp_path / "one.png")
    with pytest.raises(FileFormatError, match=r"one\.png: the picture has 9 × 7 pixels"):
        mark_views(arm(), views, tmp_path)
