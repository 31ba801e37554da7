"""In a window: handles set what they stand for, and the asset library's defects are defects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.backend.shapes import KINDS
from tests.blender_program.program import Blender
from tests.blender_program.window import Played, play, require_display

SCENE = Path(__file__).with_name("use_modifiers.py")
# How far the scene drags along a handle, and what a few pixels are.
FAR, TOLERANCE = 0.4, 0.05
# The crack's handle stands at one end of its length, and pulls the other along; the dial of the
# bend has a radius of 0.8 and is dragged straight on.
TAKEN = {
    "dent": {"center": FAR, "radius": FAR, "depth": FAR},
    "hole": {"center": FAR, "radius": FAR, "depth": FAR},
    "deposit": {"center": FAR, "radius": FAR, "height": FAR},
    "bend": {"hinge_point": FAR, "band": FAR, "angle": np.arctan(0.5 / 0.8) - np.arctan(0.1 / 0.8)},
    "crack": {"origin": FAR, "length": 2.0 * FAR, "depth": FAR},
}


@pytest.fixture(scope="module")
def played(blender: Blender, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The scene, played once."""
    require_display()
    folder = tmp_path_factory.mktemp("modifiers")
    return play(blender, SCENE, folder, folder / "handles.png")


@pytest.mark.parametrize("kind", TAKEN)
def test_dragging_a_handle_sets_its_field(played: Played, kind: str) -> None:
    assert played.result["dragged"][kind] == pytest.approx(TAKEN[kind], abs=TOLERANCE)


def test_defects_added_from_the_asset_library_are_known(played: Played) -> None:
    assert played.result["assets"] == {kind: kind for kind in KINDS}


def test_blender_complains_of_nothing(played: Played) -> None:
    assert "Traceback" not in played.log
    assert "Invalid" not in played.log
