"""Rendered view sets: the cameras that saw the part, and the files of their passes.

Blender writes them, and ``view_box`` locations read them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from shared_schema.base import Model
from shared_schema.constants import SCHEMA_VERSION
from shared_schema.recipe import Unit

Row = tuple[float, float, float, float]


class Pass(StrEnum):
    """The content of a rendered image."""

    RGB = "rgb"
    DEPTH = "depth"
    NORMAL = "normal"
    MASK = "mask"
    DEFECT_ID = "defect_id"


class Camera(Model):
    """A pinhole camera.

    The camera frame has x right, y down and z forward. A point p of the part (column vector) lies
    at ``T_camera_part @ p`` in it, and appears at pixel (fx x/z + cx, fy y/z + cy), where (0, 0) is
    the top left corner of the top left pixel.
    """

    name: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    fx: float = Field(gt=0)
    fy: float = Field(gt=0)
    cx: float
    cy: float
    T_camera_part: tuple[Row, Row, Row, Row] = Field(
        description="Rigid transform, row by row, from the part frame to the camera frame."
    )
    passes: dict[Pass, str] = Field(
        default_factory=dict, description="File of each pass, relative to the view set's file."
    )


class ViewSet(Model):
    """The views of one part, in its unit."""

    schema_version: Literal[1] = SCHEMA_VERSION
    part: str = ""
    unit: Unit = Unit.MM
    cameras: tuple[Camera, ...] = ()
