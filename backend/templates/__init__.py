"""Recipe templates of common defects, bundled by process, to draw from or to edit.

``templates.json`` describes each defect and its materials, and ``docs/reference/templates.md`` has
pictures. Their lengths are ratios of the part's diagonal.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared_schema.errors import FlawsmithError
from shared_schema.load import load_template as load_template_file
from shared_schema.recipe import RecipeTemplate

FOLDER = Path(__file__).parent

# How the processes are written for people, in the order of the gallery.
PROCESSES = {
    "machining": "Machining",
    "grinding": "Grinding",
    "casting": "Casting",
    "forging": "Forging",
    "sheet_metal": "Sheet metal",
    "injection_moulding": "Injection moulding",
    "printing_3d": "3D printing",
    "welding": "Welding",
    "coating": "Coating",
}
# Suggest at most CLOSE_NAMES names with a similarity of at least LIKE.
CLOSE_NAMES = 3
LIKE = 0.75


@dataclass(frozen=True)
class BundledTemplate:
    """What is known of one bundled template.

    Attributes:
        name: what ``load_template`` takes: ``PROCESS/DEFECT``.
        process: one of ``PROCESSES``.
        title: what people of the trade call the defect.
        materials: on which it is typical.
        goes: ``"in"``, ``"out"`` or ``"both"``: where the surface goes, seen from outside.
        description: what it looks like.
        causes: what it comes from.
        change: which fields to change for other cases.
    """

    name: str
    process: str
    title: str
    materials: tuple[str, ...]
    goes: str
    description: str
    causes: str
    change: str


@cache
def templates() -> dict[str, BundledTemplate]:
    """All bundled templates by name, in the order of the gallery."""
    entries = json.loads((FOLDER / "templates.json").read_text(encoding="utf-8"))
    return {
        entry["name"]: BundledTemplate(**{**entry, "materials": tuple(entry["materials"])})
        for entry in entries
    }


def template_names(process: str | None = None) -> list[str]:
    """Names of the templates, all or of one ``process``.

    >>> fs.template_names("welding")[:3]
    ['welding/spatter', 'welding/porosity', 'welding/undercut']
    """
    return [one.name for one in templates().values() if process in (None, one.process)]


def template_path(name: str) -> Path:
    """The file of a bundled template.

    Raises:
        FlawsmithError: there is no template of that name; the message lists the closest.
    """
    if name not in templates():
        raise FlawsmithError(f"no bundled template {name!r}; {_nearest_in_words(name)}")
    return FOLDER / f"{name}.json"


def load_template(template: str | Path) -> RecipeTemplate:
    """A template from its file, or a bundled one by its name.

    Raises:
        FlawsmithError: there is neither; the message lists the closest bundled names.
        SchemaError: the file breaks the schema.

    >>> fs.load_template("casting/porosity").lengths.value
    'ratio'
    """
    path = Path(template)
    return load_template_file(path if path.is_file() else template_path(str(template)))


def close_names(name: str) -> list[str]:
    """Up to three bundled names that ``name`` may have meant, the likeliest first."""
    wanted = name.strip().lower().replace("-", "_").replace(" ", "_")
    likeness = {known: _likeness(wanted, known) for known in template_names()}
    ranked = sorted(likeness, key=lambda known: -likeness[known])
    return [known for known in ranked if likeness[known] >= LIKE][:CLOSE_NAMES]


def _likeness(wanted: str, known: str) -> float:
    """From 0 to 1, of the whole names or of the defects alone, whichever is more."""
    defect, known_defect = wanted.rpartition("/")[2], known.rpartition("/")[2]
    if defect and defect in known_defect:
        return 1.0
    pairs = (wanted, known), (defect, known_defect)
    return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)


def _nearest_in_words(name: str) -> str:
    close = close_names(name)
    known = f"did you mean {' or '.join(close)}? " if close else ""
    return f"{known}`flawsmith templates` lists all {len(templates())}"
