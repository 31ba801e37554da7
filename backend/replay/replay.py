"""Replay a recipe on a cloud: the one place where effects are applied and masks are made."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from backend import __version__
from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import DefectEffect, LabeledCloud, PointCloud
from backend.defects import DEFECTS
from backend.errors import ReplayError
from backend.geometry.refresh_normals import refresh_normals
from backend.geometry.transform import rotation_of
from backend.replay.resolve import resolve
from shared_schema.defects.base import DefectSpec
from shared_schema.recipe import Recipe
from shared_schema.record import DefectReport, ReplayRecord
from shared_schema.scale import in_absolute_lengths

OnEmpty = Literal["skip", "refuse"]


class Replayed(NamedTuple):
    """A labelled cloud, and the record from which it can be made again.

    >>> surface = fs.surface_of(fs.load_sample("plate_holes"), "plate", fs.Unit.MM)
    >>> (recipe,) = fs.sample(fs.load_template("sheet_metal/dents"), surface, seed=0, count=1)
    >>> replayed = fs.replay(recipe, surface.cloud)
    >>> replayed.labeled
    <LabeledCloud: 618 points, 2 of them anomalous>
    """

    labeled: LabeledCloud
    record: ReplayRecord


@dataclass
class _State:
    """The cloud between two defects: part frame, points of the input that are still there.

    ``source_index`` (N,) numbers them in the input cloud, not in its file.
    """

    cloud: PointCloud
    displacement: FloatArray
    reshaped: BoolArray
    mask: BoolArray
    labels: NDArray[np.int32]
    weight: FloatArray
    source_index: IntArray

    @classmethod
    def start(cls, cloud: PointCloud) -> _State:
        count = len(cloud)
        return cls(
            cloud,
            np.zeros((count, 3)),
            np.zeros(count, dtype=bool),
            np.zeros(count, dtype=bool),
            np.zeros(count, dtype=np.int32),
            np.zeros(count),
            np.arange(count),
        )


def replay(
    recipe: Recipe,
    cloud: PointCloud,
    *,
    T_part_scan: ArrayLike | None = None,  # noqa: N803 - the project's transform names
    snap: bool = False,
    on_empty: OnEmpty = "skip",
) -> Replayed:
    """Apply every defect of ``recipe`` to ``cloud``, in order.

    Args:
        recipe: concrete; its coordinates are in the part frame, relative to its origin.
        cloud: N points; with normals unless every defect has a direction of its own.
        T_part_scan: (4, 4) transform, column vectors, from the cloud's frame to the part frame;
            a uniform scale in it changes the unit. None: the cloud is in the part frame.
        snap: move the places of defects onto the cloud's surface first (for registered scans).
        on_empty: treatment of a defect that marks no point of this cloud.

    Returns:
        The labelled cloud in the frame of the input. Points that no defect moves are bit-identical
        to the input. The record holds the recipe as it was applied, so that replaying it with the
        same transform gives the same bytes, on one kind of processor.

    Raises:
        ReplayError: a defect cannot be applied, or marks nothing and ``on_empty`` is ``refuse``.

    >>> dent = {"kind": "dent", "center": [0, 0, 10], "radius": 5, "depth": 1}
    >>> part = {"name": "block", "unit": "mm", "diagonal": 30}
    >>> recipe = fs.Recipe.model_validate({"part": part, "defects": [dent]})
    >>> top = [[x, y, 10.0] for x in range(-8, 9) for y in range(-8, 9)]
    >>> cloud = fs.PointCloud.of(top, normals=np.tile([0.0, 0.0, 1.0], (len(top), 1)), unit="mm")
    >>> labeled, record = fs.replay(recipe, cloud)
    >>> int(labeled.mask.sum()), float(labeled.points[:, 2].min())
    (45, 9.0)
    """
    recipe = in_absolute_lengths(recipe)
    transform = np.eye(4) if T_part_scan is None else np.asarray(T_part_scan, dtype=np.float64)
    state = _State.start(_to_part(cloud, transform, np.array(recipe.origin)))
    applied: list[DefectSpec] = []
    reports: list[DefectReport] = []
    for index, given in enumerate(recipe.defects):
        try:
            spec = resolve(given, state.cloud, snap=snap)
            state, report = _apply(state, spec)
        except ReplayError as error:
            raise ReplayError(f"defects[{index}] ({given.kind}): {error}") from error
        if report.idle and on_empty == "refuse":
            raise ReplayError(
                f"defects[{index}] ({spec.kind}) marks no point of this cloud: either its place is "
                "not scanned, or it changes nothing; move the defect, or skip it (--on-empty skip)"
            )
        applied.append(spec)
        reports.append(report)
    recipe = recipe.model_copy(update={"defects": tuple(applied)})
    record = ReplayRecord(
        recipe=recipe,
        T_part_scan=transform.tolist(),
        defects=tuple(reports),
        versions=versions(),
    )
    return Replayed(_to_scan(cloud, state, transform), record)


def _to_part(cloud: PointCloud, transform: FloatArray, origin: FloatArray) -> PointCloud:
    relative = transform.copy()
    relative[:3, 3] -= origin
    return cloud if np.array_equal(relative, np.eye(4)) else cloud.transformed(relative)


def _apply(state: _State, spec: DefectSpec) -> tuple[_State, DefectReport]:
    """The state after one defect, and what it did."""
    effect = DEFECTS[spec.kind](state.cloud, spec)
    anomalous = (effect.weight > spec.mask_threshold) | _rim(state.cloud, effect.removed)
    anomalous &= ~effect.removed
    report = DefectReport(
        name=spec.name,
        kind=spec.kind,
        label=spec.label,
        points=int(anomalous.sum()),
        removed=int(effect.removed.sum()),
    )
    return _advance(state, effect, anomalous, spec.label), report


def _rim(cloud: PointCloud, removed: BoolArray) -> BoolArray:
    """Points that border removed ones."""
    rim = np.zeros(len(cloud), dtype=bool)
    if removed.any():
        rim[cloud.edges[removed[cloud.edges].any(axis=1)]] = True
    return rim


def _advance(state: _State, effect: DefectEffect, anomalous: BoolArray, label: int) -> _State:
    cloud = state.cloud
    normals = cloud.normals if effect.normals is None else effect.normals
    moved = effect.displacement.any(axis=1)
    after = _State(
        cloud.moved(cloud.points + effect.displacement, normals),
        state.displacement + effect.displacement,
        state.reshaped if effect.exact else state.reshaped | moved,
        state.mask | anomalous,
        np.where(anomalous, np.int32(label), state.labels),
        np.maximum(state.weight, effect.weight),
        state.source_index,
    )
    return _without(after, effect.removed) if effect.removed.any() else after


def _without(state: _State, removed: BoolArray) -> _State:
    keep = ~removed
    if not keep.any():
        raise ReplayError("the defect removes every point of the cloud; make it smaller")
    return _State(
        state.cloud.subset(keep),
        state.displacement[keep],
        state.reshaped[keep],
        state.mask[keep],
        state.labels[keep],
        state.weight[keep],
        state.source_index[keep],
    )


def _to_scan(cloud: PointCloud, state: _State, transform: FloatArray) -> LabeledCloud:
    """Back to the input's frame; only what moved is touched."""
    source = state.source_index
    points = cloud.points[source]
    moved = state.displacement.any(axis=1)
    linear = transform[:3, :3]
    points[moved] += state.displacement[moved] @ np.linalg.inv(linear).T
    normals = None
    if cloud.normals is not None:
        normals = cloud.normals[source]
        if moved.any() and state.cloud.normals is not None:
            normals[moved] = state.cloud.normals[moved] @ rotation_of(transform)
            moved &= state.reshaped
            if moved.any():
                normals[moved] = refresh_normals(points, state.cloud.faces, moved, normals[moved])
    return LabeledCloud(
        points,
        normals,
        state.mask,
        state.labels,
        state.weight,
        cloud.file_rows[source],
        {name: values[source] for name, values in cloud.fields.items()},
        cloud.notices,
    )


def versions() -> dict[str, str]:
    """Of all on which the bytes of a sample depend."""
    return {
        "flawsmith": __version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "python": platform.python_version(),
    }
