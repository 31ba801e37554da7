"""Names of files as text that can be written anywhere.

A name is bytes on Linux, and need not be UTF-8: archives from older Windows leave Latin-1. Python
keeps such bytes as lone surrogates, which neither JSON nor a terminal can take.
"""

from __future__ import annotations

import os


def shown(name: str | os.PathLike[str]) -> str:
    r"""``name`` with each byte that is not UTF-8 as ``\xfc``; any other name as it is."""
    text = os.fspath(name)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return text
