"""From documents to the defects that they name: the embedded reader."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from backend.instruct.documents import Block, BlockKind, Document
from backend.instruct.knowledge import ANY, defects
from backend.instruct.normal import invisible_characters, normalise
from backend.instruct.quantities import Decimal, decimal_sign
from backend.instruct.reader.clause import Clause, Marks, clauses, mark
from backend.instruct.reader.context import language_of, material_of, process_of
from backend.instruct.reader.cues import Cue, gives_orders, goes_on_giving_orders
from backend.instruct.reader.draft import Draft, emit, merge
from backend.instruct.reader.events import process_by_events
from backend.instruct.reader.matcher import Category, Found, Term, find_terms
from backend.instruct.reader.place_phrases import place_within
from backend.instruct.reader.polarity import Said, polarity
from backend.instruct.reader.sentences import sentences
from backend.instruct.reader.sizes import bind
from backend.instruct.reader.standards import add_limits, thickness_of
from backend.instruct.reader.tables import Column, columns, read_row
from shared_schema.instruction import Finding, InstructedDefect, Polarity

# How much one mention of a defect tells of its process; with no more, it is about another one.
BY_ONE = 2
# So many characters of a block that no one sees are told.
MANY_INVISIBLE = 3


@dataclass(frozen=True)
class Step:
    """One thing that the reader did, for ``--explain``.

    Attributes:
        where: the document and the block.
        what: a sentence.
    """

    where: str
    what: str


@dataclass(frozen=True)
class Reading:
    """What the reader found.

    Attributes:
        items: in canonical order: that of the documents.
        findings: what it did not read, such as numbers with two readings.
        process: that the documents are about; None where nothing tells it.
        material: that they name, a key of the knowledge base.
        language: of most of the documents.
        trace: how each document was read.
    """

    items: tuple[InstructedDefect, ...]
    findings: tuple[Finding, ...]
    process: str | None
    material: str | None
    language: str | None
    trace: tuple[Step, ...]


@dataclass
class _Scope:
    """What headings and earlier sentences say of the blocks below them."""

    cues: frozenset[Cue] = frozenset()
    places: tuple[str, ...] = ()
    defects: tuple[Found, ...] = ()
    specification: bool = False
    lead: frozenset[Cue] = frozenset()
    header: list[Column] | None = None
    rows: int = 0
    last: list[Draft] = field(default_factory=list)


# A gap between columns that were set with spaces, and how many show that lines are rows.
_COLUMNS = re.compile(r"\S {3,}\S")
MANY_COLUMNS = 2
# A line of a log or a list: "12: …", "3) …", "14:20 …", "Item 4 …", "D2 …".
_ENTRY = re.compile(
    r"(?m)^[ \t]*(?:[-*•–]\s|[#(]?\d{1,4}\s?[:.)]|\d{1,2}:\d{2}\b|"
    r"(?:[Ii]tem|[Pp]os\.?|[Nn]r\.?|[Nn]o\.?|[Nn]ote|[Pp]art|[Tt]eil|[Nn]aht|[Ww]eld|序号)\s?\d+|"
    r"[A-Z]\d{1,2}\b|[a-h]\))"
)
MANY_ENTRIES = 2
# The line below the header of a table in Markdown.
_RULED = re.compile(r"[\s|:=+-]*")
_SPECIFICATION = re.compile(
    r"requirement|acceptance|specification|quality criteria|limits?\b|permissible|not permitted|"
    r"criteri|"
    r"anforderung|abnahme|spezifikation|pruefvorschrift|guetevorschrift|grenzwert|"
    r"qualitaetsvorgabe|"
    r"vorgabe|lieferbedingung|验收|技术要求|检验标准|质量要求|技术条件|外观要求|检验要求|质量标准"
)
_REJECTS = re.compile(
    r"ausschuss|rejection criteria|reject if|reasons for rejection|sperrkriteri|拒收|报废|"
    r"^\W*(?:class |klasse )?(?:[a-d]\W{1,3})?(?:major|minor|critical|hauptfehler|nebenfehler|"
    r"kritische fehler|严重缺陷|轻缺陷|重缺陷|致命缺陷|轻微缺陷|次要缺陷)\b"
)
# A text that tells what happened, in which "up to 2 mm" is no requirement.
_REPORT = re.compile(
    r"\b8d\b|\b(?:complaint|report|log|logbook|feedback|protocol|minutes|handover|incident)\b|"
    r"reklamation|beanstandung|maengelruege|schichtbuch|logbuch|\bbericht\b|protokoll|pruefbericht|"
    r"uebergabe|rueckmeldung|投诉|记录|报告|反馈|交接班|日志|客诉"
)
# So many characters at the beginning of a document tell what it is.
TITLE = 240
# The number of a line, a clause or an entry: "4.3.1 ", "20  ", "15:35 ", "三、".
_NUMBERING = re.compile(
    r"\s*(?:\(?\d{1,3}(?:\.\d{1,3})+[.)]?\s+(?!\d|(?:mm|cm|um|in|inch|zoll|x|bis|to)\b|"
    r"[°%\"毫微]|-)|"
    r"\(?\d{1,3}[.)]\s+(?=\D)|\d{1,4}\s{2,}(?=\D)|\d{1,2}:\d{2}:?\s+|[一二三四五六七八九十]{1,3}、|"
    r"\(?[a-z]\)\s+)"
)
_SAME_PLACE = re.compile(
    r"^\W*(?:and |und )?(?:right there|there,|there (?:also|the)|(?:at|in|"
    r"on) the same (?:place|spot|"
    r"area|location|face)|next to it|"
    r"dort\b|ebenda|an derselben|an der gleichen|an dieser|daneben|"
    r"该处|此处|同一位置|同一部位|同处|旁边|在此)"
)
_UP_TO = re.compile(r"\b(?:up to|as (?:high|deep|long|wide|large) as|bis zu|bis)\b|可达|达")
_BACK = re.compile(
    r"\s*(?:the (?:longest|deepest|widest|largest|biggest|smallest|worst|highest|tallest|others?)|"
    r"(?:der|die|das) (?:laengste|tiefste|breiteste|groesste|kleinste|hoechste|schlimmste)|"
    r"最[长深宽大高小]|they|these|it|its|their|this|those|such|each|"
    r"the (?:size|depth|length|width|diameter|height|"
    r"number|count|location|position|affected|defects?|marks?|holes?)|sie|diese|dieser|dieses|"
    r"deren|ihre?|es|"
    r"typical(?:ly)? (?:size|depth|length|diameter)|typische|die (?:groesse|tiefe|laenge|breite|"
    r"hoehe|anzahl|"
    r"fehler|stellen)|der durchmesser|size|depth|length|width|diameter|height|location|position|"
    r"place|number|"
    r"groesse|tiefe|laenge|breite|durchmesser|lage|ort|anzahl|hoehe|其|它|这些|该|此类|该类|"
    r"深度|长度|宽度|直径|尺寸|位置|高度|数量|大小|多|主要|通常|一般|单个)"
)
_UNIT_OF_ALL = re.compile(
    r"(?:all dimensions|dimensions|sizes|values|masse|alle masse|angaben|werte|单位|"
    r"尺寸单位)[^.]{0,20}?"
    r"(?<![a-z])(mm|inch|cm|um|毫米|英寸|zoll)(?![a-z])"
)


def read_defects(
    documents: Sequence[Document],
    *,
    process: str | None = None,
    material: str | None = None,
    language: str | None = None,
) -> Reading:
    """The defects that ``documents`` name, each with the words that say so.

    Nothing is guessed: what has two readings is a finding. Sentences that give orders to a program
    name no defect. The same documents give the same reading.

    Args:
        documents: to read, in the order of the items.
        process: that they are about; by default the words tell it.
        material: likewise.
        language: ``en``, ``de`` or ``zh``; by default that of most words of a document.

    >>> from backend.instruct.documents import Block, Document
    >>> note = Document("note.txt", (Block("Blowholes of 2 to 4 mm occur at the flange."),))
    >>> [(one.defect, one.place) for one in read_defects([note], process="casting").items]
    [('casting/blowholes', 'flange')]
    """
    read = [_DocumentReader(document, language) for document in documents]
    texts = [text for one in read for text in one.plain]
    found = [term for text in texts for term in find_terms(text)]
    known, counts = process_of(texts, found)
    process = process or known or process_by_events(texts)
    thickness = thickness_of(texts)
    drafts = [draft for one in read for draft in one.drafts(process, counts)]
    items = [emit(draft) for draft in add_limits(merge(drafts), texts, thickness)]
    languages = Counter(one.language for one in read if one.language)
    return Reading(
        items=tuple(items),
        findings=tuple(finding for one in read for finding in one.findings),
        process=process,
        material=material or material_of(texts, found),
        language=language or (languages.most_common(1)[0][0] if languages else None),
        trace=tuple(step for one in read for step in one.trace),
    )


class _DocumentReader:
    """Reads one document."""

    def __init__(self, document: Document, language: str | None) -> None:
        self.document = document
        self.findings: list[Finding] = []
        self.trace: list[Step] = []
        self.ordered: set[int] = set()
        self.normal = [normalise(block.text) for block in document.blocks]
        self.spans = [self._sentences(index) for index in range(len(document.blocks))]
        # Without the sentences that give orders, so that they decide nothing else either.
        self.plain = [
            " ".join(normal.text[start:end] for start, end in spans)
            if index in self.ordered
            else normal.text
            for index, (normal, spans) in enumerate(zip(self.normal, self.spans, strict=True))
        ]
        self.language = language or language_of(self.plain)
        self.report = _REPORT.search(" ".join(self.plain)[:TITLE]) is not None
        self.decimal: Decimal | None = decimal_sign(self.plain, self.language)
        together = " ".join(self.plain)
        self.numbered = re.search(r"6520|6417|5817", together) is not None
        unit = _UNIT_OF_ALL.search(together)
        self.unit = unit.group(1) if unit else None
        self._say(0, f"The language is {self.language}, the decimal sign {self.decimal}.")

    def _where(self, index: int) -> str:
        return f"{self.document.source}, block {index}"

    def _say(self, index: int, what: str) -> None:
        self.trace.append(Step(self._where(index), what))

    def _sentences(self, index: int) -> list[tuple[int, int]]:
        """The sentences of a block, without those that give orders."""
        text = self.normal[index].text
        spans, ordered = [], False
        split = self._lines(index, sentences(text, self.normal[index].capitals()))
        if split and (numbering := _NUMBERING.match(text)) and numbering.end() < split[0][1]:
            split[0] = numbering.end(), split[0][1]
        for start, end in split:
            sentence = text[start:end]
            orders = gives_orders(sentence) or (ordered and goes_on_giving_orders(sentence))
            if orders:
                self._order(index, self.normal[index].quote(start, end))
            else:
                spans.append((start, end))
            ordered = orders
        if invisible_characters(self.normal[index].source) > MANY_INVISIBLE:
            self._finding(index, "V62", "The block holds characters that no one sees.")
        return spans

    def _lines(self, index: int, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """The sentences, split at the ends of lines that are set in columns or are entries."""
        normal = self.normal[index]
        columns = len(_COLUMNS.findall(normal.source)) >= MANY_COLUMNS
        entries = {match.start() for match in _ENTRY.finditer(normal.source)}
        if not columns and len(entries) < MANY_ENTRIES:
            return spans
        breaks = [
            at
            for at, source in enumerate(normal.starts[:-1])
            if normal.source[source] == "\n" and (columns or source + 1 in entries)
        ]
        split = []
        for start, end in spans:
            cuts = [start, *(at for at in breaks if start < at < end), end]
            split += [one for one in pairwise(cuts) if normal.text[slice(*one)].strip()]
        return split

    def _order(self, index: int, quote: str) -> None:
        self.ordered.add(index)
        self._say(index, "A sentence gives orders to a program. It is passed over.")
        message = "A sentence gives orders to a program that reads it. It names no defect."
        self._finding(index, "V62", message, quote[:120])

    def _finding(self, index: int, rule: str, message: str, value: str | None = None) -> None:
        self.findings.append(
            Finding(
                rule=rule,
                severity="warning",
                where=self._where(index),
                message=message,
                value=value,
                acceptable=None,
                fixed=False,
            )
        )

    # --- blocks ---------------------------------------------------------------------------------

    def drafts(self, process: str | None, counts: Counter[str]) -> list[Draft]:
        """The items of the document, one for each mention."""
        self.process, self.counts = process, counts
        scope, found = _Scope(), []
        blocks = self.document.blocks
        for index, block in enumerate(blocks):
            if block.kind is not BlockKind.ROW and not _RULED.fullmatch(block.text):
                scope.header, scope.rows = None, 0
            marks = mark(self.normal[index].text, self.decimal, self.unit, self.numbered, process)
            marks = replace(marks, terms=tuple(map(self._as_here, marks.terms)))
            self._tell_ambiguous(index, marks)
            new = self._block(index, block, marks, scope)
            for draft in new:
                said = draft.polarity.value
                self._say(index, f"{draft.key} {said}, place {draft.place}, sizes {draft.sizes}.")
            found += new
        return found

    def _as_here(self, one: Found) -> Found:
        """A term without the defects that it stands for in texts about another process only."""
        if not one.of(Category.DEFECT) or self._key(one) is not None:
            return one
        keys = tuple(key for key in one.term.keys if key[0] is not Category.DEFECT)
        return replace(one, term=Term(keys))

    def _tell_ambiguous(self, index: int, marks: Marks) -> None:
        for one in marks.ambiguous:
            if not any(start <= one.start < end for start, end in self.spans[index]):
                continue
            self._finding(
                index,
                "V10",
                f"The number {one.text} has two readings, since the document does not show its "
                "decimal sign. Write it with another number of decimals.",
                one.text,
            )

    def _block(self, index: int, block: Block, marks: Marks, scope: _Scope) -> list[Draft]:
        if block.kind is BlockKind.HEADING:
            self._heading(index, marks, scope)
            return []
        if block.kind is BlockKind.ROW:
            return self._row(index, marks, scope)
        if block.kind is BlockKind.PARAGRAPH:
            scope.lead = frozenset()
            if self._leads(index, marks, scope):
                return []
        return self._sentences_of(index, marks, scope)

    def _heading(self, index: int, marks: Marks, scope: _Scope) -> None:
        """Takes a heading as what the blocks below it are about."""
        scope.lead, scope.last = frozenset(), []
        scope.cues, scope.places, scope.defects = frozenset(), (), ()
        text = self.plain[index]
        for start, end in self.spans[index]:
            for clause in clauses(marks, start, end):
                scope.cues |= clause.said.cues
                scope.places += tuple(k for one in clause.places for k in one.of(Category.PLACE))
                scope.defects += tuple(self._countable(clause.defects))
        scope.specification = bool(_SPECIFICATION.search(text)) and not self.report
        if _REJECTS.search(text):
            scope.cues |= {Cue.REJECT}
        if scope.specification and not scope.cues & {Cue.REJECT, Cue.NO, Cue.NOT}:
            # "Permissible defects" heads a list; "acceptance criteria" says nothing of an item.
            scope.cues &= {Cue.PERMIT} if "kriteri" not in text and "criteri" not in text else set()

    def _leads(self, index: int, marks: Marks, scope: _Scope) -> bool:
        """Whether a paragraph only leads over to the list below it: "Not permitted are:"."""
        text = self.plain[index].strip()
        scope.specification |= bool(_SPECIFICATION.search(text[:200])) and not self.report
        following = self.document.blocks[index + 1 : index + 2]
        listed = bool(following) and following[0].kind in (BlockKind.BULLET, BlockKind.ROW)
        if not (text.endswith(":") or listed):
            return False
        named = [one for one in marks.terms if one.of(Category.DEFECT)]
        if self._countable(named):
            return False
        if not self.spans[index]:
            return False
        start, end = self.spans[index][-1]
        cues = {cue for clause in clauses(marks, start, end) for cue in clause.said.cues}
        scope.lead = frozenset(cues | ({Cue.REJECT} if _REJECTS.search(text) else set()))
        return True

    # --- sentences ------------------------------------------------------------------------------

    def _sentences_of(self, index: int, marks: Marks, scope: _Scope) -> list[Draft]:
        found: list[Draft] = []
        lead = scope.lead
        for start, end in self.spans[index]:
            parts = clauses(marks, start, end)
            goes_on = marks.text[:start].rstrip().endswith(";")
            scope.lead = (scope.lead if goes_on else lead) or lead
            label = _label(marks, start, end, parts)
            named = [part for part in parts if self._countable(part.defects)]
            if named:
                new = self._sentence(index, marks, parts, scope)
                scope.last = new
                found += new
                scope.lead = label or scope.lead
            elif parts:
                found += self._about_earlier(index, marks, parts[0], scope)
        scope.lead = lead
        return found

    def _countable(self, found: Iterable[Found]) -> list[Found]:
        """The terms that stand for a defect in a text about this process."""
        return [one for one in found if self._key(one) is not None]

    def _about_earlier(
        self, index: int, marks: Marks, clause: Clause, scope: _Scope
    ) -> list[Draft]:
        """What a sentence without a defect says: of the one before it, or of the heading's."""
        text = marks.text[clause.start : clause.end]
        sizes = [one for one in clause.quantities if not one.aside]
        here = bool(scope.last) and scope.last[-1].block == index
        back = _BACK.match(text) or _only_judges(text, clause)
        if here and back and (len(scope.last) == 1 or not sizes):
            for draft in scope.last:
                self._complete(draft, clause, marks)
            return []
        judged = polarity(clause.said) is not None
        if scope.defects and not scope.last and (sizes or judged or clause.places):
            clause.defects = list(scope.defects)
            new = self._drafts_of(index, marks, clause, clause.said, scope)
            for draft in new:
                draft.from_heading = True
            return new
        return []

    def _complete(self, draft: Draft, clause: Clause, marks: Marks) -> None:
        """Adds to an item what a later sentence of its block says of it."""
        for name, span in bind(clause, defects()[draft.key], marks).items():
            draft.sizes.setdefault(name, span)
        if draft.place is None and clause.places:
            draft.place, *others = _places(clause, clause.places[0], marks.text)
            draft.more_places = tuple(others)
        if draft.count is None and clause.counts:
            draft.count = clause.counts[0]
        state = polarity(clause.said)
        if not clause.said.cues and clause.said.below and self._tells_how_far(clause, marks):
            state = None
        judged = state in (Polarity.REJECTED, Polarity.PERMITTED) and clause.said.judged
        if state is not None and (draft.unsaid or (judged and draft.polarity is Polarity.OCCURS)):
            draft.polarity, draft.unsaid = state, False
        draft.end = max(draft.end, clause.end)

    def _sentence(
        self, index: int, marks: Marks, parts: list[Clause], scope: _Scope
    ) -> list[Draft]:
        """The items of a sentence, whose clauses hand on what is said of them all."""
        _share_sizes(parts, marks)
        said = _handed_on(parts)
        places = _places_handed_on(parts)
        found = []
        for at, (part, (of_part, donor), place) in enumerate(zip(parts, said, places, strict=True)):
            part.places = part.places or place
            new = self._drafts_of(index, marks, part, of_part, scope)
            if not part.places and _SAME_PLACE.match(marks.text[parts[0].start : part.end]):
                place_before = next((one.place for one in scope.last if one.place), None)
                for draft in new:
                    draft.place = draft.place or place_before
            for draft in new:
                # The quote holds the words that judge.
                low, high = sorted((at, donor))
                draft.start = min(draft.start, _extent(parts[low], marks, None)[0])
                draft.end = max(draft.end, parts[high].end)
            found += new
        return found

    def _drafts_of(
        self, index: int, marks: Marks, clause: Clause, said: Said, scope: _Scope
    ) -> list[Draft]:
        state = polarity(said, scope.specification)
        unsaid = state is None or not (said.judged or said.negated or said.below or said.above)
        above = scope.lead or scope.cues
        if unsaid or (said.negated and not said.judged and above):
            joined = above | (said.cues if said.negated else frozenset())
            outer = polarity(Said(joined), scope.specification) if above else None
            if outer is not None:
                state, unsaid = outer, False
        elif above & {Cue.REJECT, Cue.PERMIT} and said.cues <= {Cue.FOUND, Cue.OCCUR}:
            # "Lines that can be seen from afar" below "Major defects".
            state = polarity(Said(above)) or state
        elif not said.judged and (said.below or said.above) and above:
            # "Burrs up to 0.2 mm" below "Permitted" or "Typical defects".
            state = polarity(Said(above | (said.cues & {Cue.NO, Cue.NOT}))) or state
        if state is None and not above and self._lists_limits(index, clause, scope):
            clause.quantities = [
                replace(one, low=None, limited=True) if one.low == one.high else one
                for one in clause.quantities
            ]
            state, unsaid = Polarity.REJECTED, False
        if self._describes(index, marks, clause, said) and not above:
            state, unsaid = Polarity.OCCURS, True
        if Cue.LIKE in said.cues and not said.judged and scope.last:
            state, unsaid = scope.last[-1].polarity, False
        named = self._countable(clause.defects)
        drafts = []
        for one in self._without_heads(named):
            key = self._key(one)
            assert key is not None
            drafts.append(self._draft(index, marks, clause, one, key, state, unsaid, scope))
        return _once(drafts)

    def _draft(
        self,
        index: int,
        marks: Marks,
        clause: Clause,
        one: Found,
        key: str,
        state: Polarity | None,
        unsaid: bool,
        scope: _Scope,
    ) -> Draft:
        row = defects()[key]
        own = _nearest(clause, one, self._without_heads(self._countable(clause.defects)))
        named = _places(own, one, marks.text) or _key_of(place_within(one)) or scope.places[:1]
        start, end = _extent(clause, marks, one)
        return Draft(
            source=self.document.source,
            block=index,
            normal=self.normal[index],
            start=start,
            end=end,
            key=key,
            polarity=state or Polarity.OCCURS,
            unsaid=unsaid,
            place=named[0] if named else None,
            more_places=named[1:],
            sizes=bind(own, row, marks),
            count=clause.counts[0] if clause.counts else None,
            limited=clause.said.below or clause.said.above,
            near=marks.text[max(0, one.start - 24) : one.start],
            around=marks.text[clause.start : clause.end],
        )

    def _lists_limits(self, index: int, clause: Clause, scope: _Scope) -> bool:
        """Whether a bullet only gives a size below the heading of a specification."""
        bullet = self.document.blocks[index].kind is BlockKind.BULLET
        sizes = [one for one in clause.quantities if not one.aside]
        return scope.specification and not self.report and bullet and bool(sizes)

    def _describes(self, index: int, marks: Marks, clause: Clause, said: Said) -> bool:
        """Whether "up to 2 mm" in running text tells a size and sets no limit."""
        running = self.report or self.document.blocks[index].kind is BlockKind.PARAGRAPH
        beside = {Cue.NOT} if self.report else set()
        if not running or said.cues - beside or not said.below:
            return False
        return self._tells_how_far(clause, marks)

    def _tells_how_far(self, clause: Clause, marks: Marks) -> bool:
        """Whether all limits of a clause are worded as "up to"."""
        return all(
            _UP_TO.search(marks.text[one.start : one.number])
            for one in clause.quantities
            if one.limited
        )

    def _without_heads(self, named: list[Found]) -> list[Found]:
        """Defects without the general word that ends the term before it: "pinhole cavities"."""
        kept: list[Found] = []
        for one in named:
            touches = kept and one.start - kept[-1].end == 1
            if touches and self._kind(one) == self._kind(kept[-1]):
                continue
            kept.append(one)
        return kept

    def _kind(self, one: Found) -> str | None:
        key = self._key(one)
        return None if key is None else defects()[key].kind

    def _key(self, one: Found) -> str | None:
        """The row that a term stands for in a text about this process; None for none."""
        keys = [
            key
            for key in one.of(Category.DEFECT)
            if key not in one.term.strict or key.partition("/")[0] == self.process
        ]
        if not keys:
            return None
        for key in keys:
            if key.partition("/")[0] == self.process:
                return key
        for key in keys:
            if key.startswith(f"{ANY}/"):
                return key
        others = [key.partition("/")[0] for key in keys]
        if self.process and one.term.general and max(self.counts[o] for o in others) <= BY_ONE:
            # "Shallow hollow" is a sink mark of plastics; in other texts, it is a hollow.
            return one.term.general[0]
        return max(keys, key=lambda key: (self.counts[key.partition("/")[0]], -keys.index(key)))

    # --- tables ---------------------------------------------------------------------------------

    def _row(self, index: int, marks: Marks, scope: _Scope) -> list[Draft]:
        """The items of a row of a table."""
        if not self.spans[index]:
            return []
        scope.rows += 1
        if scope.rows == 1:
            named = self._countable(one for one in marks.terms if one.of(Category.DEFECT))
            scope.header = columns(self.normal[index].text, bool(named))
            if scope.header is not None:
                return []
        return read_row(self, index, marks, scope.header, scope)


