"""What other angles of the same scan are worth where a part of revolution has few nominal scans.

    python -m benchmarks.peers > benchmarks/peers.txt

Trains on 3, 6 and 14 scans of a turned part with a hexagon nut, each from one side, with and
without the channel ``peers``, and without networks. Four further scans calibrate. Scores 14 nominal
scans and 28 with a dent of .25 to .9 mm, where the noise is .03 mm; each from two seeds.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import average_precision_score

from backend.cli.progress import progress_display
from backend.cloud import LabeledCloud, PointCloud
from backend.evaluation.metrics.auroc import auroc
from backend.progress import track
from backend.scoring.category import fuse, score_of_object
from backend.scoring.detector import Detector
from backend.training import TrainingConfig, TrainingSet, train
from backend.training.unrolled.config import UnrolledTrainingConfig
from backend.training.unrolled.network import UnrolledFittingConfig
from tests.backend.turned import dented, scan

SEEDS = (1000, 3000)
LEARNED = (3, 6, 14)
CALIBRATED, NOMINAL, DENTED = 4, 14, 28
DEPTHS = (0.25, 0.4, 0.6, 0.9)
NAME = "turned"


def trained(count: int, seed: int, peers_up_to: int) -> Detector:
    """On ``count`` scans; with peers if there are at most ``peers_up_to``."""
    learned = [scan(seed + number) for number in range(count)]
    held_out = [scan(seed + 100 + number) for number in range(CALIBRATED)]
    fitting = UnrolledFittingConfig(networks=0)
    unrolled = UnrolledTrainingConfig(fitting=fitting, peers_up_to=peers_up_to)
    config = TrainingConfig(family="unrolled", unrolled=unrolled)
    given = {NAME: TrainingSet(learned, calibration=held_out)}
    return train(given, config, progress=None)


def scored(detector: Detector, cloud: PointCloud | LabeledCloud) -> tuple[np.ndarray, float]:
    """Rows and scores of the compared points, stacked, and the object's score."""
    category = detector.categories[NAME]
    found = next(category.model.deviations(PointCloud(cloud.points, cloud.normals)))
    scores = fuse(found.channels, category.tails)
    value = score_of_object(category.model, scores, detector.point_threshold)
    return np.stack([found.rows, scores]), value


def measured(detector: Detector, seed: int) -> tuple[float, float]:
    """O-AUROC, and average precision of the points of the dented scans."""
    objects = [scored(detector, scan(seed + 200 + number))[1] for number in range(NOMINAL)]
    marked, scores = [], []
    for number in range(DENTED):
        cloud = dented(seed + 300 + number, depth=DEPTHS[number % len(DEPTHS)], radius=2.5)
        (rows, values), value = scored(detector, cloud)
        objects.append(value)
        marked.append(cloud.mask[rows.astype(int)])
        scores.append(values)
    is_dented = np.arange(NOMINAL + DENTED) >= NOMINAL
    precision = average_precision_score(np.concatenate(marked), np.concatenate(scores))
    return auroc(is_dented, np.array(objects)), float(precision)


def main() -> None:
    """A line for each number of scans and seed."""
    print(f"{'scans':>5}{'seed':>6}{'O-AUROC':>10}{'with peers':>12}{'AP':>8}{'with peers':>12}")
    runs = [(count, seed) for seed in SEEDS for count in LEARNED]
    with progress_display() as progress:
        for count, seed in track(progress, runs, "Training and scoring", len(runs)):
            without, peers = (measured(trained(count, seed, n), seed) for n in (0, count))
            print(
                f"{count:5}{seed:6}{without[0]:10.3f}{peers[0]:12.3f}"
                f"{without[1]:8.3f}{peers[1]:12.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
