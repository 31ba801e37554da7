"""Defects that are told as an event: "the layers came apart" is a layer separation.

Each row of ``events.csv`` names a defect by what it happens to and by what happens. Both have to
stand in one sentence, with other words between them or not, and in either order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from backend.instruct.knowledge import ANY, Event, events
from backend.instruct.normal import normalise
from backend.instruct.reader.matcher import Category, Found, Term

# How far apart both may stand, in characters, with what happens behind and before.
REACH_BEHIND, REACH_BEFORE = 60, 30
_SAME_SENTENCE = r"[^.;:!?|。；：]"


def with_events(text: str, terms: Iterable[Found], process: str | None) -> list[Found]:
    """The terms of a normalised text and the events in it that are no term already.

    A row counts only in texts about its process, or in all if it belongs to none. Words such as
    "not" within an event, as in "was not filled", say nothing else.

    Args:
        text: of a block.
        terms: that were found in it.
        process: that the documents are about.
    """
    kept = list(terms)
    named = [one for one in kept if one.of(Category.NOTHING) or _counts(one, process)]
    special = [one for one in named if not _is_general(one, process)]
    about: list[tuple[int, int]] = []
    found: list[Found] = []
    for key, pattern, happens in _patterns():
        if key.partition("/")[0] not in (process, ANY):
            continue
        if not any(one in text for one in happens):
            continue
        for match in pattern.finditer(text):
            start, end = match.span("behind" if match.group("behind") else "before")
            known = named if key.startswith(f"{ANY}/") else special
            if not any(_meet(one, start, end) for one in (*known, *found)):
                term = Term(((Category.DEFECT, key),))
                found.append(Found(term, start, end, text[start:end]))
                about.append(match.span("what" if match.group("behind") else "what_behind"))
    kept = [one for one in kept if not any(_meet(one, *_span(event)) for event in found)]
    # The cavity that "was not filled" is no defect itself.
    kept = [
        one
        for one in kept
        if not (one.of(Category.DEFECT) and any(_meet(one, *span) for span in about))
    ]
    return sorted([*kept, *found], key=lambda one: one.start)


def process_by_events(texts: Iterable[str]) -> str | None:
    """The process that most events speak for, where no word names one."""
    counts = Counter(
        key.partition("/")[0]
        for text in texts
        for key, pattern, happens in _patterns()
        if any(one in text for one in happens)
        if not key.startswith(f"{ANY}/") and pattern.search(text)
    )
    (best, most), *rest = counts.most_common(2) or [("", 0)]
    return best if most and (not rest or most > rest[0][1]) else None


def _counts(one: Found, process: str | None) -> bool:
    """Whether a term names a defect in texts about ``process``."""
    return any(
        key.partition("/")[0] in (process, ANY) and (process or key not in one.term.strict)
        for key in one.of(Category.DEFECT)
    )


def _is_general(one: Found, process: str | None) -> bool:
    """Whether a term names no defect of ``process`` itself: "notch", an undercut at a toe."""
    keys = [
        key
        for key in one.of(Category.DEFECT)
        if process is None or key.partition("/")[0] in (process, ANY)
    ]
    return bool(keys) and all(key.startswith(f"{ANY}/") for key in keys)


def _span(one: Found) -> tuple[int, int]:
    return one.start, one.end


def _meet(one: Found, start: int, end: int) -> bool:
    return one.start < end and start < one.end


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], tuple[str, ...]], ...]:
    """Of each row its key, what it is found by, and beginnings of words of which one has to stand.

    Rows of no process come last.
    """
    ordered = sorted(events(), key=lambda one: one.key.startswith(f"{ANY}/"))
    return tuple((one.key, _pattern(one), _beginnings(one.happens)) for one in ordered)


def _beginnings(found: tuple[str, ...]) -> tuple[str, ...]:
    """The first word of each phrase, without its star; quick to look for."""
    first = {normalise(one).text.split()[0].rstrip("*") for one in found}
    return tuple(one for one in sorted(first) if not any(one != s and s in one for s in first))


def _pattern(event: Event) -> re.Pattern[str]:
    what, happens = _any_of(event.what), _any_of(event.happens)
    return re.compile(
        rf"(?P<what>{what}){_SAME_SENTENCE}{{0,{REACH_BEHIND}}}?(?P<behind>{happens})"
        rf"|(?P<before>{happens}){_SAME_SENTENCE}{{0,{REACH_BEFORE}}}?(?P<what_behind>{what})"
    )


def _any_of(found: tuple[str, ...]) -> str:
    """One of the words or phrases; a star at its end stands for any ending, alone for words."""
    options = []
    for one in sorted(found, key=len, reverse=True):
        spelled = normalise(one).text
        pattern = re.escape(spelled).replace(r"\ \*\ ", rf"\s+(?:{_SAME_SENTENCE}{{0,30}}\s)?")
        pattern = pattern.replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
        options.append(rf"\b{pattern}\b" if spelled.isascii() else pattern)
    return "(?:" + "|".join(options) + ")"
