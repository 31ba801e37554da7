"""How much the demo makes and trains: in full, and quickly to try it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

REAL = "pawn_scan"


@dataclass(frozen=True)
class DemoSize:
    """Numbers of scans are per category.

    Attributes:
        categories: bundled parts, and the real scan.
        points: of a scan, about.
        views: from which a virtual scan is made.
        noise: least and greatest standard deviation of its range, as a ratio of the diagonal.
        learn, calibrate, test: nominal scans.
        anomalous: labelled scans to test on.
        settings: of the training, but for the share that calibrates.
        jobs: processes that make labelled scans; None for as many as there are cores.
        preview_pixels: width of the pictures that Blender draws.
    """

    categories: tuple[str, ...]
    settings: dict[str, Any]
    points: int = 16_000
    views: int = 6
    noise: tuple[float, float] = (1e-4, 4e-4)
    learn: int = 6
    calibrate: int = 5
    test: int = 4
    anomalous: int = 14
    jobs: int | None = None
    preview_pixels: int = 360

    @property
    def all_settings(self) -> dict[str, Any]:
        """What ``flawsmith train --config`` takes."""
        return {"holdout": self.calibrate / (self.learn + self.calibrate), **self.settings}


PARTS = (
    "pawn",
    "upper_arm",
    "wrist_roll",
    "motor_holder",
    "nist_ftc_08",
    "nist_ftc_10",
    "plate_holes",
)
FULL = DemoSize(
    categories=(*PARTS, REAL),
    settings={
        "fitting": {"epochs": 28},
        "synthesis": {"count": 42, "fresh": 0, "scans_for_kinds": 32},
    },
)
QUICK = DemoSize(
    # A part that is scored by its surroundings, and one of revolution.
    categories=("motor_holder", REAL),
    settings={
        "target_points": 2_000,
        "fitting": {"epochs": 3, "steps_per_epoch": 6},
        "synthesis": {"count": 7, "fresh": 0, "scans_for_kinds": 8},
        "unrolled": {"fitting": {"networks": 1, "epochs": 3}},
    },
    points=4_000,
    learn=4,
    calibrate=2,
    test=3,
    anomalous=7,
    jobs=1,
    preview_pixels=96,
)
