"""Train and measure a detector on a data set in the layout of a public benchmark.

    python docs/examples/evaluate_on_a_benchmark.py DIR LAYOUT

DIR holds the data as they are published, for example Real3D-AD with LAYOUT ``real3d-ad``; without
arguments a small data set is written and read again. The metrics follow the benchmark's protocol.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import flawsmith as fs

PART = "plate_holes"


def small_data_set(folder: Path, first: int) -> Path:
    """Write nominal scans and scans with a defect, as ``flawsmith synthesize`` lays them out."""
    mesh, template = fs.load_sample(PART), fs.load_template("sheet_metal/dents")
    for number in range(first, first + 6):
        scan = fs.subsample_surface(mesh, 4_000, np.random.default_rng(number))
        fs.write_cloud(folder / PART / "nominal" / f"{number}.ply", scan)
        surface = fs.surface_of(scan, PART, fs.Unit.MM)
        (recipe,) = fs.sample(template, surface, seed=number, count=1)
        labeled, record = fs.replay(recipe, scan)
        path = folder / PART / "anomalous" / f"{number}.ply"
        fs.write_labeled(path, labeled)
        path.with_suffix(".json").write_text(fs.dump(record))
    return folder


def main(learned: Path, tested: Path, layout: str) -> None:
    """Print a row of metrics for each kind of defect."""
    # Coarse and without a network, to end within a minute; leave the settings out for real work.
    quick = fs.TrainingConfig(target_points=1_000, channels=("histograms",))
    detector = fs.train(fs.read_training_sets(learned, layout), quick, seed=0)
    report = fs.evaluate(detector, fs.read_test_cases(tested, layout), layout)
    for row in report.rows:
        print(f"{row.kind:12} O-AUROC {row.o_auroc:.3f}  P-AUROC {row.p_auroc:.3f}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        # A benchmark has its splits in one folder.
        main(Path(sys.argv[1]), Path(sys.argv[1]), sys.argv[2])
    else:
        with tempfile.TemporaryDirectory() as made:
            learned = small_data_set(Path(made) / "learned", 0)
            tested = small_data_set(Path(made) / "tested", 100)
            main(learned, tested, "flawsmith")
