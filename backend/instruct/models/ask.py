"""Asking a model within bounds of time, tokens and money, and again where its answer is wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from backend.errors import LanguageModelError
from backend.instruct.documents import Document
from backend.instruct.models.form import answer_form, asked_schema, each_that_fits, filled_in
from backend.instruct.models.port import (
    LanguageModel,
    ModelAnswer,
    ModelRequest,
    OutputMode,
    Picture,
    Turn,
    Usage,
    ViewPicture,
)
from backend.instruct.models.probe import PROBE_SYSTEM, probe_schema, probe_turn, told_frame
from backend.instruct.models.prompt import (
    SYSTEM,
    Row,
    correction,
    fence_of,
    first_turn,
)
from backend.instruct.views.box_frame import BoxFrame
from backend.wording import counted
from shared_schema.instruction import Evidence, Instruction, ModelUse, PlaceKind

# Says what is wrong with instructions of the right form, without words of a document.
Check = Callable[[Sequence[Instruction]], Sequence[str]]

# Rough sizes of a request, before a model has counted: bytes of UTF-8 for each token, and tokens of
# a picture.
BYTES_PER_TOKEN = 3
TOKENS_PER_PICTURE = 1500
# Waiting for a busy server longer than this is not worth it.
LONGEST_WAIT = 30.0
# A wrong answer is shown to the model again up to here.
SHOWN_AGAIN = 20_000


@dataclass(frozen=True)
class AskLimits:
    """Bounds of a conversation.

    Attributes:
        max_retries: how often a wrong answer is sent back.
        seconds: for all requests together.
        max_tokens: read and written, for all requests together.
        max_output_tokens: of one answer.
        max_price: in US dollars, where prices are known; None for no bound.

    >>> fs.AskLimits(seconds=30.0, max_price=0.05).max_retries
    2
    """

    max_retries: int = 2
    seconds: float = 120.0
    max_tokens: int = 200_000
    max_output_tokens: int = 4096
    max_price: float | None = 0.5


@dataclass(frozen=True)
class ModelReading:
    """What a model read in documents and pictures.

    Attributes:
        instructions: of the right form; nothing else is known of them yet.
        problems: what was still wrong with the last answer.
        use: what it took.
        sources: name of the document and number in it of each block that the model was shown.
    """

    instructions: tuple[Instruction, ...]
    problems: tuple[str, ...]
    use: ModelUse
    sources: tuple[tuple[str, int], ...] = field(repr=False)

    def evidence(self, instruction: Instruction) -> Evidence | None:
        """The passage that an instruction names, in its document."""
        number = instruction.evidence_block
        if number is None or not instruction.quote.strip():
            return None
        source, block = self.sources[number]
        return Evidence(source=source, block=block, quote=instruction.quote)


def ask_model(
    model: LanguageModel,
    documents: Sequence[Document],
    rows: Sequence[Row],
    *,
    places: Sequence[Row] = (),
    views: Sequence[ViewPicture] = (),
    photos: Sequence[Picture] = (),
    frame: BoxFrame | None = BoxFrame.PIXELS,
    mode: OutputMode = OutputMode.NATIVE,
    limits: AskLimits | None = None,
    seed: int,
    check: Check | None = None,
    tell: Callable[[str], None] | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> ModelReading:
    """What ``model`` reads in ``documents``, ``views`` and ``photos``.

    An answer that is not of the form, names a block, view or mark that does not exist, or that
    ``check`` finds wrong is sent back with the reasons. After the last try, the instructions that
    are right by themselves are kept.

    Args:
        model: is asked.
        documents: their blocks are numbered through, from 0.
        rows: of the knowledge base; the model names defects by their keys.
        places: the model names places by their keys.
        views: of the part; boxes come back in their pixels.
        photos: and pages, as they are sent.
        frame: in what the model gives boxes. None: where there are views, it is asked first for the
            boxes of three squares in a picture of their size, which tell it.
        mode: how the model is held to the form.
        limits: of time, tokens and money.
        seed: of the fence between blocks. Draw it from the system's randomness, or take that of a
            recording.
        check: further reasons for which an answer is sent back.
        tell: gets a sentence that says what is sent where, before anything is.
        wait: until a busy server may be asked again, in seconds.

    Raises:
        LanguageModelError: there is no usable answer within the limits.
    """
    limits = limits or AskLimits()
    form = answer_form(tuple(row.key for row in rows), tuple(place.key for place in places))
    probe = probe_turn(views[0].width, views[0].height) if views and frame is None else None

    def first_in(frame: BoxFrame | None) -> Turn:
        known = frame or BoxFrame.PIXELS
        return first_turn(documents, rows, places, views, photos, known, fence_of(seed))

    first = first_in(frame)
    sources = tuple((d.source, number) for d in documents for number in range(len(d.blocks)))
    conversation = _Conversation(model, limits, mode, asked_schema(form), wait)
    conversation.check_first([first] if probe is None else [probe, first])
    if tell is not None:
        pictures = len(first.pictures) + (0 if probe is None else len(probe.pictures))
        tell(_announcement(model, documents, pictures))
    if probe is not None:
        frame = _probed(conversation, probe, views[0])
        first = first_in(frame)

    def wrong(found: Sequence[Instruction]) -> list[str]:
        known = [*_unknown(found, len(sources), views)]
        return known or list(check(found) if check else ())

    turns = [first]
    while True:
        answer = conversation.ask(turns)
        found, problems = filled_in(form, answer.text)
        problems = problems or tuple(wrong(found))
        if answer.cut_off and problems:
            problems = ("the answer was cut off; give fewer or shorter instructions", *problems)
        if not problems or not conversation.may_go_on():
            break
        turns = [first, Turn("model", answer.text[:SHOWN_AGAIN]), correction(problems)]
    if problems:
        found = tuple(each for each in each_that_fits(form, answer.text) if not wrong([each]))
        if not found:
            raise LanguageModelError(
                f"the model {model.name} gave no usable answer in {conversation.requests} requests "
                f"({problems[0]}); try another --output-mode or another model"
            )
    placed = tuple(_in_pixels(each, views, frame or BoxFrame.PIXELS) for each in found)
    return ModelReading(placed, problems, conversation.use(), sources)


def _probed(conversation: _Conversation, probe: Turn, view: ViewPicture) -> BoxFrame:
    """The frame in which the model gives the boxes of the squares of ``probe``.

    Raises:
        LanguageModelError: they fit no frame.
    """
    answer = conversation.probe(probe)
    frame = told_frame(answer.text, view.width, view.height)
    if frame is None:
        names = ", ".join(each.value for each in BoxFrame)
        raise LanguageModelError(
            f"the boxes that the model {conversation.model.name} gave of squares in a test picture "
            f"fit no frame; name it by --box-frame ({names}) or leave the views out by --no-marks"
        )
    return frame


class _Conversation:
    """The requests to one model, and what they took."""

    def __init__(
        self,
        model: LanguageModel,
        limits: AskLimits,
        mode: OutputMode,
        schema: dict[str, object],
        wait: Callable[[float], None],
    ) -> None:
        self.model, self.limits, self.mode, self.schema = model, limits, mode, schema
        self.wait = wait
        self.start = time.monotonic()
        self.requests = self.probes = self.input_tokens = self.output_tokens = 0
        self.price: float | None = 0.0

    def check_first(self, turns: Sequence[Turn]) -> None:
        """Raise ``LanguageModelError`` if the first requests are beyond the limits already."""
        size = sum(len((SYSTEM + turn.text).encode()) for turn in turns) // BYTES_PER_TOKEN
        tokens = size + TOKENS_PER_PICTURE * sum(len(turn.pictures) for turn in turns)
        most = self.limits.max_output_tokens * len(turns)
        if tokens + most > self.limits.max_tokens:
            raise LanguageModelError(
                f"the documents and pictures have about {tokens} tokens, and the answer may have "
                f"{most}: more than the limit of {self.limits.max_tokens}; give fewer documents or "
                "raise --max-tokens"
            )
        price = self.model.price(tokens, most)
        if price is not None and self._too_dear(price):
            raise LanguageModelError(
                f"one request may cost {price:.2f} US dollars, more than the limit of "
                f"{self.limits.max_price:.2f}; give fewer documents or raise --max-cost"
            )

    def probe(self, turn: Turn) -> ModelAnswer:
        """The answer to a question of its own, which is no try of the task."""
        self.probes += 1
        return self._counted([turn], PROBE_SYSTEM, probe_schema())

    def ask(self, turns: Sequence[Turn]) -> ModelAnswer:
        """The answer to the task."""
        return self._counted(turns, SYSTEM, self.schema)

    def _counted(
        self, turns: Sequence[Turn], system: str, schema: dict[str, object]
    ) -> ModelAnswer:
        """The answer; a busy server is asked once more when it says so."""
        try:
            answer = self._ask_once(turns, system, schema)
        except LanguageModelError as error:
            delay = error.retry_after
            if delay is None or not 0 <= delay <= min(LONGEST_WAIT, self.seconds_left()):
                raise
            self.wait(delay)
            answer = self._ask_once(turns, system, schema)
        self._count(answer.usage)
        if answer.refused:
            raise LanguageModelError(f"the model {self.model.name} refused to answer")
        return answer

    def _ask_once(
        self, turns: Sequence[Turn], system: str, schema: dict[str, object]
    ) -> ModelAnswer:
        self.requests += 1
        return self.model.answer(
            ModelRequest(
                system,
                tuple(turns),
                schema,
                self.mode,
                self.limits.max_output_tokens,
                max(self.seconds_left(), 0.001),
            )
        )

    def seconds_left(self) -> float:
        return self.limits.seconds - (time.monotonic() - self.start)

    def _count(self, usage: Usage) -> None:
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        known = self.price is not None and usage.price is not None
        self.price = self.price + usage.price if known else None  # type: ignore[operator]

    def may_go_on(self) -> bool:
        """Whether another request as large as the last ones stays within the limits."""
        used = self.input_tokens + self.output_tokens
        next_one = used / self.requests
        return (
            self.requests - self.probes <= self.limits.max_retries
            and self.seconds_left() > 0
            and used + next_one <= self.limits.max_tokens
            and not (
                self.price is not None and self._too_dear(self.price * (1 + 1 / self.requests))
            )
        )

    def _too_dear(self, price: float) -> bool:
        return self.limits.max_price is not None and price > self.limits.max_price

    def use(self) -> ModelUse:
        """What it took, for reports."""
        return ModelUse(
            name=self.model.name,
            endpoint=self.model.endpoint,
            requests=self.requests,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            price=self.price,
            seconds=round(time.monotonic() - self.start, 3),
        )


def _announcement(model: LanguageModel, documents: Sequence[Document], pictures: int) -> str:
    characters = sum(len(block.text) for document in documents for block in document.blocks)
    texts = f"{counted(len(documents), 'document')} ({characters} characters)"
    shown = counted(pictures, "picture")
    return f"Sending {texts} and {shown} to {model.endpoint}, model {model.name}"


def _unknown(found: Sequence[Instruction], blocks: int, views: Sequence[ViewPicture]) -> list[str]:
    """Which instructions name what does not exist."""
    names = {view.name for view in views}
    marks = frozenset().union(*(view.marks for view in views))
    told = []
    for number, each in enumerate(found):
        where = f"instructions.{number}"
        if each.evidence_block is not None and each.evidence_block >= blocks:
            told.append(f"{where}.evidence_block: the blocks end at {blocks - 1}")
        if each.place is PlaceKind.MARKS and not marks.issuperset(each.marks):
            told.append(f"{where}.marks: no view shows one of these marks")
        if each.place is PlaceKind.BOX and each.view not in names:
            told.append(f"{where}.view: there is no view of that name")
    return told


def _in_pixels(
    instruction: Instruction, views: Sequence[ViewPicture], frame: BoxFrame
) -> Instruction:
    """The instruction with its box in pixels of its view."""
    if instruction.place is not PlaceKind.BOX or frame is BoxFrame.PIXELS:
        return instruction
    view = next(view for view in views if view.name == instruction.view)
    whole = 1000.0 if frame is BoxFrame.PER_MILLE else 1.0
    edges = {"left": view.width, "right": view.width, "top": view.height, "bottom": view.height}
    scaled = {name: getattr(instruction, name) * size / whole for name, size in edges.items()}
    if not all(map(math.isfinite, scaled.values())):
        return instruction
    return instruction.model_copy(update=scaled)
