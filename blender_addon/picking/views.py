# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies under the mouse: the only place that goes from a window to the part's surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from ..placing.surface_paths import Surface

Floats = NDArray[np.float64]

# A ray begins this much outside the part's bounding sphere.
CLEARANCE = 1.05


@dataclass(frozen=True)
class Spot:
    """A point on the evaluated surface, in the part's local space.

    Attributes:
        position: (3,).
        normal: (3,) outward and unit; the nominal one where defects have stored it.
    """

    position: Floats
    normal: Floats


@dataclass(frozen=True)
class Aim:
    """Where the mouse points to, in the part's local space.

    Attributes:
        mouse: x and y in pixels of the window.
        origin: (3,) where the line of sight begins.
        sight: (3,) unit, away from the eye.
        spot: what it meets first; None beside the part.
    """

    mouse: tuple[int, int]
    origin: Floats
    sight: Floats
    spot: Spot | None

    def on_plane(self, point: Floats, normal: Floats) -> Floats:
        """Where (3,) the line of sight meets a plane; where it grazes it, one facing the eye."""
        facing = normal if abs(self.sight @ normal) > GRAZING else self.sight
        way = (point - self.origin) @ facing / (self.sight @ facing)
        return np.asarray(self.origin + way * self.sight)


# Sine of the angle to a plane below which a line of sight says little about places on it.
GRAZING = 0.2


def aim_at(context: Any, mouse: tuple[int, int], part: Any, surface: Surface) -> Aim | None:
    """Where a mouse at ``mouse``, in pixels of the window, points to; None outside of 3D views."""
    region = _view_region(context.window.screen, mouse)
    if region is None:
        return None
    inside = (mouse[0] - region.x, mouse[1] - region.y)
    origin, sight = _line_of_sight(region, region.data, inside, part.matrix_world, surface)
    found = surface.hit(origin, sight)
    spot = None if found is None else Spot(found[0], surface.normal_near(found[0]))
    return Aim(mouse, origin, sight, spot)


def _view_region(screen: Any, mouse: tuple[int, int]) -> Any:
    """The part of a 3D view, or of a quad view, under the mouse and not under a sidebar."""
    for area in screen.areas:
        if area.type == "VIEW_3D":
            under = [region for region in area.regions if _contains(region, mouse)]
            if any(region.type == "UI" for region in under):
                return None
            views = [region for region in under if region.type == "WINDOW"]
            if views:
                return views[0]
    return None


def _contains(region: Any, mouse: tuple[int, int]) -> bool:
    x, y = mouse[0] - region.x, mouse[1] - region.y
    # A hidden region is one pixel wide.
    return region.width > 1 and 0 <= x < region.width and 0 <= y < region.height


def _line_of_sight(
    region: Any, view: Any, inside: tuple[int, int], to_world: Matrix, surface: Surface
) -> tuple[Floats, Floats]:
    """Origin (3,) and unit direction (3,) in the part's local space, from just outside the part.

    From the view's two matrices one after the other: ``view3d_utils`` inverts their product, in
    which single precision loses pixels where a view clips near or stands far from the origin.
    """
    window = np.array(view.window_matrix, dtype=np.float64)
    from_view = np.array(to_world.inverted_safe() @ view.view_matrix.inverted(), dtype=np.float64)
    place = 2.0 * np.array(inside) / (region.width, region.height) - 1.0
    scale = window[(0, 1), (0, 1)]
    if view.is_perspective:
        origin, sight = np.zeros(3), np.array([*(place + window[:2, 2]) / scale, -1.0])
    else:
        origin, sight = np.array([*(place - window[:2, 3]) / scale, 0.0]), -np.eye(3)[2]
    origin = from_view[:3, :3] @ origin + from_view[:3, 3]
    sight = from_view[:3, :3] @ sight
    sight /= np.linalg.norm(sight)
    ahead = (surface.middle - origin) @ sight - CLEARANCE * surface.reach
    # What lies behind the eye is not seen; an orthographic view has no eye.
    return origin + (ahead if not view.is_perspective else max(ahead, 0.0)) * sight, sight
