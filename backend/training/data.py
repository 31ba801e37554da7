"""Samples of a data set as training takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.folder import Sample
from backend.errors import TrainingError
from backend.training.sets import TrainingSet


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
