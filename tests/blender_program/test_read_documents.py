"""In a window: a document is read while Blender is used, and whatever happens meanwhile is fine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.blender_addon.knowledge.pretended import pretended_command
from tests.blender_program.program import Blender
from tests.blender_program.window import Played, play, require_display

SCENE = Path(__file__).with_name("read_documents.py")


@pytest.fixture(scope="module")
def played(blender: Blender, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The scene, played once."""
    require_display()
    folder = tmp_path_factory.mktemp("reading")
    command = pretended_command(folder / "pretended", waits=True)
    return play(blender, SCENE, folder, command, folder / "saved.blend")


def ended(**modifiers: int) -> dict[str, object]:
    """The state after a reading: the defects of each object, no process and no files."""
    return {"modifiers": modifiers, "running": False, "left": []}


def test_what_was_read_is_added_and_undone_in_one_step(played: Played) -> None:
    assert played.result["finished"] == {**ended(ball=1), "undone": {"ball": 0}}


@pytest.mark.parametrize("how", ["cancelled", "cancelled_by_button"])
def test_a_cancelled_reading_adds_nothing(played: Played, how: str) -> None:
    assert played.result[how] == ended(ball=0)


def test_nothing_is_added_where_the_part_is_gone(played: Played) -> None:
    assert played.result["deleted"] == ended()


def test_a_part_that_is_being_edited_gets_its_defects_afterwards(played: Played) -> None:
    assert played.result["edited"] == {**ended(ball=1), "during": {"ball": 0}}


def test_a_reading_goes_on_after_an_undo(played: Played) -> None:
    assert played.result["undone"] == ended(ball=1)


@pytest.mark.parametrize("how", ["disabled", "loaded"])
def test_a_reading_ends_with_the_extension_and_with_the_file(played: Played, how: str) -> None:
    assert played.result[how] == {"running": False, "left": []}


def test_nothing_went_wrong_unseen(played: Played) -> None:
    assert "Traceback" not in played.log
