"""Sizes in plain text: numbers, units, ranges and limits in English, German and Chinese.

A quantity is a number with a unit of length, of angle or of the part ("0.05 t"). Lengths come out
in mm and angles in degrees. What surrounds the number tells its dimension ("deep"), its limit ("at
most") and whether it is put aside, because it is roughness, a tolerance, a thread, a temperature or
a distance, which are never sizes of a defect. Which of the remaining ones belong to a defect is
decided by the reader, which knows where the defects stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from backend.instruct.knowledge.words import words
from shared_schema.instruction import SizeName

Decimal = Literal[".", ","]
Bound = float | None

# The largest number that is read; what has more digits is no dimension of a part.
MOST_DIGITS = 12
# How far around a number its dimension and its limit are looked for, in characters.
REACH = 60


class Measure(StrEnum):
    """What a unit measures; ``RELATIVE`` is a multiple of a dimension of the part."""

    LENGTH = "mm"
    ANGLE = "deg"
    RELATIVE = "relative"


class Dimension(StrEnum):
    """The dimension that the words about a number name: a size of defects, or another one."""

    LENGTH = SizeName.LENGTH
    WIDTH = SizeName.WIDTH
    DEPTH = SizeName.DEPTH
    DIAMETER = SizeName.DIAMETER
    HEIGHT = SizeName.HEIGHT
    ANGLE = SizeName.ANGLE
    SPACING = SizeName.SPACING
    RADIUS = "radius"
    THICKNESS = "thickness"


SIZES_OF_DEFECTS = frozenset(Dimension) - {Dimension.ANGLE, Dimension.RADIUS, Dimension.THICKNESS}


@dataclass(frozen=True)
class Quantity:
    """A size in a text.

    Attributes:
        low: in mm, degrees or multiples of the part's dimension; None for an open end.
        high: likewise.
        measure: what the unit measures.
        start: where it begins in the normalised text, with its dimension and limit words.
        end: where it ends.
        number: where its first number begins.
        dimension: that its words name; None for a bare one.
        limited: whether words such as "at most" or "more than" are about it.
        aside: why it is no size of a defect; empty if it may be one.
        factors: the numbers of a product such as "5 x 3 mm", in mm; empty for others.
        ruled: whether its limit is worded as a rule, as "shall not exceed".
        about: the ends of "0.3 ±0.1 mm", which is put aside; None for others.
    """

    low: Bound
    high: Bound
    measure: Measure
    start: int
    end: int
    number: int
    dimension: Dimension | None = None
    limited: bool = False
    aside: str = ""
    factors: tuple[float, ...] = ()
    about: tuple[float, float] | None = None
    ruled: bool = False


@dataclass(frozen=True)
class Ambiguous:
    """A number with two readings, which is not guessed at: ``1,250`` is 1.25 or 1250."""

    start: int
    end: int
    text: str


# --- numbers ------------------------------------------------------------------------------------

# "0 ,8 mm" is a number that was scanned.
_DIGITS = r"\d+ [.,]\d+(?=\s?(?:mm|cm|um)\b)|\d+(?:[.,']\d+)*|(?<![.,\d])[.,]\d+"
_FRACTION = r"(?:\d{1,3}[ -])?\d{1,2}/\d{1,3}(?![\d/])"
_WORDS = {word: float(value) for value, found in words("number").items() for word in found}
_HAN_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"两": 2}
_HAN = r"[零一二两三四五六七八九十]{1,3}(?:点[零一二三四五六七八九]{1,3})?|半"
_WORD = r"\b(?:" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")\b"
_NUMBER = re.compile(rf"(?:{_FRACTION})|(?:{_DIGITS})(?:e[+-]?\d\d?(?!\w))?")
_SPELLED_NUMBER = re.compile(rf"{_WORD}|{_HAN}")

# --- units --------------------------------------------------------------------------------------

_UNITS = {word: float(value) for value, found in words("unit").items() for word in found}
_ANGLES = {"°", "deg", "deg.", "degree", "degrees", "grad", "度", "winkelgrad"}
_MINUTES = {"arcmin", "winkelminuten", "分"}
_PERCENT = {"%", "percent", "per cent", "prozent"}
# A multiple of a dimension of the part: t, s, b and so on, as ISO 5817 writes them.
_SYMBOL = re.compile(r"\s?[x*]?\s?[tsabdlh](?![a-z0-9'äöü])")


def _any_of(found: Iterable[str]) -> str:
    return "|".join(re.escape(one) for one in sorted(found, key=len, reverse=True))


_UNIT = re.compile(
    r"[\s-]?(" + _any_of([*_UNITS, *_ANGLES, *_PERCENT]) + r")"
    # No letter may follow Latin units, and neither a power nor a rate: mm², mm/min.
    r"(?:(?<![a-z])|(?![a-z0-9]))(?!\s?/\s?(?:min|s|h|sec|m)\b|\^|[²³]|\s?c\b)"
)
_NO_INCH = re.compile(
    r"\s+(?:the|a|an|any|each|this|these|its|total|all|der|die|das|dem|den|einem|einer|"
    r"[a-z]{2,}en\b|diese[mnr]?|jede[mnr]?|one|two|three)\b"
)
_AFTER_INCH = re.compile(
    r"\s*(?:$|[.,;:)\]|/x-]|(?:deep|wide|long|high|tall|dia|diam|diameter|across|apart|thick|or|"
    r"and|to|max|maximum|min|are|is|in (?:length|width|depth|diameter|height))\b)"
)

# --- words about a number -----------------------------------------------------------------------

_DIMENSION_OF = {
    word: Dimension(name) for name, found in words("dimension").items() for word in found
}
# Heads of German compounds: Kratzertiefe, Risslänge.
DIMENSION_HEADS = {
    "tiefe": Dimension.DEPTH,
    "tiefen": Dimension.DEPTH,
    "laenge": Dimension.LENGTH,
    "laengen": Dimension.LENGTH,
    "breite": Dimension.WIDTH,
    "breiten": Dimension.WIDTH,
    "weite": Dimension.WIDTH,
    "durchmesser": Dimension.DIAMETER,
    "durchmessern": Dimension.DIAMETER,
    "hoehe": Dimension.HEIGHT,
    "hoehen": Dimension.HEIGHT,
    "abstand": Dimension.SPACING,
    "abstaende": Dimension.SPACING,
    "dicke": Dimension.THICKNESS,
    "groesse": None,
    "groessen": None,
}


# Words that mean a dimension only before a number.
_ONLY_BEFORE = ("d", "ø", "径", "bent", "angle", "gap")
# And such that mean one only after it; before a number they are something else.
_ONLY_AFTER = ("apart", "across", "teilung")
# Limits directly before a number, which before a bracket end a verb: "heben sich ab (2 mm)".
_OFTEN_ELSE = ("ab", "bis", "from", "over", "above", "unter", "under", "below")
_BEFORE = {
    **dict.fromkeys(words("filler")["before"], "filler"),
    **{one: "dimension" for one in _DIMENSION_OF if one not in _ONLY_AFTER},
    **dict.fromkeys(words("limit")["above"], "above"),
    **dict.fromkeys(words("limit")["below"], "below"),
}
_AFTER = {
    **dict.fromkeys(words("filler")["after"], "filler"),
    **{one: "dimension" for one in _DIMENSION_OF if one not in _ONLY_BEFORE},
    **dict.fromkeys(words("limit_after")["above"], "above"),
    **dict.fromkeys(words("limit_after")["below"], "below"),
}
_LONGEST = max(map(len, (*_BEFORE, *_AFTER)))
_COMPOUND_DIMENSION = re.compile(
    r"([a-z]{3,})(" + "|".join(sorted(DIMENSION_HEADS, key=len, reverse=True)) + r")$"
)

# --- what is put aside --------------------------------------------------------------------------

# A tolerance of no dimension, as in "springback ±0.5°".
_EITHER_WAY = re.compile(r"(?<![\d.,a-z°\"])\s?(?<![\d.,°\"] )(?:±|\+/-|\+-)\s?$")
_ROUGH = re.compile(
    r"(?:\br(?:a|z|t|q|max|y|p)\b|roughness|rauheit|rautiefe|rauhigkeit|粗糙度)[^.;a-z]{0,12}$"
)
_TOLERANCE_BEFORE = re.compile(
    r"(?:±|\+/-|\+-|toleranz\w*|tolerances?|tolerated deviation|公差|ebenheit|flatness|平面度|"
    r"rundheit|roundness|parallelism|parallelitaet|iso 2768\S*)[^.;|]{0,12}$"
)
_PART_BEFORE = re.compile(
    r"(?:\b(?:wall|sheet|plate|material|section|throat|part|component|weld|hole|bore|nominal|"
    r"pipe|tube|outer|outside|inner|inside|overall|total part|shaft|housing|layer|film|coating|"
    r"board|stock|workpiece|base|parent|nozzle|wire|cutter|tool|drill|pin|thread|flange|rib|boss|"
    r"bend|gate|web|field|focal|leg)[ -](?:thickness|length|width|height|diameter|depth|"
    r"radius|size|dia|od|id)(?:es|s)?|"
    r"\b(?:wandst\w+|wanddicke\w*|\w*schicht\w*dicke\w*|lackdicke\w*|filmdicke\w*|schichtst\w+|"
    r"blech\w*dicke\w*|blechst\w+|nennmass\w*|nenn\w+|"
    r"\bt ?=|\bs ?=|\ba ?=|\bz ?=|\bdn)|"
    r"壁厚|板厚|外径|内径|公称直径|(?<![气针砂渣缩小])孔直径|焊缝长度|焊脚|总长度|厚度t|"
    r"板材厚度|材料厚度|料厚|"
    r"母材厚度|"
    r"公称|涂层厚度|膜厚|层厚|零件长度|工件长度|管径|圆角半径)[^.;,|0-9]{0,14}$"
)
# A hole or a sheet, directly before its own size.
_PART_NAMED_BEFORE = re.compile(
    r"(?:(?<!gas )(?<!blow )(?<!pin )(?<!sand )(?<!small )(?<!tiny )(?<!round )(?<!little "
    r")(?<!slag )"
    r"(?<!worm )(?<!air )(?<!shrink )(?<!shrinkage )(?<!open )\b(?:holes?|bores?|"
    r"bohrung(?:en)?|shaft|welle|pipe|rohr|drill|thread|gewinde|plates?|"
    r"sheets?|blech|tube)|(?<![气针砂渣缩])孔)"
    r"(?:\s*(?:of|with|mit|von|:|=|is|ist|diameter|durchmesser|ø|径|直径|为|约))*\s*$|"
    r"(?:\b(?:bolt|screw|drilled|through|tapped|dowel|port|mounting|fixing|oil) ?(?:holes?|bores?)|"
    r"bohrung(?:en)?|(?:螺栓|螺纹|通|定位|安装|油)孔)\s*\((?:ø|d|dia\.?)?\s*$"
)
_LEFT_BEHIND = re.compile(
    r"\b(?:leaving|leaves?|left|causing|burnt|burned|blew|tore)\s(?:a|"
    r"an)\s(?:\w+\s)?\w+\W*\s?(?:of|with)?\s?$"
)
_RADIUS_SIGN = re.compile(r"(?<![a-z])r\s?$")
_DISTANCE_BEFORE = re.compile(
    r"(?:\b(?:within|every|per|je|pro|innerhalb|umkreis|for each|in each|distance|"
    r"entfernung|zone of|band of|"
    r"evaluated over|over a length of|auf einer laenge von|(?<!bis )auf|ueber eine laenge von|"
    r"viewing distance|betrachtungsabstand|(?<!im )abstand von|seen from|aus)"
    r"(?: a| an| the| of| von| einer| einem| eine| any| jede[rnms]?| about| ca\.?| etwa)*|"
    r"(?<!间)距离?\S{0,8}|每|相距\S{0,4}边缘|任意|任何)\s*$"
)
_DISTANCE_AFTER = re.compile(
    r"\s*(?:from\b|away\b|beside\b|off\b(?! the (?:print |build )?(?:bed|plate))|below the\b|"
    r"above the\b|inside the edge|"
    r"neben\b|entfernt|zur\b|zum\b|vom\b(?! druckbett| bett)|von der\b|unterhalb\b|oberhalb\b|"
    r"weld length|of (?:the )?(?:weld|"
    r"seam)|"
    r"(?:schweiss)?nahtlaenge|naht\b|范围内|处|之外|长度内|焊缝长度?|长焊缝|of (?:wall|part|"
    r"length)|"
    r"seam|around the|um die\b|um das\b|um den\b|区域内|in from)"
)
# "Checked visually at 400 mm".
_LOOKED_FROM = re.compile(
    r"(?:\b(?:visual\w*|visible|view\w*|seen|look\w*|inspect\w*|observ\w*|examin\w*|eye|reading|"
    r"sicht\w*|erkennbar|betracht\w*|besichtig\w*|aug\w*|lese\w*)|目视|目测|目检|观察|肉眼)"
    r"[^.;|0-9]{0,24}(?:\b(?:at|from|distance|aus|abstand|in|von|mit|of)|距离?|相距|于|在|@)"
    r"[^.;|0-9]{0,12}$"
)
# "A layer shift at a height of 48 mm".
_AT_HEIGHT = re.compile(
    r"\b(?:at (?:a |the )?height(?: of)?|at z|bei (?:einer )?(?:bau)?hoehe(?: von)?|"
    r"auf (?:einer )?hoehe(?: von)?|bei z)(?: about| etwa| ca\.?)?\s?=?\s?$"
)
# "Necking of up to 0.15 mm beside the bend" tells how deep, and not where.
_OF_ITS_OWN = re.compile(
    r"\b(?:of|von|by|um)(?: (?:up to|bis zu|about|approx\.?|some|only|etwa|rund|ca\.?|max\.?|"
    r"maximal|bis))* ?$"
)
# "0.1 mm above the surface" tells how high, "5 mm above the flange" where.
_PROUD = re.compile(
    r"\s?(?:above|over|proud of|beyond) the (?:surrounding |adjacent |adjoining |part |base |"
    r"parent |nominal )?(?:surface|plate|level|plane|sheet|metal|material|contour)\b|"
    r"\s?(?:ueber|aus) (?:der|die) (?:umgebenden? |angrenzenden? )?(?:oberflaeche|flaeche|ebene|"
    r"kontur)\b|\s?ueber (?:dem|das) (?:blech|material|niveau)\b"
)
_PART_AFTER = re.compile(
    r"[\s-]*(?:(?:thick|dicke[rnms]?|diameter|dia|long|wide|starke[rnms]?|thin|厚的?|steel|"
    r"aluminium"
    r"|nominal|wall|deep|dickwandige[rnms]?)[\s-]+)?(?:thick )?(?:"
    r"(?:plates?|sheets?|pipes?|tubes?|hole|holes|bore|bores|shafts?|wires?|walls?|rods?|nozzle|"
    r"layers?|bolts?|drills?|pins?|panels?|threads?|foil|strip|film|blech\w*|bohrung\w*|"
    r"rohr\w*|welle\w*|wand\b|wandung\w*|platten?|draht\w*|schicht\w*|bolzen|stahlblech\w*|"
    r"aluminiumblech\w*|fasen?|chamfers?|nuts?|slots?|beads?)\b|板|壁|管|的孔|孔(?!边|洞)|钢板|"
    r"铝板|厚板|薄板|喷嘴|层高|轴)"
)
_OTHER_UNIT = re.compile(
    r"\s?(?:°\s?[cfk]\b|℃|mpa|gpa|kpa|n/mm|kn|nm\b|bar\b|kg|g\b|hrc|hb\b|hv|hrb|shore|rpm|u/min|"
    r"mm2|mm3|cm2|cm3|dm2|m2|mm\^|mm/|m/min|m/s|ml|l\b|kw|w\b|v\b|a\b|hz|khz|ms\b|s\b|sec|"
    r"min\b(?!\.)"
    r"|h\b|hours?|days?|years?|stunden|tage|jahre|stk|lux|lx|db|平方|摄氏度|小时|分钟|天|年|月|"
    r"日|克|"
    r"千克|公斤|安|伏|升|转)"
)
# "Fins of up to 2 mm" tells how large they are; "fins: up to 2 mm" sets a limit.
_DESCRIBES = re.compile(r"\b(?:of|with|von|mit|by)\s+(?:up to|bis zu|bis)\b")
_RULED = re.compile(
    r"\b(?:shall|must|may not|not (?:to )?exceed|darf|duerfen|ueberschreite\w*)\b|"
    r"不得|不应|不能|不可"
)
_FIT = re.compile(r"\s?(?:[a-h]|js|[kmnprs])\d{1,2}(?!\d|[.,]\d)", re.IGNORECASE)
_TOLERANCE_AFTER = re.compile(
    r"\s?(?:(?:±|\+/-|\+-)\s?(\d+(?:[.,]\d+)?)|"
    r"[+-]\s?\d+(?:[.,]\d+)?\s?/\s?[+-]?\s?\d+(?:[.,]\d+)?)"
)
_PLUS_MINUS = re.compile(r"\s?(?:±|\+/-|\+-)\s?\d+(?:[.,]\d+)?")
_THREAD = re.compile(r"(?<![a-z])(?:m|g|unc|unf|npt|tr)\s?$")
_NAME = re.compile(
    r"(?<![a-z])(?:iso|din|en|astm|gb/t|gb|vdi|vdg|nadca|aws|ansi|asme|jis|ul|ip|no\.?|nr\.?|"
    r"art\.?|"
    r"artikel\S*|part|teil|teilenummer|zeichnung\S*|drawing\S*|rev\.?|version|pos\.?|item|fig\.?|"
    r"charge|lot|batch|serial|图号|零件号|编号|批号|标准|ct|grade|klasse|class|seite|page|section|"
    r"abschnitt|kapitel|table|tabelle|figure|bild|abb\.?)[ :#-]*$"
)

_RANGE = re.compile(
    r"\s?(?:-|~|\.\.\.?|…|÷|至|到|及|bis(?: zu)?|to|up to|and|und|or|oder|和|或|through|thru)\s?"
)
# After a Chinese dimension word: the word is about the number that follows.
_NEXT_NUMBER = re.compile(r"(?<=[\u4e00-\u9fff])\s?(?:度|约|为|不|≤|≥|<|>|:|大于|小于|超过)?\s?\d")
_BETWEEN = re.compile(r"(?:\bbetween|\bzwischen|介于|在)\s?$")
_AND = re.compile(r"\s?(?:and|und|和|或|及|or|oder)\s?")
_TIMES = re.compile(r"\s?(?:x|by|mal|\*)\s?")


def read_numbers(text: str) -> Iterator[tuple[str, int, int]]:
    """The numbers of a normalised text: how they are written, and from where to where."""
    for match in _NUMBER.finditer(text):
        yield _SPACE_AHEAD.sub("", match.group()), match.start(), match.end()


_SPACE_AHEAD = re.compile(r" (?=[.,])")


def decimal_sign(texts: Iterator[str] | list[str], language: str | None) -> Decimal | None:
    """The decimal sign of a document.

    Numbers that can be read in one way only decide, such as ``0,3``. Where they contradict one
    another, or where there are none and the language is not known, the sign is not known.

    >>> decimal_sign(["0,3 mm und 1.250,5 mm"], None)
    ','
    """
    signs = {
        sign
        for text in texts
        for written, start, end in read_numbers(text)
        if (sign := _certain_sign(written)) is not None and _has_unit(text, end)
    }
    if len(signs) == 1:
        return signs.pop()
    if len(signs) > 1:
        return None
    by_language: dict[str, Decimal] = {"de": ",", "en": ".", "zh": "."}
    return by_language.get(language or "")


def _has_unit(text: str, end: int) -> bool:
    return _UNIT.match(text, end) is not None


def _certain_sign(written: str) -> Decimal | None:
    """The decimal sign if ``written`` has one reading only."""
    if "/" in written or not any(sign in written for sign in ".,"):
        return None
    points, commas = written.count("."), written.count(",")
    if points and commas:
        return "." if written.rfind(".") > written.rfind(",") else ","
    sign: Decimal = "." if points else ","
    if points + commas > 1:
        return None
    whole, _, rest = written.partition(sign)
    if len(rest.split("e")[0]) != 3 or whole in ("", "0") or len(whole) > 3 or "'" in whole:
        return sign
    return None


def number(written: str, decimal: Decimal | None) -> float | None:
    """The value of a number as it is written, or None where it has two readings or none.

    >>> number("1.250,5", None), number("1 1/2", None), number("1,250", "."), number("1,250", None)
    (1250.5, 1.5, 1250.0, None)
    """
    if sum(one.isdigit() for one in written) > MOST_DIGITS:
        return None
    if "/" in written:
        return _fraction(written)
    sign = _certain_sign(written)
    if sign is None and any(one in written for one in ".,"):
        if written.count(".") + written.count(",") > 1:
            sign = "," if "." in written else "."  # 1.250.000 groups by points
            if not re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", written):
                return None
        elif decimal is None:
            return None
        else:
            sign = decimal
    grouping = {".": ",'", ",": ".'", None: "'"}[sign]
    plain = written.translate({ord(one): None for one in grouping})
    plain = plain.replace(",", ".")
    if plain.count(".") > 1 or not re.fullmatch(r"(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", plain):
        return None
    return float(plain)


def _fraction(written: str) -> float | None:
    whole, _, part = written.replace("-", " ").rpartition(" ")
    above, _, below = part.partition("/")
    if int(below) == 0:
        return None
    return (int(whole) if whole else 0) + int(above) / int(below)


def _spelled_value(written: str) -> float:
    """The value of a number in words or Chinese signs."""
    if written in _WORDS:
        return float(_WORDS[written])
    if written == "半":
        return 0.5
    whole, _, rest = written.partition("点")
    tens, ten, ones = whole.rpartition("十")
    value = float(_HAN_DIGITS.get(ones, 0))
    if ten:
        value += 10 * _HAN_DIGITS.get(tens, 1)
    for place, sign in enumerate(rest, start=1):
        value += _HAN_DIGITS[sign] / 10**place
    return value


# --- quantities ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Number:
    value: float | None
    start: int
    end: int
    written: str
    spelled: bool = False


@dataclass(frozen=True)
class _Unit:
    measure: Measure
    factor: float
    end: int


def read_quantities(
    text: str, decimal: Decimal | None = None, default_unit: str | None = None
) -> tuple[tuple[Quantity, ...], tuple[Ambiguous, ...]]:
    """The quantities of a normalised text in their order, and the numbers left unread.

    Args:
        text: as ``backend.instruct.normal`` spells it.
        decimal: sign of the document; None if it is not known.
        default_unit: unit of numbers without one, such as that of a table's column; with it a
            bare number is a quantity.

    >>> found, _ = read_quantities("pores of 2-4 mm, 0.3 mm deep")
    >>> [(one.low, one.high, one.dimension) for one in found]
    [(2.0, 4.0, None), (0.3, 0.3, <Dimension.DEPTH: 'depth'>)]
    """
    numbers = _numbers(text, decimal)
    found: list[Quantity] = []
    unread: list[Ambiguous] = []
    at = 0
    while at < len(numbers):
        taken = _chain(text, numbers, at)
        if several := _respective(text, numbers, at, found[-1].end if found else 0):
            found += several
            at += len(several)
            continue
        if listed := _listed(text, numbers, at):
            taken = listed
        unit = (
            _unit(text, taken[-1], default_unit)
            or _understood(text, taken[-1], found)
            or _bare(text, taken, found[-1].end if found else 0)
        )
        if unit is not None:
            read = _quantity(text, taken, unit, found[-1].end if found else 0)
            if read is not None:
                found.append(_with_shared_limit(text, read, found[-1] if found else None))
            elif not any(one.value is not None for one in taken) or _two_readings(taken):
                unread += [
                    Ambiguous(one.start, one.end, one.written)
                    for one in taken
                    if one.value is None and _two_readings([one])
                ]
        at += len(taken)
    return tuple(found), tuple(unread)


_IN_INCHES = re.compile(r"\d\s?(?:inch(?:es)?|in\.?|\"|zoll)(?![a-z])")
# "0.12 instead of at most 0.08 mm"
_COMPARED_WITH = re.compile(
    r"\s?(?:statt|anstatt|instead of|against|versus|vs\.?|rather than) (?:[a-z.≤<]+ ?){0,2}"
    r"\d[\d.,]*\s?(mm|um|cm|in|inch|zoll|\")(?![a-z])"
)
_IN_MM = re.compile(r"\d\s?mm\b")
# "Melted away for about 40 mm".
_FOR = re.compile(r"\bfor (?:about |some |roughly |approx\.? )?$")
# "18 mm L x 0.4 mm D"
_LETTERED = re.compile(r"\s([lwdh])(?=\s?(?:x\b|,|;|\)|/|$|\.(?!\d)))")
_LETTERS = {
    "l": Dimension.LENGTH,
    "w": Dimension.WIDTH,
    "b": Dimension.WIDTH,
    "d": Dimension.DEPTH,
    "h": Dimension.HEIGHT,
}
_ADJECTIVE = re.compile(r"\s?(?:deep|wide|high|tall|long|tief|breit|hoch|lang)\b")


def _understood(text: str, one: _Number, found: list[Quantity]) -> _Unit | None:
    """The unit that is left out behind another size: "10 mm long and 0.4 deep"."""
    if compared := _COMPARED_WITH.match(text, one.end):
        return _Unit(Measure.LENGTH, _UNITS[compared.group(1)], one.end)
    told = any(before.measure is Measure.LENGTH for before in found)
    decimal = re.search(r"[.,]", one.written) is not None
    if one.spelled or not _ADJECTIVE.match(text, one.end) or not (told or decimal):
        return None
    written = one.written.startswith(".") or "/" in one.written or not _IN_MM.search(text)
    inches = told and written and _IN_INCHES.search(text[: one.start]) is not None
    inches |= one.written.startswith(".") and not _IN_MM.search(text)
    return _Unit(Measure.LENGTH, 25.4 if inches else 1.0, one.end)


# Between the numbers of "0.8 / 1.0 / 1.2 mm" and of "3, 5 and 8 mm".
_LISTED = re.compile(r"(?:,|、|/|;)\s|\s/\s|、|\s?(?:and|und|or|oder|和|及|或)\s?")
LEAST_LISTED = 3


def _listed(text: str, numbers: list[_Number], at: int) -> list[_Number]:
    """The numbers from ``at`` that share the unit behind the last of them; empty for none."""
    taken = [numbers[at]]
    for following in numbers[at + 1 :]:
        last = taken[-1]
        if _UNIT.match(text, last.end) or not _LISTED.fullmatch(text, last.end, following.start):
            break
        taken.append(following)
    whole = len(taken) >= LEAST_LISTED and _UNIT.match(text, taken[-1].end) is not None
    return taken if whole else []


_ENDS = re.compile(
    r"\s?(?:$|[,;)\]|](?!\d)|\.(?!\d)|(?:max|min|maximal|hoechstens)\b|以下|以内|"
    r"\s(?:am|an|im|in|auf|bei|at|on|along|near|is|are|ist|sind|zulaessig|erlaubt|zugelassen|"
    r"permitted|allowed|acceptable|accepted|tolerated)\b)"
)


def _bare(text: str, numbers: list[_Number], begin: int) -> _Unit | None:
    """The unit that drawings leave out: "depth 0.3", "≤ 0.5", and inches for ".010 max"."""
    first, last = numbers[0], numbers[-1]
    decimals = any(re.search(r"[.,]\d", one.written) for one in numbers)
    if any(one.spelled or "/" in one.written for one in numbers) or not _ENDS.match(text, last.end):
        return None
    _, dimension, bound = words_before(text, first.start, begin)
    bound = bound or _words_after(text, last.end, False)[2]
    sized = dimension is not None and dimension in SIZES_OF_DEFECTS
    if not (sized or (bound and decimals)):
        return None
    inches = any(one.written.startswith(".") for one in numbers)
    return _Unit(Measure.LENGTH, 25.4 if inches else 1.0, last.end)


_NAMED = "|".join(
    rf"\b{re.escape(one)}\b" if one.isascii() else re.escape(one)
    for one in sorted(_DIMENSION_OF, key=len, reverse=True)
    if len(one) > 1 or not one.isascii()
)
_ALSO = r"\s?(?:,|、|/|x|and|und|sowie|bzw\.?|by|和|及|与)?\s?(?:and |und )?(?:in )?(?:der )?"
_NAMES_AFTER = re.compile(rf"\s?(?:in (?:der )?)?((?:{_NAMED})(?:{_ALSO}(?:{_NAMED})){{1,2}})")
_NAMES_BEFORE = re.compile(
    rf"((?:{_NAMED})(?:{_ALSO}(?:{_NAMED})){{1,2}})"
    r"\s?(?:of|:|=|von|is|are|sind|betragen|分别为?|各?为|约|were|was|\s)*$"
)
_EACH_NAME = re.compile(_NAMED)
_JOINED = re.compile(r"\s?(?:,|、|/|x|and|und|bzw\.?|by|和|及|与)\s?(?:and |und )?")


def _respective(text: str, numbers: list[_Number], at: int, begin: int) -> list[Quantity]:
    """Sizes whose dimensions stand together: "8 and 0.05 mm in length and depth".

    Empty where the numbers and the dimensions do not pair.
    """
    for many in (3, 2):
        taken = numbers[at : at + many]
        if len(taken) < many or any(one.value is None for one in taken):
            continue
        unit = _unit(text, taken[-1], None)
        if unit is None or unit.measure is not Measure.LENGTH:
            continue
        ends = [_unit_end(text, one) for one in taken]
        if not all(
            _JOINED.fullmatch(text, end, following.start)
            for end, following in zip(ends, taken[1:], strict=False)
        ):
            continue
        behind = _NAMES_AFTER.match(text, unit.end)
        before = _NAMES_BEFORE.search(text, max(begin, taken[0].start - REACH), taken[0].start)
        for match in (behind, before):
            named = _EACH_NAME.findall(match.group(1)) if match else []
            if (
                match is None
                or len(named) != many
                or len({_DIMENSION_OF[one] for one in named}) < many
            ):
                continue
            sizes = []
            for one, name in zip(taken, named, strict=True):
                own = _unit(text, one, None) or unit
                value = round(float(one.value or 0.0) * own.factor, 9)
                end = max(one.end, match.end()) if one is taken[-1] else one.end
                sizes.append(
                    Quantity(
                        value, value, Measure.LENGTH, one.start, end, one.start, _DIMENSION_OF[name]
                    )
                )
            return sizes
    return []


_SHARED = re.compile(r"\s*(?:and|und|sowie|和|or|oder|bzw\.?|或者?)\s*")


def _with_shared_limit(text: str, read: Quantity, before: Quantity | None) -> Quantity:
    """``read`` with the limit of ``before``: "at most 15 mm long and 0.05 mm deep"."""
    if before is None or not before.limited or read.limited or read.low != read.high:
        return read
    if not _SHARED.fullmatch(text, before.end, read.number):
        return read
    if before.low is None:
        return replace(read, low=None, limited=True)
    return replace(read, high=None, limited=True)


def _two_readings(numbers: list[_Number]) -> bool:
    return any(
        one.value is None and re.fullmatch(r"\d{1,3}[.,]\d{3}", one.written) for one in numbers
    )


def _numbers(text: str, decimal: Decimal | None) -> list[_Number]:
    """All numbers of ``text``, those in words where a unit follows."""
    found = [
        _Number(number(one, decimal), start, end, one) for one, start, end in read_numbers(text)
    ]
    taken = {at for one in found for at in range(one.start, one.end)}
    for match in _SPELLED_NUMBER.finditer(text):
        if match.start() in taken:
            continue
        unit = _UNIT.match(text, match.end())
        follows = text[match.end() : match.end() + 2].lstrip()
        ranged = follows[:1] in ("至", "到") or _spelled_range(text, match.end())
        if (unit and unit.group(1) not in ("in", "m", "道", "丝", "°", "度", "米")) or ranged:
            found.append(_Number(_spelled_value(match.group()), *match.span(), match.group(), True))
    return sorted(found, key=lambda one: one.start)


def _spelled_range(text: str, at: int) -> bool:
    """Whether another number with a unit follows: "one" of "one and two millimetres"."""
    joint = _RANGE.match(text, at)
    following = joint and _SPELLED_NUMBER.match(text, joint.end())
    unit = following and _UNIT.match(text, following.end())
    return bool(unit and unit.group(1) not in ("in", "m"))


_ROUND = re.compile(r"(?:ø|\bdia\.?|\bdiam\.?|\bdiameter|\bdurchmesser)\s?$")


def _chain(text: str, numbers: list[_Number], at: int) -> list[_Number]:
    """The numbers from ``at`` that belong to one range or product."""
    taken = [numbers[at]]
    while at + len(taken) < len(numbers) and len(taken) < 3:
        last, following = taken[-1], numbers[at + len(taken)]
        after = _unit_end(text, last)
        # "Ø 4 mm x 0.3 mm deep" are two dimensions, each with its name.
        round_one = _ROUND.search(text[max(0, taken[0].start - 12) : taken[0].start])
        times = None if round_one else _TIMES.fullmatch(text, after, following.start)
        ranged = _RANGE.fullmatch(text, after, following.start) if len(taken) == 1 else None
        if ranged and after != last.end and _AND.fullmatch(ranged.group()):
            # "2 mm and 4 mm" are two sizes, unless they stand after "between".
            ranged = ranged if _between(text, last.start) else None
        if not (times or ranged):
            break
        taken.append(following)
        if ranged:
            break
    return taken


def _between(text: str, at: int) -> int | None:
    """Where the word "between" begins that ends at ``at``, if it does."""
    begin = max(0, at - 12)
    match = _BETWEEN.search(text[begin:at])
    return None if match is None else begin + match.start()


def _unit_end(text: str, one: _Number) -> int:
    unit = _unit(text, one, None)
    return one.end if unit is None else unit.end


# What a number without a unit counts: "3 pores", 5个.
_COUNTS_SOMETHING = re.compile(
    r"\s(?!(?:x|to|bis|and|und|or|oder|by|at|bei|in|per|je|as|als|if|wenn|on|"
    + _any_of(one for one in _AFTER if one.isascii())
    + r")\b)[a-z]{2,}|\s?(?:per|pro|je|/)\s?(?!mm|cm|um)[a-z]+|\s?[个处件条点次只颗台批枚块片]"
)


def _unit(text: str, one: _Number, default: str | None) -> _Unit | None:
    """The unit after a number, or after its tolerance: "0.3 ±0.1 mm"."""
    match = _UNIT.match(text, one.end)
    if match is None and (off := _PLUS_MINUS.match(text, one.end)):
        match = _UNIT.match(text, off.end())
    if match is not None and one.spelled and match.group(1) in ('"', "''"):
        return None  # 'Surface "A"' names a surface.
    if match is not None and not _OTHER_UNIT.match(text, one.end):
        word, end = match.group(1), match.end()
        if word in _PERCENT:
            return _Unit(Measure.RELATIVE, 0.01, end)
        if word in _ANGLES:
            return _Unit(Measure.ANGLE, 1.0, end)
        if (
            (word in ("in", "in.") and not _means_inch(text, one, match.end(1)))
            or (word == "道" and not _word_before(text, one.start, "深宽高差超于过≤≥<>"))
            or (word == "zehntel" and one.spelled is False and not one.written.isdigit())
        ):
            match = None
        else:
            return _Unit(Measure.LENGTH, _UNITS[word], end)
    symbol = _SYMBOL.match(text, one.end)
    if symbol is not None and not one.spelled and re.search(r"[.,/]", one.written):
        return _Unit(Measure.RELATIVE, 1.0, symbol.end())
    counts = _COUNTS_SOMETHING.match(text, one.end)
    if default is not None and not (match or counts or _OTHER_UNIT.match(text, one.end)):
        if default in _ANGLES:
            return _Unit(Measure.ANGLE, 1.0, one.end)
        if default in _PERCENT:
            return _Unit(Measure.RELATIVE, 0.01, one.end)
        return _Unit(Measure.LENGTH, _UNITS[default], one.end)
    diameter = re.search(r"ø\s?$", text[max(0, one.start - 3) : one.start])
    if diameter and not _OTHER_UNIT.match(text, one.end):
        return _Unit(Measure.LENGTH, 1.0, one.end)
    return None


def _means_inch(text: str, one: _Number, end: int) -> bool:
    """Whether "in" after a number is the unit and not the preposition."""
    if _AFTER_INCH.match(text, end):
        return True
    if not any(sign in one.written for sign in "./"):
        return False
    return _NO_INCH.match(text, end) is None


def _word_before(text: str, at: int, signs: str) -> bool:
    return any(sign in text[max(0, at - 4) : at] for sign in signs)


def _quantity(text: str, numbers: list[_Number], unit: _Unit, begin: int) -> Quantity | None:
    """What ``numbers`` with their unit say, or None if one of them has no value."""
    if any(one.value is None for one in numbers):
        return None
    first, end = numbers[0], unit.end
    values = []
    for one in numbers:
        own = _unit(text, one, None)
        factor = own.factor if own is not None and own.measure is unit.measure else unit.factor
        values.append(round(float(one.value or 0.0) * factor, 9))
    product = len(numbers) > 2 or (
        len(numbers) == 2
        and _TIMES.fullmatch(text, _unit_end(text, first), numbers[1].start) is not None
    )
    ahead = _between(text, first.start)
    start, dimension, bound = words_before(text, first.start if ahead is None else ahead, begin)
    if between := _between(text, start):
        start, bound = between, None
    if lettered := _LETTERED.match(text, end):
        dimension, end = _LETTERS[lettered.group(1)], lettered.end()
    elif _ADJECTIVE.match(text, end):
        # "A gap 12 mm long", "radius, 3 mm long": the adjective knows better than the noun.
        dimension = None
    stop, dimension_after, bound_after = _words_after(text, end, dimension is None)
    dimension = dimension or dimension_after
    if dimension is None and _PROUD.match(text, end):
        dimension = Dimension.HEIGHT
    bound = bound_after or bound
    low: Bound = min(values)
    high: Bound = max(values)
    tolerance = _TOLERANCE_AFTER.match(text, end) or _TOLERANCE_AFTER.match(text, numbers[-1].end)
    aside = _why_aside(text, first, end, unit, start)
    if aside == "a tolerance" and _EITHER_WAY.search(text[: first.start]):
        aside, bound = "", "below"  # "Springback ±0.5°"
    if bound == "below" and len(values) == 1:
        low = None
    elif bound == "above" and len(values) == 1:
        high = None
    about = None
    if tolerance is not None and not aside:
        aside = "a dimension with a tolerance"
        about = _about(values, tolerance, unit)
    if dimension is None and not bound and _FOR.search(text[: first.start]):
        dimension = Dimension.LENGTH
    if dimension is Dimension.RADIUS:
        low, high = (None if one is None else 2 * one for one in (low, high))
        dimension = Dimension.DIAMETER
    if unit.measure is Measure.ANGLE:
        dimension = Dimension.ANGLE
    return Quantity(
        low=low,
        high=high,
        measure=unit.measure,
        start=start,
        end=max(stop, end),
        number=first.start,
        dimension=dimension,
        limited=bound is not None and not _DESCRIBES.search(text[start : first.start]),
        aside=aside,
        factors=tuple(values) if product else (),
        about=about,
        ruled=_RULED.search(text[start : first.start]) is not None,
    )


def _about(
    values: list[float], tolerance: re.Match[str], unit: _Unit
) -> tuple[float, float] | None:
    """The ends of a value with a symmetric tolerance."""
    off = number(tolerance.group(1), ".") if tolerance.group(1) else None
    if off is None or len(values) != 1:
        return None
    spread = off * unit.factor
    return round(max(values[0] - spread, 0.0), 9), round(values[0] + spread, 9)


_NEGATOR = re.compile(
    r"(?:\b(?:not|never|none|nothing|nowhere|neither|nicht|nie|niemals|keiner?s?|keine|nichts|"
    r"nirgends|no (?:one|part|spot|value))(?: (?:is|are|was|were|be|of them|of these|davon|ist|"
    r"sind|war|waren))?|没有|并?未|无|均不|都不) ?$"
)


def words_before(
    text: str, at: int, begin: int
) -> tuple[int, Dimension | None, Literal["below", "above"] | None]:
    """Peels dimension and limit words off the text before ``at``, as far back as ``begin``."""
    dimension: Dimension | None = None
    bound: Literal["below", "above"] | None = None
    start, begin = at, max(begin, at - REACH)
    for _ in range(8):
        window = text[begin:start].rstrip(" (=:," if dimension is None else " (")
        found = _word_at_end(window)
        if found is None:
            compound = _COMPOUND_DIMENSION.search(window)
            symbol = _LETTER_AHEAD.search(window)
            if symbol and dimension is None:
                dimension = _LETTERS[symbol.group(1)]
                start = begin + symbol.start()
            of_part = compound and compound.group(1).endswith(_SHEETS)
            if compound and dimension is None and not of_part:
                dimension = DIMENSION_HEADS[compound.group(2)]
            break
        word, kind = found
        if word in ("over", "ueber") and _EXTENDS.search(window):
            dimension = dimension or Dimension.LENGTH
            break
        if kind in ("above", "below") and "," in text[begin + len(window) : start]:
            break  # "All over, 0.2 mm deep"
        if word in ("over", "ueber") and dimension is not None:
            break  # "Over a length of 25 mm"
        if word in _OFTEN_ELSE and "(" in text[begin + len(window) : start]:
            break
        if kind == "dimension":
            if dimension is not None:
                break
            dimension = _DIMENSION_OF[word]
        elif kind in ("below", "above") and bound is None:
            bound = "below" if kind == "below" else "above"
            dimension = dimension or _compared(word)
        start = begin + len(window) - len(word)
        if bound == kind and (no := _NEGATOR.search(text[begin:start])):
            # "None deeper than", "keiner über".
            bound = "above" if bound == "below" else "below"
            start = begin + no.start()
    return start, dimension, bound


_SHEETS = ("wand", "blech", "material", "platten", "schicht", "lack", "film")
# "L 12 mm", "b = 0.2 mm"; h is what a standard measures, and no height.
_LETTER_AHEAD = re.compile(r"(?<![a-z0-9.'-])([lbw])$")
# What goes before "over" where it tells how far a defect reaches: "split over 6 mm".
_EXTENDS = re.compile(
    r"(?:lengthwise|extends?|extending|runs?|running|split|cracked|torn|gerissen|eingerissen|"
    r"zieht sich|erstreckt sich|verlaeuft)\s+(?:over|ueber)$"
)


def _compared(word: str) -> Dimension | None:
    """The dimension that a comparison names: "deeper than", 深于, 最深."""
    for joint in (" than", " als"):
        if word.endswith(joint):
            adjective = word.removesuffix(joint).removesuffix(" sein")
            return _DIMENSION_OF.get(adjective.rpartition(" ")[2])
    sign = word[1:2] if word.startswith("最") else word[:1]
    return _DIMENSION_OF.get(sign) if sign in ("深", "长", "宽", "高") else None


def _words_after(
    text: str, at: int, seek: bool
) -> tuple[int, Dimension | None, Literal["below", "above"] | None]:
    """Peels limit words off the text after ``at``, and dimension words if ``seek`` says so."""
    dimension: Dimension | None = None
    bound: Literal["below", "above"] | None = None
    end = stop = at
    for _ in range(4):
        rest = text[stop : stop + REACH]
        window = rest.lstrip(" ")
        found = _word_at_start(window)
        if found is None:
            break
        word, kind = found
        stop += len(rest) - len(window) + len(word)
        if kind == "dimension":
            if dimension is not None or not seek or _NEXT_NUMBER.match(text, stop):
                break
            dimension, end = _DIMENSION_OF[word], stop
        elif kind in ("below", "above"):
            if bound is not None:
                break
            bound, end = ("below" if kind == "below" else "above"), stop
    return end, dimension, bound


def _is_letter(sign: str) -> bool:
    return sign.isascii() and sign.isalpha()


def _word_at_end(window: str) -> tuple[str, str] | None:
    """The longest word of ``_BEFORE`` that ``window`` ends in, and what it is."""
    for length in range(min(_LONGEST, len(window)), 0, -1):
        word = window[-length:]
        kind = _BEFORE.get(word)
        if kind and not (_is_letter(word[0]) and _is_letter(window[-length - 1 : -length] or " ")):
            return word, kind
    return None


_COMPARES = re.compile(r" (?:than|als)\b")


def _word_at_start(window: str) -> tuple[str, str] | None:
    """The longest word of ``_AFTER`` that ``window`` begins with, and what it is."""
    for length in range(min(_LONGEST, len(window)), 0, -1):
        word = window[:length]
        kind = _AFTER.get(word)
        if word == "and up" and window.startswith("and up to"):
            continue
        if _COMPARES.match(window, length):
            continue  # "0.2 mm or longer than 5 mm"
        if kind and not (_is_letter(word[-1]) and _is_letter(window[length : length + 1] or " ")):
            return word, kind
    return None


def _why_aside(text: str, first: _Number, end: int, unit: _Unit, start: int) -> str:
    """Why a quantity is no size of a defect; empty if it may be one."""
    before = text[max(0, first.start - REACH) : first.start]
    outer = text[max(0, start - REACH) : start]
    if _ROUGH.search(before):
        return "roughness"
    if _TOLERANCE_BEFORE.search(before):
        return "a tolerance"
    if _THREAD.search(before):
        return "a thread"
    if _NAME.search(before):
        return "a name or number"
    if _RADIUS_SIGN.search(before):
        return "a radius of the part"
    if _FIT.match(text, end) and "ø" in before[-3:]:
        return "a fit"
    named = _PART_NAMED_BEFORE.search(before) and not _LEFT_BEHIND.search(before)
    if _PART_BEFORE.search(before) or named:
        return "a dimension of the part"
    if _PART_AFTER.match(text, end):
        return "a dimension of the part"
    if _is_its_length(text, first, end):
        return ""
    if _DISTANCE_BEFORE.search(before) or _DISTANCE_BEFORE.search(outer):
        return "a distance"
    if _LOOKED_FROM.search(before) or _AT_HEIGHT.search(before):
        return "a distance"
    if _PROUD.match(text, end):
        return ""
    if _DISTANCE_AFTER.match(text, end) and not _OF_ITS_OWN.search(before):
        return "a distance"
    return ""


_ALONG = re.compile(
    r"(?:\b(?:auf|ueber|over|for|along)\b(?: (?:about|some|etwa|ca\.?|rund))?|"
    r"\b(?:auf|ueber) einer laenge von|\bover a length of)(?: (?:about|some|etwa|ca\.?|rund))?\s*$"
)
_A_LENGTH = re.compile(r"\s?(?:laenge|lang|in length|long|of its length)\b")
_COUNTED = re.compile(
    r"(?<![\d.,])\d+ (?!mm|um|tief|breit|lang|hoch|deep|wide|high)[a-z]+ (?:[a-z]+ )?$|"
    r"\b(?:je|pro|per|every|each|evaluated|poren|pores|anzahl|number)\b"
)


def _is_its_length(text: str, first: _Number, end: int) -> bool:
    """Whether "auf 12 mm Länge" tells how long a defect is, and not where it is counted."""
    before = text[max(0, first.start - REACH) : first.start]
    match = _ALONG.search(before)
    if match is None or _COUNTED.search(before[max(0, match.start() - 24) : match.start()]):
        return False
    return "leng" in match.group() or "laenge" in match.group() or bool(_A_LENGTH.match(text, end))
