"""How much of labelled texts the reader of documents finds.

    python benchmarks/instruct.py --set dev > benchmarks/instruct.txt

``benchmarks/instruct/README.md`` describes the texts and their labels. Items are matched with
labels one to one. Kinds are counted over what would be made: defects that are absent, or that have
no shape, are counted apart. A size is right if the ranges share at least half of their common span,
on a logarithmic scale. Intervals are Wilson's, at 95 %.
"""

from __future__ import annotations

import argparse
import platform
import re
import time
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from backend.instruct.documents import Block, BlockKind, Document
from backend.instruct.reader import read_defects
from shared_schema.instruction import InstructedDefect

TEXTS = Path(__file__).parent / "instruct" / "texts"
# A single value is a range of this relative half width; an open end lies this factor away.
POINT, OPEN = 0.02, 10.0
LIKE = 0.5
UNIT_ERROR = 10.0
BULLET = re.compile(r"(?:[-*•]|\d{1,2}\.)\s+")
RULE = re.compile(r"[\s|:-]+")


@dataclass
class Text:
    """A labelled text."""

    name: str
    group: str
    language: str
    twin: str | None
    document: Document
    labels: list[dict[str, Any]]


@dataclass
class Counts:
    """What was counted over a number of texts; each pair is (right, all)."""

    pairs: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    unit_errors: int = 0
    texts: int = 0

    def add(self, name: str, right: bool) -> None:
        self.pairs[name][0] += right
        self.pairs[name][1] += 1


def blocks_of(text: str) -> tuple[Block, ...]:
    """The blocks of a text, as Markdown has them."""
    blocks: list[Block] = []
    paragraph: list[str] = []
    for line in [*text.splitlines(), ""]:
        line = line.strip()
        bullet = BULLET.match(line)
        if not line or line.startswith("#") or bullet or " | " in line or RULE.fullmatch(line):
            if paragraph:
                blocks.append(Block("\n".join(paragraph)))
            paragraph = []
        if not line or RULE.fullmatch(line):
            continue
        if line.startswith("#"):
            blocks.append(Block(line.lstrip("# "), BlockKind.HEADING))
        elif bullet:
            blocks.append(Block(line[bullet.end() :], BlockKind.BULLET))
        elif " | " in line:
            blocks.append(Block(line.removeprefix("|").removesuffix("|").strip(), BlockKind.ROW))
        else:
            paragraph.append(line)
    return tuple(blocks)


def load(folder: Path) -> list[Text]:
    """All texts of a folder, in the order of their names."""
    texts = []
    for path in sorted(folder.glob("*.toml")):
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        document = Document(path.stem, blocks_of(raw["text"]))
        labels = raw.get("items", [])
        texts.append(
            Text(path.stem, raw["group"], raw["language"], raw.get("twin"), document, labels)
        )
    return texts


def several(value: Any) -> list[Any]:
    """The right answers of a label, of which there may be several."""
    return value if isinstance(value, list) else [value]


def span(interval: list[Any]) -> tuple[float, float]:
    """The logarithms of the ends of a range, whose end may be open."""
    low, high = (None if end in (None, "open") else float(end) for end in interval)
    if low is None and high is None:
        return -np.inf, np.inf
    low = high / OPEN if low is None else low  # type: ignore[operator]
    high = low * OPEN if high is None else high
    low, high = max(low, 1e-9) * (1 - POINT), max(high, 1e-9) * (1 + POINT)
    return float(np.log(low)), float(np.log(high))


def likeness(left: list[Any], right: list[Any]) -> float:
    """Intersection over union of two ranges on a logarithmic scale."""
    (a, b), (c, d) = span(left), span(right)
    return max(0.0, min(b, d) - max(a, c)) / (max(b, d) - min(a, c))


def off_by_ten(left: list[Any], right: list[Any]) -> bool:
    """Whether an end that both ranges have is wrong by a factor of ten or more."""
    pairs = [
        (float(one), float(other))
        for one, other in zip(left, right, strict=True)
        if one not in (None, "open") and other not in (None, "open") and float(one) > 0
    ]
    return any(abs(np.log10(max(two, 1e-9) / one)) >= np.log10(UNIT_ERROR) for one, two in pairs)


