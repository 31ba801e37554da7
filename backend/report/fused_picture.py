"""A picture of a fused model: how many scans show each place, and how much they differ there."""

from __future__ import annotations

import numpy as np

from backend.cloud import PointCloud
from backend.cloud.surface import SCANS, SPREAD
from backend.report.pictures import View, heat_colors, panels, splat

FROM_ASIDE = View.along(np.array([0.6, -1.0, 0.5]))
# The largest spread that is told apart, as a quantile of all places.
LARGE = 0.98


def fused_picture(surface: PointCloud) -> bytes:
    """PNG of the surface of a fused model by the number of its scans and by their spread.

    Args:
        surface: of ``FusedModel``.
    """
    scans, spread = surface.fields[SCANS], surface.fields[SPREAD]
    most, large = int(scans.max()), float(np.quantile(spread, LARGE))
    colors = {
        f"scans that show it, 0 (blue) to {most} (red)": heat_colors(scans, 0.0, most),
        f"spread, 0 (blue) to {large:.2%} of the diagonal (red)": heat_colors(spread, 0.0, large),
    }
    return panels(
        {
            title: splat(surface.points, surface.normals, color, FROM_ASIDE)
            for title, color in colors.items()
        }
    )
