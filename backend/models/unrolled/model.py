"""What is nominal in a category of parts of revolution, place by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field

from backend.arrays import BoolArray, Float32Array, FloatArray, IntArray
from backend.cloud import PointCloud
from backend.cloud.normals import with_outward_normals
from backend.cloud.thinned_scan import thinned_scan
from backend.geometry.normals import estimate_normals
from backend.models.family import Deviations, Heights
from backend.models.kinds import likely_kinds
from backend.models.unrolled.axis_frame import AxisFrame
from backend.models.unrolled.height_map import HeightGrid, HeightMap
from backend.models.unrolled.inputs import Compared, NominalSpread, network_inputs, ratio
from backend.models.unrolled.matching import MapBank, Windows, compare, unexplained
from backend.models.unrolled.network import UnrolledNetwork, infer
from backend.models.unrolled.outline import Outline

Tensors = dict[str, torch.Tensor]

CHANNEL, PEERS = "unrolled", "peers"

# Denser scans are thinned: points lie at least this part of a cell apart.
SPACING = 0.38
NORMAL_NEIGHBORS = 20
LARGEST_RATIO = 30.0


@dataclass(frozen=True)
class UnrolledConfig:
    """How scans of parts of revolution are compared with nominal ones.

    Attributes:
        cell_spacings: edge length of a cell, in point spacings of the nominal scans.
        most_cells: cells are made larger where a map would have more of them.
        windows: windows that slide over the maps, the largest first.
        canonical: whether scans are brought into the category's frame along the axis (what is left
            of spatial-distribution normalisation here); else each scan keeps its own.
        prototypes: whether scans are compared with nominal scans; else only their height counts.
        tilt_within: nominal scans are compared only if the cosines between the axis and the
            directions of view differ by this much at most.
        fewest_alike: if fewer nominal scans than this are as near, the nearest ones are taken.
        ratio_weight: weight of the logarithm of the deviation beside the network's logit.
        test_time_offsets: number of maps of a scan, with cells that begin at different places,
            whose scores are averaged.
        peers_up_to: a part with at most this many nominal scans is also compared with other angles
            of the scan itself, since fins, threads and flats are alike all round.
    """

    cell_spacings: Annotated[float, Field(gt=0.0)] = 1.67
    most_cells: Annotated[int, Field(ge=1)] = 48_000
    windows: tuple[Windows, ...] = (Windows(20, 5, 120), Windows(12, 6, 40))
    canonical: bool = True
    prototypes: bool = True
    tilt_within: Annotated[float, Field(gt=0.0)] = 0.15
    fewest_alike: Annotated[int, Field(ge=1)] = 16
    ratio_weight: Annotated[float, Field(ge=0.0)] = 2.0
    test_time_offsets: Annotated[int, Field(ge=1)] = 1
    peers_up_to: Annotated[int, Field(ge=0)] = 24

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> UnrolledConfig:
        """The inverse of ``dataclasses.asdict``, as JSON has it."""
        return cls(**{**record, "windows": tuple(Windows(**part) for part in record["windows"])})


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
    stray: BoolArray


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
class UnrolledModel:
    """Everything that comparing a scan needs.

    Attributes:
        grid: the cells.
        bank: nominal maps.
        spread: of nominal scans by place.
        networks: empty where there was nothing to train them on.
        config: see ``UnrolledConfig``.
        peer_spread: of nominal scans that are compared with other angles of themselves, too; None
            where there are nominal scans enough.
    """

    grid: HeightGrid
    bank: MapBank
    spread: NominalSpread
    networks: Sequence[UnrolledNetwork]
    config: UnrolledConfig
    peer_spread: NominalSpread | None = None

    # Scores of maps are smooth already: fewer points let small defects count.
    top_fraction: ClassVar[float] = 0.002
    # Nominal models are of no use to parts of revolution.
    finder: ClassVar[None] = None

    def deviations(self, cloud: PointCloud) -> Iterator[Deviations]:
        """See ``CategoryModel``; the offsets are averaged on the map."""
        scan = thin_scan(cloud, self.grid.outline.cell)
        count = self.config.test_time_offsets
        maps = [
            compare_scan(scan, self.grid, self.bank, self.config, number / count)
            for number in range(count)
        ]
        found = [self._at_points(one) for one in maps]
        channels = {CHANNEL: np.mean([scores for scores, _ in found], axis=0, dtype=np.float64)}
        if self.peer_spread is not None:
            channels[PEERS] = self._by_peers(maps, self.peer_spread)
        names = self.networks[0].kinds if self.networks else ()
        kinds = likely_kinds(names, np.mean([logits for _, logits in found], axis=0))
        heights = self._heights(maps[0])
        yield Deviations(scan.rows, channels, scan.stray, heights, kinds=kinds)

    def _by_peers(self, maps: Sequence[Compared], spread: NominalSpread) -> FloatArray:
        """Scores (M,) of the points by comparison with other angles of the same scan, too."""
        found = [
            height_map.at_points(
                unusual(compare_with_peers(height_map, self.bank, self.config), spread)
            )
            for height_map in (one.height_map for one in maps)
        ]
        mean: FloatArray = np.mean(found, axis=0, dtype=np.float64)
        return mean

    def _at_points(self, compared: Compared) -> tuple[Float32Array, Float32Array]:
        """Scores (M,) of the points, and logits (M, K) of kinds."""
        scores, kinds = self.maps(compared)
        of_cells = kinds.reshape(len(kinds), scores.size)
        height_map = compared.height_map
        return height_map.at_points(scores), of_cells[:, height_map.cells].T

    def _heights(self, compared: Compared) -> Heights:
        """Of the points over what nominal windows explain, which is smoothed by the cells."""
        height_map, cell = compared.height_map, self.grid.outline.cell
        signed = height_map.at_points(compared.deviations[0].signed)
        spread = height_map.at_points(self.spread.magnitude.at(height_map.tilt))
        return Heights(cell * signed.astype(np.float64), cell * spread.astype(np.float64))

    def maps(self, compared: Compared) -> tuple[Float32Array, Float32Array]:
        """Scores (R, C): the networks' logit and the weighted logarithm of the deviation's ratio.

        And logits (K, R, C) of the kinds of defects.
        """
        scores: Float32Array = self.config.ratio_weight * unusual(compared, self.spread)
        if not self.networks:
            return scores, np.empty((0, *scores.shape), np.float32)
        seen = compared.height_map.seen
        logits = infer(self.networks, network_inputs(compared, self.spread), seen)
        return scores + logits[0], logits[1:]


def unusual(compared: Compared, spread: NominalSpread) -> Float32Array:
    """(R, C) logarithm of the deviation in units of its nominal spread."""
    found: Float32Array = np.log1p(np.clip(ratio(compared, spread), 0.0, LARGEST_RATIO))
    return found


def compare_with_peers(height_map: HeightMap, bank: MapBank, config: UnrolledConfig) -> Compared:
    """Compare with nominal scans seen from a like direction, and with other angles of the scan.

    Only the largest windows are: small ones find their like anywhere.
    """
    alike = bank.seen_alike(height_map.tilt, config.tilt_within, config.fewest_alike)
    return Compared(height_map, [compare(height_map, alike, config.windows[0], peers=True)])


def compare_scan(
    scan: ThinScan, grid: HeightGrid, bank: MapBank, config: UnrolledConfig, offset: float = 0.0
) -> Compared:
    """Unroll a scan and compare it with the nominal ones of ``bank`` seen from a like direction.

    ``offset`` is that of ``HeightGrid.unroll``.
    """
    frame = AxisFrame.of(scan.points, scan.normals)
    height_map = grid.unroll(aligned(frame, grid, config), offset)
    if not config.prototypes:
        return Compared(height_map, [unexplained(height_map) for _ in config.windows])
    alike = bank.seen_alike(height_map.tilt, config.tilt_within, config.fewest_alike)
    return Compared(height_map, [compare(height_map, alike, windows) for windows in config.windows])


def aligned(frame: AxisFrame, grid: HeightGrid, config: UnrolledConfig) -> AxisFrame:
    """A scan in the category's frame, or, without one, about its own middle."""
    if config.canonical:
        return grid.outline.aligned(frame)
    return frame.moved(1.0, -float(np.median(frame.place[:, 0])))


def fit_grid(scans: Sequence[AxisFrame], spacing: float, config: UnrolledConfig) -> HeightGrid:
    """Cells for a category.

    Args:
        scans: nominal ones in their axis frames.
        spacing: of their points.
        config: how large the cells are.
    """
    radius = float(np.median(np.concatenate([scan.place[:, 1] for scan in scans])))
    grid = HeightGrid.of(Outline.fit(scans, config.cell_spacings * spacing), radius)
    excess = grid.rows * grid.columns / config.most_cells
    if excess > 1.0:
        cell = grid.outline.cell * float(np.sqrt(excess))
        grid = HeightGrid.of(Outline.fit(scans, cell), radius)
    return grid
