"""Pictures with numbered marks, as PNG bytes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.extras import missing_extra
from backend.instruct.views.marks import ViewMarks

# Of a mark's disc, in pixels; two of them fit into the distance that marks keep.
RADIUS = 11
# Height of the number's letters, by its digits.
LETTERS = {1: 16, 2: 14, 3: 11}
# Of 9: more takes much longer and saves little.
COMPRESSION = 3
FILL, RING, NUMBER = (255, 246, 196), (150, 20, 20), (0, 0, 0)


def marked_png(picture: NDArray[np.uint8], marks: ViewMarks) -> bytes:
    """A picture (H, W, 3) with its marks as PNG.

    Raises:
        MissingDependencyError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ModuleNotFoundError as error:
        raise missing_extra(error, "a picture of the part") from error
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    fonts: dict[int, Any] = {n: ImageFont.load_default(size) for n, size in LETTERS.items()}
    for number, (x, y) in zip(marks.numbers.tolist(), marks.pixels.tolist(), strict=True):
        box = (x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS)
        draw.ellipse(box, fill=FILL, outline=RING, width=2)
        text = str(number)
        font = fonts[min(len(text), max(LETTERS))]
        draw.text((x, y), text, fill=NUMBER, font=font, anchor="mm")
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=COMPRESSION)
    return buffer.getvalue()
