"""Paths cut anew keep their corners."""

from __future__ import annotations

import numpy as np

from backend.geometry.polyline import arc_lengths, resample_between_corners

ANGLE = np.radians(15.0)


def test_a_corner_stays_and_gentle_turns_do_not() -> None:
    gentle = np.array([[x, 0.01 * x * x, 0.0] for x in np.linspace(0.0, 1.0, 50)])
    path = np.concatenate([gentle, [gentle[-1], [1.0, 1.0, 0.0]]])
    cut = resample_between_corners(path, 0.3, ANGLE)
    assert (cut == gentle[-1]).all(axis=1).sum() == 1
    assert np.diff(arc_lengths(cut)).max() <= 0.3


def test_a_straight_path_is_cut_evenly() -> None:
    cut = resample_between_corners(np.array([[0.0, 0, 0], [1, 0, 0]]), 0.25, ANGLE)
    np.testing.assert_allclose(cut[:, 0], np.linspace(0.0, 1.0, 5))
