"""How a scan differs from the most similar places of nominal scans.

Parts of one kind are not the same surface twice: nuts sit at other angles, threads and fins begin
elsewhere. So no nominal surface is fitted. Each window of the map is compared with all windows of
the nominal maps at the same arc length, turned by any angle, and what the best few of them leave
unexplained is the deviation: a memory bank (Roth et al., "Towards total recall in industrial
anomaly detection", CVPR 2022) of places instead of features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from backend.arrays import Float32Array, FloatArray
from backend.models.side_by_side import side_by_side
from backend.models.unrolled.height_map import HeightMap, wrapped

# How far from its row a window may find its like: scans are aligned along the axis to about a cell.
ROWS_ASIDE = 1
# Share of the common offset of a window that is attributed to an error of the axis.
OFFSET = 0.7
# Differences of more than this many cells count as this many.
TRUNCATION = 1.0
OUTLIER, OUTLIER_WEIGHT = 0.875, 0.1
BEST = 5
# Least visible share of a scan window, of a nominal window, and of their overlap.
LEAST_SEEN, LEAST_NOMINAL, LEAST_SHARED = 0.25, 0.3, 0.6
# Cost of a nominal window, in cells, per share of the scan's window that it lacks.
UNSHARED_COARSE, UNSHARED_FINE = 0.3, 0.25
FEWEST = 200
EXCLUDED = 1e3
# So many windows are explained together: their numbers stay in the processor's cache.
TOGETHER = 8


@dataclass(frozen=True)
class Windows:
    """Square windows that slide over the maps.

    Attributes:
        size: edge length in cells, even.
        step: from one to the next.
        shortlist: how many nominal windows are looked at closely.
    """

    size: Annotated[int, Field(ge=2, multiple_of=2)] = 20
    step: Annotated[int, Field(ge=1)] = 5
    shortlist: Annotated[int, Field(ge=1)] = 120


@dataclass(frozen=True, eq=False)
class MapBank:
    """Nominal maps to compare with.

    Attributes:
        height, seen: (B, R, C), see ``HeightMap``.
        tilt: (B,).
    """

    height: Float32Array
    seen: Float32Array
    tilt: FloatArray

    @classmethod
    def of(cls, maps: Sequence[HeightMap]) -> MapBank:
        """Of nominal maps, in any order."""
        tilt = np.array([part.tilt for part in maps])
        # Rounded as model files hold them, so that a loaded bank is the same one.
        height = np.stack([part.height for part in maps]).astype(np.float16).astype(np.float32)
        return cls(height, np.stack([part.seen for part in maps]), tilt)

    def seen_alike(self, tilt: float, within: float, fewest: int) -> MapBank:
        """Those seen from a direction like ``tilt``; at least the ``fewest`` nearest."""
        difference = np.abs(self.tilt - tilt)
        limit = np.sort(difference)[min(fewest, len(difference)) - 1]
        rows = difference <= max(within, float(limit))
        return MapBank(self.height[rows], self.seen[rows], self.tilt[rows])

    def with_map(self, height_map: HeightMap) -> MapBank:
        """With ``height_map`` as its last."""
        return MapBank(
            np.concatenate([self.height, height_map.height[None]]),
            np.concatenate([self.seen, height_map.seen[None]]),
            np.append(self.tilt, height_map.tilt),
        )


@dataclass(frozen=True, eq=False)
class Deviation:
    """What nominal windows leave unexplained, (R, C) each, in cells.

    Attributes:
        signed: mean over the windows of their residual.
        magnitude: mean over the windows of its size.
        missing: share of nominal surface where the scan has none.
        disagreement: of the best nominal windows with one another.
        cost: of the best nominal windows.
        windows: how many windows had their say.
    """

    signed: Float32Array
    magnitude: Float32Array
    missing: Float32Array
    disagreement: Float32Array
    cost: Float32Array
    windows: Float32Array


def unexplained(height_map: HeightMap) -> Deviation:
    """What there is without nominal maps: all of the height."""
    nothing = np.zeros_like(height_map.height)
    return Deviation(
        height_map.height, np.abs(height_map.height), nothing, nothing, nothing, height_map.seen
    )


def compare(
    height_map: HeightMap, bank: MapBank, windows: Windows, *, peers: bool = False
) -> Deviation:
    """Explain every window of ``height_map`` by the most similar ones in ``bank``.

    With ``peers``, windows of the map itself at other angles explain it, too.
    """
    if peers:
        bank = bank.with_map(height_map)
    size, half = windows.size, windows.size // 2
    rows, columns = height_map.height.shape
    height, seen = (torch.from_numpy(wrapped(part, half)) for part in (bank.height, bank.seen))
    own_height, own_seen = (wrapped(part, half) for part in (height_map.height, height_map.seen))

    def explain(row: int) -> tuple[list[int], _Explained] | None:
        around = range(max(0, row - ROWS_ASIDE), min(rows - size, row + ROWS_ASIDE) + 1)
        places = [
            column
            for column in range(0, columns, windows.step)
            if own_seen[row : row + size, column : column + size].mean() >= LEAST_SEEN
        ]
        nominal = _NominalWindows.of(height, seen, around, size) if places else None
        if nominal is None or len(nominal) < FEWEST:
            return None
        own, own_mask = (
            torch.from_numpy(
                np.stack([part[row : row + size, c : c + size].ravel() for c in places])
            )
            for part in (own_height, own_seen)
        )
        overlap = nominal.overlap(places) if peers else None
        return places, _explain(own, own_mask, nominal, windows, overlap)

    sums = _Sums(rows, columns, size)
    starts = list(dict.fromkeys([*range(0, rows - size + 1, windows.step), rows - size]))
    for row, found in zip(starts, side_by_side(explain, starts), strict=True):
        if found is not None:
            sums.add(row, *found)
    return sums.deviation()


@dataclass(frozen=True, eq=False)
class _NominalWindows:
    """Windows of nominal maps, at every angle; only those that are asked for are copied.

    Attributes:
        height, seen: (B, rows, C, w, w) views of the maps by where a window begins.
        starts: the first three indices of those that are seen well enough.
    """

    height: torch.Tensor
    seen: torch.Tensor
    starts: tuple[torch.Tensor, ...]

    @classmethod
    def of(
        cls, height: torch.Tensor, seen: torch.Tensor, rows: range, size: int
    ) -> _NominalWindows:
        """Those that begin in ``rows``."""
        columns = height.shape[2] - size
        views = [
            part[:, rows.start : rows.stop - 1 + size].unfold(1, size, 1).unfold(2, size, 1)
            for part in (height, seen)
        ]
        height, seen = (view[:, :, :columns] for view in views)
        enough = seen.sum(3).sum(3) >= LEAST_NOMINAL * size * size
        return cls(height, seen, torch.nonzero(enough, as_tuple=True))

    def __len__(self) -> int:
        return len(self.starts[0])

    def overlap(self, places: Sequence[int]) -> torch.Tensor:
        """(Q, W) which windows of the last map overlap those that begin in columns ``places``."""
        columns, size = self.height.shape[2], self.height.shape[-1]
        step = (torch.tensor(places)[:, None] - self.starts[2]).abs()
        is_last = self.starts[0] == len(self.height) - 1
        return is_last & (torch.minimum(step, columns - step) < size)

    def coarse(self) -> tuple[torch.Tensor, torch.Tensor]:
        """One cell in four of all windows (W, w² / 4), and whether it is seen."""
        height, seen = (
            part[..., ::2, ::2][self.starts].flatten(1) for part in (self.height, self.seen)
        )
        return height, seen

    def at(self, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All cells of ``chosen`` windows (Q, S, w²), and whether they are seen."""
        starts = tuple(part[chosen] for part in self.starts)
        return self.height[starts].flatten(2), self.seen[starts].flatten(2)


