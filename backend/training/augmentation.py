"""Random changes of a labelled cloud that keep every label on its point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from pydantic import Field
from scipy.spatial.transform import Rotation

from backend.arrays import FloatArray
from backend.cloud import LabeledCloud

SMALLEST_VIEW = 0.25
# Smallest ratio of the distance that thinned points keep to the spacing of the cloud.
DENSE_ENOUGH = 1.15

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


@dataclass(frozen=True)
class AugmentationConfig:
    """How strongly clouds are changed; all zero (and ``rotate`` false) changes nothing.

    Attributes:
        rotate: turn the cloud by a uniformly random rotation about the origin.
        jitter: upper bound of the noise's standard deviation, as a fraction of the diagonal;
            each cloud draws its own level.
        dropout: upper bound of the fraction of points left out, where a cloud has so many more than
            are looked at.
        view_probability: chance that only the side facing a random direction stays.
        view_cosine: smallest cosine between normal and view direction that stays visible.
    """

    rotate: bool = True
    jitter: Annotated[float, Field(ge=0.0)] = 0.0005
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.6
    view_probability: Probability = 0.2
    view_cosine: Annotated[float, Field(ge=-1.0, le=1.0)] = -0.1


def as_dense_as(config: AugmentationConfig, spacing: float, thinned: float) -> AugmentationConfig:
    """``config`` whose dropout leaves no cloud too sparse to be thinned.

    Args:
        config: what is wanted.
        spacing: median distance of the cloud's points to their nearest.
        thinned: distance that thinned points keep at least.
    """
    share = min(1.0, (DENSE_ENOUGH * spacing / thinned) ** 2)
    return replace(config, dropout=min(config.dropout, 1.0 - share))


def augment(
    cloud: LabeledCloud, rng: np.random.Generator, config: AugmentationConfig
) -> LabeledCloud:
    """View crop, dropout, jitter and rotation, in this order, each with its own draw."""
    if cloud.normals is not None and rng.random() < config.view_probability:
        cloud = crop_to_view(cloud, random_direction(rng), config.view_cosine)
    cloud = drop_points(cloud, rng, config.dropout)
    cloud = jitter(cloud, rng, config.jitter)
    return rotate(cloud, Rotation.random(random_state=rng).as_matrix()) if config.rotate else cloud


def random_direction(rng: np.random.Generator) -> FloatArray:
    """A unit vector (3,), uniform on the sphere."""
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)


def crop_to_view(cloud: LabeledCloud, direction: FloatArray, cosine: float) -> LabeledCloud:
    """The side that faces ``direction`` (3,), without occlusion.

    The whole if that would leave less than ``SMALLEST_VIEW`` of it, as from behind a scan that was
    itself taken from one side.
    """
    if cloud.normals is None:
        return cloud
    visible = cloud.normals @ direction > cosine
    return cloud.take(visible) if visible.mean() >= SMALLEST_VIEW else cloud


def drop_points(cloud: LabeledCloud, rng: np.random.Generator, max_fraction: float) -> LabeledCloud:
    """Leave out a random fraction, up to ``max_fraction``, of the points."""
    fraction = rng.uniform(0.0, max_fraction)
    keep = rng.random(len(cloud)) >= fraction
    return cloud.take(keep) if keep.any() else cloud


def jitter(cloud: LabeledCloud, rng: np.random.Generator, max_sigma: float) -> LabeledCloud:
    """Add Gaussian noise of a random level up to ``max_sigma`` diagonals."""
    diagonal = float(np.linalg.norm(np.ptp(cloud.points, axis=0)))
    level = rng.uniform(0.0, max_sigma) * diagonal
    return replace(cloud, points=cloud.points + level * rng.normal(size=cloud.points.shape))


def rotate(cloud: LabeledCloud, rotation: FloatArray) -> LabeledCloud:
    """Turn points and normals by ``rotation`` (3, 3), column vectors, about the origin."""
    normals = None if cloud.normals is None else cloud.normals @ rotation.T
    return replace(cloud, points=cloud.points @ rotation.T, normals=normals)