# The longest sentence that is nothing but a judgement: "In this case cause for rejection."
MOST_OF_JUDGEMENT = 40


def _only_judges(text: str, clause: Clause) -> bool:
    """Whether a sentence only judges what the one before it names: "… 0.5 mm high; tolerated."."""
    judges = {cue for cue, _ in clause.cues} & {Cue.REJECT, Cue.PERMIT}
    short = len(text.strip()) <= MOST_OF_JUDGEMENT
    return bool(judges) and short and not clause.quantities and not clause.places


def _label(marks: Marks, start: int, end: int, parts: list[Clause]) -> frozenset[Cue]:
    """What a label says of all that follow it: "Accept: pinholes; slight sinks"."""
    colon = marks.text.find(":", start, end)
    if colon < 0 or not parts or colon > parts[0].first_defect:
        return frozenset()
    return frozenset(cue for cue, where in parts[0].cues if where < colon)


def _once(drafts: list[Draft]) -> list[Draft]:
    """Drafts of one clause, of which each row stands once: "undercut (5011)"."""
    kept: dict[str, Draft] = {}
    for draft in drafts:
        first = kept.setdefault(draft.key, draft)
        if first is not draft:
            first.sizes = {**draft.sizes, **first.sizes}
            first.place = first.place or draft.place
            first.start, first.end = min(first.start, draft.start), max(first.end, draft.end)
    return list(kept.values())


