"""The marks in a text: terms, quantities and numbers of standards; and the clauses they are in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from backend.instruct.knowledge import defects
from backend.instruct.quantities import (
    Ambiguous,
    Decimal,
    Dimension,
    Measure,
    Quantity,
    read_quantities,
    words_before,
)
from backend.instruct.reader.cues import COUNT_WORDS, MEASURE_WORDS, Cue
from backend.instruct.reader.events import with_events
from backend.instruct.reader.matcher import Category, Found, Term, find_terms
from backend.instruct.reader.place_phrases import with_place_phrases
from backend.instruct.reader.polarity import Said, polarity
from backend.instruct.reader.sentences import items
from shared_schema.instruction import Polarity

_NUMBERED = re.compile(r"(?<![\w.,/-])(\d{3,4})(?![\w/]|[.,]\d|-\d)(?!\s?(?:mm|um|cm|h\b|%|°))")
_FREE_AFTER = re.compile(r"[ -]?(?:free|frei)(?:e[nrsm]?)?\b|heit\b")
_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|jaenner|maerz|mai|okt|dez)[a-z]*\.?"
    r"(?=\s|$|[,;.])"
)
_MUST_NOT = re.compile(r"(?:not|nicht|不)\s?$")


@dataclass
class Clause:
    """A part of a sentence that is about the same defects.

    Attributes:
        start: in the normalised text of its block.
        end: likewise.
        defects: their terms.
        places: keys of the places that are named, with where.
        quantities: sizes.
        cues: words of polarity with where they stand.
        counts: fewest and most.
        contrast: whether it begins with "but" or the like.
        led: whether its place stands in an item of its own ahead: "on the flange, pores occur".
    """

    start: int
    end: int
    defects: list[Found] = field(default_factory=list)
    places: list[Found] = field(default_factory=list)
    quantities: list[Quantity] = field(default_factory=list)
    cues: list[tuple[Cue, int]] = field(default_factory=list)
    counts: list[tuple[int, int]] = field(default_factory=list)
    contrast: bool = False
    led: bool = False

    def take(self, other: Clause) -> None:
        """Adds all that is in ``other``."""
        self.start, self.end = min(self.start, other.start), max(self.end, other.end)
        self.defects += other.defects
        self.places += other.places
        self.quantities += other.quantities
        self.cues += other.cues
        self.counts += other.counts

    @property
    def said(self) -> Said:
        """Its words of polarity and its limits."""
        sizes = [
            one
            for one in self.quantities
            if not one.aside and one.dimension is not Dimension.SPACING
        ]
        permits = [at for cue, at in self.cues if cue is Cue.PERMIT]
        # "Permitted as long as they are not …" stays a permission.
        last = max(permits, default=self.end)
        return Said(
            frozenset(cue for cue, at in self.cues if cue is not Cue.NOT or at <= last),
            # With other sizes beside it, a limit only describes.
            below=any(one.ruled and one.limited and one.low is None for one in sizes)
            or (bool(sizes) and all(one.limited and one.low is None for one in sizes)),
            above=bool(sizes) and all(one.limited and one.high is None for one in sizes),
        )

    @property
    def first_defect(self) -> int:
        """Where its first defect begins."""
        return min((one.start for one in self.defects), default=self.end)

    def cue_before(self) -> bool:
        """Whether its first word of polarity stands before its defects."""
        return any(at < self.first_defect for _, at in self.cues)

    def cue_after(self) -> bool:
        """Whether a word of polarity stands behind its first defect."""
        return any(at > self.first_defect for _, at in self.cues)


@dataclass(frozen=True)
class Marks:
    """All that was found in the text of a block."""

    text: str
    terms: tuple[Found, ...]
    quantities: tuple[Quantity, ...]
    ambiguous: tuple[Ambiguous, ...]


def mark(
    text: str,
    decimal: Decimal | None,
    unit: str | None,
    numbered: bool,
    process: str | None = None,
) -> Marks:
    """The marks of a normalised text.

    Args:
        text: of the block.
        decimal: sign of the document.
        unit: of numbers without one.
        numbered: whether the document names defects by their numbers of ISO 6520-1.
        process: that the documents are about; it decides which events are defects.
    """
    terms = with_events(text, with_place_phrases(text, find_terms(text)), process)
    if numbered:
        terms += _numbered(text)
    quantities, ambiguous = read_quantities(text, decimal, unit)
    terms.sort(key=lambda one: one.start)
    return Marks(text, tuple(terms), quantities, ambiguous)


def _numbered(text: str) -> list[Found]:
    """Defects by their numbers."""
    by_number = {
        number: defect.key for defect in defects().values() for number in defect.references
    }
    found = []
    for match in _NUMBERED.finditer(text):
        before = text[max(0, match.start() - 6) : match.start()]
        if match.group(1) in by_number and not re.search(r"(?:iso|din|en|gb/t|astm) ?$", before):
            term = Term(((Category.DEFECT, by_number[match.group(1)]),))
            found.append(Found(term, *match.span(1), match.group(1)))
    return found


def clauses(marks: Marks, start: int, end: int) -> list[Clause]:
    """The clauses of the sentence from ``start`` to ``end``, each with the defects it is about.

    What stands in no item of a defect belongs to the item before it, or at the beginning to the
    item after it.
    """
    whole = [
        (one.start, one.end) for one in marks.terms if one.of(Category.CUE) != (Cue.BUT.value,)
    ]
    whole += [(one.start, one.end) for one in marks.quantities]
    whole += [one.span() for one in _EITHER.finditer(marks.text, start, end)]
    parts = [clause_within(marks, *span) for span in items(marks.text, start, end, whole)]
    merged: list[Clause] = []
    leading: Clause | None = None
    for part in parts:
        if not part.defects and merged:
            _attach(merged, part, marks)
        elif not part.defects:
            leading = part if leading is None else leading
            if leading is not part:
                leading.take(part)
        else:
            if leading is not None:
                part.take(leading)
                part.led = bool(leading.places)
                leading = None
            merged.append(part)
    for clause in merged:
        clause.quantities = [_named_ahead(clause, marks, one) for one in clause.quantities]
    return merged if leading is None else [leading]


def _named_ahead(clause: Clause, marks: Marks, one: Quantity) -> Quantity:
    """A bare size with the dimension that stands ahead of the defect: "depth of scratches 1 mm"."""
    before = [defect for defect in clause.defects if defect.end <= one.number]
    if not before:
        return one
    _, dimension, bound = words_before(marks.text, before[-1].start, clause.start)
    if dimension is Dimension.ANGLE and one.measure is Measure.LENGTH:
        dimension = None  # 边角 is a place, whose 角 names no angle.
    dimension = one.dimension or dimension
    if bound is None or one.limited or one.low != one.high:
        return replace(one, dimension=dimension)
    low, high = (None, one.high) if bound == "below" else (one.low, None)
    return replace(one, dimension=dimension, low=low, high=high, limited=True)


def _sets_a_rule(clause: Clause, text: str) -> bool:
    """Whether a clause says when something is done, by a condition or a limit."""
    limits = [one for one in clause.quantities if one.limited]
    return bool(limits or _CONDITION.search(text, clause.start, clause.end))


# What is measured is told beside its limit: "0.12 mm against a permitted 0.08 mm".
_AGAINST = re.compile(
    r"\b(?:against|instead of|versus|vs\.?|compared (?:to|with)|rather than|statt|anstatt|"
    r"anstelle von|gegenueber)\b|\((?:limit|max|zul|permit|allow|spec|soll|grenz|erlaubt|tol)"
)
_TOLD_BESIDE = re.compile(
    r"[\s,;、(]*(?:the )?(?:limit|spec|specification|drawing|tolerance|permitted|allowed|"
    r"permissible|required|requirement|print|zulaessig(?:e[rns]?)?|zul\.?|erlaubt|soll|sollwert|"
    r"grenzwert|grenze|vorgabe|zeichnung|标准|规格|要求|图纸|规定|限值|上限)"
    r"(?: (?:is|was|are|says|allows|permits|calls for|limit|sind|ist|war|waren)|为|是|:)*"
    r"\s?(?:max\.? |maximum |maximal |hoechstens |≤ ?|<=? ?)?\d[^a-z]*"
)


def _without_what_is_permitted(clause: Clause, text: str) -> None:
    """Drops the limit that a measured size is compared with, and its words."""
    for match in _AGAINST.finditer(text, clause.start, clause.end):
        before = [one for one in clause.quantities if one.number < match.start() and not one.aside]
        behind = [one for one in clause.quantities if one.number > match.start()]
        if not (before and behind):
            continue
        first = behind[0]
        clause.quantities = [
            replace(one, aside="what is permitted") if one is first else one
            for one in clause.quantities
        ]
        clause.cues = [one for one in clause.cues if not match.start() <= one[1] <= first.end + 12]
        return


_OTHER_ONES = re.compile(
    r"[\s,;]*(?:and |und |but |aber |anything |everything |alles )?(?:(?:any )?(?:deeper|"
    r"longer|larger|"
    r"bigger|wider|higher|greater)\b|tiefere?|laengere?|groessere?|breitere?|hoehere?|(?:what|"
    r"anything "
    r")?(?:is )?(?:beyond|above|over) (?:that|this)|darueber|was darueber|更[深长大宽高]|"
    r"超过者|超出者|"
    r"超过此|超出此|超过的|超出的)"
)


def _attach(merged: list[Clause], part: Clause, marks: Marks) -> None:
    """Adds a part without a defect to the clause before it, or makes it one about its defects.

    "Those across are not permitted, those along up to 0.02 mm are" speaks of two. "Deeper ones are
    rejected" behind a permission says nothing that it did not say.
    """
    last = merged[-1]
    if any(not one.aside for one in last.quantities) and _TOLD_BESIDE.match(
        marks.text, part.start, part.end
    ):
        last.end = max(last.end, part.end)
        return
    seen = {cue for cue, _ in part.cues}
    if seen <= {Cue.NOT, Cue.NO, Cue.FOUND} and (last.said.below or last.said.above):
        part.cues = []  # "Max. 10 mm long, not visible from 600 mm".
    if {cue for cue, _ in part.cues} == {Cue.NOT}:
        part.cues = []  # "…, cannot be brushed off" says nothing of whether they are there.
    if {cue for cue, _ in part.cues} == {Cue.DISPOSE} and not _sets_a_rule(last, marks.text):
        part.cues = []  # "Burrs at the chamfer, reworked": what was done after they were found.
    both = {polarity(last.said), polarity(part.said)}
    if both != {Polarity.REJECTED, Polarity.PERMITTED} or not last.said.judged or not part.cues:
        last.take(part)
    elif any(not one.aside for one in part.quantities):
        part.defects = [replace(one, start=part.start, end=part.start) for one in last.defects]
        part.places = part.places or [one for one in last.places if one.start < last.first_defect]
        part.contrast = True
        merged.append(part)
    elif not _OTHER_ONES.match(marks.text, part.start, part.end):
        last.take(part)


def clause_within(marks: Marks, start: int, end: int) -> Clause:
    """What lies between ``start`` and ``end``."""
    clause = Clause(start, end)
    text = marks.text
    clause.quantities = [one for one in marks.quantities if start <= one.number < end]
    sizes = clause.quantities
    for one in marks.terms:
        if not start <= one.start < end or one.of(Category.NOTHING):
            continue
        if any(
            size.start <= one.start < size.end and not one.of(Category.DEFECT) for size in sizes
        ):
            continue
        if keys := one.of(Category.DEFECT):
            if _is_measured(text, one):
                continue
            clause.defects.append(one)
            if one.of(Category.FREE) or _FREE_AFTER.match(text, one.end):
                clause.cues.append((Cue.FREE, one.end))
            if keys and (count := _count_before(text, one.start, start)) is not None:
                clause.counts.append(count)
            continue
        elsewhere = _ELSEWHERE.search(text[max(start, one.start - 24) : one.start])
        if one.of(Category.PLACE) and not (elsewhere or _only_the_subject(text, one)):
            clause.places.append(one)
        if _says_nothing(text, one):
            continue
        complained = one.form in _COMPLAINED and _PAST.search(text, start, end)
        for key in one.of(Category.CUE):
            clause.cues.append((Cue.FOUND if complained else Cue(key), one.start))
        for word in one.of(Category.COUNT):
            fewest, most = COUNT_WORDS[word]
            about = _NUMBER_FOLLOWS.match(text, one.end)  # "some 10-20 mm long"
            if (
                fewest != most and not about
            ):  # "a few"; a plain number counts only where it stands with a defect
                clause.counts.append((fewest, most))
    clause.counts += _counts_after(text, start, end)
    clause.cues += [(Cue.MUST, one.start()) for one in _TO_BE_DONE.finditer(text, start, end)]
    cues = {cue for cue, _ in clause.cues}
    clause.contrast = Cue.BUT in cues and min(at for cue, at in clause.cues if cue is Cue.BUT) <= (
        start + 12
    )
    clause.cues = [one for one in clause.cues if one[0] is not Cue.BUT]
    clause.quantities = [_permitted_to(clause, text, one) for one in clause.quantities]
    _without_what_is_permitted(clause, text)
    _without_conditions(clause, text)
    _turn_rejections(clause, text)
    return clause


_ELSEWHERE = re.compile(
    r"(?:\b(?:away from|outside(?: of)?|other than|except (?:at|on|in|near|for)|not (?:at|on|in)|"
    r"ausser(?:halb)?(?: an| auf| in| von)?|nicht (?:an|auf|in|im|am)|abseits|mit ausnahme von)"
    r"(?: the| der| den| dem| des| all| any| allen)? ?|除了?|远离)$"
)
# "Sind restlos zu entfernen", "ist bis auf 0,5 mm zu entfernen".
_TO_BE_DONE = re.compile(r"\b(?:ist|sind) (?:[^\s.;:|]+(?:[.,]\d+)? ){1,7}zu [a-z]+e[lr]?n\b")
# What a customer complained of was there; what "is complained of" is a rule.
_COMPLAINED = ("beanstandet", "bemaengelt", "geruegt", "moniert")
_PAST = re.compile(r"\b(?:wurden?|worden|haben|hat|hatten?)\b")
_OWNER = re.compile(r"\b(?:its|their|ihre[rnms]?|deren|dessen|seine[rnms]?|die)\s$|其$")
_MEASURE_OF = re.compile(
    r"(?:s|n|en)?(?:tiefen?|laengen?|breiten?|hoehen?|durchmesser|groessen?)\b|"
    r"\s(?:depth|length|width|height|size|diameter)s?\b|[的之]?(?:深|长|宽|高)度?"
)


def _is_measured(text: str, one: Found) -> bool:
    """Whether a term only names a dimension of what stands before: "sofern ihre Kerbtiefe …"."""
    owned = _OWNER.search(text[max(0, one.start - 10) : one.start])
    return bool(owned and _MEASURE_OF.match(text, one.end))


_CONDITION = re.compile(
    r"\b(?:if|provided|as long as|so long as|sofern|solange|wenn|falls|soweit)\b|只要|如果|若"
)


def _without_conditions(clause: Clause, text: str) -> None:
    """Drops what a condition behind the defects says: "weld lines, if they cannot be felt"."""
    condition = _CONDITION.search(text, clause.first_defect, clause.end)
    if condition is None:
        return
    said = {Cue.NOT, Cue.NO, Cue.FOUND, Cue.OCCUR, Cue.MUST}
    clause.cues = [
        (cue, at) for cue, at in clause.cues if cue not in said or at < condition.start()
    ]


_TO = re.compile(
    r"[a-z]+ (?:down )?to (?:an? )?(?:(?:maximum |max\.? )?(?:depth|height|length|width|diameter|"
    r"size) of )?"
)


def _permitted_to(clause: Clause, text: str, one: Quantity) -> Quantity:
    """A size as a limit where it is "acceptable to a depth of 0.1 mm"."""
    permits = [at for cue, at in clause.cues if cue is Cue.PERMIT and at < one.number]
    if one.low != one.high or not permits or not _TO.fullmatch(text, max(permits), one.number):
        return one
    return replace(one, low=None, limited=True)


_WELD = re.compile(r"(?:weld|seam)s?")
_AT = re.compile(
    r"\b(?:in|on|along|at|across|near|over|inside|beside|to|into)\s"
    r"(?:the |a |each |every |any |all )?(?:[a-z]+ )?$"
)


def _only_the_subject(text: str, one: Found) -> bool:
    """Whether "weld" only says what the text is about, as in "weld inspection"."""
    if not _WELD.fullmatch(one.form):
        return False
    return _AT.search(text[max(0, one.start - 24) : one.start]) is None


_NUMBER_FOLLOWS = re.compile(r"\s?\d")
_NUMBERED_NO = re.compile(r"\.?\s?[:#]?\s?\d+(?![\d.,]*\s?(?:mm|um|cm|in\b|inch))|\.\s?\|")
_MONTH_NEXT = re.compile(r"\s\d")
_MONTH_BEFORE = re.compile(r"\d(?:st|nd|rd|th)?\.?\s$")
_FINE_WHAT = re.compile(
    r"\s(?!and\b|or\b|if\b|as\b|when\b|up\b|below\b|but\b|for\b|on\b|in\b|to\b)[a-z]"
)


def _says_nothing(text: str, one: Found) -> bool:
    """Whether a word is no cue here: "no. 12", "12 May", or "fine" of thin "fine hairs"."""
    if one.form == "no":
        return _NUMBERED_NO.match(text, one.end) is not None
    if one.form == "may":
        before = text[max(0, one.start - 6) : one.start]
        return bool(_MONTH_NEXT.match(text, one.end) or _MONTH_BEFORE.search(before))
    return one.form in ("is fine", "are fine") and _FINE_WHAT.match(text, one.end) is not None


def _turn_rejections(clause: Clause, text: str) -> None:
    """Makes "not rejected" a permission."""
    turned = []
    for cue, at in clause.cues:
        negated = _MUST_NOT.search(text[max(0, at - 8) : at]) and not text.startswith(
            ("not", "nicht", "不"), at
        )
        turned.append((Cue.PERMIT, at) if cue is Cue.REJECT and negated else (cue, at))
    if turned != clause.cues:
        turned = [one for one in turned if one[0] is not Cue.NOT]
    clause.cues = turned


_NUMBER_WORDS = {word: span[0] for word, span in COUNT_WORDS.items() if span[0] == span[1]}
_ONE = "|".join(
    sorted(
        (re.escape(one) for one in _NUMBER_WORDS if not one.startswith("ein")),
        key=len,
        reverse=True,
    )
)
_COUNT = (
    rf"(?<![a-z0-9.,:/-])(\d{{1,3}}|{_ONE})"
    rf"(?:\s?(?:-|~|to|bis|至|到|or|oder|或)\s?(\d{{1,3}}|{_ONE}))?"
)
_EITHER = re.compile(rf"{_COUNT}(?=\s)")
_GROUPS = re.compile(
    rf"(?:groups?|clusters?|rows?|bunches|gruppen|reihen|每组|成组)\s?(?:of|von|zu|mit)?\s?{_COUNT}"
)
_FOR_EACH = re.compile(
    rf"\b(?:je|pro|per|each|every|on each|auf jedem) [a-z]+:? (?:about |etwa |rund |"
    rf"ca\.? )?{_COUNT}"
    rf"(?=\s?(?:$|[.,;)]|of them|stueck|stellen|pieces))"
)
_COUNT_BEFORE = re.compile(
    rf"{_COUNT}\s?[{MEASURE_WORDS}]?(?:的?[\u4e00-\u9fff]{{0,4}}|(?:\s[a-z-]+){{0,2}}\s?)$"
)
# "Parts 3 & 5 show streaks", 第5条.
_NAMES_BEFORE = re.compile(
    r"(?:\b(?:parts?|nos?\.?|numbers?|pos\.?|teile?|serial|stations?|cavit(?:y|ies)|step|schritt|"
    r"line|op|rev\.?|build|lot|batch|charge|kavitaet(?:en)?|nest)|&|#|第)\s?$"
)
_VERB = re.compile(
    r"\b(?:shows?|had|has|have|were|was|zeigt?(?:en)?|hatten?|with|mit|weist|weisen)\b"
)
# "3x dents", "1 x Kratzer".
_TIMES = re.compile(r"(?<![\w.,/])(\d{1,3})\s?x\s(?:[a-z-]+\s){0,1}$")
_HAN_COUNT = re.compile(
    rf"(\d{{1,3}}|[一二两三四五六七八九十])"
    rf"(?:\s?[-~至到]\s?(\d{{1,3}}|[一二三四五六七八九十]))?\s?[{MEASURE_WORDS}]"
    rf"[^,。;、]{{0,14}}$"
)
_COUNT_AFTER = re.compile(
    rf"(?:(?P<most>max\.?|maximum|up to|at most|hoechstens|maximal|bis zu|no more than|"
    rf"not more than|nicht mehr als|不超过|不多于|最多|至多)\s?)?{_COUNT}\s?"
    r"(?:(?:pcs|pieces|stueck|stk)(?!\.? (?:of|von|out of|aus))|places|stellen|spots|"
    r"locations|处|个|条(?!件)|点|of them|times|"
    r"each part|"
    r"per part|per casting|je teil|pro teil|je bauteil|pro bauteil|je gussteil|/part|/teil|"
    r"per housing|"
    r"(?:per|pro|je|on each|on every) (?!mm|cm|dm|m\b|min|stunde|hour|shift|schicht|tag|day|"
    r"woche|week|charge|lot\b|batch|meter|metre|minute)[a-z]{3,}|"
    r"pro gussteil|per component|in number|(?:per|je|pro|auf) \d|/ ?\d+ ?mm)"
)
_MOST_BEFORE = re.compile(
    r"(?:max\.?|maximum|up to|at most|hoechstens|maximal|bis zu|no more than|not more than|"
    r"nicht mehr als|不超过|不多于|最多|至多|≤|<=)\s?$"
)
# "On 18 of 40 hoods runs", "an 23 Teilen Einrisse": parts are counted.
_PARTS_BEFORE = re.compile(
    r"(?:\b(?:on|in|at|from|an|auf|bei|aus|\d+ (?:of|von|out of|aus|der|of the))"
    r"(?: the| den| allen| all| these| diesen| about| etwa| ca\.?)*|/) ?$"
)
_NOT_COUNTED = re.compile(
    rf"\s?(?:mm|um|cm|°|%|in\b|inch|zoll|毫米|微米|件|批|台|号|#)|\.?\s{_MONTH}"
)


def _value(written: str) -> int:
    return int(written) if written.isdigit() else _NUMBER_WORDS[written]


def _count_before(text: str, at: int, begin: int) -> tuple[int, int] | None:
    """How many, by a number that stands before the defect."""
    window = text[max(begin, at - 40) : at]
    if (times := _TIMES.search(window)) and int(times.group(1)) > 0:
        return int(times.group(1)), int(times.group(1))
    match = _COUNT_BEFORE.search(window) or _HAN_COUNT.search(window)
    if match is None or _NOT_COUNTED.match(
        window, match.end(2) if match.group(2) else match.end(1)
    ):
        return None
    fewest = _value(match.group(1))
    most = _value(match.group(2)) if match.group(2) else fewest
    behind = window[match.end(2) if match.group(2) else match.end(1) :]
    if not match.group(1).isascii() and behind[:1] not in MEASURE_WORDS:
        return None  # 两侧 counts sides.
    between = behind.split()
    if _NAMES_BEFORE.search(window[: match.start()]) or _VERB.search(behind):
        return None
    if between and _PARTS_BEFORE.search(window[: match.start()]):
        return None
    if _MOST_BEFORE.search(window[: match.start()]):
        fewest = min(1, fewest)
    return (fewest, most) if 0 < fewest <= most else None


def _counts_after(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """How many, by a number with a word such as "places"."""
    counts = []
    for pattern, first in ((_COUNT_AFTER, 2), (_GROUPS, 1), (_FOR_EACH, 1)):
        for match in pattern.finditer(text, start, end):
            fewest = _value(match.group(first))
            most = _value(match.group(first + 1)) if match.group(first + 1) else fewest
            if "most" in pattern.groupindex and match.group("most"):
                fewest = min(1, fewest)
            if 0 < fewest <= most:
                counts.append((fewest, most))
    return counts
