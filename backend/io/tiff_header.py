"""The first directory of a TIFF file, read and checked before any library decodes the image.

Format: Adobe, "TIFF Revision 6.0" (1992), section 2; BigTIFF: Aware Systems, "The BigTIFF File
Format" (2012).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.errors import FileFormatError

# Numbers of the tags that say how large the image is and where its bytes are.
WIDTH, LENGTH, BITS, COMPRESSION, SAMPLES = 256, 257, 258, 259, 277
ROWS_PER_STRIP = 278
# Where strips or tiles begin, and how many bytes each has.
PARTS = ((273, 279), (324, 325))
UNPACKED = 1
# Deflate makes at most 1032 bytes of one.
DEFLATE_RATIO = 1032
# Codes of the number types of a tag, and numpy's names for them.
TYPES = {1: "u1", 3: "u2", 4: "u4", 16: "u8"}


@dataclass(frozen=True)
class ByteLayout:
    """How a kind of TIFF is laid out: struct codes with sizes in bytes.

    Attributes:
        order: ``"<"`` or ``">"``.
        big: a BigTIFF, with offsets of 8 bytes.
    """

    order: str
    big: bool

    @property
    def offset(self) -> str:
        """Code of an offset, or of a tag's count."""
        return "Q" if self.big else "I"

    def unpack(self, code: str, data: bytes, at: int) -> int:
        """The number at byte ``at``.

        Raises:
            FileFormatError: it is beyond the end.
        """
        try:
            (value,) = struct.unpack_from(self.order + code, data, at)
        except struct.error as error:
            raise FileFormatError("the TIFF file ends within its directory") from error
        return int(value)


@dataclass(frozen=True)
class TiffHeader:
    """What the image promises to be.

    Attributes:
        rows: of the image.
        columns: of the image.
        unpacked: bytes of all its samples.
    """

    rows: int
    columns: int
    unpacked: int


def read_header(data: bytes) -> TiffHeader:
    """The size of the only image of a TIFF file.

    Raises:
        FileFormatError: not a TIFF of one image with three samples, or its bytes are not all there.
    """
    layout, start = _layout(data)
    tags = _directory(data, layout, start)
    rows, columns = _one(tags, LENGTH), _one(tags, WIDTH)
    samples, bits = _one(tags, SAMPLES, 1), tags.get(BITS)
    if samples != 3 or bits is None or bits.max() not in (16, 32, 64):
        raise FileFormatError(
            f"the TIFF image has {samples} samples a pixel of "
            f"{'unknown' if bits is None else bits.max()} bits; x, y, z as floats are needed"
        )
    header = TiffHeader(rows, columns, rows * columns * samples * int(bits.max()) // 8)
    _check_parts(tags, header, len(data))
    return header


def _layout(data: bytes) -> tuple[ByteLayout, int]:
    """The layout, and where the directory begins."""
    orders = {b"II": "<", b"MM": ">"}
    if data[:2] not in orders:
        raise FileFormatError("not a TIFF file: it begins with neither 'II' nor 'MM'")
    layout = ByteLayout(orders[data[:2]], big=False)
    version = layout.unpack("H", data, 2)
    if version == 43:
        layout = ByteLayout(layout.order, big=True)
    elif version != 42:
        raise FileFormatError(f"not a TIFF file: its version {version} is neither 42 nor 43")
    return layout, layout.unpack(layout.offset, data, 8 if layout.big else 4)


def _directory(data: bytes, layout: ByteLayout, start: int) -> dict[int, NDArray]:
    """Numbers by tag; tags of other types than whole numbers are left out.

    Raises:
        FileFormatError: there is another image after the first, or a tag's numbers are not there.
    """
    count = layout.unpack("Q" if layout.big else "H", data, start)
    entry, first = (20, start + 8) if layout.big else (12, start + 2)
    if count * entry > len(data):
        raise FileFormatError(f"the TIFF directory promises {count} tags; the file is cut off")
    tags = {}
    for at in range(first, first + count * entry, entry):
        tag, numbers = layout.unpack("H", data, at), _numbers(data, layout, at)
        if tag in tags:
            raise FileFormatError(
                f"the TIFF directory has the tag {tag} twice; the file is damaged"
            )
        if numbers is not None:
            tags[tag] = numbers
    if layout.unpack(layout.offset, data, first + count * entry) != 0:
        raise FileFormatError("the TIFF file holds several images; save one image of x, y, z")
    return tags


def _numbers(data: bytes, layout: ByteLayout, at: int) -> NDArray | None:
    """The whole numbers of the tag at byte ``at``; None if it holds something else."""
    kind = TYPES.get(layout.unpack("H", data, at + 2))
    count = layout.unpack(layout.offset, data, at + 4)
    if kind is None:
        return None
    place = at + (12 if layout.big else 8)
    size = count * np.dtype(kind).itemsize
    if size > (8 if layout.big else 4):
        place = layout.unpack(layout.offset, data, place)
    if place + size > len(data):
        raise FileFormatError(f"a TIFF tag promises {count} numbers; the file is cut off")
    return np.frombuffer(data, layout.order + kind, count, place)


def _one(tags: dict[int, NDArray], tag: int, default: int = 0) -> int:
    numbers = tags.get(tag)
    return default if numbers is None or len(numbers) == 0 else int(numbers[0])


def _check_parts(tags: dict[int, NDArray], header: TiffHeader, size: int) -> None:
    """Refuse strips or tiles that are not within the file, or do not make up the image."""
    starts, lengths = next(
        ((tags[a], tags[b]) for a, b in PARTS if a in tags and b in tags), (None, None)
    )
    if starts is None or lengths is None or len(starts) != len(lengths):
        raise FileFormatError("the TIFF file does not say where its image is; export it again")
    ends = starts.astype(np.float64) + lengths
    # A decoder takes a part at 0, or of no bytes, for one without depth.
    if (starts == 0).any() or (lengths == 0).any() or (ends > size).any():
        raise FileFormatError("parts of the TIFF image are not within the file; it is cut off")
    held = int(lengths.astype(np.float64).sum())
    ratio = 1 if _one(tags, COMPRESSION, UNPACKED) == UNPACKED else DEFLATE_RATIO
    if held * ratio < header.unpacked or len(starts) < _least_strips(tags, header):
        raise FileFormatError(
            f"{header.rows} x {header.columns} pixels need {header.unpacked} bytes, which the "
            f"{held} bytes of the TIFF image cannot hold; it is cut off"
        )


def _least_strips(tags: dict[int, NDArray], header: TiffHeader) -> int:
    """How many strips the image needs; 1 if it has tiles."""
    rows = _one(tags, ROWS_PER_STRIP, header.rows)
    return 1 if PARTS[1][0] in tags else -(-header.rows // max(rows, 1))