def _handed_on(parts: list[Clause]) -> list[tuple[Said, int]]:
    """What is said of each clause, with what its neighbours say, and which of them does."""
    said = [part.said for part in parts]
    result = []
    for at, own in enumerate(said):
        if own.judged:
            if own.negated:
                own = own.with_cues(_must_to_the_left(parts, at))
            no, begun = _no_to_the_left(parts, said, at)
            result.append((own.with_cues(no), begun))
            continue
        if at and Cue.LIKE in own.cues:
            result.append((own.with_cues(result[-1][0].cues), at - 1))
            continue
        right, behind = _verb_to_the_right(parts, said, at)
        left, before = _word_to_the_left(parts, said, at)
        if own.negated:
            must = _must_to_the_left(parts, at) if own.cues <= {Cue.NO, Cue.NOT} else frozenset()
            result.append((own.with_cues(right | must), behind))
        elif left:
            result.append((own.with_cues(left), before))
        else:
            result.append((own.with_cues(right), behind))
    return result


_ONLY_AND = re.compile(r"\s*(?:and|or|und|oder|和|或|及)\s*")


def _share_sizes(parts: list[Clause], marks: Marks) -> None:
    """Gives the limits behind "nicks and dings" to both of them."""
    for part, following in pairwise(parts):
        if part.quantities or part.places or part.cues or not following.defects:
            continue
        limits = [one for one in following.quantities if one.limited and not one.aside]
        ends = max((one.end for one in part.defects), default=part.end)
        joined = _ONLY_AND.fullmatch(marks.text, ends, following.first_defect)
        if joined and limits and limits == following.quantities:
            part.quantities = list(limits)


