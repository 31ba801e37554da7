"""Settings of parts of revolution: how they are compared, and how that is learned."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated

from pydantic import Field

from backend.models.unrolled.model import UnrolledConfig
from backend.training.augmentation import AugmentationConfig
from backend.training.unrolled.network import UnrolledFittingConfig


def _augmentation() -> AugmentationConfig:
    return AugmentationConfig(rotate=False, jitter=0.0, dropout=0.2, view_probability=0.0)


@dataclass(frozen=True)
class UnrolledTrainingConfig(UnrolledConfig):
    """How scans of parts of revolution are compared, and how that is learned.

    Attributes:
        bank_scans: number of nominal scans that a scan is compared with, at most.
        closed_loop: whether the second half of the defects is drawn where it is least decided
            whether they are found (hard-example mining).
        probe_epochs: epochs of the networks that tell which defects are found.
        augmentation: changes of the scans with a drawn defect. The angle about the axis and the
            direction of view vary without it.
        fitting: how the networks are trained; with no networks, only the deviation counts.
    """

    bank_scans: Annotated[int, Field(ge=1)] = 96
    closed_loop: bool = False
    probe_epochs: Annotated[int, Field(ge=1)] = 4
    augmentation: AugmentationConfig = field(default_factory=_augmentation)
    fitting: UnrolledFittingConfig = field(default_factory=UnrolledFittingConfig)

    @property
    def comparing(self) -> UnrolledConfig:
        """The settings that comparing a scan needs, without those of learning."""
        return UnrolledConfig(
            **{one.name: getattr(self, one.name) for one in fields(UnrolledConfig)}
        )
