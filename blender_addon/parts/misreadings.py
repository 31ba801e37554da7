# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender's importers misread without a word: found by a second, plain look at the file.

They take ``1,5`` for 1, and leave lines out that they do not understand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

# A file that has decimal commas has them from the beginning.
BEGINNING = 1 << 20
# Lines with coordinates, in each format that may be text.
COORDINATES = {
    ".obj": re.compile(rb"^[ \t]*v[ \t][^\n#]*?\d,\d[^\n]*", re.MULTILINE),
    ".stl": re.compile(rb"^[ \t]*vertex[ \t][^\n]*?\d,\d[^\n]*", re.MULTILINE | re.IGNORECASE),
    ".ply": re.compile(rb"^[-+\d][^\n]*?\d,\d[^\n]*", re.MULTILINE),
}
BINARY_PLY = re.compile(rb"^format[ \t]+binary", re.MULTILINE)
CONTINUED = re.compile(rb"\\\r?\n")


def decimal_comma(path: Path) -> str | None:
    """The first line of coordinates with decimal commas; None where there is none."""
    with path.open("rb") as file:
        text = file.read(BEGINNING).replace(b"\r", b"\n")  # old Macintosh line ends, too
    if b"\0" in text or BINARY_PLY.search(text) is not None:
        return None
    found = COORDINATES[path.suffix.lower()].search(text)
    return None if found is None else found.group().strip().decode("utf-8", "replace")


def vertices_of_faces(path: Path) -> int:
    """How many different vertices the faces of an OBJ file name, those with an area alone."""
    named: set[int] = set()
    known = 0
    for words in _lines(path.read_bytes()):
        keyword = words[0].lower()
        if keyword == b"v":
            known += 1
        elif keyword in (b"f", b"fo"):
            # Numbers below 0 count back from the last vertex so far.
            numbers = (int(word.partition(b"/")[0]) for word in words[1:])
            corners = {number if number > 0 else known + 1 + number for number in numbers}
            if len(corners) > 2:
                named |= corners
    return len(named)


def _lines(data: bytes) -> Iterator[list[bytes]]:
    """The words of each line of an OBJ file, without comments, continued lines joined."""
    if b"\\" in data:
        data = CONTINUED.sub(b" ", data)
    for line in data.splitlines():
        words = line.partition(b"#")[0].split()
        if words:
            yield words
