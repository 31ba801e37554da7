"""Which kinds and places need more nominal scans, and what a reader of the report should know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import binomtest

from backend.wording import counted, listed
from shared_schema.pod import PodNominal, PodReport, PodSweep

# A p-value below which groups of defects differ, and one that is surely no chance of many tests.
DIFFERENT, SURELY_DIFFERENT = 0.05, 0.01
# Shares of the nominal scans with an anomalous region at a place, from which on it is no chance.
OFTEN, SEVERAL = 0.2, 2
# Number and share of the misses that are marked, from which on the limit decides, not the surface.
SOME_MARKED, MUCH_MARKED = 5, 1.0 / 3.0
# A place is worse than the whole part if its defects have to be so much larger.
WORSE = 1.2
# Scans of a part in one frame lie closer together than this share of its diagonal.
APART = 0.1
# Fewer scans than these are one another's likeness rather than a sample.
FEW_SCANS = 5


def needs(report: PodReport) -> Iterator[str]:
    """Whole sentences that say what more nominal scans are needed for."""
    yield from _limit(report)
    yield from _alarms(report)
    for sweep in report.sweeps:
        yield from _marked(sweep, report.false_alarms.limit_scans)
        yield from _weak_places(sweep, report.unit.value)


def in_one_frame(scans: Sequence[PodNominal], diagonal: float) -> bool:
    """Whether the middles of the scans lie together, as those of one part in one frame do."""
    centers = np.array([scan.center for scan in scans])
    away = np.linalg.norm(centers - np.median(centers, axis=0), axis=1)
    return bool((away < APART * diagonal).all())


def cautions(report: PodReport) -> Iterator[str]:
    """Whole sentences about the whole examination."""
    count = len(report.scans)
    if count < FEW_SCANS:
        yield (
            f"All defects were made on {counted(count, 'nominal scan')}. The results hold for "
            "scans like these; more scans, of other specimens, make them hold for the process"
        )
    if not in_one_frame(report.scans, report.diagonal):
        yield (
            "The scans do not lie in one frame, so that there is no map of the part; give its "
            "nominal model, to which they are registered"
        )
    unlike = [
        sweep.title
        for sweep in report.sweeps
        if sweep.scans_differ is not None and sweep.scans_differ < SURELY_DIFFERENT
    ]
    if unlike:
        yield (
            f"How often a defect is found differs from scan to scan ({listed(unlike)}). The bounds "
            "take the defects for independent and are too narrow then; use more scans"
        )
    missing = sum(sweep.missing for sweep in report.sweeps)
    if missing:
        yield (
            f"{counted(missing, 'defect')} could not be made and "
            f"{'does' if missing == 1 else 'do'} not count, because {report.missing[0].missing}"
        )
    for one in report.skipped:
        yield f"The scan {one.scan} was left out: {one.skipped}"


def _limit(report: PodReport) -> Iterator[str]:
    alarms = report.false_alarms
    if alarms.rejected:
        test = binomtest(alarms.rejected, alarms.scans, alarms.promised, alternative="greater")
        if test.pvalue < DIFFERENT:
            yield (
                f"{alarms.rejected} of {alarms.scans} nominal scans are rejected, where the limit "
                f"promises {alarms.promised:.1%}. These scans differ from those that the detector "
                "knows; train it with more nominal scans like them"
            )
    if alarms.promised_interval is not None:
        low, high = alarms.promised_interval
        if high > 2.0 * alarms.promised:
            yield (
                f"The limit of {report.category} rests on "
                f"{counted(alarms.limit_scans, 'held-out nominal scan')}, so that its false-alarm "
                f"rate may be {low:.1%} to {high:.1%}. With more of them it is known better, and "
                "so are the sizes here"
            )


def _alarms(report: PodReport) -> Iterator[str]:
    count = len(report.scans)
    for place in report.places:
        if place.alarms >= max(SEVERAL, OFTEN * count):
            yield (
                f"Place {place.number}: {place.alarms} of {counted(count, 'nominal scan')} have a "
                "longer anomalous region there than nominal scans usually have. The detector does "
                "not know how this place varies; it needs more nominal scans that show it"
            )


def _marked(sweep: PodSweep, scans: int) -> Iterator[str]:
    misses = sweep.curve.defects - sweep.curve.found
    if sweep.marked >= max(SOME_MARKED, MUCH_MARKED * misses):
        yield (
            f"{sweep.title}: of {misses} misses, {sweep.marked} are marked by a region, "
            "but the score of the scan is below the limit, which rests on "
            f"{counted(scans, 'held-out nominal scan')}. A limit from more of them tells whether "
            "it can be lower"
        )


def _weak_places(sweep: PodSweep, unit: str) -> Iterator[str]:
    a90 = sweep.curve.a90
    if a90 is None or sweep.places_differ is None or sweep.places_differ > DIFFERENT:
        return
    for place in sweep.places:
        if place.a90_lower is not None and place.a90_lower > WORSE * a90:
            yield (
                f"{sweep.title} at place {place.place}: it is found nine times out of ten from "
                f"{place.a90_lower:.3g} {unit} on at best, and on the whole part from {a90:.3g} "
                f"{unit} on. Nominal scans vary more there or show less of it; it needs more "
                "nominal scans that show it well"
            )
