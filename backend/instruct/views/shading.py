"""The picture of what a camera sees: lit from the camera, with outlines and sharp edges drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import grey_closing

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud.sight import Sight

SURFACE = np.array([206.0, 211.0, 220.0])
BACKGROUND = 255
OUTLINE, CREASE = 30, 95
# Brightness of surface that is seen edge on.
AMBIENT = 0.35
# Surface that turns by more than this from pixel to pixel has a sharp edge there.
SHARP = float(np.cos(np.radians(35.0)))
# Surface that jumps by this in depth, as a ratio of what is seen, has an outline there, if it
# jumps this many times as far as from the pixels beside.
JUMP, ABRUPT = 0.008, 3.0
# Pixels of the gaps between the points of a scan that have no outline.
GAPS = 7


def shaded(sight: Sight, outline: BoolArray, crease: BoolArray) -> NDArray[np.uint8]:
    """The picture (H, W, 3) of what a camera sees.

    Args:
        sight: through the centres of all its pixels.
        outline, crease: (H, W) of ``find_edges``.
    """
    picture = np.full((*sight.row.shape, 3), BACKGROUND, dtype=np.uint8)
    light = AMBIENT + (1.0 - AMBIENT) * np.abs(sight.cosine[sight.met])
    picture[sight.met] = (light[:, None] * SURFACE).astype(np.uint8)
    picture[crease] = CREASE
    picture[outline] = OUTLINE
    return picture


def find_edges(sight: Sight, *, creases: bool) -> tuple[BoolArray, BoolArray]:
    """Pixels (H, W) of outlines, and of sharp edges; two pixels wide.

    Args:
        sight: through the centres of all pixels of its camera.
        creases: whether sharp edges are looked for. A scan has none: its normals are too noisy, and
            small gaps between its points are no outlines.
    """
    outline = np.zeros(sight.row.shape, dtype=bool)
    crease = np.zeros(sight.row.shape, dtype=bool)
    if not sight.met.any():
        return outline, crease
    seen = sight.depth[sight.met]
    jump = JUMP * max(float(np.ptp(seen)), sight.camera.width / sight.camera.fx * seen.min())
    # On a plane, the inverse depth grows evenly from pixel to pixel.
    inverse = np.where(sight.met, 1.0 / sight.depth, 0.0)
    if not creases:
        inverse = grey_closing(inverse, GAPS)
    for axis in (0, 1):
        _mark(np.moveaxis(outline, axis, 0), _jumps(np.moveaxis(inverse, axis, 0), jump))
        if creases:
            _mark(np.moveaxis(crease, axis, 0), _turns(np.moveaxis(sight.row, axis, 0), sight))
    return outline, crease


def _jumps(inverse: FloatArray, jump: float) -> BoolArray:
    """Whether (H − 1, W) the surface jumps between each pixel and the next one below."""
    step = np.abs(np.diff(inverse, axis=0))
    beside = np.pad(step, ((1, 1), (0, 0)), mode="edge")
    abrupt = step > ABRUPT * np.minimum(beside[:-2], beside[2:])
    # A step of the depth is a step of its inverse times both depths.
    far = step > jump * inverse[1:] * inverse[:-1]
    border = (inverse[1:] > 0.0) != (inverse[:-1] > 0.0)
    return np.asarray(border | (abrupt & far & (step > 0.0)))


def _turns(row: IntArray, sight: Sight) -> BoolArray:
    """Whether (H − 1, W) the surface turns sharply between each pixel and the next one below."""
    one, other = row[1:], row[:-1]
    turned = (one != other) & (one >= 0) & (other >= 0)
    normals = sight.outward[one[turned]], sight.outward[other[turned]]
    turned[turned] = np.einsum("pi,pi->p", *normals) < SHARP
    return turned


def _mark(image: BoolArray, between: BoolArray) -> None:
    image[1:] |= between
    image[:-1] |= between
