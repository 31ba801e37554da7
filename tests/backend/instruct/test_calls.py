"""``flawsmith.instruct`` and ``flawsmith.validate``: texts, files and clouds in, objects out."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import flawsmith as fs
from backend.instruct.models import ModelAnswer, ModelRequest

TEXT = "Steel sheet, deep drawn. Dents of 20 to 30 mm in diameter occur."
ANSWER = {
    "instructions": [
        {
            "defect": "any/dents",
            "polarity": "occurs",
            "place": "anywhere",
            "diameter": {"low": 20, "high": 30},
            "basis": "stated",
            "evidence_block": 0,
            "quote": "Dents of 20 to 30 mm in diameter",
        }
    ]
}


class OwnModel:
    """A model of a user's own."""

    name, endpoint = "own", "this process"

    def price(self, input_tokens: int, output_tokens: int) -> None:
        """Nothing is paid."""

    def answer(self, request: ModelRequest) -> ModelAnswer:
        return ModelAnswer(json.dumps(ANSWER))


@cache
def surface() -> fs.Surface:
    plate = fs.load_sample("plate_holes")
    scan = fs.subsample_surface(plate, 4000, np.random.default_rng(0))
    return fs.surface_of(scan, "plate", fs.Unit.MM)


def test_a_text_a_file_and_a_document_give_the_same_template(tmp_path: Path) -> None:
    path = tmp_path / "sheet.txt"
    path.write_text(TEXT)
    templates = [
        fs.instruct(given, surface(), progress=None).checked().template
        for given in (TEXT, path, [fs.read_document(path)])
    ]
    assert templates[0] == templates[1] == templates[2]
    assert templates[0].defects[0].radius.max == 15.0


def test_a_program_follows_it_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[str, int, int, str]] = []

    def follow(step: str, done: int, total: int, about: str = "") -> None:
        told.append((step, done, total, about))

    asking = fs.Asking(OwnModel(), marks=False)
    made = fs.instruct(TEXT, surface(), asking=asking, progress=follow)
    assert made.report.model is not None and made.report.model.name == "own"
    steps = dict.fromkeys(step for step, _, _, _ in told)
    assert list(steps) == ["Reading documents", "Asking the model", "Trying defects out"]
    assert all(any(one[0] == step and one[1] == one[2] for one in told) for step in steps)
    announcement = next(about for step, done, _, about in told if step == "Asking the model")
    assert (
        announcement
        == "Sending 1 document (64 characters) and 0 pictures to this process, model own"
    )
    assert capfd.readouterr() == ("", "")


def test_it_is_cancelled_by_an_error_of_the_follower() -> None:
    def cancel(step: str, done: int, total: int, about: str = "") -> None:
        raise KeyboardInterrupt(step)

    with pytest.raises(KeyboardInterrupt, match="Trying defects out"):
        fs.validate(fs.load_template("sheet_metal/dents"), surface(), progress=cancel)


def test_scans_in_another_unit_are_taken_in_that_of_the_part() -> None:
    template = fs.load_template("sheet_metal/dents")
    coarse = surface().cloud.cropped(np.arange(len(surface().cloud)) % 40 == 0)
    metres = fs.PointCloud.of(coarse.points / 1000.0, coarse.normals, unit="m")
    found = [
        fs.validate(template, surface(), scans=[scan], progress=None).findings
        for scan in (coarse, metres)
    ]
    assert [one.rule for one in found[0]] == [one.rule for one in found[1]] != []
    assert "scan 1" in found[0][0].message


def test_empty_and_invisible_texts_are_refused() -> None:
    for text in ("", " \n", "\u200b"):
        with pytest.raises(fs.FileFormatError):
            fs.instruct(text, surface(), progress=None)
    with pytest.raises(TypeError, match='progress must be "bars", None or a function'):
        fs.instruct(TEXT, surface(), progress=3)  # type: ignore[arg-type]
