"""How a text writes its points: what parts the numbers, and what marks their decimals.

No text says so, and ``1,5`` is one number in Germany and two in England. The possible readings are
held against the rows; the only one that fits is taken, and where several do, none is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from backend.errors import FileFormatError
from backend.intake import TextFormat
from backend.io.lines import replaced

DECIMALS = (".", ",")
FEWEST_COLUMNS = 3

_WORDS = r"nan|inf(?:inity)?"
_EXPONENT = r"(?:[eE][-+]?\d+)?"
# No digit is looked at twice, since a line may be long. Behind a decimal comma are decimals: else
# "1, 2, 3" would be three numbers with one each.
NUMBERS = {
    ".": re.compile(rf"[-+]?(?:(?:\d++\.?+\d*+|\.\d++){_EXPONENT}|{_WORDS})", re.IGNORECASE),
    ",": re.compile(rf"[-+]?(?:(?:\d++(?:,\d++)?|,\d++){_EXPONENT}|{_WORDS})", re.IGNORECASE),
}
FRACTION = re.compile(rf"\d+{_EXPONENT}")
WHOLE = re.compile(rf"[-+]?\d+{_EXPONENT}")
LEADING_ZERO = re.compile(rf"[-+]?0\d+{_EXPONENT}")
# 1,234 may be a thousand and more; 0,234 and 1,23 cannot.
LIKE_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
SPACED_COMMA = re.compile(rb",[ \t]+")
# Two of the parts between commas.
PAIR = re.compile(rb"(^|,)([-+]?\d+),(\d+)", re.MULTILINE)
GROUPED = re.compile(r"[-+]?\d{1,3}(?:(?:,\d{3})+\.\d+|(?:\.\d{3})+,\d+|(?:[.,]\d{3}){2,})")
GROUPS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+\.\d+")
WAY_OUT = (
    "give --decimal (. or ,) and --delimiter (comma, semicolon, tab or space), or export decimals "
    "with a point"
)


@dataclass(frozen=True)
class Reading:
    """One way to read a row.

    Attributes:
        delimiter: as in ``TextFormat``, or ``", "`` for a comma with a blank behind it.
        decimal: ``"."`` or ``","``. Where both are commas, numbers are pairs of what is between
            the commas, such as ``1,5,2,5``.
    """

    delimiter: str
    decimal: str

    @property
    def in_pairs(self) -> bool:
        """Whether a comma may be either."""
        return self.delimiter == self.decimal

    def split(self, row: str) -> list[str]:
        """The numbers of a row, as they are written."""
        if self.delimiter == ", ":
            return re.split(r",[ \t]+", row)
        if self.delimiter == " ":
            return row.split()
        parts = row.split(self.delimiter)
        if self.in_pairs:
            return [",".join(parts[at : at + 2]) for at in range(0, len(parts), 2)]
        return [part.strip() for part in parts]

    @property
    def mark(self) -> str | None:
        """What parts the numbers of ``plain`` rows; None for any blanks."""
        return None if self.delimiter == " " else self.delimiter if self.decimal == "." else ";"

    def plain(self, text: bytes) -> bytes:
        """Rows with a decimal point, and with ``mark`` between their numbers."""
        if self.decimal == ".":
            return text
        if self.in_pairs:
            return replaced(text, PAIR, rb"\1\2.\3").replace(b",", b";")
        if self.delimiter == ", ":
            text = replaced(text, SPACED_COMMA, b";")
        elif self.delimiter == "\t":
            text = text.replace(b"\t", b";")
        return text.replace(b",", b".")

    def columns(self, rows: Iterable[str]) -> int | None:
        """How many numbers each of ``rows`` has; None where one has others, or none."""
        number = NUMBERS[self.decimal]
        counts = set()
        for row in rows:
            parts = self.split(row)
            if not all(map(number.fullmatch, parts)):
                return None
            if self.in_pairs and not all(FRACTION.fullmatch(p.partition(",")[2]) for p in parts):
                return None
            counts.add(len(parts))
            if len(counts) > 1:
                return None
        return counts.pop() if counts else None


READINGS = tuple(
    Reading(delimiter, decimal)
    for delimiter in (";", " ", ",", ", ", "\t")
    for decimal in DECIMALS
    if (delimiter, decimal) != (", ", ".")
)
COMMAS, SPACED, PAIRS = Reading(",", "."), Reading(", ", ","), Reading(",", ",")


def find_reading(rows: Sequence[str], columns: int | None, known: TextFormat) -> Reading:
    """The only way to read ``rows`` as numbers.

    Args:
        rows: lines of numbers, without quotes and delimiters at their ends.
        columns: how many numbers there are by the names of the columns, if there are any.
        known: what the user says.

    Raises:
        FileFormatError: there is none, or there are several; it quotes a row.
    """
    found = _fitting(rows, columns, known) or _fitting(rows, None, known)
    if not found:
        raise FileFormatError(_why_none(rows, known))
    if known.decimal is None:
        _check_thousands(found, rows)
        found = _plausible(found, rows)
    if len(found) != 1 or (known.decimal is None and _like_thousands(found[0], rows)):
        raise FileFormatError(_ambiguous(found, rows))
    return found[0]


def _fitting(rows: Sequence[str], columns: int | None, known: TextFormat) -> list[Reading]:
    fitting = []
    for reading in READINGS:
        if known.decimal not in (None, reading.decimal):
            continue
        if known.delimiter not in (None, reading.delimiter.strip(" ") or " "):
            continue
        if known.delimiter is None and reading.delimiter == "\t":
            continue  # a blank as any other
        if reading.decimal == "," and known.decimal is None and not any("," in r for r in rows):
            continue  # no decimals at all
        count = reading.columns(rows)
        if count is not None and count >= FEWEST_COLUMNS and columns in (None, count):
            fitting.append(reading)
    # Cells that a comma and a blank separate also fit as pairs, and by commas if all are whole.
    if SPACED in fitting and any(re.search(r",\S", row) for row in rows):
        return [reading for reading in fitting if reading not in (COMMAS, PAIRS)]
    return [reading for reading in fitting if reading != SPACED]


def _plausible(found: list[Reading], rows: Sequence[str]) -> list[Reading]:
    """Those of ``found`` that whole numbers between commas leave: ``1,5,2,5,3,5``."""
    if COMMAS not in found:
        return found
    parts = [COMMAS.split(row) for row in rows]
    if not all(WHOLE.fullmatch(part) for row in parts for part in row):
        return found
    # No program writes a whole number as 050: it is a fraction.
    if any(LEADING_ZERO.fullmatch(part) for row in parts for part in row):
        return [reading for reading in found if reading != COMMAS]
    fractions = [part for row in parts for part in row[1::2]]
    lengths = {len(part) for part in fractions}
    # Fractions have one length, or no zeros at their ends.
    if (
        PAIRS in found
        and len(lengths) > 1
        and any(p.endswith("0") for p in fractions if len(p) > 1)
    ):
        return [reading for reading in found if reading != PAIRS]
    return found


def _check_thousands(found: Sequence[Reading], rows: Sequence[str]) -> None:
    """Refuse rows of ``1,234.5,2,345.6,3,456.7``, which are columns of their own as they stand."""
    if COMMAS not in found or not all(GROUPS.search(row) for row in rows):
        return
    count = COMMAS.columns(GROUPS.sub(lambda group: group[0].replace(",", ""), r) for r in rows)
    if count is not None and count >= FEWEST_COLUMNS:
        raise FileFormatError(_thousands(rows[0]))


def _like_thousands(reading: Reading, rows: Sequence[str]) -> bool:
    """Whether every number with a comma may be one of a thousand and more."""
    if reading.decimal != ",":
        return False
    numbers = [number for row in rows for number in reading.split(row) if "," in number]
    return all(map(LIKE_THOUSANDS.fullmatch, numbers))


def first_misfit(rows: Sequence[str], known: TextFormat) -> tuple[int, int] | None:
    """Which of ``rows`` is the first that is not like the first one, and how many numbers that has.

    None if there is no way to read the first, or more than one to read all.
    """
    found = []
    for reading in _fitting(rows[:1], None, known):
        count = reading.columns(rows[:1])
        at = next((i for i, row in enumerate(rows) if reading.columns([row]) != count), None)
        if at is None or count is None:
            return None
        found.append((at, count))
    return max(found, default=None)


def _why_none(rows: Sequence[str], known: TextFormat) -> str:
    for row in rows:
        grouped = next((p for p in re.split(r"[;\s]+", row) if GROUPED.fullmatch(p)), None)
        if grouped is not None:
            return _thousands(grouped)
    asked = "" if known == TextFormat() else " with the decimal and the delimiter that were given"
    return (
        f"the lines are no table of numbers{asked}, such as {rows[0][:80]!r}: each needs the same "
        f"count of numbers, 3 or more; {WAY_OUT}"
    )


def _thousands(text: str) -> str:
    return (
        f"{text[:80]!r} seems to have separators of thousands; export numbers without them, or "
        "give --decimal and --delimiter"
    )


def _ambiguous(found: Sequence[Reading], rows: Sequence[str]) -> str:
    counts = sorted({len(reading.split(rows[0])) for reading in found} - {0})
    if len(counts) > 1:
        how = " or as ".join(f"{count} numbers" for count in counts)
    else:
        how = "numbers with decimal commas, or with commas that part thousands or columns"
    return f"the line {rows[0][:80]!r} can be read as {how}; {WAY_OUT}"
