"""How often the bounds of a90 hold, for inspections whose probability of detection is known.

    python benchmarks/pod.py [--rounds N] > benchmarks/pod.txt

A defect is found if its size plus noise is above a threshold. The noise is added to the size, or to
its logarithm. Sizes are even in the logarithm from a tenth to twice a unit ("even"), or the second
half of them lies where the hits and misses of the first half meet, as ``flawsmith pod`` has it
("halves"). A bound holds if the true a90 is not beyond it; a repetition in which no curve can be
fitted does not count. Printed is the share of the rounds in which

- ``one curve, 2.706``: the one-sided bound of the most likely curve alone holds,
- ``2.706``: the one-sided bound holds, by the farthest of the curves,
- ``3.841``: the upper end of the 95 % interval, by the farthest of the curves, holds: a90/95,
- ``interval``: the whole 95 % interval holds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import product

import numpy as np
from scipy.stats import norm

from backend.arrays import BoolArray, FloatArray
from backend.evaluation.pod.curve import Curves, Fit, refusal
from backend.evaluation.pod.sweep import Sweep
from shared_schema.pod import PodDefect
from shared_schema.recipe import RecipeTemplate

LOW, HIGH, THRESHOLD = 0.1, 2.0, 0.8
NOISES = {"size": (0.1, 0.2), "log size": (0.15, 0.3)}
COUNTS = (60, 120, 240)
COLUMNS = ("one curve, 2.706", "2.706", "3.841", "interval")
TEMPLATE = RecipeTemplate.model_validate({"defects": [{"kind": "dent", "radius": 1, "depth": 1}]})
SWEEP = Sweep("", "", "", TEMPLATE, LOW, HIGH)


def found(sizes: FloatArray, of: str, noise: float, rng: np.random.Generator) -> BoolArray:
    """Which defects (N,) are found."""
    shift = noise * rng.normal(size=len(sizes))
    if of == "size":
        return sizes + shift > THRESHOLD
    return np.log(sizes) + shift > np.log(THRESHOLD)


def true_a90(of: str, noise: float) -> float:
    """The size that is found nine times out of ten."""
    shift = noise * float(norm.ppf(0.9))
    return THRESHOLD + shift if of == "size" else THRESHOLD * float(np.exp(shift))


def defect(value: float, is_found: bool) -> PodDefect:
    """One that the second half of the sizes is chosen by."""
    return PodDefect(
        sweep="",
        number=0,
        scan="",
        value=value,
        size=value,
        position=(0, 0, 0),
        normal=(0, 0, 1),
        points=1,
        verdict="reject" if is_found else "pass",
        object_score=None,
        overlapped=is_found,
    )


def examined(
    count: int, design: str, of: str, noise: float, rng: np.random.Generator
) -> tuple[FloatArray, BoolArray]:
    """Sizes (N,) and which of them are found."""
    if design == "even":
        sizes = SWEEP.wide(count, rng)
        return sizes, found(sizes, of, noise, rng)
    first = SWEEP.wide(count // 2, rng)
    hits = found(first, of, noise, rng)
    known = [defect(float(size), bool(hit)) for size, hit in zip(first, hits, strict=True)]
    second = SWEEP.narrow(count - count // 2, known, rng)
    return np.concatenate([first, second]), np.concatenate([hits, found(second, of, noise, rng)])


def holds(sizes: FloatArray, hit: BoolArray, truth: float) -> tuple[bool, ...] | None:
    """Whether each bound holds; None where no curve can be fitted."""
    if refusal(sizes, hit) is not None:
        return None
    curves = Curves.of(sizes, hit)
    # Of each likely curve, the size and by how much the likelihood falls at the true one.
    known = {
        fit: (fit.size_at(fit.where(0.9)), fit.fall(float(fit.at(truth)), 0.9))
        for fit in curves.likely
    }

    def is_below(fits: Iterable[Fit], fall: float) -> bool:
        return any(truth <= known[fit][0] or known[fit][1] < fall for fit in fits)

    is_above = any(truth >= size or fall < 3.841 for size, fall in known.values())
    return (
        is_below([curves.best], 2.706),
        is_below(known, 2.706),
        is_below(known, 3.841),
        is_below(known, 3.841) and is_above,
    )


def main() -> None:
    """Every noise, number of defects and design."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args().rounds
    print(f"{'noise on':<10}{'noise':>6}{'defects':>9}{'sizes':>9}{'fitted':>8}", end="")
    print("".join(f"{name:>18}" for name in COLUMNS))
    for of in NOISES:
        for noise, count, design in product(NOISES[of], COUNTS, ("even", "halves")):
            held = []
            for number in range(rounds):
                rng = np.random.default_rng([count, number])
                sizes, hit = examined(count, design, of, noise, rng)
                held.append(holds(sizes, hit, true_a90(of, noise)))
            fitted = [one for one in held if one is not None]
            print(f"{of:<10}{noise:>6}{count:>9}{design:>9}{len(fitted) / rounds:>8.3f}", end="")
            print("".join(f"{share:>18.3f}" for share in np.mean(fitted, axis=0)), flush=True)


if __name__ == "__main__":
    main()
