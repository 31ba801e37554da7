"""Drawing defects from a template until one shows, on a surface that is prepared once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import CloudError, ReplayError, SamplingError
from backend.io.arrays import read_arrays, write_arrays
from backend.replay import Replayed, replay
from backend.sampling.places import Surface, surface_of
from backend.sampling.recipes import sample_recipe
from shared_schema.recipe import Part, RecipeTemplate, Unit

# A draw is rejected if it marks fewer points than this, or a larger share of the cloud.
FEWEST_MARKED = 20
LARGEST_MARKED = 0.5
ATTEMPTS = 50

# In each process: neighbouring examples are drawn on the same few scans.
SURFACES_IN_MEMORY = 8


class Drawn(Protocol):
    """What a draw results in; only its labels decide whether it shows."""

    @property
    def labeled(self) -> LabeledCloud:
        """The cloud with the defect."""


Result = TypeVar("Result", bound=Drawn)


def rejection_reason(labeled: LabeledCloud) -> str:
    """Why a draw is rejected; the empty string if it is accepted."""
    marked = int(labeled.mask.sum())
    if marked < FEWEST_MARKED:
        return f"it marks {marked} points, {FEWEST_MARKED} are needed"
    if marked > LARGEST_MARKED * len(labeled):
        return f"it marks {marked} of {len(labeled)} points, {LARGEST_MARKED:.0%} are allowed"
    return ""


def draw_until_it_shows(draw: Callable[[int], Result]) -> tuple[int, Result]:
    """The number of the first attempt whose defect shows, and its result.

    Args:
        draw: makes attempt 0, 1, …; an error of sampling or replaying rejects the attempt.

    Raises:
        SamplingError: none of 50 attempts shows; the error tells the last reason.
    """
    reasons: list[str] = []
    for attempt, drawn in shown_draws(draw, reasons):
        return attempt, drawn
    raise SamplingError(f"none of {ATTEMPTS} draws shows on the scan; the last: {reasons[-1]}")


def shown_draws(
    draw: Callable[[int], Result], reasons: list[str] | None = None
) -> Iterator[tuple[int, Result]]:
    """Every one of 50 attempts whose defect shows, with its number.

    Args:
        draw: see ``draw_until_it_shows``.
        reasons: takes the reason of each rejected attempt.
    """
    for attempt in range(ATTEMPTS):
        try:
            drawn = draw(attempt)
            reason = rejection_reason(drawn.labeled)
        except (SamplingError, ReplayError, CloudError, ValidationError) as error:
            reason = str(error)
        if not reason:
            yield attempt, drawn
        elif reasons is not None:
            reasons.append(reason)


@dataclass(frozen=True, eq=False)
class PreparedSurface:
    """A nominal scan that defects are drawn on again and again, as a part of its own.

    Attributes:
        surface: the scan with outward normals and its adjacency.
        has_normals: whether the scan itself has normals.
    """

    surface: Surface
    has_normals: bool

    @classmethod
    def of(cls, cloud: PointCloud, template: RecipeTemplate) -> PreparedSurface:
        """Find the normals and the adjacency of a scan.

        Args:
            cloud: a nominal scan. Ratios in the template are of its diagonal, and its unit, where
                it states none, is the template's.
            template: what will be drawn.

        Raises:
            SamplingError: the template does not fit the scan.
        """
        surface = surface_of(cloud, template.name, Unit(cloud.unit or template.unit))
        return cls(surface, cloud.normals is not None)

    def draw(self, template: RecipeTemplate, rng: np.random.Generator) -> Replayed:
        """Draw a recipe and replay it on the scan.

        Raises:
            SamplingError, ReplayError, CloudError: this draw cannot be made.
        """
        return replay(sample_recipe(template, self.surface, rng=rng), self.surface.cloud)

    def as_scanned(self, labeled: LabeledCloud) -> LabeledCloud:
        """What was drawn on the scan, without normals where the scan itself has none."""
        return labeled if self.has_normals else replace(labeled, normals=None)

    def write(self, path: Path) -> None:
        """Write the prepared scan, for ``read_prepared_surface`` in other processes."""
        cloud, part = self.surface.cloud, self.surface.part
        assert cloud.normals is not None  # ``of`` finds them
        arrays: dict[str, NDArray[Any]] = {
            "points": cloud.points,
            "normals": cloud.normals,
            "rows": cloud.file_rows,
            "edges": cloud.edges.astype(np.int32),
            "areas": cloud.areas,
        }
        document = {
            "part": part.model_dump(mode="json"),
            "unit": cloud.unit,
            "has_normals": self.has_normals,
        }
        write_arrays(path, arrays, document)


@lru_cache(maxsize=SURFACES_IN_MEMORY)
def read_prepared_surface(path: Path) -> PreparedSurface:
    """What ``PreparedSurface.write`` wrote, kept in memory for the next draws."""
    arrays, document = read_arrays(path)
    cloud = PointCloud(
        arrays["points"], arrays["normals"], unit=document["unit"], rows=arrays["rows"]
    ).with_adjacency(arrays["edges"].astype(np.int64), arrays["areas"])
    part = Part.model_validate(document["part"])
    return PreparedSurface(Surface(cloud, part), document["has_normals"])