def _must_to_the_left(parts: list[Clause], at: int) -> frozenset[Cue]:
    """The "must" of the sentence's beginning: "faces must show no cracks, no pores"."""
    for number in range(at, -1, -1):
        part = parts[number]
        if any(cue is Cue.MUST and where < part.first_defect for cue, where in part.cues):
            return frozenset({Cue.MUST})
        if part.contrast:
            break
    return frozenset()


def _no_to_the_left(parts: list[Clause], said: list[Said], at: int) -> tuple[frozenset[Cue], int]:
    """The "no" of a clause before, whose verb is that of the clause ``at``."""
    verb_behind = parts[at].cue_after() and not parts[at].cue_before()
    if said[at].negated or said[at].below or parts[at].contrast or not verb_behind:
        return frozenset(), at
    for number in range(at - 1, -1, -1):
        if said[number].judged:
            break
        if Cue.NO in said[number].cues and parts[number].cue_before():
            return frozenset({Cue.NO}), number
        if said[number].cues or parts[number].contrast:
            break
    return frozenset(), at


def _verb_to_the_right(
    parts: list[Clause], said: list[Said], at: int
) -> tuple[frozenset[Cue], int]:
    """The judgement of the first clause behind that has one behind its defects."""
    for number in range(at + 1, len(parts)):
        if parts[number].contrast:
            break
        if said[number].judged:
            if not parts[number].cue_after():
                break
            if said[at].negated and said[number].below:
                break
            return said[number].cues, number
    return frozenset(), at


