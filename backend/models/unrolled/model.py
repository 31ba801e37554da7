"""What is nominal in a category of parts of revolution, place by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from backend.cloud import PointCloud
from backend.geometry.normals import estimate_normals, with_outward_normals
from backend.geometry.thinned_scan import thinned_scan
from backend.models.unrolled.axis_frame import AxisFrame
from backend.models.unrolled.height_map import MapArray, ReliefGrid
from backend.models.unrolled.inputs import Compared, NominalSpread, network_inputs, ratio
from backend.models.unrolled.matching import Bank, Windows, compare, unexplained
from backend.models.unrolled.network import ReliefFittingConfig, ReliefNetwork, infer
from backend.models.unrolled.outline import Meridian
from backend.training.augmentation import AugmentationConfig

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Tensors = dict[str, torch.Tensor]

# Denser scans are thinned: points lie at least this part of a cell apart.
SPACING = 0.38
NORMAL_NEIGHBORS = 20
LARGEST_RATIO = 30.0


def _augmentation() -> AugmentationConfig:
    return AugmentationConfig(rotate=False, jitter=0.0, dropout=0.2, view_probability=0.0)


@dataclass(frozen=True)
class ReliefConfig:
    """How scans of parts of revolution are compared.

    Attributes:
        use: whether parts of revolution are compared at all.
        cell_spacings: edge length of a cell in point spacings of the nominal scans.
        most_cells: the cells of a map are made larger rather than more.
        windows: that slide over the maps, the largest first.
        canonical: whether scans are brought into the category's frame along the axis (the part of
            spatial-distribution normalisation that is left to do); else each keeps its own.
        prototypes: whether they are compared with nominal scans; else their height is all there is.
        bank_scans: so many nominal scans are compared with, at most.
        tilt_within: only those seen from a direction like the scan's, by the cosine with the axis,
            unless there are fewer than ``fewest_alike``.
        closed_loop: whether the second half of the defects is drawn where it is least decided
            that they are found.
        probe_epochs: how long the networks that tell are trained.
        augmentation: of scans with a drawn defect; the angle about the axis and the direction of
            view are free as it is.
        ratio_weight: weight of the logarithm of the deviation beside the network's logit.
        averages: a scan is compared so many times, over cells that begin elsewhere, and the scores
            are averaged.
        fitting: how the networks are trained; with no networks, the deviation is all there is.
    """

    use: bool = True
    cell_spacings: float = 1.67
    most_cells: int = 48_000
    windows: tuple[Windows, ...] = (Windows(20, 5, 120), Windows(12, 6, 40))
    canonical: bool = True
    prototypes: bool = True
    bank_scans: int = 96
    tilt_within: float = 0.15
    fewest_alike: int = 16
    closed_loop: bool = False
    probe_epochs: int = 4
    augmentation: AugmentationConfig = field(default_factory=_augmentation)
    ratio_weight: float = 2.0
    averages: Annotated[int, Field(ge=1)] = 1
    fitting: ReliefFittingConfig = field(default_factory=ReliefFittingConfig)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ReliefConfig:
        """The inverse of ``dataclasses.asdict``, as JSON has it."""
        windows = tuple(Windows(**part) for part in record["windows"])
        parts = {
            "windows": windows,
            "augmentation": AugmentationConfig(**record["augmentation"]),
            "fitting": ReliefFittingConfig(**record["fitting"]),
        }
        return cls(**{**record, **parts})


@dataclass(frozen=True, eq=False)
class ThinScan:
    """A scan as dense as the cells need it.

    Attributes:
        rows: (M,) int64, rows of the scan.
        points, normals: (M, 3) in the frame of ``own_frame``, the scan's unit; the normals are
            fitted to the points.
        stray: (N,) bool, points of the scan that belong to no surface.
    """

    rows: IntArray
    points: FloatArray
    normals: FloatArray
    stray: NDArray[np.bool_]


def thin_scan(scan: PointCloud, cell: float) -> ThinScan:
    """Thin a scan to the cells; its normals, where it has them, only say which side is outside.

    Raises:
        CloudError: fewer than 32 points are left.
    """
    thin = thinned_scan(scan, SPACING * cell)
    cloud = PointCloud(thin.points, thin.normals)
    outward = with_outward_normals(cloud)[0].normals
    assert outward is not None  # what the function is for
    fitted = estimate_normals(cloud.points, cloud.tree, NORMAL_NEIGHBORS)
    side = np.where((fitted * outward).sum(axis=1) < 0.0, -1.0, 1.0)
    return ThinScan(thin.rows, cloud.points, fitted * side[:, None], thin.stray)


@dataclass(frozen=True, eq=False)
class ReliefModel:
    """Everything that comparing a scan needs.

    Attributes:
        grid: the cells.
        bank: nominal maps.
        spread: of nominal scans by place.
        networks: empty where there was nothing to train them on.
        config: see ``ReliefConfig``.
    """

    grid: ReliefGrid
    bank: Bank
    spread: NominalSpread
    networks: Sequence[ReliefNetwork]
    config: ReliefConfig

    def score(self, cloud: PointCloud) -> tuple[ThinScan, FloatArray]:
        """A scan thinned to M points, and the deviation (M,) of each of them from nominal."""
        scan = thin_scan(cloud, self.grid.meridian.cell)
        total = np.zeros(len(scan.rows))
        for number in range(self.config.averages):
            offset = number / self.config.averages
            compared = compare_scan(scan, self.grid, self.bank, self.config, offset)
            total += compared.relief.at_points(self.score_map(compared))
        return scan, total / self.config.averages

    def score_map(self, compared: Compared) -> MapArray:
        """(R, C): the network's logit and the weighted logarithm of the deviation's ratio."""
        usual = np.clip(ratio(compared, self.spread), 0.0, LARGEST_RATIO)
        score: MapArray = self.config.ratio_weight * np.log1p(usual)
        if self.networks:
            score = score + infer(
                self.networks, network_inputs(compared, self.spread), compared.relief.seen
            )
        return score


def compare_scan(
    scan: ThinScan, grid: ReliefGrid, bank: Bank, config: ReliefConfig, offset: float = 0.0
) -> Compared:
    """Unroll a scan and compare it with the nominal ones of ``bank`` seen from a like direction.

    ``offset`` is that of ``ReliefGrid.unroll``.
    """
    frame = AxisFrame.of(scan.points, scan.normals)
    relief = grid.unroll(aligned(frame, grid, config), offset)
    if not config.prototypes:
        return Compared(relief, [unexplained(relief) for _ in config.windows])
    alike = bank.seen_alike(relief.tilt, config.tilt_within, config.fewest_alike)
    return Compared(relief, [compare(relief, alike, windows) for windows in config.windows])


def aligned(frame: AxisFrame, grid: ReliefGrid, config: ReliefConfig) -> AxisFrame:
    """A scan in the category's frame, or, without one, about its own middle."""
    if config.canonical:
        return grid.meridian.aligned(frame)
    return frame.moved(1.0, -float(np.median(frame.place[:, 0])))


def fit_grid(scans: Sequence[AxisFrame], spacing: float, config: ReliefConfig) -> ReliefGrid:
    """Cells for a category.

    Args:
        scans: nominal ones in their axis frames.
        spacing: of their points.
        config: how large the cells are.
    """
    radius = float(np.median(np.concatenate([scan.place[:, 1] for scan in scans])))
    grid = ReliefGrid.of(Meridian.fit(scans, config.cell_spacings * spacing), radius)
    excess = grid.rows * grid.columns / config.most_cells
    if excess > 1.0:
        cell = grid.meridian.cell * float(np.sqrt(excess))
        grid = ReliefGrid.of(Meridian.fit(scans, cell), radius)
    return grid
