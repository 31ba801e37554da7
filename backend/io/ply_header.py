"""What the header of a PLY file says: its elements, their properties, and how rows are encoded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from backend.errors import FileFormatError
from backend.io.lines import refused_line
from backend.io.text import check_text

TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2",
    "int32": "i4", "uint32": "u4", "float32": "f4", "float64": "f8",
}  # fmt: skip
BYTE_ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
MAX_HEADER = 1 << 20
BEGIN = re.compile(rb"ply[ \t]*(\r\n|\n|\r)", re.IGNORECASE)
LINE_END = re.compile(r"\r\n|\n|\r")
# Lines that say nothing that is needed.
COMMENTS = ("comment", "obj_info", "")


@dataclass(frozen=True)
class Property:
    """``length`` is the type of a list's length, or None where the property is a single number."""

    name: str
    type: str
    length: str | None = None


@dataclass(frozen=True)
class Element:
    """``count`` rows of ``properties``."""

    name: str
    count: int
    properties: list[Property] = field(default_factory=list)

    def row_type(self, order: str, lengths: list[int]) -> np.dtype[np.void]:
        """The type of a row whose lists have the given ``lengths``."""
        remaining = iter(lengths)
        parts: list[tuple] = []
        for prop in self.properties:
            if prop.length is None:
                parts.append((prop.name, order + prop.type))
            else:
                parts.append((f"#{prop.name}", order + prop.length))
                parts.append((prop.name, order + prop.type, (next(remaining),)))
        return np.dtype(parts)


@dataclass(frozen=True)
class PlyHeader:
    """The ``elements`` in order, the ``encoding``, the ``size`` in bytes and how many ``lines``."""

    elements: list[Element]
    encoding: str
    size: int
    lines: int


def parse_header(data: bytes) -> PlyHeader:
    """The header of a PLY file, whose lines end in any way; keywords may be in capitals.

    Raises:
        FileFormatError: there is none, or a line of it is not understood.
    """
    size = _header_size(data)
    check_text(data[:size])
    encoding, elements = "", []
    lines = LINE_END.split(data[:size].decode("latin1"))[1:-2]
    for number, line in enumerate(lines, 2):
        keyword, *words = line.split() or [""]
        match keyword.lower(), words:
            case "format", [name, _]:
                encoding = name.lower()
            case "element", [name, count] if count.isdecimal():
                elements.append(Element(name.lower(), int(count)))
            case "property", words if elements:
                elements[-1].properties.append(_property(words, number, line))
            case keyword, _ if keyword not in COMMENTS:
                raise _refused(number, line, "is no line of a PLY header; export it again")
    if encoding not in BYTE_ORDERS:
        raise FileFormatError(
            f"unknown PLY format {encoding!r}; known are {', '.join(BYTE_ORDERS)}"
        )
    return PlyHeader(elements, encoding, size, len(lines) + 2)


def _header_size(data: bytes) -> int:
    """Bytes up to the first row."""
    begin = BEGIN.match(data)
    if begin is None:
        raise FileFormatError("the file does not begin with a line 'ply'; export it again")
    # Behind old Macintosh line ends, a first row may begin with the byte of another line end.
    newline = rb"\r" if begin.group(1) == b"\r" else rb"\r?\n"
    end = re.compile(rb"[\r\n][ \t]*end_header[ \t]*" + newline, re.IGNORECASE)
    found = end.search(data, 0, MAX_HEADER)
    if found is None:
        raise FileFormatError("the PLY header has no line 'end_header'; the file is cut off")
    return found.end()


def _property(words: list[str], number: int, line: str) -> Property:
    *types, name = words or [""]
    if len(types) == 3 and types[0].lower() == "list":
        types = types[1:]
    elif len(types) != 1:
        raise _refused(number, line, "is no property of a PLY header; export it again")
    codes = [TYPES.get(kind.lower()) for kind in types]
    unknown = [kind for kind, code in zip(types, codes, strict=True) if code is None]
    if unknown or (len(codes) == 2 and str(codes[0]).startswith("f")):
        what = (unknown or types)[0]
        raise _refused(number, line, f"has {what!r} where a type of PLY for it must be")
    length, item = [None, *codes][-2:]
    return Property(name, str(item), length)


def _refused(number: int, line: str, reason: str) -> FileFormatError:
    return refused_line(number, line.encode("latin1"), reason)
