"""How much of labelled texts the reader of documents finds, or a language model.

    python benchmarks/instruct.py --set dev > benchmarks/instruct.txt
    python benchmarks/instruct.py --model ollama:qwen3-vl --repeats 3

``benchmarks/instruct/README.md`` describes the texts and their labels. Items are matched with
labels one to one. Kinds are counted over what would be made: defects that are absent, or that have
no shape, are counted apart. A size is right if the ranges share at least half of their common span,
on a logarithmic scale. Intervals are Wilson's, at 95 %.

With ``--model``, the texts are sent to that model, one by one, as ``flawsmith instruct`` does, and
what it says is measured without the reader's items. Sizes that no passage proves do not count, as
there. An answer that cannot be used counts as one that names no defect. The options about models
are those of ``flawsmith instruct``. ``--repeats`` asks as often and tells how far the answers
agree: the share of items that two answers to a text have in common.
"""

from __future__ import annotations

import argparse
import platform
import re
import secrets
import time
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import binomtest

from backend.errors import LanguageModelError
from backend.instruct.documents import Block, BlockKind, Document
from backend.instruct.knowledge import ANY, defects, places
from backend.instruct.merge import merge
from backend.instruct.models import (
    AskLimits,
    LanguageModel,
    OutputMode,
    RecordingModel,
    ReplayedModel,
    ask_model,
    parse_model_name,
)
from backend.instruct.reader import read_defects
from shared_schema.instruction import InstructedDefect, ModelUse

TEXTS = Path(__file__).parent / "instruct" / "texts"
SETS = ("dev", "held_out", "third", "fourth", "fifth")
# A single value is a range of this relative half width; an open end lies this factor away.
POINT, OPEN = 0.02, 10.0
LIKE = 0.5
UNIT_ERROR = 10.0
# More than all else that may speak for a pair of a label and an item.
SAME_KIND = 16.0
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


def half_of(name: str) -> str:
    """The half of a set that a text is in, by the number that its name begins with."""
    return "odd" if int(name.partition("_")[0]) % 2 else "even"


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
    """How well an item fits a label; below ``SAME_KIND`` their kinds differ."""
    score = SAME_KIND * (kind_of(item) == label["kind"])
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
    return [
        (int(a), int(b)) for a, b in zip(rows, columns, strict=True) if scores[a, b] >= SAME_KIND
    ]


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
    low, high = binomtest(right, of).proportion_ci(0.95, "wilson")
    return f"{right / of:.3f} [{low:.2f}, {high:.2f}] ({right}/{of})"


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
    options = parsed()
    texts = load(TEXTS / options.set)
    if options.texts:
        texts = [text for text in texts if text.name in options.texts]
    if options.half:
        texts = [text for text in texts if half_of(text.name) == options.half]
    if options.model or options.replay:
        measure_model(options, texts)
        return
    began = time.process_time()
    read_defects([Document("warm up", (Block("Die casting: scratchhes of 2 mm, 裂纹"),))])
    first = time.process_time() - began
    readings, seconds = {}, 0.0
    for text in texts:
        began = time.process_time()
        readings[text.name] = list(read_defects([text.document]).items)
        seconds += time.process_time() - began
    half = f" ({options.half} numbers)" if options.half else ""
    print(f"set {options.set}{half}, {len(texts)} texts, Python {platform.python_version()}")
    characters = sum(len(block.text) for text in texts for block in text.document.blocks)
    page = 1000 * seconds / characters * 3000
    print(
        f"CPU time {page:.1f} ms for a page of 3,000 characters, "
        f"after {first:.1f} s for the tables of terms"
    )
    groups: dict[str, Counts] = defaultdict(Counts)
    notes = {text.name: counted(text, readings[text.name], groups) for text in texts}
    for title in sorted(groups):
        table(title, groups[title])
    changed = [text.name for text in texts if text.twin and not same(text, readings)]
    injected = sum(text.group == "injected" for text in texts)
    print(f"\ninjected: {injected} texts, of which {len(changed)} change the items {changed or ''}")
    if options.wrong:
        print_wrong(notes)


