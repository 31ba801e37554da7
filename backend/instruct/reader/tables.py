"""Rows of tables: a row is about the defect in one of its cells."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from backend.instruct.quantities import read_quantities
from backend.instruct.reader.clause import Clause, Marks, clause_within
from backend.instruct.reader.cues import Cue
from backend.instruct.reader.draft import Draft
from backend.instruct.reader.matcher import Category, Found, Term
from backend.instruct.reader.polarity import Said, polarity
from shared_schema.instruction import Polarity

if TYPE_CHECKING:
    from backend.instruct.reader.read import _DocumentReader, _Scope


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: its normalised header.
        unit: of its numbers; None if the header names none.
        permits: whether its header says "permitted".
        rejects: whether its header says "not permitted".
        limits: whether its header says "limit" or "max.".
        counts: whether it holds a number of defects.
        place: whether it holds places.
        judges: whether it holds judgements.
        beside: whether it tells how, how often or by whom is measured.
    """

    title: str
    unit: str | None
    permits: bool
    rejects: bool
    limits: bool
    counts: bool
    place: bool
    judges: bool
    beside: bool


_HEADER = re.compile(
    r"defect|fault|imperfection|flaw|location|position|place|size|limit|permitted|permissible|"
    r"allowed|"
    r"acceptance|accept|depth|length|width|diameter|height|count|number|quantity|remark|note|"
    r"type|max|"
    r"fehler|merkmal|ort|lage|stelle|groesse|grenz|zulaessig|tiefe|laenge|breite|durchmesser|hoehe|"
    r"anzahl|bemerkung|bewertung|unregelmaessigkeit|beurteilung|"
    r"缺陷|部位|位置|尺寸|限值|允许|验收|深度|长度|宽度|直径|高度|数量|备注|类型|要求|判定|名称|"
    r"项目|verdict|disposition|where|zone|area|how big|looks like|appearance|feature|description|"
    r"decision|action|extent|result|wo\b|bereich|befund|erscheinung|beschreibung|massnahme|urteil|"
    r"mangel|klasse|\bclass\b|\bgrade\b|\blevel\b|threshold|schwelle|criteri|kriteri|\bspec|"
    r"characteristic|\bsoll\b|\bist\b|actual|measured|gemessen|messwert|pruefmittel|method|实测|"
    r"标准|等级|检验|entscheid|groesse|ausmass|现象|不良|程度|处理|序号|处置|结论|区域|描述|外观"
)
_UNIT = re.compile(r"[\[(/ ,](mm|um|cm|inch|in|zoll|毫米|微米|英寸|\"|deg|°|度)[\])]?\s*$")
_REJECTS = re.compile(r"not permitted|not allowed|unzulaessig|nicht zulaessig|不允许|reject|不合格")
_PERMITS = re.compile(
    r"permi|allow|accept|admiss|tolera|zulaessig|\bzul\b|erlaubt|允许|容许|可接受|合格(?!判)|ok\b"
)
_LIMITS = re.compile(
    r"limit|max|grenz|obergrenze|hoechst|限|最大|≤|up to|\bspec|criteri|kriteri|requirement|"
    r"anforderung|vorgabe|tolera|标准|要求|threshold|schwelle|"
    r"\b(?:class|klasse|grade|level|gruppe|guete|stufe) (?:[a-d]|[iv]+|\d)$|^[a-d]级$|[a-d]面$"
)
_COUNTS = re.compile(
    r"count|number|quantity|qty|how many|pieces|pcs|anzahl|stueck|menge|数量|个数|件数|处数"
)
_PLACES = re.compile(
    r"location|position|place|where|area|zone|region|ort\b|lage|stelle|bereich|position|部位|"
    r"位置|区域|处"
)
_BESIDE = re.compile(
    r"\b(?:method|procedure|gauge|gage|instrument|equipment|measured with|sampl\w+|sample size|"
    r"frequency|^class$|weight|no|id|item no|responsib\w+|owner|date|verfahren|pruef(?:mittel|"
    r"methode|umfang|verfahren)|messmittel|methode|haeufigkeit|stichprobe|^klasse$|nr|pos|datum|"
    r"verantwortlich)\b|检具|量具|方法|工具|频次|频率|抽样|序号|编号|责任|日期"
)
_JUDGES = re.compile(
    r"status|result|judg|assess|evaluation|rating|decision|occur|found|verdict|bewertung|befund|"
    r"beurteilung|ergebnis|vorkommen|判定|结果|结论|情况|要求|状态|要求"
)
_NO = re.compile(
    r"(?:no|none|nein|kein\w*|nicht|not|never|无|否|不|不可|x|✗|✘|0|nil|not at all)\.?$"
)
_YES = re.compile(r"(?:yes|ja|是|可|√|✓|✔|y|j|allowed|ok)\.?$")
# In a column of places a hole is one, whose edge would be named.
_BORE = re.compile(r"(?:[a-z]*bohrung(?:en)?|bores?|(?:the )?holes?|[螺通油定]?[纹孔]?孔)$")
_BAR = re.compile(r"\s*\|\s*")
_RULE = re.compile(r"[\s|:=-]*$")
_NUMBERS = re.compile(r"(\d{1,3})(?:\s?(?:-|~|to|bis|至|到)\s?(\d{1,3}))?")