def _word_to_the_left(parts: list[Clause], said: list[Said], at: int) -> tuple[frozenset[Cue], int]:
    """What a clause before says ahead of its defects: "not permitted are", "no"."""
    if parts[at].contrast:
        return frozenset(), at
    for number in range(at - 1, -1, -1):
        if said[number].cues:
            if not parts[number].cue_before():
                return frozenset(), at
            cues = said[number].cues
            if not said[number].judged:
                cues |= _verb_to_the_right(parts, said, number)[0]
                cues |= said[at].cues
            return cues, number
        if parts[number].contrast:
            return frozenset(), at
    return frozenset(), at


def _places_handed_on(parts: list[Clause]) -> list[list[Found]]:
    """The place of each clause that names none: that of the sentence."""
    leading = [
        one for one in parts[0].places if parts[0].defects and one.start < parts[0].first_defect
    ]
    enumerated = True
    result: list[list[Found]] = []
    for at, part in enumerate(parts):
        # A clause with words or sizes of its own no longer belongs to the place of the first one.
        # Another "no" goes on with what the first one said.
        ahead = {cue for cue, at_word in part.cues if at_word < part.first_defect}
        bare = (not part.cues or ahead == {Cue.NO}) and not part.quantities
        enumerated = enumerated and (at == 0 or bare) and not part.contrast
        if part.places:
            result.append(part.places)
        elif following := _place_behind(parts, at):
            result.append(following)
        else:
            shared = enumerated or (parts[0].led and not part.contrast)
            result.append(leading if shared else [])
    return result


