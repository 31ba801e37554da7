"""The table of an evaluation, for the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from rich import box
from rich.table import Table

from backend.evaluation.measure import OVERALL, MetricRow, kinds_called
from backend.report import as_text

AT_POINTS = "AUPRO at points"
COLUMNS = ("clouds", "O-AUROC", "95 % interval", "P-AUROC", "AP", "AUPRO")


def metrics_table(rows: Iterable[MetricRow]) -> Table:
    """One line a defect kind; an undefined value is a dash."""
    return _table("defect kind", ((row.kind, row) for row in rows))


def categories_table(rows: Mapping[str, MetricRow]) -> Table:
    """One line a category."""
    return _table("category", rows.items())


def kinds_table(called: Mapping[str, Mapping[str, int]]) -> Table:
    """One line a defect kind: how many of its scans are taken for which kind."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("taken for", no_wrap=True)
    names = kinds_called(called)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for kind, row in called.items():
        table.add_row(kind, *(str(row.get(name, "")) for name in names))
    return table


def _table(what: str, rows: Iterable[tuple[str, MetricRow]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(what, no_wrap=True)
    rows = list(rows)
    in_image = any(not math.isnan(row.aupro_at_points) for _, row in rows)
    for name in (*COLUMNS, *((AT_POINTS,) if in_image else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for name, row in rows:
        low, high = row.o_auroc_interval
        at_points = (as_text(row.aupro_at_points),) if in_image else ()
        table.add_row(
            name,
            f"{row.anomalous_clouds}",
            as_text(row.o_auroc),
            "–" if math.isnan(low) else f"{as_text(low)}–{as_text(high)}",
            as_text(row.p_auroc),
            as_text(row.average_precision),
            as_text(row.aupro),
            *at_points,
            style="bold" if name == OVERALL else None,
        )
    return table
