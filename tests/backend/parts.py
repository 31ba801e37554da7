"""Two simple parts as noisy scans, nominal and dented, to train small detectors on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from backend.cloud import LabeledCloud, PointCloud
from backend.evaluation.cases import TestCase
from backend.io import write_cloud, write_json, write_labeled
from backend.models.pointwise.point_transformer import PointTransformerConfig
from backend.training import TrainingConfig, TrainingSet
from backend.training.pointwise.network import FittingConfig

SIZES = {"ball": (10.0, 10.0, 10.0), "egg": (40.0, 20.0, 20.0)}
TINY = TrainingConfig(
    threads=1,
    target_points=500,
    bank_size=100,
    network=PointTransformerConfig(channels=(8, 16), groups=4, neighbors=8),
    fitting=FittingConfig(epochs=3, steps_per_epoch=4, batch_size=2, crop_points=300),
    fuse_scans=False,
    # Both are of revolution; parts that are tested as unrolled maps are in ``turned``.
    family="pointwise",
)


def scan(part: str, seed: int, count: int = 900) -> PointCloud:
    """Points of an ellipsoid with a little noise, and its outward normals."""
    rng = np.random.default_rng(seed)
    size = np.array(SIZES[part]) / 2
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    normals = directions / size
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    noise = 0.001 * size.max() * rng.normal(size=(count, 3))
    return PointCloud(directions * size + noise, normals)


def labeled(part: str, seed: int, depth: float = 0.15) -> LabeledCloud:
    """A scan with one dent of ``depth`` half lengths; with depth 0 a nominal one."""
    cloud = scan(part, seed)
    assert cloud.normals is not None
    center = np.random.default_rng([seed, 1]).integers(len(cloud))
    radius = 0.5 * max(SIZES[part]) / 2
    away = np.linalg.norm(cloud.points - cloud.points[center], axis=1) / radius
    weight = np.where(away < 1.0, (1.0 - away**2) ** 2, 0.0) * (depth > 0)
    push = depth * max(SIZES[part]) / 2 * weight[:, None] * cloud.normals[center]
    mask = weight > 0.05
    return LabeledCloud(
        cloud.points - push,
        cloud.normals,
        mask,
        mask.astype(np.int32),
        weight,
        np.arange(len(cloud)),
    )


def sets(
    nominal: Mapping[str, Sequence[PointCloud]],
    labeled: Mapping[str, Sequence[LabeledCloud]] | None = None,
    models: Mapping[str, PointCloud] | None = None,
) -> dict[str, TrainingSet]:
    """What a detector is trained on."""
    labeled, models = labeled or {}, models or {}
    return {
        name: TrainingSet(clouds, None, labeled.get(name, ()), models.get(name))
        for name, clouds in nominal.items()
    }


def nominal_set(count: int = 3) -> dict[str, list[PointCloud]]:
    """Nominal scans of both parts."""
    return {part: [scan(part, seed) for seed in range(count)] for part in SIZES}


def labeled_set(count: int = 4) -> dict[str, list[LabeledCloud]]:
    """Dented scans of both parts."""
    return {part: [labeled(part, 100 + seed) for seed in range(count)] for part in SIZES}


def test_set(count: int = 6) -> list[TestCase]:
    """Nominal and dented scans of both parts, unlike those for training."""
    return [
        TestCase(labeled(part, 200 + seed, depth), part, "dent" if depth else "nominal")
        for part in SIZES
        for seed in range(count)
        for depth in (0.0, 0.3)
    ]


test_set.__test__ = False  # type: ignore[attr-defined]


def write_folder(folder: Path, *, nominal: int, anomalous: int, first: int = 300) -> Path:
    """A folder of data to train or evaluate on, of both parts; its files are named by number."""
    for part in SIZES:
        for seed in range(first, first + nominal):
            write_cloud(folder / part / "nominal" / f"{seed}.ply", scan(part, seed))
        for seed in range(first, first + anomalous):
            path = folder / part / "anomalous" / f"{seed}.ply"
            write_labeled(path, labeled(part, seed, 0.3))
            write_json(path.with_suffix(".json"), {"defects": [{"kind": "dent", "points": 1}]})
    return folder
