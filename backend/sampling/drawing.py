"""Labelled anomalies from a template: recipes drawn and replayed on nominal scans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from pydantic import ValidationError

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import CloudError, ReplayError, SamplingError
from backend.replay.replay import Replayed, replay
from backend.sampling.places import Surface, surface_of
from backend.sampling.recipes import sample_recipe, sample_recipes
from backend.synthesis.samples import ATTEMPTS, unfit
from shared_schema.recipe import RecipeTemplate, Unit


def draw_anomalies(
    template: RecipeTemplate,
    clouds: Sequence[PointCloud],
    *,
    seed: int,
    count: int,
    first: int = 0,
) -> Iterator[LabeledCloud]:
    """Draw ``count`` recipes and replay each on one of ``clouds``, in turn.

    Each cloud is a part of its own: ratios are of its diagonal, and its unit, where it states
    none, is the template's. A recipe whose defects mark no point yields nothing.

    Args:
        template: what is drawn.
        clouds: nominal scans; normals are estimated where they have none, and not handed on.
        seed: of the recipes.
        count: recipes.
        first: number of the first recipe in the sequence that ``seed`` names.

    Raises:
        SamplingError: the template does not fit a cloud.
        ReplayError: a drawn recipe cannot be replayed.
    """
    surfaces = [
        surface_of(cloud, template.name, Unit(cloud.unit or template.unit)) for cloud in clouds
    ]
    for number in range(count):
        chosen = number % len(clouds)
        surface = surfaces[chosen]
        for recipe in sample_recipes(template, surface, seed=seed, count=1, first=first + number):
            labeled = replay(recipe, surface.cloud).labeled
            if clouds[chosen].normals is None:
                labeled = replace(labeled, normals=None)
            if labeled.mask.any():
                yield labeled


def draw_one(
    template: RecipeTemplate, cloud: PointCloud, rng: np.random.Generator
) -> LabeledCloud | None:
    """Draw on ``cloud`` until a defect shows; None if none does in 50 draws.

    The cloud is a part of its own, as in ``draw_anomalies``.
    """
    surface = surface_of(cloud, template.name, Unit(cloud.unit or template.unit))
    for _ in range(ATTEMPTS):
        drawn = attempt(template, surface, rng)
        if drawn is not None:
            labeled = drawn.labeled
            return labeled if cloud.normals is not None else replace(labeled, normals=None)
    return None


def attempt(
    template: RecipeTemplate, surface: Surface, rng: np.random.Generator
) -> Replayed | None:
    """One draw; None where the defect cannot be made, or does not show as one."""
    try:
        replayed = replay(sample_recipe(template, surface, rng=rng), surface.cloud)
    except (SamplingError, ReplayError, CloudError, ValidationError):
        return None
    return None if unfit(replayed.labeled) else replayed
