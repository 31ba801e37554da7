"""Where a defect lies: given places in the part frame, and places that sampling finds."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shared_schema.base import Angle, Direction, Length, Model, Point


class SurfacePath(Model):
    """A polyline over the surface.

    ``resolved`` says whether the points are the path itself or only anchors. Replay joins anchors
    by shortest paths over the surface before it deforms anything, and the record beside each sample
    holds the resolved path.
    """

    points: tuple[Point, ...] = Field(
        min_length=2, max_length=10_000, description="Vertices of the polyline, or its anchors."
    )
    normals: tuple[Direction, ...] | None = Field(
        None, description="Outward surface normal at each point; null switches the facing test off."
    )
    resolved: bool = Field(True, description="False: the points are anchors, which geodesics join.")

    @model_validator(mode="after")
    def _one_normal_each(self) -> Self:
        if self.normals is not None and len(self.normals) != len(self.points):
            raise ValueError(
                f"a path of {len(self.points)} points has {len(self.normals)} normals; give one "
                "for each point"
            )
        if len(set(self.points)) < 2:
            raise ValueError("a path needs at least two different points")
        return self


class BoxRegion(Model):
    """An axis-aligned box of the part frame that restricts random places."""

    min: Point
    max: Point

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if any(low > high for low, high in zip(self.min, self.max, strict=True)):
            raise ValueError(f"min {self.min} exceeds max {self.max}")
        return self


class PointLocation(Model):
    """A given point on the surface."""

    type: Literal["point"] = "point"
    position: Point


class PathLocation(Model):
    """Given anchors on the surface; a defect that needs one point takes the middle anchor."""

    type: Literal["path"] = "path"
    path: SurfacePath


class PlaneLocation(Model):
    """A plane that cuts the part."""

    type: Literal["plane"] = "plane"
    origin: Point
    normal: Direction


class HullLocation(Model):
    """The part of the surface within a convex hull."""

    type: Literal["hull"] = "hull"
    points: tuple[Point, ...] = Field(min_length=4, max_length=256)


class SurfaceRandomLocation(Model):
    """A point drawn evenly by area, within a named region of the template if one is given."""

    type: Literal["surface_random"] = "surface_random"
    region: str | None = None


class EdgeRandomLocation(Model):
    """A point drawn evenly along the part's sharp edges; its normal is midway between the faces."""

    type: Literal["edge_random"] = "edge_random"
    region: str | None = None
    angle: Angle = Field(
        0.6, gt=0, le=3.0, description="Surface that turns by more than this is an edge."
    )


class NearLocation(Model):
    """A point drawn within a distance of the recipe's first defect, as in compound damage.

    If the first defect itself has this location, its place may be anywhere.
    """

    type: Literal["near"] = "near"
    distance: Length = Field(gt=0, description="Largest distance from the first defect.")


class LassoLocation(Model):
    """The part of the surface within a closed line drawn over it."""

    type: Literal["lasso"] = "lasso"
    points: tuple[Point, ...] = Field(
        min_length=3, max_length=128, description="Corners of the line, in order, on the surface."
    )
    thickness: Length | None = Field(
        None,
        gt=0,
        description="How far the hull reaches through the surface on both sides; by default a "
        "quarter of the line's extent.",
    )


class ViewBoxLocation(Model):
    """The surface seen in a pixel box of a rendered view, as marked by a person or a model."""

    type: Literal["view_box"] = "view_box"
    view: str = Field(description="Name of a camera in the view set.")
    box: tuple[float, float, float, float] = Field(
        description="Left, top, right, bottom in pixels; the origin is the top left corner."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        left, top, right, bottom = self.box
        if left >= right or top >= bottom:
            raise ValueError(f"box {self.box} is empty; it is left, top, right, bottom")
        return self


Location = Annotated[
    PointLocation
    | PathLocation
    | PlaneLocation
    | HullLocation
    | LassoLocation
    | SurfaceRandomLocation
    | EdgeRandomLocation
    | NearLocation
    | ViewBoxLocation,
    Field(discriminator="type"),
]