def kind_of(item: InstructedDefect) -> str:
    return item.kind or "none"


def fit(label: dict[str, Any], item: InstructedDefect) -> float:
    """How well an item fits a label; below 4 their kinds differ."""
    score = 4.0 * (kind_of(item) == label["kind"])
    score += 2.0 * (item.defect in several(label.get("key", "")))
    score += 1.0 * (item.polarity in several(label["polarity"]))
    score += 0.5 * place_right(label, item)
    if item.evidence is not None:
        score += 0.5 * overlaps(item.evidence.quote, label["quote"])
    sizes = label.get("sizes", {})
    named = {name.value: list(size) for name, size in item.sizes.items()}
    return score + 0.5 * sum(
        likeness(size, named[name]) >= LIKE for name, size in sizes.items() if name in named
    )


def place_right(label: dict[str, Any], item: InstructedDefect) -> bool:
    return (item.place or "") in several(label.get("place") or "")


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().lower()


def overlaps(quote: str, label: str) -> bool:
    """Whether one of the quotes holds the other, or they share half of the shorter one."""
    left, right = plain(quote), plain(label)
    if left in right or right in left:
        return True
    words = set(left.split()) & set(right.split())
    return len(words) * 2 >= min(len(left.split()), len(right.split()))


def matched(labels: list[dict[str, Any]], items: list[InstructedDefect]) -> list[tuple[int, int]]:
    """Pairs of labels and items of the same kind, one to one."""
    if not labels or not items:
        return []
    scores = np.array([[fit(label, item) for item in items] for label in labels])
    rows, columns = linear_sum_assignment(-scores)
    return [(int(a), int(b)) for a, b in zip(rows, columns, strict=True) if scores[a, b] >= 4]


def made(label: dict[str, Any]) -> bool:
    return label["kind"] != "none" and "absent" not in several(label["polarity"])


def count(text: Text, items: list[InstructedDefect], counts: Counts) -> list[str]:
    """Counts one text, and tells what is wrong with it."""
    wrong: list[str] = []
    pairs = matched(text.labels, items)
    label_of = {item: label for label, item in pairs}
    item_of = dict(pairs)
    counts.texts += 1
    for number, item in enumerate(items):
        if item.used:
            right = number in label_of and made(text.labels[label_of[number]])
            counts.add("kind precision", right)
            wrong += [] if right else [f"too much: {item.defect} {item.polarity}"]
        counts.add("evidence", evidence_right(text, item))
    for number, label in enumerate(text.labels):
        found = items[item_of[number]] if number in item_of else None
        if made(label):
            counts.add("kind recall", found is not None)
        elif label["kind"] == "none":
            counts.add("refused", found is not None and not found.used)
        else:
            counts.add("absent not made", found is None or not found.used)
        if found is None:
            if made(label) or label["kind"] == "none":
                wrong.append(f"missing: {label['key']} {label['polarity']}")
                for _ in label.get("sizes", {}):
                    counts.add("sizes", False)
            continue
        wrong += judge(label, found, counts)
    return wrong


def judge(label: dict[str, Any], found: InstructedDefect, counts: Counts) -> list[str]:
    """Counts key, polarity, place, count and sizes of a matched item."""
    wrong = []
    if "key" in label:
        counts.add("key", found.defect in several(label["key"]))
        if found.defect not in several(label["key"]):
            wrong.append(f"key: {found.defect} for {label['key']}")
    for name, right, had in (
        ("polarity", found.polarity in several(label["polarity"]), found.polarity),
        ("place", place_right(label, found), found.place),
    ):
        counts.add(name, right)
        wrong += [] if right else [f"{name} of {found.defect}: {had} for {label.get(name)}"]
    if "count" in label:
        right = found.count is not None and list(found.count) == label["count"]
        counts.add("count", right)
        wrong += [] if right else [f"count of {found.defect}: {found.count} for {label['count']}"]
    named = {name.value: list(size) for name, size in found.sizes.items()}
    for name, size in label.get("sizes", {}).items():
        right = name in named and likeness(size, named[name]) >= LIKE
        counts.add("sizes", right)
        wrong += [] if right else [f"size of {found.defect}: {named} for {name} {size}"]
        counts.unit_errors += name in named and off_by_ten(size, named[name])
    return wrong


