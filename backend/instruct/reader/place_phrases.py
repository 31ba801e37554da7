"""Places that several words name together: "the edge of each drilled hole", "am Rand der Naht".

Each row of ``place_phrases.csv`` joins the words for a part of something with the words for what it
is a part of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from backend.instruct.knowledge import PlacePhrase, place_phrases
from backend.instruct.normal import normalise
from backend.instruct.reader.matcher import Category, Found, Term, find_terms

# What may stand between both, with up to two further words: "of the", "der beiden", "in einer".
_OF = (
    r"s?\s(?:of|at|on|in|around|between|to|der|des|von|vom|an|am|im|einer?|eines|zum|zur|jeder|"
    r"beider)\s(?:[a-z]+\s){0,2}?"
)


def with_place_phrases(text: str, terms: Iterable[Found]) -> tuple[Found, ...]:
    """The terms of a normalised text, with one place for each phrase that names it."""
    kept = list(terms)
    for key, pattern in _patterns():
        for match in pattern.finditer(text):
            start, end = match.span()
            met = [one for one in kept if one.start < end and start < one.end]
            if any(one.of(Category.DEFECT) or one.of(Category.CUE) for one in met):
                continue
            place = Found(Term(((Category.PLACE, key),)), start, end, text[start:end])
            processes = [one for one in met if one.of(Category.PROCESS)]
            kept = [one for one in kept if one not in met] + [place]
            kept += [_without_places(one) for one in processes]
    return tuple(sorted(kept, key=lambda one: one.start))


def _without_places(one: Found) -> Found:
    """A term that tells the process and stands for no place."""
    keys = tuple(key for key in one.term.keys if key[0] is not Category.PLACE)
    return Found(Term(keys), one.start, one.end, one.form)


_TAIL = re.compile(r"\b(?:at|on|along|in|am|an der|im|in der)(?: the)? ([a-z ]+)$")
# Names of defects hold these as their kind, and not as where they are.
_VAGUE = ("edge", "corner", "layers", "end", "side", "anywhere", "hole_edge", "top", "bottom")


def place_within(defect: Found) -> str | None:
    """The place that the name of a defect ends in, as in "step at the parting line"."""
    tail = _TAIL.search(defect.form)
    for found in find_terms(tail.group(1)) if tail else ():
        if (keys := found.of(Category.PLACE)) and keys[0] not in _VAGUE:
            return keys[0]
    return None


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((one.key, _pattern(one)) for one in place_phrases())


def _pattern(phrase: PlacePhrase) -> re.Pattern[str]:
    latin = [one for one in map(_spelled, phrase.part) if one.isascii()]
    latin_whole = [one for one in map(_spelled, phrase.whole) if one.isascii()]
    han = [one for one in map(_spelled, phrase.part) if not one.isascii()]
    han_whole = [one for one in map(_spelled, phrase.whole) if not one.isascii()]
    options = [rf"\b(?:{'|'.join(latin)}){_OF}[a-z]*(?:{'|'.join(latin_whole)})\b"]
    if han and han_whole:
        options.append(rf"(?:{'|'.join(han_whole)})的?(?:{'|'.join(han)})")
    return re.compile("|".join(options))


def _spelled(word: str) -> str:
    return normalise(word).text
