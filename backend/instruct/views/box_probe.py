"""A test picture by which a model shows in what it gives the edges of boxes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np

from backend.extras import missing_extra
from backend.instruct.views.box_frame import BoxFrame

# Left, top, right and bottom of each square, as parts of the picture's width and height. Two of
# them are far from the top left corner, where the frames differ most.
SQUARES = {
    "red": ((0.08, 0.62, 0.24, 0.78), (220, 30, 30)),
    "green": ((0.72, 0.08, 0.88, 0.24), (20, 160, 40)),
    "blue": ((0.64, 0.70, 0.80, 0.86), (30, 60, 220)),
}
PAPER = (255, 255, 255)
# Edges are off by no more than this part of the picture, on the whole: models look roughly.
CLOSE = 0.05


def probe_picture(width: int, height: int) -> bytes:
    """A white PNG with a red, a green and a blue square.

    Args:
        width, height: in pixels; those of the views, as some models make large pictures smaller.

    Raises:
        MissingDependencyError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw
    except ModuleNotFoundError as error:
        raise missing_extra(error, "a test picture for a language model") from error
    image = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(image)
    for (left, top, right, bottom), color in SQUARES.values():
        corners = (left * width, top * height, right * width - 1.0, bottom * height - 1.0)
        draw.rectangle(corners, fill=color)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def frame_of(boxes: Mapping[str, Sequence[float]], width: int, height: int) -> BoxFrame | None:
    """In what ``boxes`` of the squares are given; None where they fit no frame.

    Args:
        boxes: left, top, right and bottom of each square, by its colour.
        width, height: of the picture in pixels. Where two frames are the same, the first is taken.

    >>> boxes = {"red": (80, 620, 240, 780), "green": (720, 80, 880, 240)}
    >>> frame_of(boxes | {"blue": (640, 700, 800, 860)}, 768, 768).value
    'per_mille'
    """
    ends = {
        BoxFrame.PIXELS: (width, height),
        BoxFrame.PER_MILLE: (1000.0, 1000.0),
        BoxFrame.UNIT: (1.0, 1.0),
    }
    given = np.array([boxes[color] for color in SQUARES], dtype=np.float64)
    true = np.array([square for square, _ in SQUARES.values()])
    off = {
        frame: float(np.abs(given / np.tile(end, 2) - true).mean()) for frame, end in ends.items()
    }
    best = min(off, key=lambda frame: off[frame])
    return best if off[best] <= CLOSE else None
