"""In a window: the mask overlay tints what is anomalous, and goes with the extension."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.blender_program.program import Blender
from tests.blender_program.window import play, require_display

SCENE = Path(__file__).with_name("show_overlay.py")


@pytest.fixture(scope="module")
def seen(blender: Blender, tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray]:
    """Red, green and blue (3, 3) at both dents and at the nominal middle, of each picture."""
    require_display()
    folder = tmp_path_factory.mktemp("overlay")
    result = play(blender, SCENE, folder, folder).result
    assert result["seen"] == {"off": [], "weight": [1, 4], "label": [1, 4], "one": [1], "gone": []}
    colours = {}
    for name in result["seen"]:
        picture = np.asarray(Image.open(folder / f"{name}.png").convert("RGB"), dtype=float)
        # Blender counts pixels from below.
        rows = [(result["height"] - y, x) for x, y in result["pixels"]]
        colours[name] = np.array(
            [picture[y - 2 : y + 3, x - 2 : x + 3].mean(axis=(0, 1)) for y, x in rows]
        )
    return colours


def test_anomalous_surface_is_red_and_nominal_surface_as_it_was(seen: dict[str, NDArray]) -> None:
    off, on = seen["off"], seen["weight"]
    assert np.ptp(off, axis=1).max() < 8.0
    for dent in on[:2]:
        assert dent[0] > dent[1] + 60.0 and dent[0] > dent[2] + 60.0
    np.testing.assert_allclose(on[2], off[2], atol=2.0)


def test_labels_differ_in_colour(seen: dict[str, NDArray]) -> None:
    first, other, nominal = seen["label"]
    assert np.abs(first - other).max() > 40.0
    assert np.ptp(first) > 40.0 and np.ptp(other) > 40.0
    assert np.ptp(nominal) < 8.0


def test_what_is_switched_off_is_no_longer_tinted(seen: dict[str, NDArray]) -> None:
    first, other, _ = seen["one"]
    np.testing.assert_allclose(first, seen["label"][0], atol=2.0)
    assert np.ptp(other) < 8.0


def test_nothing_is_drawn_without_the_extension(seen: dict[str, NDArray]) -> None:
    np.testing.assert_allclose(seen["gone"], seen["off"], atol=2.0)
