"""Requests over HTTP, to servers that behave in every way."""

from __future__ import annotations

import json
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.errors import FileFormatError, LanguageModelError, MissingDependencyError
from backend.instruct.models import (
    AskLimits,
    ModelReading,
    OutputMode,
    RecordingModel,
    ViewPicture,
    ask_model,
    parse_model_name,
)
from backend.instruct.models.pictures import encoded, read_photo
from backend.instruct.models.providers import ServedModel
from tests.backend.instruct.models import loopback
from tests.backend.instruct.models.loopback import Server, fails, says, serving
from tests.backend.instruct.models.scripted import GOOD, NOTES, PLACES, ROWS, SPEC

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY")


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEYS, "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def ask(model: str | Server, **options) -> ModelReading:
    name = model if isinstance(model, str) else f"{model.address}#local"
    given = {"places": PLACES, "seed": 5, "limits": AskLimits(seconds=60)} | options
    return ask_model(ServedModel(parse_model_name(name)), [SPEC, NOTES], ROWS, **given)


SQUARES = {"red": (8, 62, 24, 78), "green": (72, 8, 88, 24), "blue": (64, 70, 80, 86)}


@pytest.mark.parametrize("mode", [OutputMode.NATIVE, OutputMode.PROMPTED])
@pytest.mark.parametrize(
    ("width", "height", "frame"),
    [(400, 200, "in pixels"), (1000, 1000, "in thousandths"), (1, 1, "as parts"), (90, 9, None)],
)
def test_the_frame_of_boxes_is_asked_for_over_http(mode, width, height, frame) -> None:
    size = (width / 100, height / 100) * 2
    boxes = {
        color: dict(zip(("left", "top", "right", "bottom"), np.multiply(box, size), strict=True))
        for color, box in SQUARES.items()
    }
    view = ViewPicture("front", encoded("a.png", np.zeros((200, 400, 3), np.uint8)), 400, 200)
    with serving(says(json.dumps(boxes)), says(GOOD)) as server:
        if frame is None:
            with pytest.raises(LanguageModelError, match="fit no frame; name it by --box-frame"):
                ask(server, views=[view], frame=None, mode=mode)
            assert len(server.requests) == 1
            return
        reading = ask(server, views=[view], frame=None, mode=mode)
    assert (reading.use.requests, reading.use.input_tokens) == (2, 120)
    [text, picture] = server.requests[0]["messages"][-1]["content"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert "square" in text["text"]
    asked = server.requests[1]["messages"][-1]["content"][0]["text"]
    assert f"Edges of a box are given {frame}" in asked


@pytest.mark.parametrize(
    ("mode", "behaviour"),
    [
        (OutputMode.NATIVE, says(GOOD)),
        (OutputMode.PROMPTED, says(f"```json\n{GOOD}\n```")),
        (OutputMode.TOOL, loopback.calls(GOOD)),
    ],
)
def test_a_good_answer_in_every_mode(mode: OutputMode, behaviour) -> None:
    with serving(behaviour) as server:
        reading = ask(server, mode=mode, photos=[encoded("a.png", np.zeros((4, 4, 3), np.uint8))])
    assert len(reading.instructions) == 1
    assert (reading.use.input_tokens, reading.use.output_tokens) == (60, 40)
    assert reading.use.endpoint == server.address
    [request] = server.requests
    assert request["model"] == "local"
    assert ("json_schema" in request.get("response_format", {})) == (mode is OutputMode.NATIVE)
    assert ("tools" in request) == (mode is OutputMode.TOOL)
    [text, picture] = request["messages"][-1]["content"]
    assert "Blowholes of 2 to 4 mm" in text["text"]
    assert picture["image_url"]["url"].startswith("data:image/jpeg;base64,")
    if mode is OutputMode.NATIVE:
        form = request["response_format"]["json_schema"]["schema"]
        defects = form["$defs"]["Instruction"]["properties"]["defect"]
        assert defects["enum"] == [row.key for row in ROWS]


@pytest.mark.parametrize(
    "wrong", [says(GOOD[:-30]), says('{"instructions": [{}]}'), says(GOOD[:-30], "length")]
)
def test_a_wrong_answer_is_sent_back(wrong) -> None:
    with serving(wrong, says(GOOD)) as server:
        assert ask(server).use.requests == 2
    roles = [message["role"] for message in server.requests[1]["messages"]]
    assert roles == ["system", "user", "assistant", "user"]


def test_a_busy_server_is_asked_again() -> None:
    with serving(fails(429, Retry_After="1"), says(GOOD)) as server:
        assert len(ask(server, wait=lambda seconds: None).instructions) == 1


@pytest.mark.parametrize(
    ("behaviour", "reason", "requests"),
    [
        (says("no"), "no usable answer in 3 requests", 3),
        (loopback.refuses, "refused to answer", 1),
        (loopback.empty, "not of the protocol", 1),
        (loopback.huge, "more than 4194304 bytes", 1),
        (loopback.compressed, "compressed answer, unasked", 1),
        (loopback.html, "not of the protocol", 1),
        (loopback.cut_off, "not of the protocol", 1),
        (loopback.redirects, "which is not followed", 1),
        (fails(400), "try another --output-mode", 1),
        (fails(401), "does not accept the key", 1),
        (fails(404), "knows neither this model", 1),
        (fails(429), "too many requests", 1),
        (fails(429, Retry_After="600"), "too many requests", 1),
        (fails(500), "is out of order", 1),
    ],
)
def test_any_other_answer_ends_in_a_sentence(behaviour, reason: str, requests: int) -> None:
    with serving(behaviour) as server, pytest.raises(LanguageModelError) as caught:
        ask(server)
    assert reason in str(caught.value)
    assert len(server.requests) == requests
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("behaviour", [loopback.hangs, loopback.trickles])
def test_a_server_that_does_not_end_is_given_up(behaviour) -> None:
    start = time.monotonic()
    with serving(behaviour) as server, pytest.raises(LanguageModelError, match=r"within [01] s"):
        ask(server, limits=AskLimits(seconds=1))
    assert time.monotonic() - start < 25


def test_a_server_that_is_not_there_is_told() -> None:
    with serving(says(GOOD)) as server:
        name = f"{server.address}#local"
    with pytest.raises(LanguageModelError, match="cannot be reached"):
        ask(name)


def test_a_key_goes_only_where_the_environment_names_the_server(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-SECRET")
    with serving(says(GOOD)) as server:
        ask(server)
        monkeypatch.setenv("OPENAI_BASE_URL", server.address)
        path = tmp_path / "run.jsonl"
        model = RecordingModel(ServedModel(parse_model_name("openai:gpt-4o")), path, 5)
        reading = ask_model(model, [SPEC], ROWS, places=PLACES, seed=5)
    other, own = (headers["Authorization"] for headers in server.headers)
    assert "SECRET" not in other
    assert own == "Bearer sk-SECRET"
    assert reading.use.price == pytest.approx(60 * 2.5e-6 + 40 * 10e-6)
    assert "SECRET" not in path.read_text() + repr(reading) + repr(vars(model))


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google"])
def test_a_missing_key_is_told_by_its_variable(provider: str) -> None:
    with pytest.raises(LanguageModelError, match=f"{provider.upper()}_API_KEY is not set"):
        ServedModel(parse_model_name(f"{provider}:some"))


def test_anthropic_and_google_are_spoken_to(monkeypatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a")
    monkeypatch.setenv("GOOGLE_API_KEY", "g")
    with serving(fails(401)) as server:
        place = server.address.removesuffix("/v1")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", place)
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", place)
        for name in ("anthropic:claude-sonnet-4-5", "google:gemini-2.5-flash"):
            with pytest.raises(LanguageModelError, match="does not accept the key"):
                ask(name)
    assert server.paths[0].startswith("/v1/messages")
    assert "gemini-2.5-flash:generateContent" in server.paths[1]


def test_a_missing_library_is_told_with_its_command(monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pydantic_ai", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'flawsmith\[instruct\]'"):
        ServedModel(parse_model_name("http://127.0.0.1:9/v1#x"))


def test_photos_are_sent_upright_and_without_metadata(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010E] = "SECRET place"
    Image.new("RGB", (3000, 1000), "red").save(path, exif=exif)
    picture = read_photo(path)
    assert picture.name == "photo.jpg"
    assert b"SECRET" not in picture.data
    path.write_bytes(picture.data)
    with Image.open(path) as sent:
        assert sent.size == (683, 2048)
    path.write_bytes(b"no picture")
    with pytest.raises(FileFormatError, match="save it as one of JPEG"):
        read_photo(path)
