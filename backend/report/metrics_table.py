"""The table of an evaluation, for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rich import box
from rich.table import Table

from backend.evaluation import OVERALL, MetricRow

COLUMNS = ("clouds", "O-AUROC", "95 % interval", "P-AUROC", "AP", "AUPRO")


def metrics_table(rows: Iterable[MetricRow]) -> Table:
    """One line a defect kind; an undefined value is a dash."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("defect kind", no_wrap=True)
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        low, high = row.o_auroc_interval
        table.add_row(
            row.kind,
            f"{row.anomalous_clouds}",
            as_text(row.o_auroc),
            "–" if math.isnan(low) else f"{as_text(low)}–{as_text(high)}",
            as_text(row.p_auroc),
            as_text(row.average_precision),
            as_text(row.aupro),
            style="bold" if row.kind == OVERALL else None,
        )
    return table


def as_text(value: float) -> str:
    """A metric with three decimals, or a dash where it is undefined."""
    return "–" if math.isnan(value) else f"{value:.3f}"
