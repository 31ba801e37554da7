"""Photos and pages as they are sent."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backend.extras import missing_extra
from backend.file_names import shown
from backend.instruct.models.port import Picture
from backend.instruct.views.photos import photo_bytes


def read_photo(path: Path) -> Picture:
    """The photo in the file at ``path``, encoded anew.

    Raises:
        FileFormatError, MissingDependencyError: as ``photo_bytes``.
    """
    return Picture(shown(path.name), photo_bytes(path), "image/jpeg")


def encoded(name: str, pixels: NDArray[np.uint8]) -> Picture:
    """A picture (height, width, 3), uint8 RGB, as JPEG."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise missing_extra(error, "sending pictures to a language model") from error
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    return Picture(name, out.getvalue(), "image/jpeg")
