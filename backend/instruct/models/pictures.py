"""Photos and pages as they are sent: turned upright, at most 2048 pixels, without metadata."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.errors import FileFormatError
from backend.extras import missing_extra
from backend.file_names import shown
from backend.instruct.models.port import Picture
from backend.io.isolation import compute_isolated
from backend.io.limits import ReadLimits

MAX_BYTES = 40 * 1024**2
MAX_SIDE = 2048
MAX_PIXELS = 100_000_000
SECONDS = 10.0
FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")


def read_photo(path: Path) -> Picture:
    """The photo in the file at ``path``, encoded anew.

    It is decoded in a process of its own. Nothing but its pixels is kept: no place, no date, no
    camera.

    Raises:
        FileFormatError: it is no picture, a damaged or too large one.
        MissingDependencyError: the package that reads pictures is not installed.
    """
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise FileFormatError(f"the picture has {len(data)} bytes, more than {MAX_BYTES}")
    limits = ReadLimits(max_bytes=4 * MAX_PIXELS)
    _, arrays = compute_isolated(decode_photo, data, limits, seconds=SECONDS)
    return encoded(shown(path.name), arrays["pixels"])


def decode_photo(data: bytes, limits: ReadLimits) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """The pixels of a photo, (height, width, 3) of uint8 RGB, within ``MAX_SIDE``."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise FileFormatError(f"the picture has more than {MAX_PIXELS} pixels")
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
            upright = ImageOps.exif_transpose(image).convert("RGB")
            upright.thumbnail((MAX_SIDE, MAX_SIDE))
            return {}, {"pixels": np.array(upright)}
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            f"this is no picture that can be read; save it as one of {', '.join(FORMATS)}"
        ) from error


def encoded(name: str, pixels: NDArray[np.uint8]) -> Picture:
    """A picture (height, width, 3), uint8 RGB, as JPEG."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise missing_extra(error, "sending pictures to a language model") from error
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    return Picture(name, out.getvalue(), "image/jpeg")
