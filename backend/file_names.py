"""Names of files as text that can be written anywhere.

A name is bytes on Linux, and need not be UTF-8: archives from older Windows leave Latin-1. Python
keeps such bytes as lone surrogates, which neither JSON nor a terminal can take.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

# A byte as it is shown, and where Python keeps it among the characters.
OTHER_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")
SURROGATES = 0xDC00


def shown(name: str | os.PathLike[str]) -> str:
    r"""``name`` with each byte that is not UTF-8 as ``\xfc``; any other name as it is."""
    text = os.fspath(name)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return text


def meant(name: str) -> str:
    r"""The name that ``shown`` gave as ``name``: each ``\xfc`` is the byte again.

    A name that holds such a text itself is shown likewise, so that it is to be tried as it is too.
    """
    return OTHER_BYTE.sub(lambda byte: chr(SURROGATES + int(byte[1], 16)), name)


@contextmanager
def utf8_path(path: str | os.PathLike[str]) -> Iterator[str]:
    """A path of the file at ``path`` that is UTF-8, for libraries that open no other.

    Where the path is not, and such names occur on Linux alone, the file is opened here, and the
    path is that of the open file.
    """
    text = os.fspath(path)
    if shown(text) == text:
        yield text
        return
    descriptor = os.open(text, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
