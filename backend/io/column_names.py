"""The line of a text that names its columns, and the unit of length that it may state."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from backend.errors import FileFormatError
from backend.io.columns import NORMAL, PCL_NORMAL, POSITION

# Names that are known in any case: CloudCompare writes X, Y, Z and Nx, Ny, Nz.
KNOWN = {*POSITION, *NORMAL, *PCL_NORMAL}
# ParaView's names of the same.
ALIASES = {f"points:{axis}": name for axis, name in enumerate(POSITION)} | {
    f"normals:{axis}": name for axis, name in enumerate(NORMAL)
}
# Behind a name: "X [mm]", "x(mm)", "X / mm", "x in mm".
IN_BRACKETS = re.compile(r"\s*[\[(<{]\s*([^\])>}]*?)\s*[\])>}]$")
BEHIND = re.compile(
    r"(?:\s*/\s*|\s+in\s+|_)(mm|cm|dm|m|µm|\u03bcm|um|inch|in|feet|ft)$", re.IGNORECASE
)
UNITS = {
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "m": ("m", "meter", "meters", "metre", "metres"),
    # The sign for micro and the Greek letter look the same.
    "um": (
        "um",
        "\u00b5m",
        "\u03bcm",
        "micrometer",
        "micrometers",
        "micrometre",
        "micrometres",
        "micron",
        "microns",
    ),
    "inch": ("inch", "inches", "in", '"'),
    "ft": ("ft", "foot", "feet", "'"),
}
COLUMN_UNITS = {spelt: unit for unit, spellings in UNITS.items() for spelt in spellings}


@dataclass(frozen=True)
class ColumnNames:
    """The names of the columns.

    Attributes:
        names: of the columns, ascii words; positions and normals as ``columns`` has them.
        unit: of x, y and z, as ``Unit`` has it or else as it is written; None if not stated.
        commented: whether the line is a comment, so that it may be mere prose.
    """

    names: tuple[str, ...]
    unit: str | None
    commented: bool


def column_names(line: str) -> ColumnNames | None:
    """The names in ``line``; None where they hold no x, y and z.

    Raises:
        FileFormatError: x, y and z are in different units.
    """
    text = line.lstrip("#/ \t").rstrip(",; \t")
    separator = next((mark for mark in ";,\t" if mark in text), None)
    # "X [mm] Y [mm]" is two words.
    words = re.sub(r"\s+(?=[\[(<{])", "", text).split(separator)
    named = [_name_and_unit(word) for word in words]
    names = [name for name, _ in named]
    if not set(POSITION) <= set(names):
        return None
    units = {unit for name, unit in named if name in POSITION}
    if len(units) > 1:
        raise FileFormatError(
            f"the columns {line[:80]!r} state different units of x, y and z; give all the same"
        )
    return ColumnNames(tuple(names), units.pop(), line.startswith(("#", "//")))


def _name_and_unit(word: str) -> tuple[str, str | None]:
    """One word of ASCII, and the unit behind it; those that are known in lower case."""
    text, unit = word.strip().strip("\"'").strip(), None
    found = IN_BRACKETS.search(text)
    if found is None and BEHIND.sub("", text).lower() in KNOWN:
        found = BEHIND.search(text)
    if found is not None:
        text, unit = text[: found.start()], found.group(1)
    name = ALIASES.get(text.lower(), text)
    if name.lower() in KNOWN:
        name = name.lower()
    plain = unicodedata.normalize("NFKD", "_".join(name.split())).encode("ascii", "ignore").decode()
    return plain, unit and COLUMN_UNITS.get(unit.lower(), unit)
