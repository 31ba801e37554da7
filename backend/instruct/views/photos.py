"""Photos as they are sent to a model: decoded apart, made smaller, without what came with them.

A photo carries the place and the time at which it was taken, and at times a second picture. Only
its pixels are kept, as it is held upright.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.errors import FileFormatError
from backend.extras import missing_extra
from backend.io.isolation import compute_isolated
from backend.io.limits import ReadLimits

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
MAX_BYTES = 64 * 1024**2
MAX_PIXELS = 120_000_000
# Longer side of a photo that is sent.
SIDE = 2048
# Bytes of a photo that is sent; it is compressed more until it has no more.
SENT_BYTES = 1_500_000
QUALITIES = (90, 80, 65, 50, 30)


def photo_bytes(path: Path) -> bytes:
    """A photo as JPEG without metadata: at most 2048 pixels on a side, and 1.5 MB.

    Args:
        path: a JPEG, PNG, TIFF, BMP or WebP file; what is transparent becomes white.

    Raises:
        FileFormatError: it cannot be read, is no such picture, is damaged, or is larger than
            64 MiB or 120 million pixels.
        MissingDependencyError: Pillow is not installed.
    """
    return _asked(path, "encoded", SIDE).tobytes()


def read_picture(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels (H, W, 3) of a picture that has a known size.

    Raises:
        FileFormatError: as ``photo_bytes``; or the picture has another width or height.
        MissingDependencyError: Pillow is not installed.
    """
    picture = _asked(path, "pixels", max(size))
    if picture.shape[:2] != size[::-1]:
        raise FileFormatError(
            f"{path}: the picture has {picture.shape[1]} × {picture.shape[0]} pixels, its view "
            f"set says {size[0]} × {size[1]}; render the views anew"
        )
    return picture


def _asked(path: Path, wanted: str, side: int) -> NDArray[np.uint8]:
    _needs_pillow()
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FileFormatError(
                f"{path}: {size} bytes are more than the limit of {MAX_BYTES}; make it smaller"
            )
        data = path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror}") from error
    limits = ReadLimits(max_bytes=3 * MAX_PIXELS)
    try:
        _, arrays = compute_isolated(decode, data, limits, {"wanted": wanted, "side": side})
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from error
    return arrays["picture"]


def _needs_pillow() -> None:
    try:
        import PIL  # noqa: F401 - the worker process imports what is needed of it
    except ModuleNotFoundError as error:
        raise missing_extra(error, "reading a picture") from error


def decode(
    data: bytes, limits: ReadLimits, wanted: str, side: int
) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """The ``"pixels"`` of a picture, or how it is ``"encoded"`` to be sent; in a worker process."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # checked here, with a message of our own
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise FileFormatError(
            f"it is no picture that can be read; save it as one of {', '.join(FORMATS)}"
        ) from error
    if image.width * image.height > MAX_PIXELS:
        raise FileFormatError(
            f"{image.width} × {image.height} pixels are more than the limit of {MAX_PIXELS}; make "
            "the picture smaller"
        )
    image.draft("RGB", (side, side))
    upright = _opaque(ImageOps.exif_transpose(image))
    upright.thumbnail((side, side))
    if wanted == "pixels":
        return {}, {"picture": np.array(upright)}
    return {}, {"picture": np.frombuffer(_encoded(upright), dtype=np.uint8)}


def _opaque(image: Any) -> Any:
    """The picture in red, green and blue, on white where it is transparent."""
    from PIL import Image

    if image.mode.startswith("I") or image.mode == "F":
        # One channel of 16 or 32 bits: from its darkest to its brightest value.
        values = np.asarray(image, dtype=np.float64)
        span = float(np.ptp(values)) or 1.0
        image = Image.fromarray(((values - values.min()) / span * 255.0).astype(np.uint8))
    if "A" in image.getbands() or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _encoded(image: Any) -> bytes:
    encoded = b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG", quality=quality)
        encoded = buffer.getvalue()
        if len(encoded) <= SENT_BYTES:
            break
    return encoded
