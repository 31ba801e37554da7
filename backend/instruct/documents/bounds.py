"""How much of a document is read before it is refused."""

from __future__ import annotations

from backend.errors import FileFormatError

MAX_BYTES = 20 * 1024**2
MAX_PAGES = 200
MAX_CHARACTERS = 400_000
# What an archive unpacks to, for each of its bytes; a small file may always unpack to the least.
MAX_RATIO = 100
LEAST_UNPACKED = 1024**2
SECONDS = 10.0
# Pages that are drawn, and the length of their longer side in pixels.
MAX_PICTURES = 20
PICTURE_SIDE = 1536


def check_size(size: int) -> None:
    """Raise ``FileFormatError`` if a file of ``size`` bytes is empty or too large."""
    if size == 0:
        raise FileFormatError("the file is empty")
    if size > MAX_BYTES:
        raise FileFormatError(
            f"the file has {size} bytes, more than the {MAX_BYTES} that are read; save the pages "
            "that describe the part as a file of their own"
        )


def check_pages(count: int) -> None:
    """Raise ``FileFormatError`` if a document of ``count`` pages is too long."""
    if count > MAX_PAGES:
        raise FileFormatError(
            f"the document has {count} pages, more than the {MAX_PAGES} that are read; save the "
            "pages that describe the part as a file of their own"
        )


def check_characters(count: int) -> None:
    """Raise ``FileFormatError`` if a text of ``count`` characters is too long."""
    if count > MAX_CHARACTERS:
        raise FileFormatError(
            f"the document has over {MAX_CHARACTERS} characters, more than are read; save the "
            "pages that describe the part as a file of their own"
        )


def largest_unpacked(size: int) -> int:
    """How many bytes an archive of ``size`` bytes may unpack to."""
    return max(LEAST_UNPACKED, MAX_RATIO * size)
