"""Lines of numbers, as text formats hold them, read one at a time so that memory stays bounded.

A line's length is bounded too: text without line ends is no list of points, and would be taken
apart into far more memory than the file has.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from backend.errors import FileFormatError

MAX_LINE = 1 << 16
# All but tab and line ends. Python takes some of them for space or for line ends.
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

# As Microsoft's and other C libraries write what is no number.
NOT_A_NUMBER = re.compile(
    rb"[-+]?(?:nan\(\w*\)|1[.,]#(?:QNAN|SNAN|IND|INF)\w*)(?=[\s,;\"]|$)", re.IGNORECASE
)


def check_text(data: bytes) -> None:
    """Raise ``FileFormatError`` if there is a control character that text does not have."""
    found = CONTROL.search(data)
    if found:
        raise FileFormatError(
            f"byte {found.start()} of the text is {found.group()!r}; the file is damaged or binary"
        )


def lines_of(data: bytes) -> Iterator[bytes]:
    """The lines with something on them, without space around.

    Raises:
        FileFormatError: a line longer than ``MAX_LINE`` bytes, or a control character.
    """
    check_text(data)
    # Old Macintosh line ends; none of the files below mixes them with others.
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    stream = io.BytesIO(data)
    while line := stream.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise FileFormatError(
                f"a line has more than {MAX_LINE} bytes; text formats need one point a line"
            )
        stripped = line.strip()
        if stripped:
            yield stripped


def format_rows(table: NDArray[np.void]) -> bytes:
    """A structured array (N,) as lines of numbers, in as many digits as read back exactly."""
    digits = {4: "%.9g", 8: "%.17g"}
    kinds = [table.dtype[name] for name in table.dtype.names or ()]
    formats = [digits[kind.itemsize] if kind.kind == "f" else "%d" for kind in kinds]
    text = io.StringIO()
    np.savetxt(text, table, " ".join(formats))
    return text.getvalue().encode("ascii")
