"""Where the place that a document names lies on a part."""

from __future__ import annotations

from dataclasses import dataclass

from backend.cloud import PointCloud
from shared_schema.locations import (
    BoxRegion,
    EdgeRandomLocation,
    HullLocation,
    PathLocation,
    PlaneLocation,
    PointLocation,
    SurfaceRandomLocation,
    ViewBoxLocation,
)

# Share of the part's height that counts as its top, and as its bottom.
END = 0.15
# From which to which share of the height a place reaches, with room beyond the ends.
HEIGHTS = {"top": (1.0 - END, 1.0 + END), "bottom": (-END, END), "side": (END, 1.0 - END)}
# Kinds of edges that geometry alone does not tell apart.
EDGES = ("edge", "corner", "cut_edge", "fillet", "hole_edge", "parting_line", "weld_toe")

AnyLocation = (
    SurfaceRandomLocation
    | EdgeRandomLocation
    | PointLocation
    | PathLocation
    | PlaneLocation
    | HullLocation
    | ViewBoxLocation
)


@dataclass(frozen=True)
class Located:
    """A location, the regions that it names, and what is not as the document says.

    Attributes:
        location: for a template in the part's own unit.
        regions: boxes of the part frame by name.
        doubt: a sentence where the place could not be found exactly; empty if it was.
    """

    location: AnyLocation
    regions: dict[str, BoxRegion]
    doubt: str = ""


def locate(place: str | None, cloud: PointCloud) -> Located:
    """The location on a part of a place by its key; None is anywhere.

    Args:
        place: a key of the table of places, such as ``edge`` or ``top``.
        cloud: the part's surface in the part frame.
    """
    if place in (None, "anywhere"):
        return Located(SurfaceRandomLocation(), {})
    if place in EDGES:
        doubt = (
            f"{_words(place)} is not told from other edges by the part's shape; all sharp edges "
            "are taken"
        )
        return Located(EdgeRandomLocation(), {}, "" if place == "edge" else doubt)
    if place in HEIGHTS:
        region = _slice(cloud, *HEIGHTS[place])
        return Located(SurfaceRandomLocation(region=place), {place: region})
    doubt = (
        f"{_words(place)} is not found on the part by its shape; the defect may lie anywhere until "
        "the template names a region, a point or a box of a view"
    )
    return Located(SurfaceRandomLocation(), {}, doubt)


def _words(place: str | None) -> str:
    return f"the place {place!r}"


def _slice(cloud: PointCloud, low: float, high: float) -> BoxRegion:
    """The part between two shares of its height, with room for scans that lie a little outside."""
    least, most = cloud.box
    size = most - least
    low_corner, high_corner = least - END * size, most + END * size
    low_corner[2], high_corner[2] = least[2] + low * size[2], least[2] + high * size[2]
    return BoxRegion(min=tuple(low_corner.tolist()), max=tuple(high_corner.tolist()))
