"""What went wrong where a scan does not fit: mostly its unit."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from backend.cloud import PointCloud
from backend.geometry.extent import extent
from backend.registration.nominal_model import FIT_DISTANCE, NominalModel
from shared_schema.recipe import MM_PER_UNIT, Unit

# A scan that is smaller than this, as a ratio of the nominal model, fits anywhere.
LEAST_SIZE = 0.05
# A scan that is smaller than this may be all of the part in another unit.
SMALL = 0.2
# How many times as long one unit is as another, for any two; rounded, so that m to mm is mm to um.
FACTORS = sorted(
    {float(f"{one / other:.9g}") for one, other in permutations(MM_PER_UNIT.values(), 2)}
)
# In the right unit, a scan of one view or more is so large, as a ratio of the model.
RIGHT_SIZE = (0.5, 1.25)
SAME_UNIT = 0.01

MIRRORED = (
    "The mirror image fits the nominal model: the scan is of the mirrored part, or one of its "
    "axes is turned round"
)


def plausible_factors(size: float) -> list[float]:
    """Ratios of units that make a scan of ``size``, as a ratio of the model, about as large."""
    return [factor for factor in FACTORS if RIGHT_SIZE[0] <= factor * size <= RIGHT_SIZE[1]]


def unplaceable(model: NominalModel, scan: PointCloud, min_fitness: float) -> str | None:
    """Why no pose needs to be looked for: the scan is much too small or too large."""
    nominal = model.mesh
    if extent(scan.points) < LEAST_SIZE * extent(nominal.points):
        return "the scan is too small to be placed"
    # What lies within the part lies within this reach of the median, if it is most of the scan.
    reach = np.sqrt(3.0) * nominal.diagonal * (1.0 + 2.0 * FIT_DISTANCE)
    apart = np.linalg.norm(scan.points - np.median(scan.points, axis=0), axis=1)
    possible = float((apart <= reach).mean())
    if possible < min_fitness:
        return (
            f"only {possible:.1%} of the scan can lie on the nominal model, "
            f"{min_fitness:.1%} are needed"
        )
    return None


def wrong_unit(factor: float, unit: Unit | None, model_unit: Unit | None) -> str:
    """That the scan fits if it is ``factor`` times as large as in ``unit``.

    Args:
        factor: one of ``FACTORS``.
        unit: that the scan was taken to be in.
        model_unit: likewise, of the nominal model.
    """
    times = f"{factor:.4g} times as large" if factor > 1.0 else f"{1.0 / factor:.4g} times as small"
    text = f"the scan fits the whole nominal model if it is taken {times}"
    right = None if unit is None else _unit_of(factor * MM_PER_UNIT[unit])
    if unit is not None and right is not None:
        return (
            f"{text}: its unit is likely {right.value}, not {unit.value}. Give the unit of the "
            f"scan by --unit {right.value}, or the model in the unit it is in"
        )
    right = None if model_unit is None else _unit_of(MM_PER_UNIT[model_unit] / factor)
    if model_unit is not None and right is not None:
        return (
            f"{text}: the unit of the model is likely {right.value}, not {model_unit.value}. Give "
            f"it by --nominal-unit {right.value}"
        )
    return (
        f"{text}, which is the ratio of {_units_apart(factor)}. Check the units of both: give that "
        "of the scan by --unit and that of the model by --nominal-unit"
    )


def _unit_of(millimetres: float) -> Unit | None:
    """The unit of that length."""
    near = [unit for unit, length in MM_PER_UNIT.items() if _equal(millimetres, length)]
    return near[0] if near else None


def _units_apart(factor: float) -> str:
    """Which units are ``factor`` or its inverse apart, such as "ft to in"."""
    times = max(factor, 1.0 / factor)
    pairs = [
        f"{one.value} to {other.value}"
        for one, other in permutations(MM_PER_UNIT, 2)
        if _equal(MM_PER_UNIT[one] / MM_PER_UNIT[other], times)
    ]
    return " or ".join(pairs)


def _equal(value: float, other: float) -> bool:
    return abs(value / other - 1.0) < SAME_UNIT


def sizes(nominal: PointCloud, scan: PointCloud) -> str:
    """What to check."""
    return (
        f"The scan is {extent(scan.points):.4g} across and the model {extent(nominal.points):.4g}: "
        "check that both are of the same part and in the same unit, and cut away table and fixtures"
    )
