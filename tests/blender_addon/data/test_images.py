"""Numbers written to image files come back the same, read by other people's libraries."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np
import pytest
import tifffile
from PIL import Image

from blender_addon.data.images import drop_png_text, write_exr, write_png, write_tiff

SHAPE = (13, 21)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_numbers_in_a_png(tmp_path: Path, dtype: type[np.unsignedinteger]) -> None:
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, SHAPE).astype(dtype)
    values[0, :2] = 0, np.iinfo(dtype).max
    write_png(tmp_path / "values.png", values)
    with Image.open(tmp_path / "values.png") as image:
        np.testing.assert_array_equal(np.array(image), values)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_numbers_of_any_size_in_an_exr(tmp_path: Path, channels: tuple[int, ...]) -> None:
    values = numbers((*SHAPE, *channels))
    write_exr(tmp_path / "values.exr", values)
    image = bpy.data.images.load(str(tmp_path / "values.exr"))
    pixels = np.empty((*SHAPE, 4), dtype=np.float32)
    image.pixels.foreach_get(pixels.ravel())
    found = pixels[::-1, :, :3] if channels else pixels[::-1, :, 0]
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_numbers_of_any_size_in_a_tiff(tmp_path: Path, channels: tuple[int, ...]) -> None:
    values = numbers((*SHAPE, *channels))
    write_tiff(tmp_path / "values.tiff", values)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "values.tiff"), values)


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    rng = np.random.default_rng(1)
    return (rng.normal(size=shape) * 10.0 ** rng.integers(-6, 6, shape)).astype(np.float32)


def test_the_same_numbers_give_the_same_bytes_and_leave_nothing_in_the_file(tmp_path: Path) -> None:
    before = {name: len(getattr(bpy.data, name)) for name in ("images", "scenes")}
    for name in ("first", "second"):
        write_exr(tmp_path / f"{name}.exr", numbers((*SHAPE, 3)))
    assert (tmp_path / "first.exr").read_bytes() == (tmp_path / "second.exr").read_bytes()
    assert {name: len(getattr(bpy.data, name)) for name in before} == before


def test_texts_are_dropped_from_a_png_and_nothing_else(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    notes = PngInfo()
    notes.add_text("RenderTime", "00:10")
    Image.fromarray(values).save(tmp_path / "with.png", pnginfo=notes)
    Image.fromarray(values).save(tmp_path / "without.png")
    drop_png_text(tmp_path / "with.png")
    assert (tmp_path / "with.png").read_bytes() == (tmp_path / "without.png").read_bytes()
