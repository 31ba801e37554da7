"""In a window: whatever happens while a tool waits, it keeps to its part and cleans up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.blender_program.program import Blender
from tests.blender_program.window import Played, play, require_display

SCENE = Path(__file__).with_name("world_changes.py")
KINDS = ("dent", "scratch", "crack", "freeform")
# Pixels at the lower side of the window.
STATUS_BAR = 15


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures are."""
    return tmp_path_factory.mktemp("world")


@pytest.fixture(scope="module")
def played(blender: Blender, folder: Path) -> Played:
    """The scene, played once."""
    require_display()
    return play(blender, SCENE, folder, folder, folder / "saved.blend")


def ended(**modifiers: int) -> dict[str, object]:
    """The state after a tool: the modifiers of each object, and nothing that waits."""
    return {"modifiers": modifiers, "running": [], "waiting": 0}


@pytest.mark.parametrize("kind", KINDS)
def test_the_defect_goes_to_the_part_that_the_tool_began_with(played: Played, kind: str) -> None:
    modifiers = played.result[f"other_{kind}"]["modifiers"]
    assert (modifiers["first"], modifiers["other"]) == (1, 0)
    assert played.result[f"other_{kind}"]["waiting"] == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("when", ["deleted", "drag"])
def test_a_tool_ends_where_its_part_is_gone(played: Played, kind: str, when: str) -> None:
    assert played.result[f"{when}_{kind}"] == ended(other=0)


def test_a_tool_goes_on_after_an_undo(played: Played) -> None:
    assert played.result["undone"] == ended(first=1, other=0)


def test_a_tool_ends_where_its_part_is_edited(played: Played) -> None:
    assert played.result["edited"] == ended(first=0, other=0)


def test_the_redo_panel_keeps_to_the_part(played: Played) -> None:
    assert played.result["redone"] == {**ended(first=1, other=0), "radius": pytest.approx(4.0)}


def test_a_part_may_be_renamed(played: Played) -> None:
    assert played.result["renamed"] == ended(**{"called otherwise": 1, "other": 0})


@pytest.mark.parametrize("operator", ["export_recipe", "export_recipes", "export_template"])
def test_an_export_keeps_to_what_it_began_with(played: Played, operator: str) -> None:
    """Another object is active and selected by the time that the file is chosen."""
    [text] = played.result[operator]["written"].values()
    assert "dent of first" in text and "dent of other" not in text


def test_an_import_keeps_to_the_part_that_it_began_with(played: Played) -> None:
    assert played.result["import_recipe"]["modifiers"] == {"renamed": 2, "other": 1}


def test_an_export_of_a_part_that_is_gone_writes_nothing(played: Played) -> None:
    assert played.result["export_deleted"]["written"] is False


def texts(played: Played, picture: Path) -> list[NDArray]:
    """What is seen of the view's header and of the status bar."""
    with Image.open(picture) as image:
        seen = np.array(image.convert("RGB"))
    left, upper, right, lower = played.result["disabled"]["header"]
    return [seen[upper:lower, left:right], seen[-STATUS_BAR:]]


def differing(first: list[NDArray], second: list[NDArray]) -> list[float]:
    """Shares of the pixels that differ."""
    return [float((a != b).mean()) for a, b in zip(first, second, strict=True)]


def test_switching_the_extension_off_ends_a_tool(played: Played, folder: Path) -> None:
    found = played.result["disabled"]
    assert found["left"] == {"first": 0, "other": 0}
    assert (found["running"], found["waiting"]) == ([], 0)
    before, during, after = (
        texts(played, folder / f"{name}.png") for name in ("before", "during", "disabled")
    )
    assert min(differing(before, during)) > 0.05
    assert max(differing(before, after)) < 0.001


def test_opening_another_file_ends_a_tool(played: Played, folder: Path) -> None:
    assert (played.result["loaded"]["running"], played.result["loaded"]["waiting"]) == ([], 0)
    before, after = (texts(played, folder / f"{name}.png") for name in ("before", "loaded"))
    assert max(differing(before, after)) < 0.001


def test_nothing_went_wrong_unseen(played: Played) -> None:
    assert "Traceback" not in played.log
    assert "Error" not in played.log
