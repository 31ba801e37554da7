"""Numbers in the text of mesh formats, written with decimal points or with decimal commas.

A file holds one decimal mark. It is read with points; at the first number with a comma it is read
again with commas, and a point is an error then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from backend.arrays import FloatArray
from backend.cloud import PointCloud
from backend.errors import FileFormatError
from backend.io.lines import QUOTED_BYTES, replaced

DecimalMark = Literal[".", ","]
NAMES: dict[DecimalMark, str] = {".": "point", ",": "comma"}

# "nan", as C, Microsoft's C, Java and Fortran have it, and infinity: no measurement.
NOT_MEASURED = re.compile(rb"[+-]?(?:nan(?:\(\w*\))?|1[.,]#\w+)", re.IGNORECASE)
# 1.5D+01 is Fortran for 1.5e+01: nothing before it that it could go on with, nothing behind it.
# No digit is looked at twice, however many there are.
OF_FORTRAN = re.compile(rb"(?<![\w.])(?<!\w[-+])(\d++\.?+\d*+|\.\d++)[dD]([-+]?\d{1,3})(?![\w.])")
USUAL = rb"\1e\2"
COMMAS_READ = "The numbers have decimal commas and were read as such."


class NotANumberError(ValueError):
    """A ``word`` that is no number; ``shown`` is what to show of it."""

    def __init__(self, word: bytes) -> None:
        super().__init__(word)
        self.word = word
        self.shown = repr(word[:QUOTED_BYTES].decode("utf-8", "replace"))


class OtherMarkError(NotANumberError):
    """A word with the decimal mark that the file's other numbers do not have."""


def floats(words: Sequence[bytes], text: bytes, decimal: DecimalMark) -> FloatArray:
    """(W,) the numbers that ``words`` are; what is no measurement becomes NaN.

    Args:
        words: without space.
        text: which they come from; it may hold more.
        decimal: the mark of the file.

    Raises:
        OtherMarkError: a word has the other decimal mark.
        NotANumberError: a word is no number.
    """
    if decimal == "." and b"_" not in text:
        try:
            return np.fromiter(map(float, words), np.float64, len(words))
        except ValueError:
            # Below, where the word is known.
            pass
    return np.array([_float(word, decimal) for word in words])


def _float(word: bytes, decimal: DecimalMark) -> float:
    if NOT_MEASURED.fullmatch(word):
        return float("nan")
    if (b"," if decimal == "." else b".") in word:
        raise OtherMarkError(word)
    try:
        # "1," is a number and a comma behind it; Python takes 1_0 for 10.
        if b"_" in word or word.endswith(b","):
            raise ValueError
        return float(OF_FORTRAN.sub(USUAL, word.replace(b",", b".")))
    except ValueError:
        raise NotANumberError(word) from None


def without_fortran_exponents(text: bytes) -> bytes | None:
    """``text`` with 1.5e+01 for Fortran's 1.5D+01; None where there is nothing of the kind."""
    if OF_FORTRAN.search(text) is None:
        return None
    return replaced(text, OF_FORTRAN, USUAL)


def read_with_mark(
    parse: Callable[[DecimalMark], PointCloud], decimal: DecimalMark | None
) -> PointCloud:
    """What ``parse`` reads with the decimal mark that the file has, or with the given one.

    Raises:
        FileFormatError: from ``parse``, or the file has both marks, or not the given one.
    """
    try:
        return parse(decimal or ".")
    except OtherMarkError as found:
        if decimal is not None:
            raise FileFormatError(
                f"the number {found.shown} has no decimal {NAMES[decimal]}, which was asked for; "
                f"leave out --decimal"
            ) from None
        comma = found
    try:
        cloud = parse(",")
    except OtherMarkError as point:
        raise FileFormatError(
            f"the number {comma.shown} has a decimal comma, but {point.shown} has a decimal point; "
            "write all decimals with a point"
        ) from None
    return replace(cloud, notices=(COMMAS_READ, *cloud.notices))
