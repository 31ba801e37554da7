"""How a model is asked in what it gives the edges of boxes: by a picture that we made."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, ValidationError

from backend.instruct.models.form import json_in
from backend.instruct.models.port import Picture, Turn
from backend.instruct.views.box_frame import BoxFrame
from backend.instruct.views.box_probe import frame_of, probe_picture

PROBE_SYSTEM = """You look at a picture, and give the boxes of what is in it.

Answer by the given JSON form alone. Give the edges of each box in the way in which you always give
boxes in pictures."""
QUESTION = (
    "The picture has a red, a green and a blue square on white. Give the left, top, right and "
    "bottom edge of each."
)


class _Box(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    left: float
    top: float
    right: float
    bottom: float


class _Boxes(BaseModel):
    model_config = ConfigDict(extra="ignore")

    red: _Box
    green: _Box
    blue: _Box


def probe_schema() -> dict[str, object]:
    """JSON Schema of the answer."""
    schema: dict[str, object] = json.loads(json.dumps(_Boxes.model_json_schema()))
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    for part in (schema, *definitions.values()):
        part["additionalProperties"] = False
    return schema


def probe_turn(width: int, height: int) -> Turn:
    """The question, with a picture of the size of the views.

    Raises:
        MissingDependencyError: Pillow is not installed.
    """
    picture = Picture("squares.png", probe_picture(width, height), "image/png")
    return Turn("user", QUESTION, (picture,))


def told_frame(text: str, width: int, height: int) -> BoxFrame | None:
    """The frame that an answer shows; None where it is no answer, or fits no frame.

    >>> told_frame('{"red": "left"}', 768, 768) is None
    True
    """
    try:
        boxes = _Boxes.model_validate_json(json_in(text))
    except (ValidationError, RecursionError):
        return None
    given = {
        color: (box.left, box.top, box.right, box.bottom)
        for color, box in (("red", boxes.red), ("green", boxes.green), ("blue", boxes.blue))
    }
    return frame_of(given, width, height)
