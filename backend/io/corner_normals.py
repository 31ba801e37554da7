"""Normals of vertices where the corners of faces name them, as in OBJ."""

from __future__ import annotations

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray

# Normals that one vertex has in several faces are one normal, written in few digits, or those of
# facets that stand for a smooth surface, up to this angle; beyond, there is an edge.
AGREE_DEGREES = 5.0


def normals_of_vertices(
    normals: FloatArray, count: int, vertices: IntArray, named: IntArray
) -> tuple[FloatArray | None, tuple[str, ...]]:
    """Unit normals (``count``, 3) of the vertices, None where not all are known; and what to tell.

    Faces name a vertex and its normal corner by corner. A vertex for which they name several has
    their mean, if all agree with it within ``AGREE_DEGREES``. Normals go by their order only where
    there are as many as vertices and no corner says otherwise.

    Args:
        normals: (K, 3) of any length, as the file has them.
        count: N, of the vertices.
        vertices: (C,) vertex of each corner.
        named: (C,) row of ``normals`` that the corner names, -1 where it names none.
    """
    if len(normals) == 0:
        return None, ()
    speaks = named >= 0
    vertices, named = vertices[speaks], named[speaks]
    if len(normals) == count and (vertices == named).all():
        return normals, ()
    one = np.full(count, -1)
    one[vertices] = named
    unknown = int((one < 0).sum())
    if unknown:
        return None, (
            _unused(f"the file does not say the normal of {unknown} of {count} vertices"),
        )
    found, differ = normals[one], one[vertices] != named
    differ[differ] = (found[vertices[differ]] != normals[named[differ]]).any(axis=1)
    several = np.unique(vertices[differ])
    if len(several) == 0:
        return found, ()
    means, edges = _means(normals[named], vertices, count)
    if edges[several].any():
        return None, (
            _unused(
                f"at {int(edges[several].sum())} of {count} vertices the faces name normals more "
                f"than {AGREE_DEGREES:g} degrees apart"
            ),
        )
    found[several] = means[several]
    return found, ()


def _means(named: FloatArray, vertices: IntArray, count: int) -> tuple[FloatArray, BoolArray]:
    """Per vertex the unit mean of its normals among ``named`` (C, 3); whether some are far off."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        unit = named / np.linalg.norm(named, axis=1, keepdims=True)
        sums = [np.bincount(vertices, axis, minlength=count) for axis in unit.T]
        means = np.stack(sums, axis=1, dtype=np.float64)
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        agree = (unit * means[vertices]).sum(axis=1) >= np.cos(np.deg2rad(AGREE_DEGREES))
    far = np.zeros(count, dtype=bool)
    far[vertices[~agree]] = True
    return means, far


def _unused(reason: str) -> str:
    return f"The normals of the file are not used and are estimated, because {reason}."
