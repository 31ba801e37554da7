"""The real scan: registered to its nominal model, and with the designed defects on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import LabeledCloud, PointCloud
from backend.cloud.surface import subsample_surface
from backend.geometry.transform import rotation_of, transform_points
from backend.io import read_cloud, write_bytes, write_cloud, write_json, write_labeled
from backend.registration.align import align
from backend.replay.replay import replay
from backend.report.pictures import SURFACE, View, heat_colors, mask_colors, panels, splat
from backend.samples import load_sample, pawn_pose, sample_path
from shared_schema.load import load_recipe
from shared_schema.recipe import Recipe

PART, SCAN = "pawn", "pawn_scan"
SCAN_IN_PART = "scan_in_part_frame.ply"
REGISTRATION_PICTURE = "registration.png"
REPLAY_PICTURE = "replayed.png"
SHOWN_POINTS = 150_000
SURFACE_POINTS = 100_000
# Of the scan, what lies within this many times a defect's extent is drawn with it.
SHOWN_EXTENTS = 1.5
LARGE_DISTANCE = 0.5
FROM_ASIDE = View.along(np.array([0.5, -1.0, 0.55]))
SCAN_COLOR = np.array([0.10, 0.45, 0.80])


def model_path() -> Path:
    """The nominal model of the part that was scanned."""
    return sample_path(PART)


def register_scan(folder: Path, seed: int) -> Mapping[str, Any]:
    """Register the nominal model to the scan and write the scan in the part frame.

    Returns:
        Fitness, RMSE and what of the published pose can be checked: this scan shows a plain band
        around the base, so the axis' direction and place are in it, the turn about it is not.
    """
    nominal = load_sample(PART)
    aligned = align(load_sample(SCAN), nominal, seed=seed)
    registration, scan = aligned.record.registration, aligned.in_part_frame
    assert registration is not None  # there is a nominal model
    write_cloud(folder / SCAN_IN_PART, scan)
    write_bytes(folder / REGISTRATION_PICTURE, _registration_picture(nominal, scan))
    published = aligned.T_part_scan @ pawn_pose()
    return {
        **registration.model_dump(),
        **_axis_error(published, scan),
        "normals": aligned.record.normals,
        "points": len(scan),
        "T_part_scan": aligned.T_part_scan.tolist(),
        "region": [*scan.points.min(axis=0).tolist(), *scan.points.max(axis=0).tolist()],
    }


def _axis_error(published: FloatArray, scan: PointCloud) -> dict[str, float]:
    """Tilt and shift of the part's z axis against the published pose, at the scan's middle."""
    axis = published[:3, 2]
    height = scan.points[:, 2].mean()
    place = transform_points(published, np.array([[0.0, 0.0, height]]))[0]
    return {
        "axis_tilt_degrees": float(np.degrees(np.arccos(min(1.0, abs(axis[2]))))),
        "axis_shift_mm": float(np.hypot(place[0], place[1])),
    }


def _registration_picture(nominal: PointCloud, scan: PointCloud) -> bytes:
    """The model with the scan on it, and the scan by its distance to the model."""
    surface = subsample_surface(nominal, SHOWN_POINTS, np.random.default_rng(0))
    both = np.concatenate([surface.points, scan.points])
    normals = np.concatenate([_normals(surface), _normals(scan)])
    colors = np.repeat([SURFACE, SCAN_COLOR], [len(surface), len(scan)], axis=0)
    away = scan.points - surface.points[surface.tree.query(scan.points)[1]]
    height = np.abs(np.einsum("ni,ni->n", away, _normals(scan)))
    heat = heat_colors(height, 0.0, LARGE_DISTANCE)
    return panels(
        {
            "nominal model, scan in blue": splat(both, normals, colors, FROM_ASIDE),
            f"its distance, 0 (blue) to {LARGE_DISTANCE} mm": splat(
                scan.points, scan.normals, heat, FROM_ASIDE
            ),
        }
    )


def _normals(cloud: PointCloud) -> FloatArray:
    assert cloud.normals is not None  # every cloud here was given some
    return cloud.normals


def replay_design(
    folder: Path, recipe_path: Path, registered: Path, transform: FloatArray, seed: int
) -> Mapping[str, Any]:
    """Replay the recipe from Blender on the scan, in its own frame, and on the nominal surface.

    Args:
        folder: for the labelled clouds, their records and a picture.
        recipe_path: of the recipe.
        registered: the folder that ``register_scan`` wrote to.
        transform: (4, 4) ``T_part_scan``.
        seed: of the points spread over the nominal surface.

    Returns:
        For each of the two the number of points, and what each defect did.
    """
    recipe = load_recipe(recipe_path)
    scan = load_sample(SCAN).with_normals(
        _normals(read_scan_in_part(registered)) @ rotation_of(transform)
    )
    nominal = subsample_surface(load_sample(PART), SURFACE_POINTS, np.random.default_rng(seed))
    made = {
        SCAN: replay(recipe, scan, T_part_scan=transform, snap=True),
        PART: replay(recipe, nominal),
    }
    for name, (labeled, record) in made.items():
        write_labeled(folder / f"{name}.ply", labeled)
        write_json(folder / f"{name}.json", record.model_dump(mode="json"))
    write_bytes(folder / REPLAY_PICTURE, _replay_picture(recipe, scan, transform))
    return {
        name: {
            "points": len(labeled),
            "anomalous": int(labeled.mask.sum()),
            "defects": [defect.model_dump() for defect in record.defects],
        }
        for name, (labeled, record) in made.items()
    }


def _replay_picture(recipe: Recipe, scan: PointCloud, transform: FloatArray) -> bytes:
    """The scan with each defect alone, from where it shows."""
    pictures = {}
    for defect in recipe.defects:
        alone = recipe.model_copy(update={"defects": (defect,)})
        labeled = replay(alone, scan, T_part_scan=transform, snap=True).labeled
        part = _about_the_defect(labeled)
        points = transform_points(transform, part.points)
        normals = None if part.normals is None else part.normals @ rotation_of(transform).T
        view = View.onto(normals, part.mask)
        pictures[defect.name] = splat(points, normals, mask_colors(part.mask), view)
    return panels(pictures)


def _about_the_defect(labeled: LabeledCloud) -> LabeledCloud:
    """The anomalous points and what lies within a few times their extent of them."""
    if not labeled.mask.any():
        return labeled
    marked = labeled.points[labeled.mask]
    middle = (marked.min(axis=0) + marked.max(axis=0)) / 2.0
    reach = SHOWN_EXTENTS * np.linalg.norm(np.ptp(marked, axis=0))
    return labeled.take(np.linalg.norm(labeled.points - middle, axis=1) <= reach)


def read_scan_in_part(folder: Path) -> PointCloud:
    """The scan as ``register_scan`` wrote it."""
    return replace(read_cloud(folder / SCAN_IN_PART), unit="mm")
