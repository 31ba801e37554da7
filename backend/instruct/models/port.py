"""The port: what is asked of a language model, and what it answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol


class OutputMode(StrEnum):
    """How a model is made to answer by the schema.

    ``native``: the server holds the model to it; ``tool``: as the arguments of a function;
    ``prompted``: by a sentence in the prompt, which any model takes.
    """

    NATIVE = "native"
    TOOL = "tool"
    PROMPTED = "prompted"


@dataclass(frozen=True)
class Picture:
    """A picture as it is sent.

    Attributes:
        name: of its file, without folders.
        data: the encoded picture.
        media_type: ``image/png`` or ``image/jpeg``.
    """

    name: str
    data: bytes
    media_type: str = "image/png"


@dataclass(frozen=True)
class ViewPicture:
    """A view of the part with numbered marks on its surface.

    Attributes:
        name: of the view.
        picture: with the marks drawn in it.
        width: in pixels.
        height: in pixels.
        marks: the numbers that can be seen in it.
    """

    name: str
    picture: Picture
    width: int
    height: int
    marks: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Turn:
    """What one side says."""

    speaker: Literal["user", "model"]
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class ModelRequest:
    """All that a model is told at once.

    Attributes:
        system: what it is to do.
        turns: the conversation so far, the last one by the user.
        schema: JSON Schema of the answer.
        mode: how it is held to the schema.
        max_output_tokens: of the answer.
        seconds: until the request is given up.
    """

    system: str
    turns: tuple[Turn, ...]
    schema: dict[str, Any]
    mode: OutputMode
    max_output_tokens: int
    seconds: float

    def digest(self) -> str:
        """SHA-256 of what is said, without the bounds."""
        said = [
            [turn.speaker, turn.text, [_digest(picture.data) for picture in turn.pictures]]
            for turn in self.turns
        ]
        content = [self.system, said, self.schema, self.mode.value]
        return _digest(json.dumps(content, sort_keys=True).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Usage:
    """What an answer took; ``price`` is in US dollars, None if it is not known."""

    input_tokens: int = 0
    output_tokens: int = 0
    price: float | None = None


@dataclass(frozen=True)
class ModelAnswer:
    """What a model said.

    Attributes:
        text: the answer, which should be JSON by the schema, and need not be.
        usage: what it took.
        cut_off: whether it ends at the bound of tokens.
        refused: whether the model, or its provider, would not answer.
    """

    text: str
    usage: Usage = Usage()
    cut_off: bool = False
    refused: bool = False


class LanguageModel(Protocol):
    """A model that can be asked.

    Attributes:
        name: as the user gave it, without any key.
        endpoint: where requests go, for the user to read before anything is sent.
    """

    @property
    def name(self) -> str: ...

    @property
    def endpoint(self) -> str: ...

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """What so many tokens cost in US dollars; None if it is not known."""
        ...

    def answer(self, request: ModelRequest) -> ModelAnswer:
        """The model's answer.

        Raises:
            LanguageModelError: whatever went wrong, in a sentence without keys and without
                anything that the server or a document said.
        """
        ...