@dataclass(frozen=True, eq=False)
class _Explained:
    """Of Q windows of w² cells each: see ``Deviation``."""

    residual: torch.Tensor
    known: torch.Tensor
    missing: torch.Tensor
    disagreement: torch.Tensor
    cost: torch.Tensor


def _explain(
    own: torch.Tensor,
    mask: torch.Tensor,
    nominal: _NominalWindows,
    windows: Windows,
    overlap: torch.Tensor | None,
) -> _Explained:
    """Explain windows ``own`` (Q, w²), seen where ``mask`` says so, by nominal ones.

    Those of which ``overlap`` (Q, W) says so are left out.
    """
    chosen = _shortlist(own, mask, nominal, windows, overlap)
    pieces = [
        _explained(one, its_mask, *nominal.at(near))
        for one, its_mask, near in zip(
            own.split(TOGETHER), mask.split(TOGETHER), chosen.split(TOGETHER), strict=True
        )
    ]
    return _Explained(
        *(torch.cat(parts) for parts in zip(*(vars(one).values() for one in pieces), strict=True))
    )


def _explained(
    own: torch.Tensor, mask: torch.Tensor, like: torch.Tensor, like_mask: torch.Tensor
) -> _Explained:
    """By the windows ``like`` (Q, S, w²) each of them, seen where ``like_mask`` says so."""
    shared = like_mask * mask[:, None]
    difference = own[:, None] - like
    trust = mask
    # The second time, cells that nothing explains have lost their say in the offset.
    for _ in range(2):
        weight = like_mask * trust[:, None]
        offset = (difference * weight).sum(2, keepdim=True) / weight.sum(2, keepdim=True).clamp(
            min=1
        )
        rest = difference - OFFSET * offset
        cost = _robust_cost(rest, shared, mask)
        best = cost.topk(min(BEST, cost.shape[1]), 1, largest=False).indices
        taken = best[:, :, None].expand(-1, -1, own.shape[1])
        present = torch.gather(shared, 1, taken) > 0
        residuals = torch.where(present, torch.gather(rest, 1, taken), torch.nan)
        median = torch.nanmedian(residuals, 1).values
        known = torch.isfinite(median) & (mask > 0)
        median = torch.where(known, median, torch.zeros(()))
        trust = mask * torch.where(median.abs() > OUTLIER, OUTLIER_WEIGHT, 1.0)
    there = torch.gather(like_mask, 1, taken).mean(1)
    spread = torch.nan_to_num((residuals - median[:, None]).abs().nanmean(1))
    return _Explained(
        median, known, there * (1 - mask), spread * known, torch.gather(cost, 1, best).mean(1)
    )


