"""The picture of a scan on its nominal model."""

from __future__ import annotations

import io

import matplotlib.image as mpl_image
import numpy as np
import trimesh

from backend.cloud import PointCloud
from backend.geometry.surface import subsample_surface
from backend.report.pictures import ANOMALY
from backend.report.scene_picture import scene_picture


def test_what_was_cut_away_is_red_and_the_bytes_are_the_same_again() -> None:
    box = trimesh.creation.box((60.0, 40.0, 20.0))
    model = PointCloud(np.array(box.vertices), faces=np.array(box.faces))
    part = subsample_surface(model, 2_000, np.random.default_rng(0)).points
    table = np.random.default_rng(1).uniform(-60.0, 60.0, (500, 3)) * [1.0, 1.0, 0.0]
    red = {
        cut: (np.abs(image(scene_picture(part, table[:cut], model)) - ANOMALY).max(axis=2) < 0.1)
        for cut in (0, 500)
    }
    assert red[0].sum() == 0 and red[500].sum() > 200
    assert scene_picture(part, table, model) == scene_picture(part, table, model)


def image(png: bytes) -> np.ndarray:
    return np.asarray(mpl_image.imread(io.BytesIO(png)))[:, :, :3]
