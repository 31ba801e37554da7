"""Bytes as text, and text without characters that nobody sees."""

from __future__ import annotations

import re
import unicodedata

from backend.io.lines import BYTE_ORDER_MARK, decoded, from_utf_16
from backend.io.text import check_text

# Bullets as Word's fonts Symbol and Wingdings keep them, outside of Unicode's own.
PRIVATE_BULLETS = dict.fromkeys(map(ord, "\uf0b7\uf0a7\uf0d8\uf0fc\uf076"), "•")
HIGH_BYTES = re.compile(rb"[\x80-\xff]+")


def text_of(data: bytes) -> str:
    r"""The text in ``data``, its lines ended by ``\n``.

    It is UTF-8, UTF-16, Chinese in GB 18030 or, if it can be none of them, Western in Windows'
    encoding, of which Latin-1 is a part.

    Raises:
        FileFormatError: it is no text, or a text that is cut off.
    """
    plain = from_utf_16(data.removeprefix(BYTE_ORDER_MARK)).replace(b"\f", b"\n")
    check_text(plain)
    return _decoded(plain).replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8", *(("gb18030",) if _in_pairs(data) else ()), "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return decoded(data)


def _in_pairs(data: bytes) -> bool:
    """Whether bytes beyond ASCII stand in pairs, as Chinese ones do; Western ones stand alone."""
    return all(len(run) % 2 == 0 for run in HIGH_BYTES.findall(data))


def visible(text: str) -> tuple[str, int]:
    r"""The text without characters that nobody sees, and how many of them were left out.

    ``\n`` and ``\t`` stay. Left out are control and format characters, such as those of no width,
    which change the direction of writing or tag a text, and lone surrogates.

    >>> visible("scr\u200batch")
    ('scratch', 1)
    """
    kept = "".join(
        character
        for character in text.translate(PRIVATE_BULLETS)
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )
    # A soft hyphen only says where a word may be parted.
    return kept, len(text) - len(kept) - text.count("\xad")
