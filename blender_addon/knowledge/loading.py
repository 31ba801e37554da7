# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of a document: its items to the list of its part, its defects to the stack."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import bpy

from ..documents.errors import AddonError
from ..documents.json_files import read_json
from ..exchange.templates import apply_template, load_template
from ..stack.modifiers import defect_modifiers
from .reading import Outcome, Reading, sentence, temporary_folder
from .results import knowledge_of

DEGREES = "angle_deg"
# How the names of the folders of reports begin.
PAGES = "flawsmith_report_"


def take_up(reading: Reading, *, replace: bool) -> list[bpy.types.NodesModifier]:
    """Load what a finished reading has made into its part.

    Args:
        reading: the command has come to its end.
        replace: take the defects that were there away.

    Returns:
        The new modifiers. Labels of the template are kept where the part had no defects, and are
        numbered past those that are there otherwise.

    Raises:
        AddonError: the part is gone, or there is no template; the items are listed all the same.
    """
    part, outcome = reading.part(), reading.outcome()
    known = knowledge_of(part)
    forget_last(known)
    known.read = reading.name
    try:
        _list_report(known, outcome)
        _keep_page(known, outcome)
        if outcome.failure is not None or outcome.template is None:
            raise AddonError(outcome.failure or "The command wrote no template.")
        template = load_template(outcome.template)
        renumber = not replace and bool(defect_modifiers(part))
        return apply_template(part, template, replace=replace, renumber=renumber)
    except AddonError as error:
        known.message = str(error)
        raise


def forget_last(known: Any) -> None:
    """Empty an object's list, and remove its page."""
    page = page_of(known)
    if page is not None:
        shutil.rmtree(page.parent, ignore_errors=True)
    known.items.clear()
    known.findings.clear()
    known.active = 0
    known.message = known.read = known.page = ""


def _list_report(known: Any, outcome: Outcome) -> None:
    """Fill the list.

    Raises:
        AddonError: the report is none that this version knows.
    """
    if outcome.report is None:
        return
    report = read_json(outcome.report)
    try:
        for item in report["items"]:
            _list_item(known.items.add(), item)
        for finding in report["findings"]:
            one = known.findings.add()
            one.name, one.severity = finding["where"], finding["severity"]
            one.message, one.fixed = sentence(finding["message"]), finding["fixed"]
    except (KeyError, TypeError, ValueError) as error:
        raise AddonError(
            "The command's report is not as this version of the extension knows it; install the "
            "same version of both."
        ) from error


def _list_item(one: Any, item: dict[str, Any]) -> None:
    evidence = item["evidence"] or {"quote": "", "source": ""}
    one.name = item["defect"].rpartition("/")[2].replace("_", " ").capitalize()
    one.kind, one.polarity, one.used = item["kind"] or "", item["polarity"], item["used"]
    one.place = (item["place"] or "").replace("_", " ")
    one.sizes = ", ".join(
        size_text(name, low, high, item["unit"]) for name, (low, high) in item["sizes"].items()
    )
    one.count = "" if item["count"] is None else _from_to(*item["count"])
    one.quote, one.source = evidence["quote"], evidence["source"]
    one.reason = sentence(item["reason"]) if item["reason"] else ""


def size_text(name: str, low: float | None, high: float | None, unit: str) -> str:
    """A size in words, such as ``diameter 2 to 3 mm``; an end that is open is None."""
    title, unit = ("angle", "°") if name == DEGREES else (name, f" {unit}")
    if low is None:
        return f"{title} up to {high:g}{unit}"
    if high is None:
        return f"{title} above {low:g}{unit}"
    return f"{title} {_from_to(low, high)}{unit}"


def _from_to(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _keep_page(known: Any, outcome: Outcome) -> None:
    """Keep the report until Blender is closed."""
    if outcome.page is not None:
        folder = tempfile.mkdtemp(prefix=PAGES, dir=temporary_folder())
        known.page = str(shutil.move(outcome.page, folder))


def page_of(known: Any) -> Path | None:
    """The file of the report; None where there is none any more.

    A file of Blender's may come from anywhere, so a name in it is held to be that of a report only
    where it lies where reports are put.
    """
    page = Path(known.page)
    is_ours = page.parent.name.startswith(PAGES) and page.parent.parent == temporary_folder()
    return page if is_ours and page.is_file() else None
