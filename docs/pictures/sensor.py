"""Draw docs/pictures/sensor.png: what a sensor does to a deformed surface, effect by effect.

python docs/pictures/sensor.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from backend.cloud import LabeledCloud, PointCloud
from backend.replay.replay import replay
from backend.report.pictures import View, mask_colors, panels, splat
from backend.sensor import sense
from backend.sensor.presets import find_sensor
from shared_schema.load import parse_document
from shared_schema.recipe import Recipe
from shared_schema.sensor import Sensor

STEP = 0.25
# The sensor stands aside, so that it throws a shadow, and the viewer above.
SENSOR = {"type": "given", "viewpoints": [[270.0, -90.0, 200.0]]}
VIEWER = np.array([0.1, -0.5, 1.0])
HOLE = {
    "kind": "hole", "center": [-3.2, 0, 0], "direction": [0, 0, -1], "radius": 2.2, "depth": 4,
    "rim_width": 1, "rim": 0.4, "walls": "closed",
}  # fmt: skip
DEPOSIT = {
    "kind": "deposit", "center": [3.2, 0, 0], "normal": [0, 0, 1], "heading": [1, 0, 0],
    "radius": 1.8, "height": 3.2,
}  # fmt: skip


def plate() -> PointCloud:
    """Points on a jittered grid, as a camera would give."""
    ticks = np.stack(np.meshgrid(np.arange(-7, 7, STEP), np.arange(-4.5, 4.5, STEP)), axis=-1)
    flat = ticks.reshape(-1, 2) + 0.2 * STEP * np.random.default_rng(0).normal(
        size=(ticks.shape[0] * ticks.shape[1], 2)
    )
    points = np.concatenate([flat, np.zeros((len(flat), 1))], axis=1)
    return PointCloud.of(points, np.tile([0.0, 0.0, 1.0], (len(points), 1)))


def deformed(cloud: PointCloud) -> LabeledCloud:
    """``cloud`` with a hole and a deposit."""
    document = {
        "schema_version": 1,
        "part": {"unit": "mm", "diagonal": cloud.diagonal},
        "defects": [HOLE, DEPOSIT],
    }
    return replay(parse_document(json.dumps(document), Recipe), cloud).labeled


def sensors() -> dict[str, Sensor]:
    """What is shown, by title."""

    def sensor(**parts: object) -> Sensor:
        return parse_document(json.dumps({"schema_version": 1, "views": SENSOR, **parts}), Sensor)

    seen = {"resample": {}, "occlusion": {}}
    stands = {"views": sensor().views}
    return {
        "replayed": sensor(),
        "resample": sensor(resample={}),
        "and occlusion, from the right": sensor(**seen),
        "structured_light": find_sensor("structured_light").model_copy(update=stands),
        "depth_camera": find_sensor("depth_camera").model_copy(update=stands),
    }


def main() -> None:
    """Draw the picture beside this program."""
    cloud = plate()
    labeled = deformed(cloud)
    images = {}
    for title, sensor in sensors().items():
        rng = np.random.default_rng(1)
        shown = sense(labeled, sensor, rng=rng, nominal_cloud=cloud, unit="mm").labeled
        # Points that fly far off would shrink the rest of the picture.
        near = (np.abs(shown.points) < (7.5, 5.0, 5.0)).all(axis=1)
        shown = replace(shown, points=shown.points[near])
        normals = None if shown.normals is None else shown.normals[near]
        colors = mask_colors(shown.mask[near])
        images[title] = splat(shown.points, normals, colors, View.along(VIEWER), size=520)
    Path(__file__).with_suffix(".png").write_bytes(panels(images))


if __name__ == "__main__":
    main()
