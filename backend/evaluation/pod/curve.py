"""Probability of detection over the size: the curve through hits and misses, and its bounds.

The model is that of MIL-HDBK-1823A for answers of found or missed: a function of the probability of
detection is linear in the size or in its logarithm. Of the logit and the probit, in either size,
the most likely one is taken. All four have two parameters, so that this is the choice by AIC.

The bounds are those of the likelihood ratio (Cheng and Iles, "Confidence bands for cumulative
distribution functions of continuous random variables", 1983). Among curves that pass a given size
at the given probability, one parameter is left. Twice the fall of the log-likelihood is distributed
as chi-squared with one degree of freedom, so that it is 3.841 at the ends of a 95 % interval. The
data often leave open which of the four curves is true. So each one whose likelihood is within the
same distance of the best has an interval of its own, and the bounds are the farthest of all. a90/95
is the upper end; a one-sided bound (2.706) would hold on paper, but ``benchmarks/pod.py`` shows
that it fails too often with the numbers of defects that are usual. All fits are statsmodels'.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import chi2
from statsmodels.discrete.discrete_model import BinaryModel, BinaryResults, Logit, Probit
from statsmodels.tools.sm_exceptions import ModelWarning

from backend.arrays import BoolArray, FloatArray
from backend.evaluation.pod.links import PREDICTORS
from backend.wording import counted
from shared_schema.pod import PodCurve, PodLink, PodPoint

MODELS: dict[PodLink, type[BinaryModel]] = {PodLink.LOGIT: Logit, PodLink.PROBIT: Probit}
# By how much twice the log-likelihood falls at the ends of a 95 % interval.
FALL_OF_LIKELIHOOD = float(chi2.ppf(0.95, 1))

FEWEST_OF_EACH = 5
# MIL-HDBK-1823A asks for as many where the answer is found or missed.
ADVISED = 60
# Beyond this, an event is no chance, and the curve not that of the data.
SIGNIFICANT = 0.01
# A slope of a higher p-value may be none.
RISES = 0.05
# By how much a curve may fall again before it counts as one that does.
FALL = 0.1
DRAWN = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)


def pod_curve(sizes: ArrayLike, found: ArrayLike, *, unit: str = "", band: bool = True) -> PodCurve:
    """The probability of detection over the size, from defects that were found or missed.

    Args:
        sizes: (N,) of the defects, positive.
        found: (N,) whether each was found.
        unit: of the sizes, for the sentences.
        band: whether the bounds of the whole curve are computed too, to be drawn.

    Returns:
        The curve. What the data do not support is None in it, and ``refusals`` says why.

    Raises:
        ValueError: the sizes are not positive, or not as many as the answers.

    >>> rng = np.random.default_rng(0)
    >>> sizes = np.exp(rng.uniform(np.log(0.1), np.log(2.0), 120))
    >>> curve = fs.pod_curve(sizes, sizes + 0.2 * rng.normal(size=120) > 0.8)
    >>> [round(size, 2) for size in (curve.a50, curve.a90, curve.a90_95)]
    [0.82, 1.05, 1.29]
    """
    size, hit = np.asarray(sizes, np.float64), np.asarray(found, bool)
    if size.ndim != 1 or size.shape != hit.shape or not (size > 0).all():
        raise ValueError(
            "each defect needs a positive size and an answer; there are sizes of shape "
            f"{size.shape}, the smallest is {size.min(initial=np.inf):.5g}, and answers of shape "
            f"{hit.shape}"
        )
    about: dict[str, Any] = {
        "defects": len(hit),
        "found": int(hit.sum()),
        "smallest": float(size.min(initial=np.inf)) if len(size) else None,
        "largest": float(size.max()) if len(size) else None,
    }
    why = refusal(size, hit, unit)
    if why is not None:
        return PodCurve(**about, refusals=(why,))
    curves = Curves.of(size, hit)
    why = _no_rise(curves.best)
    if why is not None:
        return PodCurve(**about, curvature=curves.best.curvature, refusals=(why,))
    return _Statement(curves, unit).curve(about, band)


@dataclass(frozen=True, eq=False)
class Fit:
    """One of the four curves through N hits and misses.

    Attributes:
        size: (N,) of the defects.
        hit: (N,) which of them were found.
        link: of the curve.
        is_log: whether it is linear in the logarithm of the size.
        unit: what sizes are divided by, so that numbers near 1 are fitted.
    """

    size: FloatArray
    hit: BoolArray
    link: PodLink
    is_log: bool
    unit: float

    def at(self, size: ArrayLike) -> FloatArray:
        """What the linear predictor is linear in."""
        ratio = np.asarray(size, np.float64) / self.unit
        return np.log(ratio) if self.is_log else ratio

    def size_at(self, at: float) -> float:
        """The inverse of ``at``."""
        return self.unit * float(np.exp(at) if self.is_log else at)

    @cached_property
    def x(self) -> FloatArray:
        """(N,) ``at`` the sizes."""
        return self.at(self.size)

    @cached_property
    def result(self) -> BinaryResults:
        """The fit of intercept and slope."""
        return self._fitted(np.column_stack([np.ones_like(self.x), self.x]))

    @property
    def likelihood(self) -> float:
        """Logarithm of the likelihood."""
        return float(self.result.llf)

    @property
    def slope(self) -> float:
        """Of the linear predictor over ``at``."""
        return float(self.result.params[1])

    def where(self, pod: float) -> float:
        """``at`` of the size that is found with probability ``pod``."""
        return (PREDICTORS[self.link](pod) - float(self.result.params[0])) / self.slope

    def fall(self, at: float, pod: float) -> float:
        """By how much twice the log-likelihood falls if the curve must pass (``at``, ``pod``)."""
        eta, middle = PREDICTORS[self.link](pod), self.where(0.5)
        # Through the middle of the free curve, where that rises.
        steepness = eta / (at - middle) if eta * (at - middle) > 0.0 else 0.0
        offset = np.full_like(self.x, eta)
        through = self._fitted((self.x - at)[:, None], offset, [steepness])
        return min(2.0 * (self.likelihood - float(through.llf)), 1e6)

    def bound(self, pod: float, side: int) -> float | None:
        """``at`` of the lower (-1) or upper (+1) end of the 95 % interval of ``where(pod)``."""
        reach = side * float(np.ptp(self.x))
        return crossing(lambda at: self.fall(at, pod) - FALL_OF_LIKELIHOOD, self.where(pod), reach)

    @cached_property
    def constant(self) -> BinaryResults:
        """The fit of one probability for all sizes."""
        return self._fitted(np.ones((len(self.x), 1)))

    @cached_property
    def bent(self) -> BinaryResults:
        """The fit with a quadratic term."""
        return self._fitted(np.column_stack([np.ones_like(self.x), self.x, self.x**2]))

    @property
    def curvature(self) -> float:
        """p-value of the quadratic term."""
        return float(chi2.sf(2.0 * (self.bent.llf - self.result.llf), 1))

    @property
    def rise(self) -> float:
        """p-value of the slope."""
        return float(chi2.sf(2.0 * (self.result.llf - self.constant.llf), 1))

    def _fitted(
        self,
        columns: FloatArray,
        offset: FloatArray | None = None,
        start: Sequence[float] | None = None,
    ) -> BinaryResults:
        return fitted(self.link, self.hit, columns, offset, start)


def fitted(
    link: PodLink,
    hit: BoolArray,
    columns: FloatArray,
    offset: FloatArray | None = None,
    start: Sequence[float] | None = None,
) -> BinaryResults:
    """The most likely linear predictor of hits and misses (N,).

    Args:
        link: from the predictor to the probability.
        hit: hits and misses.
        columns: (N, C) whose coefficients are fitted.
        offset: (N,) what is added to the predictor.
        start: (C,) coefficients to begin with.
    """
    model = MODELS[link](hit.astype(float), columns, offset=offset)
    with warnings.catch_warnings():
        # A quadratic term may tell hits from misses, and steep curves overflow to 0 and 1.
        warnings.simplefilter("ignore", (ModelWarning, RuntimeWarning))
        with suppress(LinAlgError):
            result = model.fit(start, "newton", disp=0)
            if result.mle_retvals["converged"] and np.isfinite(result.llf):
                return result
        # Newton's method overshoots where a curve is steep; the simplex does not.
        result = model.fit(start, "nm", 1000, disp=0, skip_hessian=True)
        _ = result.llf  # is computed here, where it may overflow
        return result


@dataclass(frozen=True, eq=False)
class Curves:
    """The four curves through the same hits and misses; the best is the most likely."""

    fits: tuple[Fit, ...]

    @classmethod
    def of(cls, size: FloatArray, hit: BoolArray) -> Curves:
        """Through hits and misses (N,) that overlap in size."""
        unit = float(np.exp(np.log(size).mean()))
        return cls(
            tuple(Fit(size, hit, link, is_log, unit) for is_log in (True, False) for link in MODELS)
        )

    @cached_property
    def best(self) -> Fit:
        """The most likely one, by AIC too: all have two parameters."""
        return max(self.fits, key=lambda fit: fit.likelihood)

    def size(self, pod: float) -> float:
        """The size that is found with probability ``pod``, by the best curve."""
        return self.best.size_at(self.best.where(pod))

    @property
    def likely(self) -> list[Fit]:
        """Those that the data do not rule out."""
        lowest = self.best.likelihood - FALL_OF_LIKELIHOOD / 2.0
        return [fit for fit in self.fits if fit.likelihood >= lowest]

    def bound(self, pod: float, side: int) -> float | None:
        """The confidence bound of ``size(pod)``, below it (-1) or above it (+1).

        It is the farthest of all likely curves, since one of the others may be the true one. None
        where the likelihood does not fall by as much within three times the range of the sizes, or
        above zero.
        """
        found: list[float] = []
        for fit in self.likely:
            at = fit.bound(pod, side)
            if at is None:
                return None
            found.append(fit.size_at(at))
        farthest = max(found) if side > 0 else min(found)
        return farthest if farthest > 0.0 else None


def crossing(excess: Callable[[float], float], start: float, reach: float) -> float | None:
    """Where ``excess`` becomes positive on the way from ``start``.

    Args:
        excess: negative at ``start``.
        start: where to begin.
        reach: the way is three times as far, and goes down if this is negative.

    Returns:
        The place, or None if there is none.
    """
    step = reach / 32.0
    while abs(step) < 3.0 * abs(reach):
        if excess(start + step) > 0.0:
            return float(brentq(excess, *sorted((start, start + step)), xtol=1e-4 * abs(reach)))
        step *= 2.0
    return None


def refusal(size: FloatArray, hit: BoolArray, unit: str = "") -> str | None:
    """Why no curve can be fitted to hits and misses (N,); None where one can."""
    hits, misses = int(hit.sum()), int((~hit).sum())
    if min(hits, misses) < FEWEST_OF_EACH:
        return (
            f"No curve can be fitted to {counted(hits, 'hit')} and {misses} "
            f"{'miss' if misses == 1 else 'misses'}; it needs at least {FEWEST_OF_EACH} of "
            f"each{_all_alike(hits, misses)}"
        )
    largest_miss, smallest_hit = float(size[~hit].max()), float(size[hit].min())
    if largest_miss <= smallest_hit:
        return (
            f"All defects up to {_length(largest_miss, unit)} are missed and all from "
            f"{_length(smallest_hit, unit)} on are found, so that the steepness of the curve is "
            "unknown; it needs more sizes between the two"
        )
    return None


def _all_alike(hits: int, misses: int) -> str:
    """What to do where nearly all defects are found, or missed."""
    if hits + misses < 2 * FEWEST_OF_EACH:
        return ""
    return ", and so smaller defects" if hits > misses else ", and so larger defects"


def _no_rise(fit: Fit) -> str | None:
    """Why the curve is none of a probability that rises with the size; None where it is."""
    if fit.slope <= 0.0 or fit.rise > RISES:
        return (
            "The defects are not found more often the larger they are "
            f"(p = {fit.rise:.2g} for the slope); there is no size from which on they are found"
        )
    if fit.curvature < SIGNIFICANT and _falls(fit):
        return (
            "The defects are found more often up to some size and less often beyond it, or the "
            f"other way round (p = {fit.curvature:.2g}); no curve that only rises fits them"
        )
    return None


def _falls(fit: Fit) -> bool:
    """Whether the curve with a quadratic term falls, at either end."""
    x = np.linspace(fit.x.min(), fit.x.max(), 100)
    pod = fit.bent.predict(np.column_stack([np.ones_like(x), x, x**2]))
    return bool((np.maximum.accumulate(pod) - pod).max() > FALL)


@dataclass(frozen=True, eq=False)
class _Statement:
    """What is said of curves that rise."""

    curves: Curves
    unit: str

    def curve(self, about: dict[str, Any], band: bool) -> PodCurve:
        """All of it; ``about`` counts the defects."""
        fit = self.curves.best
        a50, a90 = self._tried(0.5), self._tried(0.9)
        lack = self._lack_of_fit()
        bound = self.curves.bound(0.9, +1)
        beyond = None if a90 is None else self._beyond(bound)
        is_bounded = a90 is not None and lack is None
        intercept, slope = self._coefficients()
        return PodCurve(
            **about,
            link=fit.link,
            log_size=fit.is_log,
            intercept=intercept,
            slope=slope,
            a50=a50,
            a90=a90,
            a90_95=bound if is_bounded and beyond is None else None,
            a90_lower=self.curves.bound(0.9, -1) if is_bounded else None,
            curvature=fit.curvature,
            hosmer_lemeshow=self._hosmer_lemeshow,
            points=tuple(self._points(is_bounded=lack is None)) if band else (),
            refusals=tuple(filter(None, [*self._not_tried(), beyond, lack])),
            cautions=tuple(self._cautions()),
        )

    def _tried(self, pod: float) -> float | None:
        """The size of ``pod`` if it lies among those that were tried."""
        size, tried = self.curves.size(pod), self.curves.best.size
        return size if tried.min() <= size <= tried.max() else None

    def _not_tried(self) -> Iterator[str]:
        tried = self.curves.best.size
        for pod in (0.5, 0.9):
            if self._tried(pod) is None:
                end = "smallest" if self.curves.size(pod) < tried.min() else "largest"
                value = tried.min() if end == "smallest" else tried.max()
                yield (
                    f"The size a{100 * pod:.0f} lies beyond the {end} that was tried, "
                    f"{_length(value, self.unit)}, and the curve is not continued there; it needs "
                    f"{'smaller' if end == 'smallest' else 'larger'} defects"
                )

    def _beyond(self, bound: float | None) -> str | None:
        """Why the bound a90/95 is not stated; None where it can be."""
        largest = float(self.curves.best.size.max())
        if bound is not None and bound <= largest:
            return None
        where = "" if bound is None else f", {_length(bound, self.unit)},"
        return (
            f"The bound a90/95{where} lies beyond the largest size that was tried, "
            f"{_length(largest, self.unit)}; it needs more defects, or larger ones"
        )

    def _coefficients(self) -> tuple[float, float]:
        """Intercept and slope over the size itself, or its logarithm."""
        fit = self.curves.best
        intercept, slope = (float(value) for value in fit.result.params)
        if fit.is_log:
            return intercept - slope * float(np.log(fit.unit)), slope
        return intercept, slope / fit.unit

    def _points(self, *, is_bounded: bool) -> Iterator[PodPoint]:
        for pod in DRAWN:
            size, low, high = self.curves.size(pod), None, None
            if is_bounded:
                low, high = (self.curves.bound(pod, side) for side in (-1, +1))
            if size > 0.0:
                yield PodPoint(pod=pod, size=size, lower=low, upper=high)

    @cached_property
    def _hosmer_lemeshow(self) -> float | None:
        fit = self.curves.best
        return hosmer_lemeshow(fit.hit, np.asarray(fit.result.predict()))

    def _lack_of_fit(self) -> str | None:
        tests = {
            "Hosmer and Lemeshow": self._hosmer_lemeshow,
            "a quadratic term": self.curves.best.curvature,
        }
        for name, p in tests.items():
            if p is not None and p < SIGNIFICANT:
                return (
                    f"The curve does not fit the hits and misses (p = {p:.2g} by the test of "
                    f"{name}), so that no bound is stated; there may be defects among them that "
                    "are found differently"
                )
        return None

    def _cautions(self) -> Iterator[str]:
        count = len(self.curves.best.hit)
        if count < ADVISED:
            yield (
                f"MIL-HDBK-1823A asks for at least {ADVISED} defects where the answer is found or "
                f"missed; these are {count}"
            )


def hosmer_lemeshow(hit: BoolArray, fitted: FloatArray) -> float | None:
    """p-value of the test of Hosmer and Lemeshow ("Applied Logistic Regression", 2000, 5.2.2).

    Args:
        hit: (N,) hits and misses.
        fitted: (N,) their fitted probabilities.

    Returns:
        None if there are fewer than three groups in each of which at least one hit and one miss
        are expected: the statistic is not distributed as chi-squared then.
    """
    order = np.argsort(fitted, kind="stable")
    hit, fitted = hit[order], fitted[order]
    ends = _group_ends(fitted, len(hit) // 10)
    if len(ends) < 3:
        return None
    expected = np.add.reduceat(fitted, [0, *ends[:-1]])
    observed = np.add.reduceat(hit.astype(float), [0, *ends[:-1]])
    counts = np.diff([0, *ends])
    statistic = ((observed - expected) ** 2 / (expected * (1.0 - expected / counts))).sum()
    return float(chi2.sf(statistic, len(ends) - 2))


def _group_ends(fitted: FloatArray, fewest: int) -> list[int]:
    """Ends of groups of consecutive rows that are large enough; the rest joins the last."""
    ends, start = [], 0
    for end in range(1, len(fitted) + 1):
        part = fitted[start:end]
        if len(part) >= fewest and min(part.sum(), (1.0 - part).sum()) >= 1.0:
            ends.append(end)
            start = end
    return [*ends[:-1], len(fitted)] if ends else []


def _length(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".rstrip()
