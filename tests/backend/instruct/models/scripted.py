"""Models whose answers are written in the test, and what they are asked about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.instruct.documents import Block, Document
from backend.instruct.models import ModelAnswer, ModelRequest, Usage


@dataclass(frozen=True)
class Row:
    """A row of the knowledge base."""

    key: str
    terms: dict[str, tuple[str, ...]]


ROWS = (
    Row("casting/blowholes", {"en": ("blowhole",), "de": ("Gasblase", "Blase!", "Gaspore")}),
    Row("any/crack", {"en": ("crack",), "de": ("Riss",)}),
)
PLACES = (Row("edge", {"en": ("edge",), "de": ("Kante",)}), Row("flange", {"en": ("flange",)}))
SPEC = Document(
    "spec.md",
    (Block("Quality"), Block("Blowholes of 2 to 4 mm occur on the top flange.")),
)
NOTES = Document("notes.txt", (Block("No cracks are permitted."),))


def instruction(**changes: Any) -> dict[str, Any]:
    """A right instruction with ``changes``."""
    right = {
        "defect": "casting/blowholes",
        "polarity": "occurs",
        "place": "feature",
        "feature": "flange",
        "unit": "mm",
        "diameter": {"low": 2.0, "high": 4.0},
        "basis": "stated",
        "evidence_block": 1,
        "quote": "Blowholes of 2 to 4 mm",
    }
    return right | changes


def answer(*instructions: dict[str, Any]) -> str:
    """An answer of ``instructions``."""
    return json.dumps({"instructions": instructions})


GOOD = answer(instruction())


class ScriptedModel:
    """Gives its answers one after another, and keeps what it was asked."""

    name = "scripted"
    endpoint = "nowhere"

    def __init__(self, *answers: str | ModelAnswer | Exception, dollars: float | None = None):
        self.answers = list(answers)
        self.dollars = dollars
        self.asked: list[ModelRequest] = []

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        return self.dollars

    def answer(self, request: ModelRequest) -> ModelAnswer:
        self.asked.append(request)
        given = self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        if isinstance(given, str):
            return ModelAnswer(given, Usage(100, 50, self.dollars))
        return given


def said(requests: Sequence[ModelRequest]) -> str:
    """All that was told the model in the last request."""
    return "\n".join(turn.text for turn in requests[-1].turns)
