"""Pictures of a scan on its nominal model."""

from __future__ import annotations

import io

import matplotlib.image as mpl_image
import numpy as np
import trimesh

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.report.pictures import ANOMALY
from backend.report.scene_picture import refusal_picture, scene_picture

BOX = trimesh.creation.box((60.0, 40.0, 20.0))
MODEL = PointCloud(np.array(BOX.vertices), faces=np.array(BOX.faces))
PART = subsample_surface(MODEL, 2_000, np.random.default_rng(0)).points


def test_what_was_cut_away_is_red_and_the_bytes_are_the_same_again() -> None:
    table = np.random.default_rng(1).uniform(-60.0, 60.0, (500, 3)) * [1.0, 1.0, 0.0]
    assert red_pixels(scene_picture(PART, table[:0], MODEL)) == 0
    assert red_pixels(scene_picture(PART, table, MODEL)) > 200
    assert scene_picture(PART, table, MODEL) == scene_picture(PART, table, MODEL)


def test_what_does_not_fit_of_a_refused_scan_is_red() -> None:
    """The diagonal is 75, so that 0.6 beside a face still fits and 2.4 does not."""
    reason = "only 5 of 18 scans agree"
    beside = {
        off: refusal_picture(PART + np.array([0.0, 0.0, off]), MODEL, reason) for off in (0.6, 2.4)
    }
    assert red_pixels(beside[0.6]) == 0
    assert red_pixels(beside[2.4]) > 200
    assert refusal_picture(PART + np.array([0.0, 0.0, 0.6]), MODEL, "another reason") != beside[0.6]


def red_pixels(png: bytes) -> int:
    picture = np.asarray(mpl_image.imread(io.BytesIO(png)))[:, :, :3]
    return int((np.abs(picture - ANOMALY).max(axis=2) < 0.1).sum())
