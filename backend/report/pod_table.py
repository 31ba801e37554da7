"""The table of an examination of small defects, for the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table

from backend.report import as_size
from shared_schema.pod import PodReport


def sizes_table(report: PodReport) -> Table:
    """One line for each swept entry; a size that is not stated is a dash."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("defect")
    table.add_column("size is its")
    for name in ("found", "a50", "a90", "a90/95"):
        unit = "" if name == "found" else f" in {report.unit.value}"
        table.add_column(name + unit, justify="right", no_wrap=True)
    for sweep in report.sweeps:
        curve = sweep.curve
        sizes = (as_size(size) for size in (curve.a50, curve.a90, curve.a90_95))
        table.add_row(sweep.title, sweep.size_name, f"{curve.found} of {curve.defects}", *sizes)
    return table
