"""``flawsmith instruct``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from backend.instruct.knowledge import Defect

# Held to the knowledge base by a test: help must not load it.
PROCESS_NAMES = (
    "any",
    "machining",
    "grinding",
    "casting",
    "sheet_metal",
    "injection_moulding",
    "printing_3d",
    "welding",
    "forging",
    "coating",
)


@click.command("instruct")
@click.option(
    "--show-terms",
    metavar="PROCESS",
    type=click.Choice(PROCESS_NAMES),
    required=True,
    help=f"Print the defects that are known of a process: {', '.join(PROCESS_NAMES)}.",
)
def command(show_terms: str) -> None:
    """Show which defects the reader of documents knows of a process."""
    from rich.console import Console

    from backend.instruct.knowledge import defects

    rows = [defect for defect in defects().values() if defect.process == show_terms]
    Console(highlight=False).print(_table(rows))


def _table(rows: list[Defect]) -> Table:
    """A row of each defect, with its terms below one another."""
    from rich.table import Table

    table = Table(show_lines=True)
    for title in ("defect", "kind", "terms", "typical sizes", "template", "checked"):
        table.add_column(title, overflow="fold")
    for defect in rows:
        table.add_row(
            defect.key,
            defect.kind or "no shape",
            "\n".join(_terms(defect, language) for language in defect.terms),
            _sizes(defect),
            defect.template or "-",
            defect.checked,
        )
    return table


def _terms(defect: Defect, language: str) -> str:
    return "; ".join(term.rstrip("!") for term in defect.terms[language])


def _sizes(defect: Defect) -> str:
    sizes = [f"{name.value} {low:g} to {high:g}" for name, (low, high) in defect.sizes.items()]
    return "\n".join([*sizes, f"({defect.sizes_from})"]) if sizes else "-"