def cells(text: str) -> list[tuple[int, int]]:
    """From where to where the cells of a row go."""
    spans, start = [], 0
    for match in _BAR.finditer(text):
        spans.append((start, match.start()))
        start = match.end()
    spans.append((start, len(text)))
    if spans and not text[slice(*spans[0])].strip():
        spans = spans[1:]
    if spans and not text[slice(*spans[-1])].strip() and text.rstrip().endswith("|"):
        spans = spans[:-1]
    return spans


def columns(text: str, named: bool) -> list[Column] | None:
    """The columns of a table whose first row is ``text``; None if that is no header.

    Args:
        text: normalised.
        named: whether a defect is named in it.
    """
    titles = [text[start:end].strip() for start, end in cells(text)]
    known = [title for title in titles if _HEADER.search(title)]
    if len(known) < 2 or (named and len(known) < len(titles) - 1):
        return None
    if re.search(r"\d", text) and named:
        return None
    return [_column(title) for title in titles]


def _column(title: str) -> Column:
    unit = _UNIT.search(title)
    rejects = bool(_REJECTS.search(title))
    return Column(
        title=title,
        unit=unit.group(1) if unit else None,
        permits=bool(_PERMITS.search(title)) and not rejects,
        rejects=rejects,
        limits=bool(_LIMITS.search(title)),
        counts=bool(_COUNTS.search(title)),
        place=bool(_PLACES.search(title)),
        judges=bool(_JUDGES.search(title)),
        beside=bool(_BESIDE.search(title)),
    )


def read_row(
    reader: _DocumentReader, index: int, marks: Marks, header: list[Column] | None, scope: _Scope
) -> list[Draft]:
    """The items of a row."""
    text = marks.text
    if _RULE.match(text):
        return []
    spans = cells(text)
    # A table of a specification, in which nothing is said to be measured or found.
    judged = any(column.judges and not column.limits for column in header or ())
    limits = scope.specification and not reader.report and not judged
    clause = _row_clause(reader, marks, spans, header, limits)
    if clause is None:
        return []
    drafts = reader._drafts_of(index, marks, clause, clause.said, scope)
    state, unsaid = _row_state(clause, spans, text, header, scope)
    if state is None and limits and clause.said.below and not clause.cues:
        state, unsaid = Polarity.REJECTED, False
    for draft in drafts:
        if state is not None:
            draft.polarity, draft.unsaid = state, unsaid
        draft.start, draft.end = spans[0][0], spans[-1][1]
        draft.limited = draft.limited or clause.said.below
        draft.from_heading = False
    scope.last = drafts
    return drafts


def _row_clause(
    reader: _DocumentReader,
    marks: Marks,
    spans: list[tuple[int, int]],
    header: list[Column] | None,
    limits: bool,
) -> Clause | None:
    """All cells as one clause, about the defects of the first cell that names any."""
    parts = [clause_within(marks, *span) if span[1] > span[0] else Clause(*span) for span in spans]
    about = next((at for at, part in enumerate(parts) if reader._countable(part.defects)), None)
    if about is None:
        return None
    row = Clause(spans[0][0], spans[-1][1])
    for at, (part, span) in enumerate(zip(parts, spans, strict=True)):
        column = header[at] if header is not None and at < len(header) else None
        if at != about:
            part.defects = []
        if column is not None and at != about:
            _read_by_column(part, span, column, marks, reader, limits)
        row.take(part)
    return row


