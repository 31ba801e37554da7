"""The regions of a scored scan as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from shared_schema.api import RegionDeviationResponse, RegionResponse

PLACES = ("center", "direction", "center_in_part", "direction_in_part")
DEVIATIONS = tuple(RegionDeviationResponse.model_fields)


def regions_csv(regions: Sequence[RegionResponse], unit: str | None) -> bytes:
    """A line for each region, below the names of the columns; what is not known is empty.

    Args:
        regions: of one scan.
        unit: of the lengths, where it is known; a column of its own.
    """
    rest = [n for n in RegionResponse.model_fields if n not in (*PLACES, "deviation")]
    names = [
        *rest,
        *(f"deviation_{name}" for name in DEVIATIONS),
        *(f"{place}_{axis}" for place in PLACES for axis in "xyz"),
        "unit",
    ]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(names)
    for one in regions:
        deviation = [getattr(one.deviation, name, None) for name in DEVIATIONS]
        places = [value for name in PLACES for value in getattr(one, name) or (None,) * 3]
        table.writerow([*(getattr(one, name) for name in rest), *deviation, *places, unit])
    return text.getvalue().encode()