def _place_behind(parts: list[Clause], at: int) -> list[Found]:
    """The place of a clause behind, if both are one enumeration: "cracks and pores at ribs".

    Where sizes stand between, it has to follow the verb of all: "cracks of 2 mm and pores of 1 mm
    were found at ribs".
    """
    sized = bool(parts[at].quantities)
    if parts[at].cue_after():
        return []
    for number in range(at + 1, len(parts)):
        part = parts[number]
        if part.contrast:
            break
        if part.places:
            first = part.first_defect
            verbs = [where for _, where in part.cues if where > first]
            after = min(verbs, default=part.end) if sized else first
            behind = [one for one in part.places if one.start > after]
            return behind if number == at + 1 or number == len(parts) - 1 else []
        if part.cues:
            break
        sized |= bool(part.quantities)
    return []


def _nearest(clause: Clause, one: Found, named: list[Found]) -> Clause:
    """The clause with only those sizes and places that are nearest to ``one`` of its defects."""
    if len(named) < 2:
        return clause
    starts = [defect.start for defect in named]

    def owner(at: int) -> int:
        before = [start for start in starts if start <= at]
        return max(before) if before else min(starts)

    own = Clause(clause.start, clause.end, [one], cues=clause.cues, counts=clause.counts)
    own.quantities = [size for size in clause.quantities if owner(size.number) == one.start]
    own.places = clause.places
    return own


