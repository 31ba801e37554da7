"""Conversations on disk: recorded while a model is asked, and replayed without one.

A recording is a file of JSON lines. The first tells the seed of the fence and the model; each
further one holds the digest of a request, and the answer or the error that came. It holds neither
keys nor documents, but the answers may quote documents.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backend.errors import LanguageModelError
from backend.instruct.models.port import LanguageModel, ModelAnswer, ModelRequest, Usage

FORMAT = "flawsmith conversation 1"


class RecordingModel:
    """A model whose answers are written to a file.

    Args:
        model: is asked.
        path: of the recording; what is there is replaced.
        seed: of the fence, which ``ask_model`` takes too.
    """

    def __init__(self, model: LanguageModel, path: Path, seed: int) -> None:
        self._model, self._path = model, path
        self.name, self.endpoint = model.name, model.endpoint
        head = {"format": FORMAT, "seed": seed, "model": self.name, "endpoint": self.endpoint}
        path.write_text(json.dumps(head) + "\n", encoding="utf-8")

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """As the model says."""
        return self._model.price(input_tokens, output_tokens)

    def answer(self, request: ModelRequest) -> ModelAnswer:
        """The model's answer, which is recorded, as an error is."""
        try:
            answer = self._model.answer(request)
        except LanguageModelError as error:
            told = {"message": str(error), "retry_after": error.retry_after}
            self._write({"request": request.digest(), "error": told})
            raise
        self._write({"request": request.digest(), "answer": asdict(answer)})
        return answer

    def _write(self, line: dict[str, Any]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            # Escaped: an answer may hold half a character, which no encoding can write.
            file.write(json.dumps(line) + "\n")


class ReplayedModel:
    """A model that gives the answers of a recording; nothing is sent.

    Attributes:
        seed: of the fence, to be given to ``ask_model``.

    Raises:
        LanguageModelError: the file is no recording.
    """

    def __init__(self, path: Path) -> None:
        try:
            head, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
            if head["format"] != FORMAT:
                raise ValueError
            self.name, self.seed = str(head["model"]), int(head["seed"])
            self._answers: dict[str, deque[dict[str, Any]]] = defaultdict(deque)
            for line in lines:
                self._answers[line["request"]].append(line)
        except (ValueError, KeyError, TypeError) as error:
            raise LanguageModelError(f"{path.name} is no recorded conversation") from error
        self.endpoint = f"the recording {path.name}"

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """Nothing is paid."""
        return None

    def answer(self, request: ModelRequest) -> ModelAnswer:
        """The recorded answer to ``request``."""
        waiting = self._answers[request.digest()]
        if not waiting:
            raise LanguageModelError(
                "the recording holds no answer to this request: the documents, the pictures, the "
                "knowledge base or flawsmith have changed; record it again by --record"
            )
        line = waiting.popleft()
        if "error" in line:
            raise LanguageModelError(line["error"]["message"], line["error"]["retry_after"])
        try:
            content = dict(line["answer"])
            return ModelAnswer(**content | {"usage": Usage(**content["usage"])})
        except (KeyError, TypeError) as error:
            raise LanguageModelError("the recording holds an answer that is damaged") from error
