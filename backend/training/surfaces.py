"""Nominal scans prepared once for drawing defects on them, by all processes of a training."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

from backend.cloud import PointCloud
from backend.sampling.drawing import PreparedSurface
from backend.training.run import Run
from backend.training.sets import CategoryData
from shared_schema.recipe import RecipeTemplate

FOLDER = "surfaces"


class _Task(NamedTuple):
    """``cloud`` is to be prepared and written to ``path``."""

    path: Path
    cloud: PointCloud


def prepare_surfaces(run: Run, part: CategoryData) -> list[Path]:
    """Files of the prepared scans of a part that is learned from, in their order.

    Args:
        run: with a template.
        part: its scans to learn from.
    """
    assert run.template is not None  # nothing is drawn without one
    folder = run.folder / FOLDER / str(part.number)
    # New clouds, without the indices that theirs may have: they are sent to other processes.
    tasks = [
        _Task(
            folder / f"{number:05}.safetensors",
            PointCloud(cloud.points, cloud.normals, unit=cloud.unit, rows=cloud.rows),
        )
        for number, cloud in enumerate(part.learn)
    ]
    missing = [task for task in tasks if not task.path.exists()]
    done = run.workers.map_unordered(partial(_prepare, template=run.template), missing)
    for _ in run.track(done, f"Preparing {part.name}", len(missing)):
        pass
    return [task.path for task in tasks]


def _prepare(task: _Task, template: RecipeTemplate) -> None:
    PreparedSurface.of(task.cloud, template).write(task.path)
