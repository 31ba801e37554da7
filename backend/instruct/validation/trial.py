"""Rules on replayed recipes: the surface does not fold over itself, and does not tear.

Only templates that pass all other rules come here: :class:`Replayable` says so by its type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from backend.arrays import BoolArray, FloatArray, IntArray
from backend.cloud import PointCloud
from backend.errors import CloudError, ReplayError, SamplingError
from backend.instruct.validation.context import Context, Sized
from backend.instruct.validation.problems import Problem
from backend.instruct.validation.target import Target
from backend.progress import Progress, silent, track
from backend.replay import Replayed, replay
from backend.sampling.recipes import sample_recipe
from shared_schema.recipe import RecipeTemplate

TRIALS = 8
FEWEST_TRIALS = 2
# Kinds that open the surface: what they stretch is meant to tear.
OPENING = ("hole", "crack", "deposit", "bend")
# A triangle folds if its normal turns by more than this; cosine.
FOLDED = -0.2
# Share of the moved triangles that may fold, and of the moved edges that may tear.
TOLERATED = 0.1
STRETCHED = 5.0


@dataclass(frozen=True, eq=False)
class Replayable:
    """A template that passed every rule that needs no replay; only ``validate`` makes one."""

    context: Context

    @property
    def template(self) -> RecipeTemplate:
        """The template."""
        return self.context.template

    def draw(self, seed: int) -> Replayed:
        """One recipe on the part's surface.

        Raises:
            SamplingError, ReplayError, CloudError: the draw does not fit the surface.
        """
        surface = self.context.target.surface
        recipe = sample_recipe(self.template, surface, rng=np.random.default_rng(seed))
        return replay(recipe, surface.cloud)


def folded(target: Target, replayed: Replayed) -> float:
    """Share of the moved triangles of neighbouring points whose normal turns over."""
    moved = _Moved.of(target.cloud, replayed)
    triangles = moved.kept(target.triangles)
    triangles = triangles[moved.moved[triangles].any(axis=1)]
    if len(triangles) == 0:
        return 0.0
    before, after = (_normals(points, triangles) for points in (moved.before, moved.after))
    return float((np.einsum("mi,mi->m", before, after) < FOLDED).mean())


def torn(target: Target, replayed: Replayed) -> float:
    """Share of the edges between moved points that are stretched beyond all measure."""
    moved = _Moved.of(target.cloud, replayed)
    edges = moved.kept(target.cloud.edges)
    edges = edges[moved.moved[edges].all(axis=1)]
    if len(edges) == 0:
        return 0.0
    before, after = (
        np.linalg.norm(np.subtract(*points[edges.T]), axis=1)
        for points in (moved.before, moved.after)
    )
    return float((after > STRETCHED * np.maximum(before, target.cloud.spacing)).mean())


@dataclass(frozen=True, eq=False)
class _Moved:
    """The K points of a cloud that a replay keeps.

    Attributes:
        number: (N,) of each point of the cloud among them; -1 where it is gone.
        before: (K, 3).
        after: (K, 3).
        moved: (K,) bool.
    """

    number: IntArray
    before: FloatArray
    after: FloatArray
    moved: BoolArray

    @classmethod
    def of(cls, cloud: PointCloud, replayed: Replayed) -> _Moved:
        labeled = replayed.labeled
        own = labeled.source_index >= 0
        rows = labeled.source_index[own]
        number = np.full(len(cloud), -1)
        number[rows] = np.arange(len(rows))
        before, after = cloud.points[rows], labeled.points[own]
        return cls(number, before, after, (before != after).any(axis=1))

    def kept(self, members: IntArray) -> IntArray:
        """Edges or triangles (M, K) of the cloud between kept points, by their numbers there."""
        numbers = self.number[members]
        return numbers[(numbers >= 0).all(axis=1)]


def _normals(points: FloatArray, triangles: IntArray) -> FloatArray:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    normals = np.cross(b - a, c - a)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)


def surface_holds(replayable: Replayable, progress: Progress = silent) -> Iterator[Problem]:
    """V40: the replayed surface does not fold; V41: it does not tear; V22: some draw fits."""
    context = replayable.context
    for defect in track(progress, list(context.defects()), "Trying defects out"):
        alone = Replayable(_alone(context, defect))
        made, reason = _trials(alone, _wanted(context, defect))
        if not made:
            yield defect.problem(
                "V22", "error", f"none of {TRIALS} draws fits the part; the last: {reason}."
            )
            continue
        if defect.defect.kind in OPENING or defect.shape.depth is None:
            continue
        yield from _judged(defect, made)


def _wanted(context: Context, defect: Sized) -> int:
    """How many draws are judged: one defect that has several places shares them among these."""
    place = {"name", "location", "chance"}
    alone = defect.defect.model_dump(exclude=place)
    alike = sum(other.model_dump(exclude=place) == alone for other in context.template.defects)
    return max(FEWEST_TRIALS, TRIALS // alike)


def _trials(replayable: Replayable, wanted: int) -> tuple[list[tuple[int, Replayed]], str]:
    """Draws that fit the surface, with their seeds, and why the last other one does not."""
    made, reason = [], ""
    for seed in range(TRIALS):
        try:
            made.append((seed, replayable.draw(seed)))
        except (SamplingError, ReplayError, CloudError) as error:
            reason = str(error)
        if len(made) == wanted:
            break
    return made, reason


def _judged(defect: Sized, made: list[tuple[int, Replayed]]) -> Iterator[Problem]:
    target, depth = defect.context.target, defect.shape.depth
    assert depth is not None
    low, high = defect.ends(depth)
    shallower = defect.resized(depth, (low / 2.0, high / 2.0))
    for seed, replayed in made:
        for rule, share, what in (
            ("V40", folded(target, replayed), "folds over itself"),
            ("V41", torn(target, replayed), "tears"),
        ):
            if share > TOLERATED:
                yield defect.problem(
                    rule,
                    "error",
                    f"the surface {what} where it is drawn with seed {seed}: {share:.0%} of what "
                    "moves; make it shallower or wider.",
                    value=high,
                    acceptable=high / 2.0,
                    edit=shallower,
                )
                return


def _alone(context: Context, defect: Sized) -> Context:
    """The same template with one defect alone, once: a row of them is as sound as one."""
    once = defect.defect.model_copy(update={"repeat": None})
    template = context.template.model_copy(update={"defects": (once,), "draws": None})
    return Context(template, context.target, context.typical)
