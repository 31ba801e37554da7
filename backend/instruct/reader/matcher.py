"""Finds all terms in a text at once: at each place the longest one wins.

So ``Einbrandkerbe`` holds no edge (``Rand``), ``气孔`` holds no hole, and ``scratch-resistant``
names no scratch. Latin words are compared whole and in their inflected forms, with spaces and
hyphens between the parts of a term ignored; of a German compound its last part counts. Chinese is
compared sign by sign.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property, lru_cache

from backend.instruct.knowledge import defects, materials, places, processes
from backend.instruct.knowledge.words import words
from backend.instruct.normal import normalise
from backend.instruct.quantities import DIMENSION_HEADS
from backend.instruct.reader.cues import COUNT_WORDS

# The most words of a Latin term, or signs of a Chinese one.
MOST_ATOMS = 10
# A compound's last part has to leave this many letters before it.
LEAST_BEFORE_HEAD = 3
LEAST_HEAD = 4
# So many first signs tell whether a term may begin here.
BEGINNING = 2
# Words this long are also found with one letter wrong, as scanning makes them.
LEAST_MISREAD = 7


class Category(StrEnum):
    """What a term stands for."""

    DEFECT = "defect"
    PLACE = "place"
    CUE = "cue"
    COUNT = "count"
    PROCESS = "process"
    MATERIAL = "material"
    NOTHING = "nothing"
    FREE = "free"


@dataclass(frozen=True)
class Term:
    """What a form of a word stands for: of each category the keys.

    Attributes:
        keys: by category; for defects several rows may have the same term.
        strict: keys of defects that count only in texts about their process.
        general: rows of no process that its last word stands for, as "hollow" of "shallow hollow".
    """

    keys: tuple[tuple[Category, str], ...]
    strict: frozenset[str] = frozenset()
    general: tuple[str, ...] = ()

    def of(self, category: Category) -> tuple[str, ...]:
        """The keys of one category."""
        return self._of.get(category, ())

    @cached_property
    def _of(self) -> dict[Category, tuple[str, ...]]:
        return {
            category: tuple(key for one, key in self.keys if one is category)
            for category, _ in self.keys
        }


@dataclass(frozen=True)
class Found:
    """A term in a text, from ``start`` to ``end`` of the normalised text."""

    term: Term
    start: int
    end: int
    form: str

    def of(self, category: Category) -> tuple[str, ...]:
        """The keys of one category."""
        return self.term.of(category)


_ATOM = re.compile(r"[a-z][a-z0-9]*(?:'[a-z]+)?|\d+[a-z][a-z0-9]*|[\u3400-\u9fff]|\d+")
_JOINS = frozenset(["", ".", *" -/", *(a + b for a in " -/" for b in " -/")])
_HAN = re.compile(r"[\u3400-\u9fff]")
# Real words that differ from a term by one letter.
_NOT_MISREAD = frozenset(words("no_misreading")[""])
# What ends many words that are no compounds of it: "verlaufende", "brand".
_NO_HEADS = frozenset(words("no_head")[""])


@lru_cache(maxsize=256)
def find_terms(text: str) -> tuple[Found, ...]:
    """The terms of a normalised text in their order, none within another.

    The last texts are remembered, since a document is read once for its process and once more.
    """
    lexicon, heads = _lexicon()
    atoms = list(_ATOM.finditer(text))
    found: list[Found] = []
    at = 0
    while at < len(atoms):
        taken = _longest(text, atoms, at, lexicon)
        if taken is None:
            found += _single(atoms[at], lexicon, heads)
            at += 1
        else:
            term, count = taken
            start, end = atoms[at].start(), atoms[at + count - 1].end()
            found.append(Found(term, start, end, text[start:end]))
            at += count
    return tuple(found)


def _longest(
    text: str, atoms: list[re.Match[str]], at: int, lexicon: dict[str, Term]
) -> tuple[Term, int] | None:
    """The longest term that begins with the atom ``at``, and how many atoms it has."""
    key, best = "", None
    longest = _longest_forms()
    for count in range(1, min(MOST_ATOMS, len(atoms) - at) + 1):
        atom = atoms[at + count - 1]
        if count > 1 and text[atoms[at + count - 2].end() : atom.start()] not in _JOINS:
            break
        key += atom.group()
        if len(key) > longest.get(key[:BEGINNING], BEGINNING - 1):
            break
        if key in lexicon:
            best = lexicon[key], count
    return best


def _single(atom: re.Match[str], lexicon: dict[str, Term], heads: dict[str, Term]) -> list[Found]:
    """What one word stands for that is no term itself: a compound, or misread."""
    word = atom.group()
    if _HAN.match(word) or word.isdigit():
        return []
    for suffix in ("free", "frei", "freie", "freien", "freier", "freies", "freiem", "less", "los"):
        stem = word.removesuffix(suffix)
        if stem != word and (term := _stem_of_compound(stem, lexicon)):
            keys = (*term.keys, (Category.FREE, "free"))
            return [Found(Term(keys, term.strict), atom.start(), atom.end(), word)]
    for suffix in sorted(DIMENSION_HEADS, key=len, reverse=True):
        stem = word.removesuffix(suffix)
        if stem != word and (term := _stem_of_compound(stem, lexicon)):
            return [Found(term, atom.start(), atom.start() + len(stem), stem)]
    for start in range(LEAST_BEFORE_HEAD, len(word) - LEAST_HEAD + 1):
        if word[start:] in heads:
            return [Found(heads[word[start:]], atom.start(), atom.end(), word)]
    term = _misread(word, lexicon)
    return [] if term is None else [Found(term, atom.start(), atom.end(), word)]


def _stem_of_compound(stem: str, lexicon: dict[str, Term]) -> Term | None:
    """The defect of the first part of a compound, which may end in a linking sound."""
    for one in (
        stem,
        stem.removesuffix("s"),
        stem.removesuffix("n"),
        stem + "e",
        stem.removesuffix("-"),
    ):
        term = lexicon.get(one)
        if term is not None and term.of(Category.DEFECT):
            return Term(tuple(key for key in term.keys if key[0] is Category.DEFECT), term.strict)
    return None


def _misread(word: str, lexicon: dict[str, Term]) -> Term | None:
    """The term that ``word`` is with digits for letters or with one letter wrong."""
    read = word
    if any(one.isdigit() for one in word) and len(word) >= 4:
        for letters in ("oiesbg", "olesbg"):
            read = word.translate(dict(zip(map(ord, "01358" + "9"), letters, strict=True)))
            if (term := lexicon.get(read)) is not None:
                return term
    if read in _NOT_MISREAD:
        return None
    single = _DOUBLED.sub(r"\1", read)
    if len(single) == len(read) - 1 and single in _usual_words():
        return lexicon[single]  # "gratt", "porren"
    if len(read) < LEAST_MISREAD:
        return None
    for one in (read.replace("rn", "m"), read.replace("m", "rn"), read.replace("cl", "d")):
        if one != read and (term := lexicon.get(one)) is not None:
            return term
    near = _near_words()
    candidates = {form for part in _unharmed(read) for form in near.get(part, ())}
    close = sorted(form for form in candidates if _one_off(form, read))
    return lexicon[close[0]] if close else None


_DOUBLED = re.compile(r"([bdfgklmnprt])\1")


def _unharmed(word: str) -> tuple[str, str]:
    """Parts of a long word of which one wrong letter, besides the first, spares at least one."""
    return word[:3], f"{word[0]}…{word[-3:]}"


def _one_off(left: str, right: str) -> bool:
    """Whether one letter is wrong, missing, too much, or two are swapped."""
    if abs(len(left) - len(right)) > 1:
        return False
    if len(left) == len(right):
        wrong = [at for at in range(len(left)) if left[at] != right[at]]
        swapped = len(wrong) == 2 and wrong[1] == wrong[0] + 1
        return len(wrong) <= 1 or (swapped and sorted(left) == sorted(right))
    longer, shorter = sorted((left, right), key=len, reverse=True)
    return any(longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer)))


@cache
def _usual_words() -> frozenset[str]:
    """Names of defects in the singular and the commonest plural."""
    lexicon, _ = _lexicon()
    usual = {
        form
        for category, _, language, term in _entries()
        if category is Category.DEFECT and language != "zh"
        for form in (_joined(term), _joined(f"{term}s" if language == "en" else f"{term}n"))
    }
    return frozenset(form for form in usual & lexicon.keys() if len(form) >= LEAST_HEAD)


@cache
def _near_words() -> dict[str, tuple[str, ...]]:
    """Single words of defects by the parts of them that ``_unharmed`` names."""
    near: dict[str, list[str]] = {}
    for form in sorted(_usual_words()):
        if len(form) >= LEAST_MISREAD and form.isascii():
            for part in _unharmed(form):
                near.setdefault(part, []).append(form)
    return {part: tuple(forms) for part, forms in near.items()}


@cache
def _longest_forms() -> dict[str, int]:
    """By the first signs of forms how long the longest of them is."""
    lexicon, _ = _lexicon()
    longest: dict[str, int] = {}
    for form in lexicon:
        begin = form[:BEGINNING]
        longest[begin] = max(longest.get(begin, 0), len(form))
    return longest


# --- the lexicon --------------------------------------------------------------------------------


@cache
def _lexicon() -> tuple[dict[str, Term], dict[str, Term]]:
    """All forms of all terms, and those that may end a German compound."""
    keys: dict[str, list[tuple[Category, str]]] = {}
    strict: dict[str, set[str]] = {}
    german: dict[str, list[tuple[Category, str]]] = {}
    for category, key, language, term in _entries():
        bare = term.rstrip("!")
        for form in _forms(bare, language):
            found = keys.setdefault(form, [])
            if (category, key) not in found:
                found.append((category, key))
            if term.endswith("!"):
                strict.setdefault(form, set()).add(key)
            one_word = " " not in bare and bare[:1].isupper()
            if language == "de" and one_word and category in (Category.DEFECT, Category.PLACE):
                german.setdefault(form, []).append((category, key))
    for form in _no_defects():
        if any(category is Category.PLACE for category, _ in keys.get(form, ())):
            keys[form] = [one for one in keys[form] if one[0] is Category.PLACE]
            continue
        keys[form] = [(Category.NOTHING, "")]
        if form.isascii() and len(form) >= LEAST_HEAD:
            german[form] = [(Category.NOTHING, "")]
    general = _general(keys)
    terms = {
        form: Term(tuple(found), frozenset(strict.get(form, ())), general.get(form, ()))
        for form, found in keys.items()
    }
    heads = {
        form: Term(tuple(dict.fromkeys(found)), frozenset(strict.get(form, ())))
        for form, found in german.items()
        if len(form) >= LEAST_HEAD and form not in _NO_HEADS
    }
    return terms, heads


def _no_defects() -> set[str]:
    """The joined forms of what names no defect, in the singular and the plural."""
    forms = set()
    for one in words("no_defect")[""]:
        forms.add(_joined(one))
        if " " in one and one.isascii() and one[-1].isalpha():
            forms.add(_joined(one + "s"))
    return forms


def _general(keys: dict[str, list[tuple[Category, str]]]) -> dict[str, tuple[str, ...]]:
    """Of each form of several words the rows of no process that its last word stands for."""
    found = {}
    for category, _, language, term in _entries():
        bare = term.rstrip("!")
        if category is not Category.DEFECT or " " not in bare or language == "zh":
            continue
        last = bare.split()[-1]
        rows = tuple(
            key
            for one, key in keys.get(_joined(last), ())
            if one is Category.DEFECT and key.startswith("any/")
        )
        if rows:
            found.update(dict.fromkeys(_forms(bare, language), rows))
    return found


def _entries() -> Iterable[tuple[Category, str, str, str]]:
    """Category, key, language and term of all tables."""
    for defect in defects().values():
        for language, terms in defect.terms.items():
            for term in terms:
                yield Category.DEFECT, defect.key, language, term
    for place in places().values():
        for language, terms in place.terms.items():
            for term in terms:
                yield Category.PLACE, place.key, language, term
    for process in processes().values():
        for language, terms in process.terms.items():
            for term in terms:
                yield Category.PROCESS, process.key, language, term
    for material in materials().values():
        for language, terms in material.terms.items():
            for term in terms:
                yield Category.MATERIAL, material.key, language, term
    for cue, found in words("cue").items():
        for word in found:
            yield Category.CUE, cue, "", word
    for word in COUNT_WORDS:
        yield Category.COUNT, word, "", word


def _joined(term: str) -> str:
    """A term as its atoms are compared: without what separates them."""
    return "".join(map(_joined_word, term.split()))


@cache
def _joined_word(word: str) -> str:
    """The same of one word; the terms share most of their words."""
    return "".join(_ATOM.findall(normalise(word).text))


def _forms(term: str, language: str) -> set[str]:
    """The inflected forms of a term."""
    parts = term.split()
    if language == "en":
        forms = {" ".join([*parts[:-1], one]) for one in _english(parts[-1])}
        if len(parts) > 1 and parts[1] in ("of", "in", "at", "from", "across", "along", "between"):
            forms |= {" ".join([one, *parts[1:]]) for one in _english(parts[0])}
    elif language == "de":
        last = parts[-1]
        heads = _german(last) if last[:1].isupper() else _adjective(last)
        # Without its ending an adjective would make a compound: "obere Fläche", Oberfläche.
        befores = [
            _adjective(word) - {_stem(word)} | {word} if word[:1].islower() else {word}
            for word in parts[:-1]
        ]
        forms = {""}
        for options in [*befores, heads]:
            forms = {f"{form} {one}".strip() for form in forms for one in options}
    else:
        forms = {term}
    return {joined for form in forms if (joined := _joined(form))}


def _english(word: str) -> set[str]:
    """Singular and plural of an English noun."""
    if word.endswith(("ss", "x", "ch", "sh")):
        return {word, word + "es"}
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return {word, word[:-1] + "ies"}
    if word.endswith("ies"):
        return {word, word[:-3] + "y"}
    if word.endswith("s"):
        return {word}
    if word.endswith("f"):
        return {word, word + "s", word[:-1] + "ves"}
    return {word, word + "s"}


_UMLAUT = {"a": "ä", "o": "ö", "u": "ü"}


def _german(word: str) -> set[str]:
    """The cases and plurals that a German noun may have."""
    forms = {word, *(word + ending for ending in ("e", "en", "er", "ern", "n", "s", "es", "nen"))}
    if word.endswith("us"):
        forms.add(word[:-2] + "en")
    for at in range(len(word) - 1, -1, -1):
        if word[at] in _UMLAUT and not (at and word[at - 1 : at + 1] in ("au", "eu")):
            changed = word[:at] + _UMLAUT[word[at]] + word[at + 1 :]
            forms |= {changed, *(changed + ending for ending in ("e", "en", "er", "ern", "n"))}
            break
        if at and word[at - 1 : at + 1] == "au":
            changed = word[: at - 1] + "äu" + word[at + 1 :]
            forms |= {changed, *(changed + ending for ending in ("e", "en", "er", "ern", "n"))}
            break
        if word[at] in "eiyäöü" and at < len(word) - 3:
            break
    return forms


def _stem(word: str) -> str:
    """An adjective without its ending."""
    for ending in ("en", "er", "es", "em", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _adjective(word: str) -> set[str]:
    """The endings of a German adjective; short words have none."""
    if len(word) <= 3 or word in ("nicht", "voll", "über", "nach", "zwischen", "unten", "oben"):
        return {word}
    return {word, *(_stem(word) + ending for ending in ("", "e", "en", "er", "es", "em"))}
