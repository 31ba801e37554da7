"""The settings of a training, and their JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError

from backend.errors import TrainingError
from backend.models.pointwise.descriptors import INVARIANTS
from backend.models.pointwise.graphs import RELATIONS
from backend.models.pointwise.point_transformer import PointTransformerConfig
from backend.training.augmentation import AugmentationConfig
from backend.training.pointwise.network import FittingConfig
from backend.training.unrolled.config import UnrolledTrainingConfig

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]
Channel = Literal["histograms", "learned", "network", "surface"]

CHANNELS: tuple[Channel, ...] = get_args(Channel)
FEWEST_DRAWN, DRAWN_PER_SCAN = 40, 2

# What settings were called in files of earlier versions.
FORMER_NAMES = {
    "averages": "test_time_offsets",
    "relief": "unrolled",
    "sdn": "scale_by_category",
    "use": "family, beside unrolled",
}


@dataclass(frozen=True)
class SynthesisConfig:
    """How defects are drawn from a template while training, for each category.

    Attributes:
        count: how many to begin with; None for two a nominal scan that is learned from, and no
            fewer than 40.
        fresh: how many new ones come in every epoch of the network that looks at points.
        pool: of these, how many are kept; the oldest go.
        scans_for_kinds: how many scans with further defects, of all categories together, teach what
            the regions of each kind are like; 0: no kinds are told.
    """

    count: Count | None = None
    fresh: Annotated[int, Field(ge=0)] = 4
    pool: Count = 400
    scans_for_kinds: Annotated[int, Field(ge=0)] = 96

    def first(self, scans: int) -> int:
        """Number of defects before the first epoch, for a category with ``scans`` to learn from."""
        return self.count or max(FEWEST_DRAWN, DRAWN_PER_SCAN * scans)


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of a training; the defaults suit a few hundred clouds on two cores.

    Attributes:
        threads: CPU threads of torch; another number changes the last digits of sums.
        device: where the point network is trained.
        target_points: points that the median nominal cloud keeps after thinning.
        family: what compares a part with its nominal scans: ``pointwise``, ``unrolled`` (parts of
            revolution only), or ``auto``: what suits the scans of each part.
        scale_by_category: spatial-distribution normalisation: clouds are scaled by their category's
            size, else each by its own.
        holdout: share of each category's nominal clouds, from the end of the list, that nothing is
            learned from and thresholds are calibrated on, where no other clouds are given for that.
        channels: what scores points, fused: distance of histograms and of learned features from
            nominal prototypes, the network's logit, and the distance from the surface of the
            category's nominal model, where there is one, or one is fused.
        fuse_scans: whether a nominal model is fused from the nominal scans of a rigid part that has
            none.
        bank_size, bank_pool: prototypes per category and channel, out of how many candidates.
        test_time_offsets: number of thinnings of a cloud whose scores are averaged; for unrolled
            parts ``unrolled.test_time_offsets`` is the number of maps.
        false_alarm_rate: of nominal objects that are rejected.
        review_rate: of nominal objects whose longest anomalous region asks for a review.
        point_rate: share of nominal points above the point threshold.
        augmentation: of every labelled cloud.
        synthesis: of defects from a template.
        network: shape of the network.
        fitting: how the network is trained.
        unrolled: how parts of revolution are compared and learned. Of the settings above only
            threads, family, holdout, the rates and the synthesis concern them.

    >>> from dataclasses import replace
    >>> config = fs.TrainingConfig(target_points=4000)
    >>> config = replace(config, fitting=replace(config.fitting, epochs=8))
    >>> config.fitting.epochs
    8
    """

    threads: Count = 2
    device: Literal["auto", "cpu", "cuda"] = "auto"
    target_points: Count = 8000
    family: Literal["auto", "pointwise", "unrolled"] = "auto"
    scale_by_category: bool = True
    holdout: Share = 1.0 / 3.0
    channels: tuple[Channel, ...] = CHANNELS
    fuse_scans: bool = True
    bank_size: Count = 1000
    bank_pool: Count = 10000
    test_time_offsets: Count = 1
    false_alarm_rate: Share = 0.05
    review_rate: Share = 0.05
    point_rate: Share = 0.005
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    synthesis: SynthesisConfig = field(default_factory=SynthesisConfig)
    network: PointTransformerConfig = field(default_factory=PointTransformerConfig)
    fitting: FittingConfig = field(default_factory=FittingConfig)
    unrolled: UnrolledTrainingConfig = field(default_factory=UnrolledTrainingConfig)

    @property
    def compares_surfaces(self) -> bool:
        """Whether nominal models are of use: clouds scaled by their own size do not fit them."""
        return "surface" in self.channels and self.scale_by_category

    @property
    def learns(self) -> bool:
        """Whether any channel needs the network."""
        return "network" in self.channels or "learned" in self.channels


def read_config(path: Path) -> TrainingConfig:
    """The configuration in a JSON file; what it does not name keeps its default.

    Raises:
        TrainingError: it cannot be read, or names something unknown, or a value does not fit.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: the file is not readable JSON ({error})") from error
    try:
        return from_record(record)
    except TrainingError as error:
        raise TrainingError(f"{path}: {error}") from error


def from_record(record: Any) -> TrainingConfig:
    """The inverse of ``to_record``; what is left out keeps its default.

    Raises:
        TrainingError: something is unknown, or does not fit.
    """
    _check_names(record, TrainingConfig, "the configuration")
    try:
        config = TypeAdapter(TrainingConfig).validate_python(record)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        must = first["msg"].replace("Input should be", "must be")
        raise TrainingError(f"{place}: {must}, not {first['input']!r}") from error
    _check_network(config.network)
    return config


def checked(config: TrainingConfig) -> TrainingConfig:
    """The configuration, whose values are in their ranges.

    Raises:
        TrainingError: one is not.
    """
    return from_record(to_record(config))


def to_record(config: TrainingConfig) -> dict[str, Any]:
    """JSON form with every value."""
    record: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return record


def _check_network(config: PointTransformerConfig) -> None:
    """Refuse a network that cannot be built, or that does not take what describes a point."""
    for width in config.channels:
        if width % config.groups:
            raise TrainingError(
                f"network.channels must be multiples of network.groups, which is {config.groups}; "
                f"{width} is not"
            )
    for name, value, described in (
        ("inputs", config.inputs, INVARIANTS),
        ("relations", config.relations, RELATIONS),
    ):
        if value != described:
            raise TrainingError(
                f"network.{name} must be {described}, the number of features that are computed, "
                f"not {value}; leave the setting out"
            )


def _check_names(record: Any, kind: type, place: str) -> None:
    """Refuse names that ``kind``, a dataclass, does not have, in it and in its parts."""
    if not isinstance(record, Mapping):
        raise TrainingError(f"{place} must be an object with settings by name, not {record!r}")
    known = {one.name for one in fields(kind)}
    for name in record:
        if name in FORMER_NAMES and name not in known:
            raise TrainingError(f"the setting {name!r} of {place} is now {FORMER_NAMES[name]}")
        if name not in known:
            names = ", ".join(sorted(known))
            raise TrainingError(f"{place} has no setting {name!r}; known are {names}")
    hints = get_type_hints(kind)
    for name, value in record.items():
        if is_dataclass(hints[name]):
            _check_names(value, hints[name], name)