# Between places that are named together: "at the ribs and in the fillets".
_ALSO_AT = re.compile(
    r"\s?(?:,|/|&|\+|、|\b(?:and|or|as well as|und|oder|sowie|bzw\.?)\b|以?及|和|与|或)"
    r"\s?(?:(?:and|or|at|on|in|along|near|around|the|all|both|each|any|und|oder|an|am|auf|im|"
    r"in|der|den|dem|des|die|das|allen?|beiden|entlang|在)\s?){0,4}"
)


def _key_of(key: str | None) -> tuple[str, ...]:
    return () if key is None else (key,)


def _places(clause: Clause, one: Found, text: str) -> tuple[str, ...]:
    """The place that a clause names for a defect, and those that it names together with it."""
    first = _place(clause, one)
    if first is None:
        return ()
    together: list[Found] = []
    for place in sorted(clause.places, key=lambda found: found.start):
        joined = together and _ALSO_AT.fullmatch(text, together[-1].end, place.start)
        if first in together and not joined:
            break
        together = [*together, place] if joined else [place]
    return tuple(dict.fromkeys(place.of(Category.PLACE)[0] for place in together))


def _place(clause: Clause, one: Found) -> Found | None:
    """The place that a clause names first for a defect."""
    if not clause.places:
        return None
    behind = [place for place in clause.places if place.start >= one.end]
    ranked = behind or clause.places
    special = [one for one in ranked if one.of(Category.PLACE)[0] not in ("anywhere", "layers")]
    others = [
        one for one in clause.places if one.of(Category.PLACE)[0] not in ("anywhere", "layers")
    ]
    return (special or (others if ranked[0].of(Category.PLACE)[0] == "layers" else []) or ranked)[0]


def _extent(clause: Clause, marks: Marks, one: Found | None) -> tuple[int, int]:
    """From where to where the words go that speak of a defect."""
    start, end = clause.start, clause.end
    if one is not None:
        start, end = min(start, one.start), max(end, one.end)
    begin = re.match(
        r"[\s,;:、|/.]*(?:and\b|or\b|und\b|oder\b|和|及|与)?\s*", marks.text[start:end]
    )
    return start + (begin.end() if begin else 0), end
