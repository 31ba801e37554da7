"""Splits blocks into sentences and sentences into items, which are the scope of what is said."""

from __future__ import annotations

import re
from collections.abc import Collection

_ABBREVIATIONS = re.compile(
    r"(?:\b(?:max|min|approx|ca|dia|diam|no|nr|z\.b|bzw|e\.g|i\.e|etc|fig|abb|pos|incl|inkl|ggf|"
    r"evtl|"
    r"vgl|resp|mm|in|sec|s|u\.a|d\.h|typ|art|spec|ref|bspw|usw|tab|o\.g|kap|nom|st|durchm|cf|vs|"
    r"z|u|d|"
    r"e|a|b|approx|poss|zul|unzul))\.$"
)
_END = re.compile(r"(?<![\d.])[.](?=\s|$)|(?<=\d)[.](?=\s|$)|[!?。;](?=\s|$)|[！？]")
# Between the items of an enumeration.
_BETWEEN_ITEMS = re.compile(
    r",(?!\d)|、|\s/\s|\||\b(?:and|or|und|oder|sowie|bzw\.?|as well as|plus|but|however|while|"
    r"whereas|"
    r"aber|jedoch|waehrend|sondern|dagegen|wohingegen)\b|和|及|与|以及|或者?|但是?|而(?!且)|并|且"
)


# "… 0.8 mm max. Scale pits …": an abbreviation that ends what is measured.
_MEASURED = re.compile(r"(?:\d|\b(?:mm|um|cm|in)|[\"°%]) ?(?:max|min|[ldwhb])?\.$")


def sentences(text: str, capitals: Collection[int] = ()) -> list[tuple[int, int]]:
    """From where to where the sentences of a normalised text go.

    Args:
        text: of a block.
        capitals: where capital letters stand in it.

    >>> sentences("Pores of max. 2 mm. No cracks.".lower())
    [(0, 19), (19, 30)]
    """
    spans, start = [], 0
    for match in _END.finditer(text):
        end = match.end()
        if match.group() == "." and _ABBREVIATIONS.search(text[max(start, end - 10) : end]):
            following = text[end : end + 2].strip()
            begins = _MEASURED.search(text[start:end]) and end + 1 in capitals
            # "… of 5 mm. Cracks" ends a sentence as well as "max. 2" does not.
            if not begins and (
                not text[max(start, end - 4) : end - 1].strip().endswith("mm")
                or following.isdigit()
            ):
                continue
        if re.match(r"\d+\.$", text[start:end].strip()):
            continue
        spans.append((start, end))
        start = end
    if text[start:].strip():
        spans.append((start, len(text)))
    return spans


def items(text: str, start: int, end: int, whole: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """From where to where the items of a sentence go; nothing in ``whole`` is split."""
    spans, begin = [], start
    for match in _BETWEEN_ITEMS.finditer(text, start, end):
        if any(one < match.end() and match.start() < two for one, two in whole):
            continue
        if match.start() > begin:
            spans.append((begin, match.start()))
        begin = match.start()
    if end > begin:
        spans.append((begin, end))
    return spans
