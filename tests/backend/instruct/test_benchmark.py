"""``benchmarks/instruct.py`` measures a model as it measures the reader."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.architecture.project import ROOT
from tests.backend.instruct.models.loopback import says, serving
from tests.backend.instruct.models.scripted import answer, instruction

NAMES = ("casting_en_bullets", "casting_en_prose", "im_en_prose")
DENTS = instruction(
    defect="any/dents", place="anywhere", evidence_block=None, quote="", diameter=None
)


def measured(*options: str) -> str:
    script = str(ROOT / "benchmarks" / "instruct.py")
    command = [sys.executable, script, "--texts", *NAMES, *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def figure(name: str, printed: str) -> str:
    found = re.search(rf"^ *{re.escape(name)}:? +(.*)$", printed, re.MULTILINE)
    assert found is not None, printed
    return found[1]


def test_a_model_is_measured_and_its_recording_gives_the_same_figures(tmp_path: Path) -> None:
    """Of six answers about three texts, one is no answer, and two name defects of which one is."""
    named, silent = answer(DENTS), answer()
    recording = str(tmp_path / "run.jsonl")
    with serving(*map(says, (named, silent, silent, named, named, "no json"))) as server:
        model = ["--model", f"{server.address}#m", "--max-retries", "0", "--repeats", "2"]
        printed = measured(*model, "--record", recording, "--wrong")
    assert len(server.requests) == 6
    assert figure("usable answers", printed) == "5 of 6"
    assert figure("for a text", printed) == "1.0 requests, 60 tokens in, 40 out"
    assert figure("price of a text", printed) == "not known"
    # The answers to the second text do not agree; what is no answer names nothing, as its twin.
    assert figure("agreement of repeated answers", printed) == "0.667"
    assert "no usable answer: im_en_prose: the model" in printed
    assert figure("evidence", printed).startswith("0.000"), "they name no passage"
    again = measured("--replay", recording, "--max-retries", "0", "--repeats", "2", "--wrong")
    timeless = re.compile(r"^seconds.*$|asked 2 times: .*$|the model \S+", re.MULTILINE)
    assert timeless.sub("", again) == timeless.sub("", printed)


def test_the_reader_alone_is_measured_as_before() -> None:
    printed = measured()
    assert "dev, 3 texts" in printed and figure("kind F1", printed) == "1.000"
