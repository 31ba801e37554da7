"""How much the demo makes and trains: in full, and quickly to try it out."""

from __future__ import annotations

from dataclasses import dataclass

REAL = "pawn_scan"


@dataclass(frozen=True)
class DemoSize:
    """Numbers of clouds are per category; of anomalous ones per category and defect kind.

    Attributes:
        categories: bundled parts, and the real scan.
        points: of a cloud, about.
        views: from which a virtual scan is made.
        noise: least and greatest standard deviation of its range, as a ratio of the diagonal.
        learn, calibrate, test_nominal: nominal clouds.
        train, test: anomalous clouds.
        target_points: the detector's resolution, points of the median cloud.
        epochs, steps: of training, and per epoch.
        preview_pixels: width of the pictures that Blender draws.
    """

    categories: tuple[str, ...]
    points: int = 16_000
    views: int = 6
    noise: tuple[float, float] = (1e-4, 4e-4)
    learn: int = 6
    calibrate: int = 4
    test_nominal: int = 6
    train: int = 6
    test: int = 3
    target_points: int = 8_000
    epochs: int = 28
    steps: int = 50
    preview_pixels: int = 480


PARTS = (
    "pawn",
    "upper_arm",
    "wrist_roll",
    "motor_holder",
    "nist_ftc_08",
    "nist_ftc_10",
    "plate_holes",
)
FULL = DemoSize(categories=(*PARTS, REAL))
QUICK = DemoSize(
    # A part that is scored by its surroundings, and one of revolution.
    categories=("motor_holder", REAL),
    points=4_000,
    learn=3,
    calibrate=2,
    test_nominal=3,
    train=2,
    test=2,
    target_points=2_000,
    epochs=3,
    steps=6,
    preview_pixels=160,
)
