"""In a window: each kind is placed by mouse and keyboard, as people do it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.backend.shapes import KINDS
from tests.blender_program.program import Blender
from tests.blender_program.window import Played, play, require_display

SCENE = Path(__file__).with_name("place_by_hand.py")
RADIUS = 30.0
# A pixel on the ball, and what a defect placed before has moved.
TOLERANCE = 0.6


@pytest.fixture(scope="module")
def played(blender: Blender, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The scene, played once."""
    require_display()
    folder = tmp_path_factory.mktemp("window")
    return play(blender, SCENE, folder, folder / "window.png")


def aimed(played: Played, kind: str) -> NDArray:
    """The places (P, 3) on the ball at which the mouse was for a kind."""
    return np.array(played.result["aimed"][kind])


def placed(played: Played, kind: str) -> dict[str, Any]:
    """The values of the defect that came of it."""
    values: dict[str, Any] = played.result["placed"][kind]
    assert values["kind"] == kind
    return values


@pytest.mark.parametrize("kind", ["dent", "hole", "deposit"])
def test_a_click_places_a_defect_where_the_surface_is_seen(played: Played, kind: str) -> None:
    np.testing.assert_allclose(
        placed(played, kind)["center"], aimed(played, kind)[0], atol=TOLERANCE
    )


def test_a_click_takes_the_suggested_radius_and_a_drag_the_drawn_one(played: Played) -> None:
    diagonal = 2.0 * RADIUS * np.sqrt(3.0)
    assert placed(played, "dent")["radius"] == pytest.approx(0.08 * diagonal, rel=1e-3)
    first, *_, last = aimed(played, "deposit")
    drawn = float(np.linalg.norm(last - first))
    assert placed(played, "deposit")["radius"] == pytest.approx(drawn, rel=0.1)


def test_a_scratch_follows_the_mouse(played: Played) -> None:
    path, line = np.array(placed(played, "scratch")["path"]["points"]), aimed(played, "scratch")
    away = np.linalg.norm(path[:, None] - line[None], axis=2)
    assert away.min(axis=1).max() < 0.1 * RADIUS
    assert np.linalg.norm(path[[0, -1]] - line[[0, -1]], axis=1).max() < TOLERANCE


def test_a_crack_opens_between_the_clicks(played: Played) -> None:
    crack, (start, end) = placed(played, "crack"), aimed(played, "crack")
    assert crack["length"] == pytest.approx(float(np.linalg.norm(end - start)), rel=0.03)
    middle = 0.5 * (start + end)
    np.testing.assert_allclose(
        crack["origin"], middle * RADIUS / np.linalg.norm(middle), atol=TOLERANCE
    )


def test_the_lasso_is_a_hull_about_the_drawn_line(played: Played) -> None:
    hull, line = np.array(placed(played, "freeform")["hull"]), aimed(played, "freeform")
    np.testing.assert_allclose(hull.mean(axis=0), line.mean(axis=0), atol=2.0)


def test_a_bend_turns_about_the_drawn_line(played: Played) -> None:
    bend, (start, end) = placed(played, "bend"), aimed(played, "bend")
    along = (end - start) / np.linalg.norm(end - start)
    assert abs(np.dot(bend["hinge_axis"], along)) > 0.98
    assert abs(np.dot(start - bend["hinge_point"], bend["side"])) < TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
def test_escape_and_the_right_button_leave_nothing_behind(played: Played, kind: str) -> None:
    cancelled = played.result["cancelled"][kind]
    assert cancelled["after"] == cancelled["before"]


def test_undo_takes_one_defect_away_at_a_time(played: Played) -> None:
    full, one_less, two_less = played.result["undone"]
    assert len(full) == len(KINDS)
    assert (one_less, two_less) == (full[:-1], full[:-2])


def test_the_wheel_changes_the_radius(played: Played) -> None:
    before, after = played.result["wheel"]
    assert after == pytest.approx(before * 1.1**3, rel=1e-4)


def test_a_miss_is_forgiven_and_the_view_may_be_turned(played: Played) -> None:
    turned = played.result["turned"]
    assert turned["running"] == ["FLAWSMITH_OT_place"]
    assert turned["turned"] > 0.02
    np.testing.assert_allclose(turned["placed"]["center"], turned["aimed"], atol=TOLERANCE)


def test_clicked_places_are_joined_and_the_last_one_can_be_taken_back(played: Played) -> None:
    clicks = played.result["clicks"]
    path = np.array(clicks["placed"]["path"]["points"])
    np.testing.assert_allclose(path[[0, -1]], clicks["aimed"], atol=TOLERANCE)
    assert np.linalg.norm(path, axis=1) == pytest.approx(RADIUS, abs=TOLERANCE)


def test_a_second_click_at_the_last_place_finishes_the_path(played: Played) -> None:
    found = played.result["second_click"]
    np.testing.assert_allclose(found["end"], found["aimed"], atol=TOLERANCE)


def test_a_key_turns_the_other_side_of_a_hinge(played: Played) -> None:
    plain, flipped = np.array(played.result["flipped"])
    np.testing.assert_allclose(plain, -flipped, atol=1e-3)


def test_the_redo_panel_changes_the_defect_and_adds_no_other(played: Played) -> None:
    radius, depth, stack = played.result["redone"]
    # The depth was not set by hand, and so follows the radius.
    assert (radius, depth) == pytest.approx((4.0, 1.0))
    assert stack == ["Dent"]


def test_a_radius_set_by_hand_is_kept_for_the_next_defect(played: Played) -> None:
    dragged, clicked = played.result["remembered"]
    assert dragged == pytest.approx(0.2 * RADIUS, rel=0.15)
    assert clicked == dragged


def test_a_tool_of_the_toolbar_places_with_every_click(played: Played) -> None:
    toolbar = played.result["toolbar"]
    assert toolbar["left"] == [["Dent", "Dent.001"], []]
    np.testing.assert_allclose(toolbar["placed"], toolbar["aimed"], atol=TOLERANCE)


def test_nothing_went_wrong_unseen(played: Played) -> None:
    assert "Traceback" not in played.log
    assert "Error" not in played.log
