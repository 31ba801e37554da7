# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays to image files: exact numbers as PNG, EXR and TIFF, without colour management."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..documents.atomic_files import replacing, write_bytes
from .scenes import temporary_scene

# Of a baseline TIFF: its tags' types, and what its one strip of numbers is.
SHORT, LONG = 3, 4
IEEE_FLOAT, UNCOMPRESSED, BLACK_IS_ZERO, RGB = 3, 1, 1, 2


def write_png(path: Path, values: NDArray[Any]) -> None:
    """Write whole numbers (H, W) uint8 or uint16 as a grey PNG of 8 or 16 bits."""
    depth = values.dtype.itemsize * 8
    _write(path, values.astype(np.float64) / (2**depth - 1), "PNG", depth)


def write_exr(path: Path, values: NDArray[Any]) -> None:
    """Write numbers (H, W) or (H, W, 3) as an EXR of single precision: channels V, or R, G, B."""
    _write(path, values, "OPEN_EXR", 32)


def _write(path: Path, values: NDArray[Any], file_format: str, depth: int) -> None:
    grey = values.ndim == 2
    with _scene(file_format, depth, grey) as scene, _image(values) as image:
        _save(image, scene, path)


def _save(image: Any, scene: Any, path: Path) -> None:
    with replacing(path) as temporary:
        image.save_render(str(temporary), scene=scene)


@contextmanager
def _scene(file_format: str, depth: int, grey: bool) -> Iterator[Any]:
    """A scene that saves images so, for the time of the block."""
    with temporary_scene("Flawsmith image") as scene:
        settings = scene.render.image_settings
        if hasattr(settings, "media_type"):
            settings.media_type = "IMAGE"
        settings.file_format = file_format
        settings.color_mode = "BW" if grey else "RGB"
        settings.color_depth = str(depth)
        settings.exr_codec = "ZIP"
        settings.color_management = "OVERRIDE"
        settings.view_settings.view_transform = "Raw"
        settings.linear_colorspace_settings.name = "Non-Color"
        yield scene


@contextmanager
def _image(values: NDArray[Any]) -> Iterator[Any]:
    height, width = values.shape[:2]
    image: Any = bpy.data.images.new("Flawsmith", width, height, float_buffer=True, is_data=True)
    try:
        pixels = np.ones((height, width, 4), dtype=np.float32)
        pixels[..., :3] = values[..., None] if values.ndim == 2 else values
        # Blender's first row is the lowest.
        image.pixels.foreach_set(pixels[::-1].ravel())
        yield image
    finally:
        bpy.data.images.remove(image)


def drop_png_text(path: Path) -> None:
    """Take the texts out of a PNG file: Blender notes in them how long it took, among others.

    W3C, "Portable Network Graphics (PNG) Specification": after eight bytes, chunks of a length, a
    type, the data and a check sum.
    """
    png = path.read_bytes()
    kept, start = [png[:8]], 8
    while start < len(png):
        length, kind = struct.unpack_from(">I4s", png, start)
        end = start + 12 + length
        if kind not in (b"tEXt", b"zTXt", b"iTXt", b"tIME"):
            kept.append(png[start:end])
        start = end
    path.write_bytes(b"".join(kept))


def write_tiff(path: Path, values: NDArray[np.float32]) -> None:
    """Write numbers (H, W) or (H, W, 3) as a TIFF of single precision, uncompressed.

    Blender writes none. Adobe, "TIFF Revision 6.0", 1992: one strip, little endian.
    """
    height, width = values.shape[:2]
    channels = 1 if values.ndim == 2 else values.shape[2]
    data = np.ascontiguousarray(values, dtype="<f4").tobytes()
    after = 8 + len(data)
    entries = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [32] * channels),
        259: (SHORT, [UNCOMPRESSED]),
        262: (SHORT, [RGB if channels == 3 else BLACK_IS_ZERO]),
        273: (LONG, [8]),
        277: (SHORT, [channels]),
        278: (LONG, [height]),
        279: (LONG, [len(data)]),
        339: (SHORT, [IEEE_FLOAT] * channels),
    }
    write_bytes(path, struct.pack("<2sHI", b"II", 42, after) + data + _directory(entries, after))


def _directory(entries: dict[int, tuple[int, list[int]]], start: int) -> bytes:
    """The tags that end a TIFF, and after them the values that are longer than four bytes."""
    listed, long = [struct.pack("<H", len(entries))], []
    place = start + 2 + 12 * len(entries) + 4
    for tag, (kind, values) in entries.items():
        packed = struct.pack(f"<{len(values)}{'H' if kind == SHORT else 'I'}", *values)
        if len(packed) > 4:
            long.append(packed)
            packed = struct.pack("<I", place)
            place += len(long[-1])
        listed.append(struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0"))
    return b"".join([*listed, struct.pack("<I", 0), *long])
