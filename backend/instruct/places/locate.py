"""Where the place that a document names lies on a part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.instruct.knowledge import places
from backend.instruct.places import features
from backend.instruct.places.boxes import FoundBox, boxes_of
from backend.instruct.places.lines import merged
from backend.instruct.places.shape import Judged, PartShape
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
# Share of the longest side that counts as an end of the part.
TIP = 0.08
# Edges that the shape alone does not tell from others.
ANY_EDGES = ("cut_edge", "parting_line", "weld_toe")
# Boxes of one place: each makes the template longer and its check slower.
MOST_BOXES = 4
# A box holds so many of the points on which recipes are drawn, at least.
FEWEST_POINTS = 3
# A feature counts as taken if the boxes hold this share of its points.
TAKEN = 0.3
# How far a corner reaches, and what is left free about a box, as ratios of the part's diagonal.
CORNER, ROOM = 0.015, 0.002
# Of the thinnest and thickest twentieth, what is nearly as thin or thick counts; and how much
# thinner or thicker than half of the part they have to be.
SHARE, NEARLY_THIN, NEARLY_THICK, UNLIKE = 0.05, 1.3, 0.8, 1.25

MARK_IT = (
    "To mark the place, give the defect in the template a location: a box of a view (view_box), a "
    "region of the part frame, or a path"
)

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
    """Locations of one place, the regions that they name, and what is not as the document says.

    A place that no single box holds has several locations, each with its share of the draws.

    Attributes:
        locations: for a template in the part's own unit.
        shares: of each location among the draws; their sum is 1.
        regions: boxes of the part frame by name.
        doubt: sentences where the place could not be found exactly; empty if it was.
    """

    locations: tuple[AnyLocation, ...]
    shares: tuple[float, ...] = (1.0,)
    regions: Mapping[str, BoxRegion] = field(default_factory=dict)
    doubt: str = ""


@dataclass(frozen=True)
class Found:
    """What a search for a place found.

    Attributes:
        judged: points of the surface, and the feature of each.
        at_edges: whether the points are those at sharp edges.
        doubt: a sentence on what was taken instead.
    """

    judged: Judged
    at_edges: bool = False
    doubt: str = ""


@dataclass(frozen=True)
class Search:
    """How a place is looked for.

    Attributes:
        find: on the shape of a part.
        one, several: what is looked for, in words.
        on_scans: whether points without faces tell it as well.
    """

    find: Callable[[PartShape], Found]
    one: str
    several: str
    on_scans: bool = False


def locate(place: str | None, shape: PartShape) -> Located:
    """The locations on a part of a place by its key; None is anywhere.

    Args:
        place: a key of the table of places, such as ``edge`` or ``top``.
        shape: of the part.
    """
    if place in (None, "anywhere"):
        return Located((SurfaceRandomLocation(),))
    assert place is not None
    if place == "edge":
        return Located((EdgeRandomLocation(),))
    if place in ANY_EDGES:
        doubt = (
            f"The part's shape does not tell the place {_title(place)!r} from other edges, so that "
            f"all sharp edges are taken. {MARK_IT}."
        )
        return Located((EdgeRandomLocation(),), doubt=doubt)
    if place in HEIGHTS:
        return _in_regions(place, [_slice(shape, 2, *HEIGHTS[place])])
    if place == "end":
        axis = int(np.argmax(np.subtract(*shape.cloud.box[::-1])))
        ends = [_slice(shape, axis, -END, TIP), _slice(shape, axis, 1.0 - TIP, 1.0 + END)]
        return _in_regions(place, ends)
    if place in SEARCHES:
        return _searched(place, SEARCHES[place], shape)
    return _anywhere(f"The part's shape does not tell where the place {_title(place)!r} is")


def _title(place: str) -> str:
    row = places().get(place)
    return place if row is None else row.title


def _anywhere(reason: str) -> Located:
    doubt = f"{reason}, so that the defect may lie anywhere. {MARK_IT}."
    return Located((SurfaceRandomLocation(),), doubt=doubt)


def _slice(shape: PartShape, axis: int, low: float, high: float) -> BoxRegion:
    """The part between two shares of a side, with room for scans that lie a little outside."""
    least, most = shape.cloud.box
    size = most - least
    low_corner, high_corner = least - END * size, most + END * size
    low_corner[axis] = least[axis] + low * size[axis]
    high_corner[axis] = least[axis] + high * size[axis]
    return BoxRegion(min=tuple(low_corner.tolist()), max=tuple(high_corner.tolist()))


def _in_regions(
    place: str,
    regions: Sequence[BoxRegion],
    weights: Sequence[float] | None = None,
    *,
    at_edges: bool = False,
    doubt: str = "",
) -> Located:
    """A location for each of some regions, drawn by their weights."""
    names = [place] if len(regions) == 1 else [f"{place} {n}" for n in range(1, len(regions) + 1)]
    weights = [1.0] * len(regions) if weights is None else weights
    kind = EdgeRandomLocation if at_edges else SurfaceRandomLocation
    return Located(
        tuple(kind(region=name) for name in names),
        tuple(weight / sum(weights) for weight in weights),
        dict(zip(names, regions, strict=True)),
        doubt,
    )


# --- places that the shape tells ----------------------------------------------------------------


def _searched(place: str, search: Search, shape: PartShape) -> Located:
    if shape.mesh is None and not search.on_scans:
        return _anywhere(
            f"{search.one.capitalize()} is found on a nominal model with faces alone, and this "
            "part has none"
        )
    found = search.find(shape)
    low, high = shape.cloud.box
    room = ROOM * float(np.linalg.norm(high - low))
    boxes = boxes_of(found.judged.points, found.judged.owner, room, MOST_BOXES)
    boxes = [box for box in boxes if found.at_edges or _holds_points(box, shape.cloud.points)]
    if not boxes:
        return _anywhere(f"The part's shape shows no {search.one}")
    doubt = " ".join(filter(None, (found.doubt, _left_out(search, found.judged, boxes))))
    return _in_regions(
        place,
        [box.region for box in boxes],
        [float(len(box.rows)) for box in boxes],
        at_edges=found.at_edges,
        doubt=doubt,
    )


def _holds_points(box: FoundBox, points: FloatArray) -> bool:
    inside = ((points >= box.low) & (points <= box.high)).all(axis=1)
    return int(inside.sum()) >= FEWEST_POINTS


def _left_out(search: Search, judged: Judged, boxes: Sequence[FoundBox]) -> str:
    """A sentence where the boxes leave features out."""
    held = np.zeros(len(judged.points), dtype=bool)
    for box in boxes:
        held[box.rows] = True
    own = judged.owner >= 0
    size = np.bincount(judged.owner[own], minlength=judged.count)
    inside = np.bincount(judged.owner[own & held], minlength=judged.count)
    taken, there = int(((size > 0) & (inside >= TAKEN * size)).sum()), int((size > 0).sum())
    if taken >= there or there == 1:
        return ""
    return (
        f"The part has {there} {search.several}, of which the regions of the template hold "
        f"{max(taken, 1)}. {MARK_IT}."
    )


def _on_faces(find: Callable[..., list[IntArray]], doubt: str = "") -> Callable[[PartShape], Found]:
    def found(shape: PartShape) -> Found:
        assert shape.pieces is not None
        return Found(shape.on_faces(find(shape.pieces)), doubt=doubt)

    return found


def _rims(shape: PartShape) -> Found:
    assert shape.lines is not None
    return Found(shape.at_lines(shape.lines.rims), at_edges=True)


def _corners(shape: PartShape) -> Found:
    assert shape.lines is not None and shape.mesh is not None
    low, high = shape.cloud.box
    reach = max(CORNER * float(np.linalg.norm(high - low)), shape.cloud.spacing)
    places = shape.mesh.points[shape.lines.corners]
    places = places[merged(places, 2.0 * reach)]
    return Found(shape.near(places, np.arange(len(places)), reach), at_edges=True)


def _fillets(shape: PartShape) -> Found:
    """Rounded inner corners, or sharp ones where there are none."""
    assert shape.pieces is not None and shape.lines is not None
    rounded = features.fillets(shape.pieces)
    if rounded:
        return Found(shape.on_faces(rounded))
    doubt = "The part has no rounded inner corner, so that its sharp inner edges are taken."
    return Found(shape.at_lines(shape.lines.inner), at_edges=True, doubt=doubt)


def _thin(shape: PartShape) -> Found:
    walls = shape.walls
    seen = walls[np.isfinite(walls)]
    if len(seen) == 0:
        return _probed(shape, np.zeros(len(walls), dtype=bool))
    thinnest = float(np.quantile(seen, SHARE, method="lower"))
    thin = walls <= NEARLY_THIN * thinnest
    return _probed(shape, thin & (float(np.median(seen)) >= UNLIKE * NEARLY_THIN * thinnest))


def _thick(shape: PartShape) -> Found:
    balls = np.where(np.isfinite(shape.balls), shape.balls, 0.0)
    thickest = float(np.quantile(balls, 1.0 - SHARE, method="higher"))
    return _probed(
        shape,
        (balls >= NEARLY_THICK * thickest)
        & (thickest * NEARLY_THICK >= UNLIKE * float(np.median(balls))),
    )


def _probed(shape: PartShape, chosen: BoolArray) -> Found:
    return Found(Judged(shape.probes, np.where(chosen, 0, -1), 1))


SEARCHES = {
    "hole_edge": Search(_rims, "edge of a hole", "edges of holes"),
    "corner": Search(_corners, "corner", "corners"),
    "fillet": Search(_fillets, "fillet or inner corner", "fillets"),
    "bore": Search(_on_faces(features.bores), "bore", "bores"),
    "boss": Search(_on_faces(features.bosses), "boss", "bosses"),
    "rib": Search(_on_faces(features.ribs), "rib", "ribs"),
    "flange": Search(_on_faces(features.flanges), "flange", "flanges"),
    "thin_wall": Search(_thin, "wall that is thinner than the others", "thin walls", on_scans=True),
    "thick_section": Search(
        _thick, "section that is thicker than the others", "thick sections", on_scans=True
    ),
    "machined_face": Search(
        _on_faces(
            features.flat_faces,
            "The part's shape does not tell machined faces from other flat ones, so that its "
            "largest flat faces are taken.",
        ),
        "large flat face",
        "large flat faces",
    ),
    "sealing_face": Search(
        _on_faces(
            features.flat_faces,
            "The part's shape does not tell sealing faces from other flat ones, so that its "
            "largest flat faces are taken.",
        ),
        "large flat face",
        "large flat faces",
    ),
}
