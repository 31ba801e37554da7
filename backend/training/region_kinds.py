"""Learning what the regions of each kind of defect are like.

When all else of a detector is learned, defects that no network has seen are drawn on the nominal
scans that were learned from, and scored as any scan is. The kind of a region is that of the defect
that most of its points belong to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from backend.arrays import FloatArray, IntArray
from backend.cloud import LabeledCloud
from backend.errors import CloudError, ReplayError, SamplingError
from backend.io.arrays import read_arrays, write_arrays
from backend.replay import Replayed, replay
from backend.sampling.drawing import (
    PreparedSurface,
    draw_until_it_shows,
    read_prepared_surface,
)
from backend.scoring.detector import Detector, ScoreMap
from backend.scoring.kinds import DESCRIBED, RegionKinds, ScoredSurface, size_of
from backend.scoring.loaded import LoadedDetector
from backend.scoring.regions import FEWEST_POINTS, ThinSurface
from backend.training.kinds import kinds_by_label, kinds_of
from backend.training.run import Run
from backend.training.sets import CategoryData
from backend.training.surfaces import prepare_surfaces
from shared_schema.defects import DefectTemplate
from shared_schema.recipe import RecipeTemplate

FOLDER = "region_kinds"
DETECTOR = "detector.safetensors"
# Scoring takes most of the time, so a scan gets several defects. They lie apart by a share of the
# part's size, so that their regions do not run into one another.
DEFECTS, TRIES, APART = 4, 12, 0.2
# Of the logistic model; the smaller, the more its coefficients are drawn to zero.
INVERSE_PENALTY, MOST_STEPS = 0.3, 5000


class _Task(NamedTuple):
    """A scan with defects, on the prepared surface in ``surface``, is to be scored."""

    number: int
    category: str
    surface: Path


@dataclass(frozen=True, eq=False)
class _Regions:
    """R regions whose kind is known.

    Attributes:
        features: (R, 17 + K).
        kinds: (R,) the numbers of their kinds.
        weights: (R,) which sum to 1 over the regions of one defect.
    """

    features: FloatArray
    kinds: IntArray
    weights: FloatArray

    @classmethod
    def of(cls, regions: Iterable[tuple[FloatArray, int, float]], kinds: int) -> _Regions:
        """From the three values of each; ``kinds`` is the K of their features."""
        rows = list(regions)
        return cls(
            np.array([features for features, _, _ in rows]).reshape(-1, DESCRIBED + kinds),
            np.array([kind for _, kind, _ in rows], np.int64),
            np.array([weight for _, _, weight in rows], np.float64),
        )


def fit_region_kinds(
    run: Run, parts: Sequence[CategoryData], detector: Detector
) -> RegionKinds | None:
    """Learn the kinds that the template draws; None if fewer than two of them are found.

    Args:
        run: the training.
        parts: its categories.
        detector: of these, without kinds.
    """
    names, count = kinds_of(run.template), run.config.synthesis.scans_for_kinds
    if run.template is None or len(names) < 2 or not count:
        return None
    folder = run.folder / FOLDER
    loaded = LoadedDetector(detector, folder / DETECTOR)
    tasks = list(_tasks({part.name: prepare_surfaces(run, part) for part in parts}, count))
    missing = [task for task in tasks if not _file(folder, task.number).exists()]
    work = partial(_score, loaded, folder=folder, template=run.template, seed=(run.seed, 7))
    # A process keeps what it has to prepare for the first scan of a category.
    together = -(-count // max(len(parts), run.workers.jobs))
    done = run.workers.map_unordered(work, missing, chunk_size=together)
    for _ in run.track(done, "Learning kinds", len(tasks), len(tasks) - len(missing)):
        pass
    arrays = [read_arrays(_file(folder, task.number))[0] for task in tasks]
    return _fit(_Regions(**{n: np.concatenate([a[n] for a in arrays]) for n in arrays[0]}), names)


def _tasks(surfaces: Mapping[str, Sequence[Path]], count: int) -> Iterator[_Task]:
    """``count`` tasks: as many of each category, one category after another, its scans in turn."""
    for place, (name, own) in enumerate(surfaces.items()):
        for turn, number in enumerate(range(place, count, len(surfaces))):
            yield _Task(number, name, own[turn % len(own)])


def _score(
    loaded: LoadedDetector,
    task: _Task,
    folder: Path,
    template: RecipeTemplate,
    seed: Sequence[int],
) -> None:
    """Draw defects on a scan, score it, and write its regions; none where that cannot be done."""
    rng = np.random.default_rng([*seed, task.number])
    surface, kinds = read_prepared_surface(task.surface), kinds_of(template)
    try:
        drawn = _draw(surface, template, DEFECTS * task.number, rng)
        scan = surface.as_scanned(drawn.labeled)
        result = loaded.detector.score(scan.points, scan.normals, task.category)
    except (SamplingError, ReplayError, CloudError):
        regions = _Regions.of([], len(kinds))
    else:
        by_label = kinds_by_label(drawn.record.defects, kinds)
        regions = _Regions.of(_described(result, scan, by_label, len(kinds)), len(kinds))
    write_arrays(_file(folder, task.number), vars(regions))


def _draw(
    prepared: PreparedSurface, template: RecipeTemplate, first: int, rng: np.random.Generator
) -> Replayed:
    """Defects of the entries of the template in turn from the ``first``, apart from one another.

    Raises:
        SamplingError: none shows.
        ReplayError, CloudError: they cannot be made together.
    """
    cloud = prepared.surface.cloud
    apart = APART * size_of(cloud.points)
    found: list[Replayed] = []
    marked = np.empty((0, 3))
    for turn in range(first, first + TRIES):
        entry = template.defects[turn % len(template.defects)]
        drawn = _drawn(prepared, template, entry, rng)
        if drawn is None:
            continue
        own = drawn.labeled.source_index[drawn.labeled.mask]
        points = cloud.points[cloud.positions_of(own)]
        if not found or cKDTree(marked).query(points)[0].min() > apart:
            found, marked = [*found, drawn], np.concatenate([marked, points])
        if len(found) == DEFECTS:
            break
    if not found:
        raise SamplingError("no defect shows on the scan")
    defects = [
        defect.model_copy(update={"label": label})
        for label, one in enumerate(found, 1)
        for defect in one.record.recipe.defects
    ]
    recipe = found[0].record.recipe.model_copy(update={"defects": tuple(defects)})
    return replay(recipe, cloud)


def _drawn(
    prepared: PreparedSurface,
    template: RecipeTemplate,
    entry: DefectTemplate,
    rng: np.random.Generator,
) -> Replayed | None:
    """The ``entry`` of a template drawn by itself; None if it does not show."""
    alone = template.model_copy(update={"draws": None, "defects": (entry,)})
    try:
        return draw_until_it_shows(lambda _: prepared.draw(alone, rng))[1]
    except SamplingError:
        return None


def _described(
    result: ScoreMap, scan: LabeledCloud, by_label: Mapping[int, int], kinds: int
) -> Iterator[tuple[FloatArray, int, float]]:
    """The features, the kind and the weight of each region that a defect has points in."""
    compared = result.compared
    if compared is None:
        return
    surface = ThinSurface.of(scan.points[compared.rows])
    excess = result.point_scores[compared.rows].astype(np.float64) - result.point_threshold
    scored = ScoredSurface(surface, excess, compared.heights, compared.kinds)
    labels = scan.labels[compared.rows]
    counts = {
        label: np.array([(labels[one.rows] == label).sum() for one in result.regions])
        for label in by_label
    }
    for place, region in enumerate(result.regions):
        label = max(counts, key=lambda label: counts[label][place])
        points = counts[label][place]
        if points >= FEWEST_POINTS:
            weight = float(points / counts[label].sum())
            yield scored.features(region, kinds), by_label[label], weight


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.safetensors"


def _fit(regions: _Regions, names: Sequence[str]) -> RegionKinds | None:
    """Fit the model; each kind weighs the same, however many regions it has."""
    known = np.unique(regions.kinds)
    if len(known) < 2:
        return None
    # Here, since it takes long to import and every process of a training imports this module.
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    of_kind = np.bincount(regions.kinds, regions.weights)
    weights = regions.weights / of_kind[regions.kinds] * of_kind.sum() / len(known)
    scaler = StandardScaler().fit(regions.features)
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=MOST_STEPS)
    model.fit(scaler.transform(regions.features), regions.kinds, weights)
    coefficients, intercepts = model.coef_ / scaler.scale_, model.intercept_
    if len(known) == 2:  # the logit of the second against the first
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.array([0.0, *intercepts])
    told = tuple(names[number] for number in known)
    return RegionKinds(told, coefficients, intercepts - coefficients @ scaler.mean_)
