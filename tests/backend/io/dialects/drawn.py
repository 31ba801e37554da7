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


@dataclass(frozen=True)
class DialectFile:
    """``kind`` and ``suffix`` of a file, its bytes, and what it holds.

    Attributes:
        points: (N, 3) what must be read, in order.
        triangles: how many.
        rows: points and those that are no measurement.
    """

    kind: str
    suffix: str
    data: bytes
    points: FloatArray
    triangles: int
    rows: int


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
    def drawn(cls, rng: Rng, styles: Sequence[str] = ("%.4f", "%.9g", "%.8e", "%.8E")) -> Numbers:
        return cls(one_of(rng, styles), sometimes(rng), one_of(rng, NOT_MEASURED))

    def words(self, values: Sequence[float] | FloatArray, measured: bool = True) -> list[str]:
        words = [self.style % value if measured else self.invalid for value in values]
        return [word.replace(".", ",") for word in words] if self.comma else words


def encoded(rng: Rng, lines: Sequence[str]) -> bytes:
    newline = one_of(rng, NEWLINES)
    text = newline.join(lines) + newline * int(rng.integers(0, 3))
    return text.encode(one_of(rng, ("latin1", "latin1", "utf-8", "utf-8-sig", "utf-16")))