def parsed() -> argparse.Namespace:
    """The options; those about a model have the names and defaults of ``flawsmith instruct``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", choices=SETS, default="dev")
    parser.add_argument("--half", choices=("odd", "even"), help="Texts with odd or even numbers.")
    parser.add_argument("--texts", nargs="+", metavar="NAME", help="Only these texts of the set.")
    parser.add_argument("--wrong", action="store_true", help="Print what is wrong, text by text.")
    usual = AskLimits()
    model = parser.add_argument_group("a language model")
    model.add_argument("--model", metavar="NAME", help="As flawsmith instruct takes it.")
    model.add_argument("--repeats", type=int, default=1, help="How often each text is sent.")
    model.add_argument("--output-mode", choices=list(map(str, OutputMode)), default="native")
    model.add_argument("--max-retries", type=int, default=usual.max_retries)
    model.add_argument("--timeout", type=float, default=usual.seconds, help="For each text.")
    model.add_argument("--max-tokens", type=int, default=usual.max_tokens, help="For each text.")
    model.add_argument("--max-answer", type=int, default=usual.max_output_tokens)
    model.add_argument("--max-cost", type=float, default=usual.max_price, help="For each text.")
    model.add_argument("--record", type=Path, metavar="FILE")
    model.add_argument("--replay", type=Path, metavar="FILE")
    return parser.parse_args()


def counted(text: Text, items: list[InstructedDefect], groups: dict[str, Counts]) -> list[str]:
    """Count one text in its groups, and tell what is wrong with it."""
    if text.group == "injected":
        return []
    together = "defects named" if text.group == "defects" else "no geometric defect"
    wrong = count(text, items, groups[together])
    if text.group == "defects":
        count(text, items, groups[f"language {text.language}"])
    return wrong


def print_wrong(notes: dict[str, list[str]]) -> None:
    for name, lines in notes.items():
        for line in lines:
            print(f"{name}: {line}")


# --- a language model ---------------------------------------------------------------------------


@dataclass
class Answers:
    """What a model said of the texts.

    Attributes:
        items: by text, one list for each time that it was asked; empty where the answer could not
            be used.
        uses: what each usable answer took.
        failures: sentences, one for each answer that could not be used.
    """

    items: dict[str, list[list[InstructedDefect]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    uses: list[ModelUse] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def model_of(options: argparse.Namespace) -> tuple[LanguageModel, int]:
    """The model and the seed of the fence, as ``flawsmith instruct`` makes them."""
    if options.replay:
        replayed = ReplayedModel(options.replay)
        return replayed, replayed.seed
    from backend.instruct.models.providers import ServedModel

    served, seed = ServedModel(parse_model_name(options.model)), secrets.randbits(64)
    return (RecordingModel(served, options.record, seed) if options.record else served), seed


def measure_model(options: argparse.Namespace, texts: list[Text]) -> None:
    """Ask a model about all texts, and print the tables."""
    model, seed = model_of(options)
    limits = AskLimits(
        max_retries=options.max_retries,
        seconds=options.timeout,
        max_tokens=options.max_tokens,
        max_output_tokens=options.max_answer,
        max_price=options.max_cost,
    )
    answers = Answers()
    for _ in range(options.repeats):
        for text in texts:
            ask(model, text, answers, OutputMode(options.output_mode), limits, seed)
    print(f"set {options.set}, {len(texts)} texts, asked {options.repeats} times: {model.name}")
    print_use(answers)
    groups: dict[str, Counts] = defaultdict(Counts)
    notes: dict[str, list[str]] = {}
    for text in texts:
        for number, items in enumerate(answers.items[text.name], 1):
            notes[f"{text.name}, answer {number}"] = counted(text, items, groups)
    for title in sorted(groups):
        table(title, groups[title])
    if options.wrong:
        print_wrong(notes)


def ask(
    model: LanguageModel,
    text: Text,
    answers: Answers,
    mode: OutputMode,
    limits: AskLimits,
    seed: int,
) -> None:
    """Ask about one text; an answer that cannot be used is a failure, and names no defect."""
    process = read_defects([text.document]).process
    rows = [row for row in defects().values() if process is None or row.process in (process, ANY)]
    try:
        asked = ask_model(
            model,
            [text.document],
            rows,
            places=list(places().values()),
            mode=mode,
            limits=limits,
            seed=seed,
        )
    except LanguageModelError as error:
        answers.failures.append(f"{text.name}: {error}")
        answers.items[text.name].append([])
        return
    merged = merge((), asked.instructions, asked.evidence, [text.document])
    answers.items[text.name].append([placed.item for placed in merged.items])
    answers.uses.append(asked.use)


def print_use(answers: Answers) -> None:
    """Print what the answers took, and how far those to one text agree."""
    usable, failed = len(answers.uses), len(answers.failures)
    print(f"usable answers: {usable} of {usable + failed}")
    if usable:
        seconds = [use.seconds for use in answers.uses]
        prices = [use.price for use in answers.uses if use.price is not None]
        tokens = [(use.input_tokens, use.output_tokens) for use in answers.uses]
        means = [mean(one) for one in zip(*tokens, strict=True)]
        requests = mean(use.requests for use in answers.uses)
        print(f"for a text: {requests:.1f} requests, {means[0]:.0f} tokens in, {means[1]:.0f} out")
        print(f"seconds for a text: median {median(seconds):.1f}, most {max(seconds):.1f}")
        price = f"{mean(prices):.5f} US dollars" if prices else "not known"
        print(f"price of a text: {price}")
    agreed = [agreement(items) for items in answers.items.values() if len(items) > 1]
    if agreed:
        print(f"agreement of repeated answers: {mean(agreed):.3f}")
    for failure in answers.failures:
        print(f"no usable answer: {failure}")


def agreement(several_items: Sequence[Sequence[InstructedDefect]]) -> float:
    """Mean share of items that two answers have in common; 1 where both have none."""
    said = [frozenset(map(said_of, items)) for items in several_items]
    shares = [
        len(one & other) / len(one | other) if one | other else 1.0
        for one, other in combinations(said, 2)
    ]
    return mean(shares)


def said_of(item: InstructedDefect) -> tuple[Any, ...]:
    """What an item says, without its passage and its reason."""
    return item.defect, item.polarity, item.place, item.count, tuple(sorted(item.sizes.items()))


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
