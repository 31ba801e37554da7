"""What every family of detectors offers, so that scoring and training know none of them by name.

A family is a way to tell anomalous surface from nominal surface: each point by its surroundings
(``pointwise``), or a part of revolution by its unrolled height map (``unrolled``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import torch

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import PointCloud
from backend.models.normalization import Normalization
from backend.registration.part_finder import PartFinder

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Heights:
    """How high M points lie over the nominal surface, in the unit of the cloud.

    Attributes:
        signed: (M,) above where nominal scans lie at the same place; negative below.
        spread: (M,) standard deviation of nominal scans there.
    """

    signed: FloatArray
    spread: FloatArray


# A scan that shows less than this share of what nominal scans show is not a whole inspection.
LEAST_COVERAGE = 0.9


@dataclass(frozen=True, eq=False)
class Placement:
    """Where M points of a scan lie on the nominal model of the part, and how much of it they show.

    Attributes:
        points: (M, 3) in the frame of the model and the unit of the cloud.
        normals: (M, 3) outward, in the same frame.
        seen: (K,) bool, which of K places on the surface of the model the scan shows.
        visible: (K,) bool, which of them nominal scans show, all together.
        usual: least share of the K places that a nominal scan shows.
        doubts: whole sentences that say why the pose may be wrong.
    """

    points: FloatArray
    normals: FloatArray
    seen: BoolArray
    visible: BoolArray
    usual: float
    doubts: tuple[str, ...]

    @property
    def all_doubts(self) -> tuple[str, ...]:
        """Those of the pose, and that the scan shows little of the part."""
        coverage = float(self.seen.mean())
        if coverage >= LEAST_COVERAGE * self.usual:
            return self.doubts
        return (
            *self.doubts,
            f"only {coverage:.0%} of the part's surface was seen, where nominal scans show at "
            f"least {self.usual:.0%}; the rest is not inspected",
        )


@dataclass(frozen=True, eq=False)
class LikelyKinds:
    """Which kind of defect each of M points belongs to, if it belongs to one.

    Attributes:
        names: of the K kinds that the family has learned.
        probabilities: (M, K), each row summing to 1.
    """

    names: tuple[str, ...]
    probabilities: FloatArray


@dataclass(frozen=True, eq=False)
class Deviations:
    """How far M points of a cloud of N points are from nominal.

    Attributes:
        rows: (M,) int64, which points of the cloud.
        channels: by name (M,) float64, each channel in a unit of its own.
        stray: (N,) bool, points of the cloud that belong to no surface; none of them is in
            ``rows``.
        heights: where the family has a nominal surface to measure from.
        placement: on the nominal model, where there is one.
        kinds: where the family has learned what kinds of defects look like.
    """

    rows: IntArray
    channels: Mapping[str, FloatArray]
    stray: BoolArray
    heights: Heights | None = None
    placement: Placement | None = None
    kinds: LikelyKinds | None = None

    def scaled(self, factor: float) -> Deviations:
        """The same, with all lengths times ``factor``, of a cloud in another unit."""
        heights, placement = self.heights, self.placement
        if heights is not None:
            heights = Heights(heights.signed * factor, heights.spread * factor)
        if placement is not None:
            placement = replace(placement, points=placement.points * factor)
        return replace(self, heights=heights, placement=placement)


class CategoryModel(Protocol):
    """What a family has learned of one category.

    Attributes:
        top_fraction: the object's score is the mean of this share of the highest point scores.
        finder: finds the part in scans at unit scale; None where there is no nominal model.
    """

    top_fraction: ClassVar[float]

    @property
    def finder(self) -> PartFinder | None: ...

    def deviations(self, cloud: PointCloud) -> Iterator[Deviations]:
        """Compare a cloud with what is nominal, once for each test-time offset.

        Args:
            cloud: N points in the unit of the training clouds.

        Raises:
            CloudError: there are too few points.
        """


@dataclass(frozen=True)
class Family:
    """How the models of one family are written to a model file and read again.

    Attributes:
        title: how the family is named to users, in a sentence after "compared".
        to_checkpoint: from the models by category, their tensors and a JSON document.
        from_checkpoint: the inverse; it is given the detector's normalization too.
    """

    title: str
    to_checkpoint: Callable[[Mapping[str, Any]], tuple[dict[str, torch.Tensor], dict[str, Any]]]
    from_checkpoint: Callable[
        [Tensors, Mapping[str, Any], Normalization], Mapping[str, CategoryModel]
    ]


def with_prefix(prefix: str, tensors: Tensors) -> dict[str, torch.Tensor]:
    """The tensors under names that begin with ``prefix``."""
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def below(prefix: str, tensors: Tensors) -> dict[str, torch.Tensor]:
    """The inverse of ``with_prefix``; tensors of other names are left out."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
