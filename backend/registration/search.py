"""Poses that fit best, from coarse ones all around.

Thousands of coarse starts are improved at once on few points, the better ones go on with more, and
the best fit wins. The last rounds also estimate how much larger or smaller than nominal the part is
all over, as by coating, shrinkage or a blooming sensor: unless that is taken out, a closed shape
that is a little too large fits best when tilted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.cloud.surface import surface_points
from backend.geometry.rotations import even_rotations
from backend.geometry.thinning import thin
from backend.registration.improve import Round, improve, small_motions
from backend.registration.nominal_model import FIT_DISTANCE, NominalModel, Scan, SurfaceSamples

COARSE_ROTATIONS = 400
COARSE_ANCHORS = 12
# Poses whose matrices differ by less, at unit size, are the same: about 3 degrees of rotation.
SAME_POSE = 0.07
# Scan points and steps at the end, on the visible surface. The steps are many because a narrow band
# of a part converges slowly; most poses converge long before.
POLISHING = ((2_000, 200), (6_000, 20))

ROUNDS: Sequence[Round] = (
    Round(5_000, 60, 5, cap=4.0),
    Round(400, 250, 8, cap=2.0, width=0.5),
    Round(40, 800, 8, cap=2.0, width=0.3, twins=6, by_noise=True),
    Round(10, 2_500, 7, cap=1.0, width=0.2, offset_prior=0.1, by_noise=True),
)
# Of starts that are near: few steps do, and there are few to choose from.
NEAR_ROUNDS: Sequence[Round] = (
    Round(40, 250, 8, cap=4.0),
    Round(8, 800, 8, cap=2.0, width=0.3),
    Round(2, 2_500, 12, cap=1.0, width=0.2, offset_prior=0.1),
)


def search(
    model: NominalModel,
    scan: Scan,
    rounds: Sequence[Round],
    transforms: FloatArray,
    start: FloatArray | None,
) -> FloatArray:
    """The best poses (S, 4, 4) from coarse ones.

    ``start`` (4, 4) is tried in every round.
    """
    scan = scan.thinned(max(stage.scan_points for stage in rounds))
    surface = model.surface
    for stage in rounds:
        few = scan.thinned(stage.scan_points)
        transforms = transforms[: stage.poses]
        if stage.twins:
            twins = _twins(transforms[: stage.twins], surface.points, scan.points)
            transforms = np.concatenate([transforms, twins])
        if start is not None:
            transforms = np.concatenate([transforms, start[None]])
        transforms = _distinct(improve(surface, few, transforms, stage))
    return transforms


def polish(surface: SurfaceSamples, scan: Scan, transform: FloatArray, sigma: float) -> FloatArray:
    """``transform`` (4, 4) at its best on ``surface`` where points are off it by ``sigma``."""
    wide = sigma / FIT_DISTANCE
    for points, steps in POLISHING:
        few = scan.thinned(points)
        stage = Round(
            1,
            points,
            steps,
            cap=max(1.0, 3.0 * wide),
            width=max(0.5, 2.0 * wide),
            offset_prior=0.1,
            fine=True,
        )
        transform = improve(surface, few, transform[None], stage)[0]
    return transform


def _twins(transforms: FloatArray, surface: FloatArray, points: FloatArray) -> FloatArray:
    """The poses (6 S, 4, 4) turned by half about each principal axis of the part and of the scan.

    Parts are often nearly the same after such a turn, and then one of the two poses is easily lost
    among the many, whichever is the right one.
    """
    middle, axes = principal_axes(surface)
    scan_middle, scan_axes = principal_axes(points)
    own = _half_turns(scan_axes, scan_middle)
    of_part = _half_turns(axes, middle)[:, None] @ transforms
    return np.concatenate([of_part, transforms @ own[:, None]]).reshape(-1, 4, 4)


def principal_poses(nominal: PointCloud, scan: PointCloud) -> FloatArray:
    """Poses (24, 4, 4) ``T_part_scan`` that bring middle and principal axes together.

    Good starts for a scan that shows most of the part: one of them is near, but for parts that are
    as long as wide as high.
    """
    surface = surface_points(nominal, 4_000, np.random.default_rng(0), even=False)
    middle, axes = principal_axes(surface.points)
    scan_middle, scan_axes = principal_axes(scan.points)
    scan_axes[0] *= np.linalg.det(scan_axes) * np.linalg.det(axes)
    poses = np.tile(np.eye(4), (24, 1, 1))
    poses[:, :3, :3] = axes.T @ Rotation.create_group("O").as_matrix() @ scan_axes
    poses[:, :3, 3] = middle - poses[:, :3, :3] @ scan_middle
    return poses


def principal_axes(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean (3,) and principal axes (3, 3), one a row, of ``points`` (N, 3)."""
    middle = points.mean(axis=0)
    arms = points - middle
    return middle, np.linalg.eigh(arms.T @ arms)[1].T


def _half_turns(axes: FloatArray, middle: FloatArray) -> FloatArray:
    """Half turns (A, 4, 4) about unit ``axes`` (A, 3) through ``middle`` (3,)."""
    return small_motions(np.pi * axes, np.zeros_like(axes), np.broadcast_to(middle, axes.shape))


def coarse_poses(mesh: PointCloud, rng: np.random.Generator) -> FloatArray:
    """Poses (S, 4, 4): every rotation of an even grid, with the scan's middle at each anchor."""
    turn = Rotation.random(random_state=rng).as_matrix()
    rotations = even_rotations(COARSE_ROTATIONS) @ turn
    surface = surface_points(mesh, 1_000, rng, even=False).points
    # A scan of all of a part has its middle at the center, a scan of one end of it there.
    spread = surface[thin(surface, 4 * COARSE_ANCHORS)]
    anchors = np.vstack([surface.mean(axis=0), rng.permutation(spread)[: COARSE_ANCHORS - 1]])
    transforms = np.tile(np.eye(4), (len(anchors), len(rotations), 1, 1))
    transforms[:, :, :3, :3] = rotations
    transforms[:, :, :3, 3] = anchors[:, None]
    return transforms.reshape(-1, 4, 4)


def _distinct(transforms: FloatArray) -> FloatArray:
    """``transforms`` (S, 4, 4) without those that are near one before them."""
    flat = transforms[:, :3].reshape(len(transforms), -1)
    near = cKDTree(flat).query_pairs(SAME_POSE, output_type="ndarray")
    kept = np.ones(len(flat), dtype=bool)
    for first, second in near[np.lexsort(near.T[::-1])]:
        kept[second] &= not kept[first]
    return transforms[kept]
