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
    for key, pattern, whole in _patterns():
        if not any(one in text for one in whole):
            continue
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


# Beside a hole is at its edge: "near the pierced hole", "um die drei Bohrungen".
_BESIDE_HOLE = re.compile(
    r"\b(?:near|around|beside|next to|close to|adjacent to|behind|at) "
    r"(?:the |each |every |any |all |both )?(?:[a-z0-9-]+ )?(?:holes?|bores?)\b|"
    r"\b(?:neben|um|nahe|hinter|rund um|am) (?:der|den|die|dem|das|jeder|jedem|jedes|einer) "
    r"(?:[a-z0-9-]+ )?(?:[a-z]*bohrung(?:en)?|[a-z]*loch(?:e?s)?|[a-z]*loecher[n]?)\b"
)


def _without_places(one: Found) -> Found:
    """A term that tells the process and stands for no place."""
    keys = tuple(key for key in one.term.keys if key[0] is not Category.PLACE)
    return Found(Term(keys), one.start, one.end, one.form)


_TAIL = re.compile(r"\b(?:at|on|along|in|am|an der|im|in der)(?: the)? ([a-z ]+)$")
# Names of defects hold these as their kind, and not as where they are.
_VAGUE = ("edge", "corner", "layers", "end", "side", "anywhere", "hole_edge", "top", "bottom")


def place_within(defect: Found) -> str | None:
    """The place that the name of a defect ends in, as in "step at the parting line"."""
    if not defect.form.isascii():
        return _place_ahead(defect.form)
    tail = _TAIL.search(defect.form)
    for found in find_terms(tail.group(1)) if tail else ():
        if (keys := found.of(Category.PLACE)) and keys[0] not in _VAGUE:
            return keys[0]
    return None


def _place_ahead(form: str) -> str | None:
    """The place that stands before a Chinese name: 切边毛刺 is a burr at a cut edge.

    What follows has to name a defect itself, as 印 of 顶针印 does not.
    """
    for end in range(len(form) - 2, 1, -1):
        place, defect = find_terms(form[:end]), find_terms(form[end:])
        whole = len(place) == len(defect) == 1 and place[0].form + defect[0].form == form
        if whole and (keys := place[0].of(Category.PLACE)) and defect[0].of(Category.DEFECT):
            vague = keys[0] in _VAGUE and keys[0] not in ("edge", "corner", "hole_edge")
            return None if vague or keys[0].startswith("weld") else keys[0]
    return None


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], tuple[str, ...]], ...]:
    """Of each row its key, what it is found by, and words of which one has to stand."""
    named = (
        (one.key, _pattern(one), tuple(_spelled(word) for word in one.whole))
        for one in place_phrases()
    )
    return (*named, ("hole_edge", _BESIDE_HOLE, ("hole", "bore", "bohrung", "loch", "loech")))


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