def _shortlist(
    own: torch.Tensor,
    mask: torch.Tensor,
    nominal: _NominalWindows,
    windows: Windows,
    overlap: torch.Tensor | None,
) -> torch.Tensor:
    """(Q, shortlist) the nearest nominal windows, by least squares on one cell in four."""
    cells = torch.arange(windows.size**2)
    fourth = (cells // windows.size % 2 == 0) & (cells % 2 == 0)
    y, v = own[:, fourth], mask[:, fourth]
    x, w = nominal.coarse()
    vy, wx = v * y, w * x
    shared = v @ w.T
    offset = (v @ wx.T - vy @ w.T) / shared.clamp(min=1)
    squared = v @ (wx * x).T + (vy * y) @ w.T - 2 * vy @ wx.T
    seen = v.sum(1, keepdim=True)
    cost = squared / shared.clamp(min=1) - OFFSET * offset**2
    cost += (1 - shared / seen) * UNSHARED_COARSE
    cost[shared < LEAST_SHARED * seen] = EXCLUDED
    if overlap is not None:
        cost[overlap] = EXCLUDED
    return cost.topk(min(windows.shortlist, cost.shape[1]), 1, largest=False).indices


def _robust_cost(rest: torch.Tensor, shared: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(Q, S) mean of the limited differences, and the price of what is not shared."""
    count = shared.sum(2)
    mean = (rest.abs().clamp(max=TRUNCATION) * shared).sum(2) / count.clamp(min=1)
    return mean + (1 - count / mask.sum(1, keepdim=True).clamp(min=1)) * UNSHARED_FINE


class _Sums:
    """Sums over overlapping windows."""

    def __init__(self, rows: int, columns: int, size: int) -> None:
        self.size = size
        names = ("signed", "magnitude", "missing", "disagreement", "cost", "known", "looked")
        self.maps = {name: np.zeros((rows, columns), np.float32) for name in names}

    def add(self, row: int, places: Sequence[int], part: _Explained) -> None:
        """What was found of the windows that begin in ``row``, half a window before ``places``."""
        shape = (len(places), self.size, self.size)
        cells = {
            "signed": part.residual,
            "magnitude": part.residual.abs(),
            "missing": part.missing,
            "disagreement": part.disagreement,
            "cost": part.cost[:, None].expand_as(part.residual),
            "known": part.known.float(),
            "looked": torch.ones_like(part.residual),
        }
        columns = self.maps["known"].shape[1]
        across = (np.array(places)[:, None] + np.arange(self.size) - self.size // 2) % columns
        for name, values in cells.items():
            arrays = values.numpy().reshape(shape)
            for number in range(len(places)):
                self.maps[name][row : row + self.size, across[number]] += arrays[number]

    def deviation(self) -> Deviation:
        """Means over the windows."""
        known = np.maximum(self.maps["known"], 1.0)
        looked = np.maximum(self.maps["looked"], 1.0)
        return Deviation(
            self.maps["signed"] / known,
            self.maps["magnitude"] / known,
            self.maps["missing"] / looked,
            self.maps["disagreement"] / known,
            self.maps["cost"] / looked,
            self.maps["known"],
        )
