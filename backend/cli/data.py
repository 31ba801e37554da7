"""Finding the part in the scans of ``DATA``, with the progress and the notices on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from backend.cli.batch import tell
from backend.progress import Progress, track

if TYPE_CHECKING:
    from backend.cloud import PointCloud
    from backend.dataset.folder import Sample
    from backend.intake import Intake


def parts_of_samples(
    samples: list[Sample], models: Mapping[str, PointCloud], intake: Intake, progress: Progress
) -> list[Sample]:
    """``samples`` without stray points, and without points outside the part by its ``models``."""
    from backend.dataset.part_in_scene import part_of_sample
    from backend.registration import NominalModel
    from backend.registration.part_finder import PartFinder

    finders = {name: PartFinder(NominalModel(model)) for name, model in models.items()}
    if not intake.clean and not (finders and intake.crop):
        return samples
    found = []
    for sample in track(progress, samples, "Finding the part"):
        part, notices = part_of_sample(sample, finders.get(sample.file.category), intake)
        tell(sample.file.path, notices)
        found.append(part)
    return found
