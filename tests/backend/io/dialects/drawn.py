"""What the files of all formats draw: numbers as text, lines, and how they are parted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Rng = np.random.Generator
FloatArray = NDArray[np.float64]

NOT_MEASURED = ("nan", "NaN", "-nan(ind)", "1.#QNAN", "-1.#IND", "inf")
NEWLINES = ("\n", "\n", "\r\n", "\r")
# As C has it, but for D: the exponents of Fortran. The last is of programs that print all digits.
STYLES = ("%.4f", "%.4f", "%.9g", "%.8e", "%.8E", "%.8D", "%.6d", "%.40f")


@dataclass(frozen=True)
class DialectFile:
    """``kind`` and ``suffix`` of a file, its bytes, and what it holds.

    Attributes:
        points: (N, 3) what must be read, in order.
        triangles: how many.
        rows: points and those that are no measurement.
        unit: of length, as the file states it.
    """

    kind: str
    suffix: str
    data: bytes
    points: FloatArray
    triangles: int
    rows: int
    unit: str | None = None


def one_of(rng: Rng, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def sometimes(rng: Rng, share: float = 0.2) -> bool:
    return bool(rng.random() < share)


@dataclass(frozen=True)
class Numbers:
    """How a file writes its numbers."""

    style: str
    comma: bool
    invalid: str

    @classmethod
    def drawn(
        cls,
        rng: Rng,
        *,
        styles: Sequence[str] = STYLES,
        comma: bool | None = None,
        invalid: Sequence[str] = NOT_MEASURED,
    ) -> Numbers:
        marked = sometimes(rng) if comma is None else comma
        return cls(one_of(rng, styles), marked, one_of(rng, invalid))

    def words(self, values: Sequence[float] | FloatArray, measured: bool = True) -> list[str]:
        words = [self._word(value) if measured else self.invalid for value in values]
        return [word.replace(".", ",") for word in words] if self.comma else words

    def _word(self, value: float) -> str:
        mark = self.style[-1]
        if mark not in "dD":
            return self.style % value
        return (f"{self.style[:-1]}E" % value).replace("E", mark)


def encoded(rng: Rng, lines: Sequence[str]) -> bytes:
    newline = one_of(rng, NEWLINES)
    text = newline.join(lines) + newline * int(rng.integers(0, 3))
    return text.encode(one_of(rng, ("latin1", "latin1", "utf-8", "utf-8-sig", "utf-16")))