def evidence_right(text: Text, item: InstructedDefect) -> bool:
    """Whether the quote stands in the block that it names."""
    if item.evidence is None or item.evidence.source != text.document.source:
        return False
    return item.evidence.quote in text.document.blocks[item.evidence.block].text


def wilson(right: int, of: int) -> str:
    """A share with its interval."""
    if of == 0:
        return "   –"
    z, p = 1.96, right / of
    middle, half = p + z * z / (2 * of), z * np.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    low, high = ((middle + sign * half) / (1 + z * z / of) for sign in (-1, 1))
    return f"{p:.3f} [{low:.2f}, {high:.2f}] ({right}/{of})"


def table(title: str, counts: Counts) -> None:
    """Prints what was counted."""
    print(f"\n{title}: {counts.texts} texts")
    precision, recall = counts.pairs["kind precision"], counts.pairs["kind recall"]
    p, r = (right / of if of else 0.0 for right, of in (precision, recall))
    print(f"  {'kind F1':16} {2 * p * r / (p + r) if p + r else 0:.3f}")
    for name in (
        "kind precision",
        "kind recall",
        "key",
        "polarity",
        "place",
        "sizes",
        "count",
        "evidence",
        "refused",
        "absent not made",
    ):
        print(f"  {name:16} {wilson(*counts.pairs[name])}")
    print(f"  {'factor-10 errors':16} {counts.unit_errors}")


def main() -> None:
    """Reads all texts of a set and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", choices=("dev", "held_out", "third", "fourth"), default="dev")
    parser.add_argument("--wrong", action="store_true", help="Print what is wrong, text by text.")
    options = parser.parse_args()
    texts = load(TEXTS / options.set)
    read_defects([Document("warm up", (Block("cracks"),))])
    readings, seconds = {}, 0.0
    for text in texts:
        began = time.process_time()
        readings[text.name] = list(read_defects([text.document]).items)
        seconds += time.process_time() - began
    print(f"set {options.set}, {len(texts)} texts, Python {platform.python_version()}")
    characters = sum(len(block.text) for text in texts for block in text.document.blocks)
    print(f"CPU time {1000 * seconds / characters * 3000:.1f} ms for a page of 3,000 characters")
    groups: dict[str, Counts] = defaultdict(Counts)
    notes = {}
    for text in texts:
        if text.group == "injected":
            continue
        together = "defects named" if text.group == "defects" else "no geometric defect"
        notes[text.name] = count(text, readings[text.name], groups[together])
        if text.group == "defects":
            count(text, readings[text.name], groups[f"language {text.language}"])
    for title in sorted(groups):
        table(title, groups[title])
    changed = [text.name for text in texts if text.twin and not same(text, readings)]
    injected = sum(text.group == "injected" for text in texts)
    print(f"\ninjected: {injected} texts, of which {len(changed)} change the items {changed or ''}")
    if options.wrong:
        for name, lines in notes.items():
            for line in lines:
                print(f"{name}: {line}")


def same(text: Text, readings: dict[str, list[InstructedDefect]]) -> bool:
    """Whether a text gives the items of its clean twin, besides the documents' names."""
    twin = readings.get(text.twin or "")
    if twin is None:
        raise SystemExit(f"{text.name}: there is no text {text.twin}")
    return [bare(one) for one in twin] == [bare(one) for one in readings[text.name]]


def bare(item: InstructedDefect) -> dict[str, Any]:
    return item.model_dump(exclude={"evidence": {"source", "block"}})


if __name__ == "__main__":
    main()
