"""Reading ``DATA``, with its progress and its warnings on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from backend.cli.batch import tell, warn
from backend.file_names import shown

if TYPE_CHECKING:
    from backend.cloud import PointCloud
    from backend.dataset.folder import Sample
    from backend.intake import Intake


def read_training_data(
    folder: Path, layout: str, intake: Intake, progress: Progress
) -> list[Sample]:
    """The samples to train on: of a benchmark its training and its validation split."""
    from backend.dataset.benchmark import OWN, find_files, read_file
    from backend.dataset.folder import read_folder
    from backend.dataset.layouts import Split
    from backend.errors import FlawsmithError, MissingDependencyError

    if layout == OWN:
        return read_folder(folder, intake, partial(progress.track, description="Reading"), tell)[0]
    files = find_files(folder, layout, (Split.TRAIN, Split.VALIDATION))
    samples = []
    for file in progress.track(files, description="Reading"):
        try:
            samples.append(read_file(file, layout, intake).sample)
        except MissingDependencyError:
            raise
        except FlawsmithError as error:
            reason = str(error).removeprefix(f"{shown(file.path)}: ")
            warn(f"{file.path}: left out, {reason}")
    return samples


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
    for sample in progress.track(samples, description="Finding the part"):
        part, notices = part_of_sample(sample, finders.get(sample.file.category), intake)
        tell(sample.file.path, notices)
        found.append(part)
    return found
