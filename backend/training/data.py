"""Samples of a data set as training takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.benchmark import OWN, intake_of, read_cases
from backend.dataset.folder import Sample, nominal_models
from backend.dataset.layouts import Split
from backend.errors import TrainingError
from backend.intake import Intake
from backend.progress import Following, following
from backend.training.sets import TrainingSet
from shared_schema.recipe import Unit


def training_sets(
    samples: Sequence[Sample],
    nominal_models: Mapping[str, PointCloud] | None = None,
    unit: str | None = None,
) -> dict[str, TrainingSet]:
    """The samples by category.

    Args:
        samples: of a data set's scans for training, and for validation where it parts them.
        nominal_models: by category, of those that have one, in the samples' unit.
        unit: of the samples, if it is known.

    Raises:
        TrainingError: a category of anomalies, or of a nominal model, has no nominal scan.
    """
    nominal_models = nominal_models or {}
    nominal: dict[str, list[PointCloud]] = {}
    calibration: dict[str, list[PointCloud]] = {}
    labeled: dict[str, list[LabeledCloud]] = {}
    for sample in samples:
        file, scan = sample.file, sample.cloud
        if file.anomalous:
            labeled.setdefault(file.category, []).append(scan)
            continue
        chosen = calibration if file.validation else nominal
        cloud = PointCloud(scan.points, scan.normals, unit=unit, rows=scan.source_index)
        chosen.setdefault(file.category, []).append(cloud)
    for what, given in {"labelled clouds": labeled, "a nominal model": nominal_models}.items():
        without = sorted(set(given) - set(nominal))
        if without:
            raise TrainingError(
                f"the category {without[0]!r} has {what}, but no nominal cloud; add nominal scans, "
                "or leave the category out"
            )
    return {
        name: TrainingSet(
            clouds, calibration.get(name), labeled.get(name, ()), nominal_models.get(name)
        )
        for name, clouds in nominal.items()
    }


def read_training_sets(
    folder: Path | str,
    layout: str = OWN,
    *,
    unit: Unit | None = None,
    progress: Following = "bars",
) -> dict[str, TrainingSet]:
    """Read what a data set has to train on.

    Args:
        folder: of the data set, as ``flawsmith train`` takes it.
        layout: ``"flawsmith"``, or the name of a benchmark, whose training split is learned from
            and whose validation split, where it has one, calibrates.
        unit: of the scans, if it is known.
        progress: ``"bars"`` shows a bar on standard error, if that is a terminal or a notebook;
            None shows nothing; a ``Progress`` is a function of yours, called after each file.

    Raises:
        DatasetError: the layout is unknown, or the folder does not hold what it should.
        FileFormatError: a scan cannot be read.
        TrainingError: a category has no nominal scan.

    >>> (folder / "plate" / "nominal").mkdir(parents=True)
    >>> fs.write_cloud(folder / "plate" / "nominal" / "0.ply", scans[0])
    >>> fs.read_training_sets(folder)["plate"].nominal
    [<PointCloud: 805 points with normals, 366.5 across>]
    """
    intake = intake_of(layout, Intake(unit))
    splits = (Split.TRAIN, Split.VALIDATION)
    with following(progress) as follow:
        cases = read_cases(Path(folder), layout, splits, intake, follow)
    models = nominal_models(Path(folder), intake) if layout == OWN else {}
    return training_sets([case.sample for case in cases], models, intake.unit)
