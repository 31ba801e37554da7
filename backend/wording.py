"""Sentences about counts, and one line for what is said several times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Number of places that are named in a note about several places.
SHOWN = 3


def counted(number: int, noun: str) -> str:
    """``1 scan``, ``2 scans``; with thousands apart."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def were(number: int, total: int, nouns: str) -> str:
    """``1 of 9 faces was``, ``2 of 9 faces were``: the beginning of a sentence."""
    return f"{number} of {total} {nouns} {'was' if number == 1 else 'were'}"


def coordinates(values: Iterable[float]) -> str:
    """``(0.3, 12.5, 1e-05)``: numbers as a reader wants them, with five digits.

    >>> coordinates([0.1 + 0.2, 12.5, 1e-5])
    '(0.3, 12.5, 1e-05)'
    """
    return f"({', '.join(f'{value:.5g}' for value in values)})"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b, c and 4 others``."""
    shown = list(names) if len(names) <= SHOWN + 1 else [*names[:SHOWN]]
    rest = len(names) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} others"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def grouped(notes: Iterable[tuple[str, str]]) -> list[tuple[list[str], str]]:
    """For each text, the names that it was said of, in the order in which they first came."""
    names: dict[str, list[str]] = {}
    for name, text in notes:
        names.setdefault(text, []).append(name)
    return [(of, text) for text, of in names.items()]


def open_directions(number: int) -> str:
    """Of a scan that leaves ``number`` directions of its pose open: a turned part, a plane."""
    along = "it" if number == 1 else "them"
    return (
        f"the scan leaves {number} of 6 directions of its pose open; defects may lie elsewhere "
        f"along {along}"
    )
