"""What a document is about: its language, its process and its material."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from backend.instruct.knowledge import ANY, materials, processes
from backend.instruct.reader.matcher import Category, Found

_STOP_WORDS = {
    "en": [
        "the",
        "of",
        "and",
        "is",
        "are",
        "in",
        "at",
        "to",
        "with",
        "be",
        "not",
        "no",
        "on",
        "for",
        "or",
        "by",
        "from",
        "that",
        "this",
        "must",
        "than",
        "may",
        "shall",
        "were",
        "was",
        "it",
        "as",
    ],
    "de": [
        "der",
        "die",
        "das",
        "und",
        "ist",
        "sind",
        "im",
        "am",
        "an",
        "zu",
        "mit",
        "nicht",
        "kein",
        "keine",
        "auf",
        "oder",
        "von",
        "bei",
        "ein",
        "eine",
        "den",
        "dem",
        "des",
        "werden",
        "wird",
        "bis",
        "durch",
        "fuer",
    ],
}
_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[a-z]+")
# How much one mention tells of the process.
_BY_PROCESS, _BY_MATERIAL, _BY_DEFECT, _BY_PLACE = 3, 2, 2, 1
# Places that parts of one process have.
_OF_PLACE = {
    "cut_edge": "sheet_metal",
    "bend_line": "sheet_metal",
    "weld_toe": "welding",
    "weld_bead": "welding",
    "weld_root": "welding",
    "ejector": "injection_moulding",
}
_STANDARDS = {
    "welding": re.compile(r"iso ?(?:5817|6520|10042|13919)|gb/t ?6417|aws d1"),
    "casting": re.compile(r"iso ?8062|astm ?e ?(?:505|155|446)|gb/t ?(?:6414|5611)"),
    "forging": re.compile(r"en ?10243|gb/t ?12362"),
    "coating": re.compile(r"iso ?4628"),
    "sheet_metal": re.compile(r"iso ?9013|din ?6930|en ?10163"),
    "injection_moulding": re.compile(r"din ?16742|iso ?20457|gb/t ?14486"),
    "printing_3d": re.compile(r"iso/astm ?529"),
}


def language_of(texts: Iterable[str]) -> str | None:
    """``en``, ``de`` or ``zh``, which most of the words are in; None where it cannot be told."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts["zh"] += len(_HAN.findall(text)) // 2
        words = Counter(_WORD.findall(text))
        for language, stop_words in _STOP_WORDS.items():
            counts[language] += sum(words[one] for one in stop_words)
        # Letters that only German has were spelled out by the normal spelling.
        counts["de"] += sum(words[one] for one in words if one.endswith(("ung", "keit", "ungen")))
    (best, most), *rest = counts.most_common()
    return best if most > 0 and (not rest or most > rest[0][1]) else None


def process_of(texts: Iterable[str], found: Iterable[Found]) -> tuple[str | None, Counter[str]]:
    """The process that most words point to, and how much speaks for each."""
    counts: Counter[str] = Counter()
    for one in found:
        for key in set(one.of(Category.PROCESS)):
            counts[key] += _BY_PROCESS
        for key in set(one.of(Category.MATERIAL)):
            if process := materials()[key].process:
                counts[process] += _BY_MATERIAL
        for key in one.of(Category.PLACE):
            if key in _OF_PLACE and not one.of(Category.PROCESS):
                counts[_OF_PLACE[key]] += _BY_PLACE
        named = {key.partition("/")[0] for key in one.of(Category.DEFECT)}
        if len(named) == 1 and ANY not in named and not one.term.strict:
            counts[named.pop()] += _BY_DEFECT
    texts = list(texts)
    standards = {
        process: pattern
        for process, pattern in _STANDARDS.items()
        if pattern.search(_BREAK.join(texts))
    }
    for text in texts:
        for process, pattern in standards.items():
            counts[process] += _BY_PROCESS * bool(pattern.search(text))
    for text in _with_designations(texts):
        for key in _designated(text):
            if process := materials()[key].process:
                counts[process] += _BY_MATERIAL
    order = list(processes())
    ranked = sorted(counts, key=lambda one: (-counts[one], order.index(one)))
    return (ranked[0] if ranked and counts[ranked[0]] > 0 else None), counts


def material_of(texts: Iterable[str], found: Iterable[Found]) -> str | None:
    """The material that is named first."""
    for text in _with_designations(texts):
        if designated := _designated(text):
            return designated[0]
    for one in found:
        if keys := one.of(Category.MATERIAL):
            return keys[0]
    return None


# Between the texts of a document, so that nothing is found across them.
_BREAK = "\n;\n"


def _with_designations(texts: Iterable[str]) -> list[str]:
    """The texts, or none of them if no designation stands in any: they are many to look for."""
    texts = list(texts)
    return texts if _designated(_BREAK.join(texts)) else []


def _designated(text: str) -> list[str]:
    """Materials whose designation stands in ``text``."""
    return [key for key, pattern in _designations().items() if pattern.search(text)]


@cache
def _designations() -> dict[str, re.Pattern[str]]:
    """Of each material the designations of standards, as they stand in a normalised text."""
    return {
        key: re.compile(rf"(?<![a-z0-9])(?:{'|'.join(material.designations)})(?![a-z0-9])", re.I)
        for key, material in materials().items()
        if material.designations
    }
