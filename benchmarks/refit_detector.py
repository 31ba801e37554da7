"""Fit all of a detector anew but its networks, on the nominal clouds of a finished demo.

    python benchmarks/refit_detector.py OLD DEMO OUT [--jobs N]

OLD is a detector file of format 3 (``git show REVISION:backend/models/bundled/…``), DEMO the folder
of ``python build.py demo``, OUT the file to write. What is nominal, where scans lie on the nominal
models, thresholds and recognition are learned again, as training does; the networks are those of
OLD. A detector can so be taken over to a version whose thinning is another, in a tenth of the time
of training. It prints the thresholds.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from backend import __version__
from backend.cloud import PointCloud
from backend.dataset.normalization import Normalization
from backend.demo.dataset import read_clouds
from backend.demo.learning import training_config
from backend.demo.sizes import FULL, REAL
from backend.engine.processes import Workers
from backend.models.predictor import Predictor
from backend.models.relief import storage
from backend.samples import load_sample
from backend.scoring.detector import CategoryModel, Detector, relief_deviations
from backend.scoring.recognition import Recogniser
from backend.training.local import ChannelDeviations, LocalTraining
from backend.training.run import calibrated
from backend.training.tracking import Tracker, no_log

CONFIG = training_config(FULL)
Fitted = tuple[str, CategoryModel, list[ChannelDeviations]]


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("old", type=Path)
    parser.add_argument("demo", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    learn = {name: clouds(options.demo, name, "learn") for name in FULL.categories}
    normalization = Normalization.fit(learn, CONFIG.target_points)
    work = partial(fitted, old=options.old, demo=options.demo, normalization=normalization)
    with Workers(options.jobs) as workers:
        found = {}
        for name, model, rest in workers.spread(work, FULL.categories):
            found[name] = model, rest
            print(name, flush=True)
    deviations = {name: found[name][1] for name in FULL.categories}
    categories, thresholds = calibrated(
        {name: found[name][0] for name in FULL.categories}, deviations, CONFIG
    )
    recogniser = Recogniser.fit(learn.items(), normalization.median_scale)
    tensors, document = read_old(options.old)
    predictor = Predictor.from_checkpoint(tensors, document["network"])
    info = document["info"] | {"version": __version__, "refitted": True, "fingerprint": None}
    Detector(normalization, recogniser, predictor, categories, thresholds, info).save(options.out)
    print(thresholds)
    print({name: round(value, 4) for name, value in recogniser.spread.items()})


def clouds(demo: Path, category: str, use: str) -> list[PointCloud]:
    """Nominal clouds of the demo's data set."""
    found = read_clouds(demo / "dataset", FULL, category, uses=(use,), nominal=True)
    return [PointCloud(cloud.points, cloud.normals, unit="mm") for cloud in found]


def read_old(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and document of a detector file of any format."""
    with safe_open(path, framework="pt") as file:
        document = json.loads(file.metadata()["flawsmith"])["document"]
        return {name: file.get_tensor(name) for name in file.keys()}, document  # noqa: SIM118


def fitted(category: str, old: Path, demo: Path, normalization: Normalization) -> Fitted:
    """What is nominal in a category, and the deviations of its held-out clouds."""
    torch.set_num_threads(1)
    tensors, document = read_old(old)
    rest = clouds(demo, category, "calibrate")
    record = document["categories"][category].get("relief")
    if record is not None:
        prefix = f"{category}/relief."
        parts = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        relief = storage.from_checkpoint(parts, record)
        model = CategoryModel(relief=relief)
        return category, model, [relief_deviations(cloud, relief).channels for cloud in rest]
    predictor = Predictor.from_checkpoint(tensors, document["network"])
    local = LocalTraining(CONFIG, 0, normalization, None, Path(), "", Tracker(None), no_log)
    number = list(FULL.categories).index(category)
    part = local.nominal_set(number, category, clouds(demo, category, "learn"), rest)
    surface = None if category == REAL else load_sample(category)
    model = local.category(part, predictor, surface)
    return category, model, local.deviations(part, predictor, model)


if __name__ == "__main__":
    main()
