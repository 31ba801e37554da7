"""Text as the reader compares it: one spelling for each thing, with a way back to the source."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# What NFKC leaves apart or would join with the number before it.
_SPELLED = {
    "ä": "ae",
    "ö": "oe",
    "ü": "ue",
    "ß": "ss",
    "½": " 1/2",
    "¼": " 1/4",
    "¾": " 3/4",
    "⅛": " 1/8",
    "⅜": " 3/8",
    "⅝": " 5/8",
    "⅞": " 7/8",
    "⅓": " 1/3",
    "⅔": " 2/3",
    "⁄": "/",
    "∕": "/",
    "“": '"',
    "”": '"',
    "„": '"',
    "″": '"',
    "’": "'",
    "‘": "'",
    "′": "'",
    "，": ", ",
    "；": "; ",
    "：": ": ",
    "。": "。 ",
    "≦": "≤",
    "⩽": "≤",
    "≧": "≥",
    "⩾": "≥",
    "⌀": "ø",
    "∅": "ø",
    "φ": "ø",
    "Φ": "ø",
    "ϕ": "ø",
    "×": "x",
    "✕": "x",
    "·": "*",
    "⋅": "*",
    "º": "°",
    "μ": "u",
    "µ": "u",
    "　": " ",
    "\u00a0": " ",
    "\u2009": "'",
    "\u202f": "'",
    "\t": " ",
    "\n": " ",
    "\r": " ",
    "〜": "~",
    "∼": "~",
}
_DASHES = "‐‑‒–—―−﹣－"
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
# A word broken at the end of a line: "Einbrand-\nkerbe".
_BROKEN = re.compile(r"(?<=[^\W\d_])-[ \t]*\r?\n[ \t]*(?=[a-zäöüß])")

# Text that only changes its case.
_PLAIN = re.compile(r"[ -~]*")


# Such a text within another one; its last character may carry an accent that follows.
_PLAIN_RUN = re.compile(r"[ -~]+(?=[ -~\n\u00c0-\u00ff\u3000-\uffef])")


@dataclass(frozen=True)
class NormalText:
    """A text in one spelling.

    Attributes:
        source: as it came.
        text: lower case, NFKC, umlauts as two letters, dashes as ``-``.
        starts: for each character of ``text`` the place in ``source`` that it comes from, and at
            the end the length of ``source``.
    """

    source: str
    text: str
    starts: tuple[int, ...]

    def quote(self, start: int, end: int) -> str:
        """The words of the source that ``text[start:end]`` stands for.

        >>> normalise("Gr\u00f6\u00dfe 2 mm").quote(0, 7)
        'Gr\u00f6\u00dfe'
        """
        last = self.starts[end - 1] if end > start else self.starts[start]
        stop = next((at for at in self.starts[end:] if at > last), len(self.source))
        return self.source[self.starts[start] : stop].strip()

    def capitals(self) -> frozenset[int]:
        """Where words that begin with a capital follow a full stop, in ``text``.

        >>> sorted(normalise("Max. Depth 2 mm. no cracks").capitals())
        [5]
        """
        return frozenset(
            match.start()
            for match in _CAPITAL.finditer(self.text)
            if self.source[self.starts[match.start()]].isupper()
        )


_CAPITAL = re.compile(r"(?<=\. )[^\W\d_]")


def normalise(source: str) -> NormalText:
    """``source`` in the spelling that terms and quantities are compared in."""
    if _PLAIN.fullmatch(source):
        return NormalText(source, source.lower(), tuple(range(len(source) + 1)))
    dropped = {
        at
        for pattern in (_INVISIBLE, _BROKEN)
        for match in pattern.finditer(source)
        for at in range(*match.span())
    }
    characters: list[str] = []
    starts: list[int] = []
    at = 0
    while at < len(source):
        if not dropped and (run := _PLAIN_RUN.match(source, at)):
            characters.append(run.group().lower())
            starts.extend(range(*run.span()))
            at = run.end()
            continue
        end = at + 1
        while end < len(source) and unicodedata.combining(source[end]):
            end += 1
        if at not in dropped:
            sign = source[at:end]
            spelled = sign.lower() if " " <= sign <= "~" and end == at + 1 else _spelled(sign)
            characters.append(spelled)
            starts.extend([at] * len(spelled))
        at = end
    return NormalText(source, "".join(characters), (*starts, len(source)))


@lru_cache(maxsize=4096)
def _spelled(cluster: str) -> str:
    """A character with its accents in the common spelling."""
    composed = unicodedata.normalize("NFC", cluster)
    if composed in _SPELLED:
        return _SPELLED[composed]
    if composed in _DASHES:
        return "-"
    lower = unicodedata.normalize("NFKC", composed).lower()
    return "".join(_SPELLED.get(one, one) for one in lower)


def invisible_characters(text: str) -> int:
    """How many characters of ``text`` a reader would not see, besides soft hyphens."""
    return sum(1 for match in _INVISIBLE.finditer(text) if match.group() != "\u00ad")
