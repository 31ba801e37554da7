"""Deformed surfaces to be sensed, and sensors given as the JSON of their parts."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np

from backend.cloud import LabeledCloud, PointCloud
from backend.replay.replay import replay
from backend.sensor import Sensed, sense
from shared_schema.load import parse_document
from shared_schema.recipe import Recipe
from shared_schema.sensor import Sensor
from tests.backend.shapes import plate, sphere

TOP = {"plate": (0.0, 0.0, 0.25), "sphere": (0.0, 0.0, 10.0), "random": (0.0, 0.0, 0.0)}
DEFECTS: dict[str, dict[str, Any]] = {
    "dent": {"center_normal": [0, 0, 1], "radius": 3, "depth": 6, "direction": [0, 0, -1]},
    "hole": {"direction": [0, 0, -1], "radius": 2, "depth": 4, "rim_width": 1, "walls": "closed"},
    "deposit": {"normal": [0, 0, 1], "heading": [1, 0, 0], "radius": 2, "height": 4},
}


@cache
def surface(name: str) -> PointCloud:
    """``plate``, ``sphere``, or a plate of 20 by 20 with points at random."""
    if name == "random":
        flat = np.random.default_rng(0).uniform(-10.0, 10.0, (12_000, 2))
        points = np.concatenate([flat, np.zeros((len(flat), 1))], axis=1)
        return PointCloud.of(points, np.tile([0.0, 0.0, 1.0], (len(points), 1)))
    return plate() if name == "plate" else sphere(16_000)


def recipe(cloud: PointCloud, **defect: Any) -> Recipe:
    """A recipe with one defect."""
    part = {"unit": "mm", "diagonal": cloud.diagonal}
    document = {"schema_version": 1, "part": part, "defects": [defect]}
    return parse_document(json.dumps(document), Recipe)


@cache
def deformed(name: str, kind: str) -> LabeledCloud:
    """One of ``DEFECTS`` in the middle of a surface's top."""
    cloud = surface(name)
    return replay(recipe(cloud, kind=kind, center=TOP[name], **DEFECTS[kind]), cloud).labeled


def sensor(**parts: Any) -> Sensor:
    """A sensor in millimetres."""
    return parse_document(json.dumps({"schema_version": 1, **parts}), Sensor)


def sensed(labeled: LabeledCloud, cloud: PointCloud, seed: int = 0, **parts: Any) -> Sensed:
    """``labeled``, made of ``cloud``, as ``sensor(**parts)`` gives it."""
    rng = np.random.default_rng(seed)
    return sense(labeled, sensor(**parts), rng=rng, nominal_cloud=cloud, unit="mm")