def _read_by_column(
    part: Clause,
    span: tuple[int, int],
    column: Column,
    marks: Marks,
    reader: _DocumentReader,
    limits: bool,
) -> None:
    """Reads a cell again as its column's header says, or as a limit in a table of limits."""
    text = marks.text[slice(*span)].strip()
    if column.beside:
        part.quantities, part.counts, part.places = [], [], []
        return
    if column.counts and not column.unit:
        part.quantities = []
        if match := _NUMBERS.search(text):
            fewest, most = int(match.group(1)), int(match.group(2) or match.group(1))
            if re.search(r"max|≤|bis|up to|不超过|最多", column.title + text[: match.start()]):
                fewest = min(1, fewest)
            part.counts = [(fewest, most)] if 0 < fewest <= most else []
        return
    if column.place:
        part.quantities = []
        if not part.places and _BORE.match(text):
            term = Term(((Category.PLACE, "bore"),))
            part.places = [Found(term, span[0], span[0] + len(text), text)]
        return
    unit = column.unit
    title = _UNIT.sub("", column.title).rstrip(" ([/,").removesuffix(" in")
    lead = f"{title.strip()} "
    found, _ = read_quantities(lead + text, reader.decimal, unit or reader.unit)
    found_here = [one for one in found if one.number >= len(lead)]
    shift = span[0] - len(lead)
    part.quantities = [
        replace(
            one,
            start=max(span[0], one.start + shift),
            end=min(span[1], one.end + shift),
            number=one.number + shift,
        )
        for one in found_here
    ]
    if (column.permits or column.limits or limits) and part.quantities:
        part.quantities = [
            replace(one, low=None, limited=True)
            if one.low == one.high and one.low is not None
            else one
            for one in part.quantities
        ]
    elif column.rejects:
        part.quantities = [
            replace(one, high=None, limited=True) if one.low == one.high else one
            for one in part.quantities
        ]
    if _NO.match(text):
        part.cues = [(Cue.NO, span[0])]
    elif _YES.match(text):
        part.cues = []


def _row_state(
    clause: Clause,
    spans: list[tuple[int, int]],
    text: str,
    header: list[Column] | None,
    scope: _Scope,
) -> tuple[Polarity | None, bool]:
    """What the columns say of a row, and whether they say nothing."""
    for at, (start, end) in enumerate(spans):
        column = header[at] if header is not None and at < len(header) else None
        cell = text[start:end].strip()
        if column is None or not cell or column.place or column.counts:
            continue
        own = polarity(_said_within(clause, start, end))
        if column.permits and (_NO.match(cell) or cell in ("-", "/")):
            return Polarity.REJECTED, False
        if column.permits and _YES.match(cell):
            return Polarity.PERMITTED, False
        if column.rejects and _YES.match(cell):
            return Polarity.REJECTED, False
        if column.permits and (own is None or own is Polarity.REJECTED) and at:
            words = {cue for cue, where in clause.cues if start <= where < end}
            if any(start <= one.number < end for one in clause.quantities) and not words & {
                Cue.REJECT,
                Cue.NO,
            }:
                return Polarity.PERMITTED, False
            if own is None and column.permits:
                continue
        if column.permits and own is Polarity.ABSENT:
            return Polarity.REJECTED, False
        if column.limits and own is None and not (scope.lead or scope.cues):
            sized = any(start <= one.number < end and not one.aside for one in clause.quantities)
            if sized and not clause.said.judged and not clause.said.negated:
                return Polarity.REJECTED, False
    return None, True


def _said_within(clause: Clause, start: int, end: int) -> Said:
    sizes = [one for one in clause.quantities if start <= one.number < end and not one.aside]
    return Said(
        frozenset(cue for cue, at in clause.cues if start <= at < end),
        below=any(one.limited and one.low is None for one in sizes),
        above=any(one.limited and one.high is None for one in sizes),
    )
