"""A thousand random and adversarial answers of a model: each ends well, and none is trusted.

Each answer goes through ``instruct`` and ends in a valid template, in findings, or in an error of
flawsmith. Whatever is replayed on the way was drawn from a template that passes all rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import backend.instruct.validation.trial as trial
import backend.report.instruction as page
from backend.cloud import PointCloud
from backend.errors import FlawsmithError, LanguageModelError
from backend.instruct import run
from backend.instruct.documents import Block, Document
from backend.instruct.knowledge import defects, places
from backend.instruct.models import AskLimits
from backend.instruct.run import Asking, Instructed, instruct
from backend.instruct.validation import ScanFacts, Target
from backend.instruct.validation.context import Context
from backend.instruct.views import RenderedViews, render_views
from backend.replay import replay
from backend.sampling.places import Surface
from shared_schema.instruction import Basis, PlaceKind, Polarity, SizeName
from shared_schema.recipe import Recipe, RecipeTemplate, Unit
from tests.backend.instruct.models.scripted import ScriptedModel, answer, instruction
from tests.backend.shapes import plate, surface

# The package names its function likewise, so that an import gives that.
validating = import_module("backend.instruct.validation.validate")
# Together with the written answers, each with and without --fix, these are a thousand.
DRAWN = 880
DOCUMENT = Document(
    "spec.md",
    (
        Block("Quality"),
        Block("Blowholes of 2 to 4 mm occur on the top flange."),
        Block("Dents up to 0.5 mm deep are permitted."),
    ),
)
PART = plate(thickness=4.0, step=2.0, size=24.0)
ON = surface(PART)
# Measured once: walls and curvature take longer than all else.
TARGET = Target(ON)
# What neither a page nor a terminal may be given.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u200b]")


class Watch:
    """Knows of each recipe from which template it was drawn, and stops any other at replay."""

    def __init__(self) -> None:
        self.drawn: dict[int, tuple[Recipe, RecipeTemplate, Surface]] = {}
        self.checked: set[int] = set()
        self.replayed = 0

    def sample(self, template: RecipeTemplate, on: Surface, *, rng: np.random.Generator) -> Recipe:
        recipe = _sample(template, on, rng=rng)
        self.drawn[id(recipe)] = (recipe, template, on)
        return recipe

    def replay(self, recipe: Recipe, cloud: PointCloud) -> Any:
        known, template, on = self.drawn[id(recipe)]
        assert known is recipe
        if id(template) not in self.checked:
            assert on is ON
            context = Context(template, TARGET)
            found = [one for rule in validating.RULES for one in rule(context)]
            assert [one.finding for one in found if one.finding.severity == "error"] == []
            self.checked.add(id(template))
        self.replayed += 1
        return replay(recipe, cloud)


_sample = validating.sample_recipe


@pytest.fixture(scope="module", autouse=True)
def watch() -> Iterator[Watch]:
    """All ways to a replay are watched; one draw of each defect is tried instead of eight."""
    with pytest.MonkeyPatch.context() as patch:
        watch = Watch()
        for module in (trial, validating):
            patch.setattr(module, "sample_recipe", watch.sample)
        for module in (trial, page):
            patch.setattr(module, "replay", watch.replay)
        patch.setattr(trial, "TRIALS", 1)
        patch.setattr(run, "render_views", rendered)
        patch.setattr(run, "Target", measured)
        yield watch
    assert watch.replayed > 0


@cache
def _rendered(unit: Unit) -> RenderedViews:
    return render_views(PART, unit=unit)


def rendered(part: PointCloud, *, unit: Unit) -> RenderedViews:
    assert part is PART
    return _rendered(unit)


def measured(on: Surface, scans: tuple[ScanFacts, ...]) -> Target:
    assert on is ON and not scans
    return TARGET


def made_of(text: str, *, fix: bool, marks: bool = False) -> Instructed | None:
    """What comes of an answer; None where it ends in an error of flawsmith."""
    asking = Asking(ScriptedModel(text), 1, marks=marks, limits=AskLimits(max_retries=0))
    try:
        made = instruct([DOCUMENT], ON, name="test", asking=asking, fix=fix)
    except FlawsmithError:
        return None
    if made.valid is None:
        assert made.report.findings or made.validation is None
        assert made.why_not()
    return made


def test_only_these_modules_of_the_package_replay() -> None:
    folder = Path(run.__file__).parent
    naming = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if re.search(r"import .*\breplay\b|replay\.replay\b(?! import versions)", path.read_text())
    ]
    assert naming == ["validation/trial.py"]


# --- drawn answers ------------------------------------------------------------------------------

EXTREMES = st.sampled_from([0, 1e-300, 5e-324, 1e-6, 1e6, 1e300, 1.7e308, 10**30, -1, None])
SIZES = st.one_of(st.floats(0.05, 12.0), st.floats(0.05, 12.0), EXTREMES)
SPANS = st.one_of(
    st.none(),
    st.none(),
    st.tuples(st.floats(0.1, 6.0), st.floats(1.0, 3.0)).map(
        lambda pair: {"low": pair[0], "high": pair[0] * pair[1]}
    ),
    st.fixed_dictionaries({"low": SIZES, "high": SIZES}),
)
TEXTS = st.one_of(
    st.sampled_from(["", "Blowholes of 2 to 4 mm", "<script>x</script>", "../../x", "\x1b[31m"]),
    st.text(max_size=40),
)
INSTRUCTIONS = st.fixed_dictionaries(
    {
        "defect": st.sampled_from([*defects()]),
        "polarity": st.sampled_from([*Polarity, Polarity.OCCURS]).map(str),
        "place": st.sampled_from([PlaceKind.ANYWHERE, PlaceKind.FEATURE]).map(str),
        "feature": st.sampled_from([*places()]),
        "unit": st.sampled_from([Unit.MM, Unit.MM, *Unit]).map(str),
        "basis": st.sampled_from([*Basis]).map(str),
        "evidence_block": st.sampled_from([0, 1, 2, None]),
        "quote": TEXTS,
        "reason": TEXTS,
        "count": st.sampled_from(
            [None, {"low": 1, "high": 3}, {"low": 500, "high": 1000}, {"low": 4, "high": 2}]
        ),
    },
    optional={name.value: SPANS for name in SizeName},
)


@pytest.mark.timeout(900)
@settings(
    max_examples=DRAWN,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)
@given(st.lists(INSTRUCTIONS, min_size=1, max_size=2), st.booleans())
def test_drawn_answers_end_in_a_template_in_findings_or_in_an_error(
    drawn: list[dict[str, Any]], fix: bool
) -> None:
    made_of(answer(*drawn), fix=fix)


# --- written answers ----------------------------------------------------------------------------


def of(**changes: Any) -> str:
    return answer(instruction(feature="flange", **changes))


def instead(text: str, by: str) -> str:
    """The right answer with something else than its size, as JSON text."""
    return of().replace(text, by)


def sized(low: float | None, high: float | None) -> str:
    return of(diameter={"low": low, "high": high})


NASTY = [
    "<script>alert(1)</script>",
    "../../../etc/passwd",
    "\x1b]0;x\x07",
    "\u202etxt",
    "'\"&{{x}}",
]
WRITTEN: Mapping[str, str] = {
    "right": of(),
    "huge": sized(1e8, 1e9),
    "larger than floats": instead("4.0", "1e999"),
    "largest float": sized(1.7e308, 1.7e308),
    "larger than floats in inches": of(unit="inch", diameter={"low": 1e308, "high": 1e308}),
    "tiny": sized(1e-8, 1e-7),
    "smallest float": sized(5e-324, 5e-324),
    "zero": sized(0, 0),
    "from zero": sized(0, 4.0),
    "zero alone": sized(0, None),
    "up to zero": sized(None, 0),
    "no ends": sized(None, None),
    "negative": sized(-4.0, -2.0),
    "reversed": sized(4.0, 2.0),
    "not a number": instead("2.0", "NaN"),
    "infinite": instead("4.0", "Infinity"),
    "many digits": instead("4.0", "4" * 5000),
    "number as text": instead("4.0", '"4.0"'),
    "truth as number": instead("4.0", "true"),
    "a bend by more than a turn": of(defect="any/bends", angle_deg={"low": 400, "high": 500}),
    "every size": of(**{name.value: {"low": 1.0, "high": 2.0} for name in SizeName}),
    "depth through the part": of(depth={"low": 3.0, "high": 300.0}),
    "count of zero": of(count={"low": 0, "high": 0}),
    "count reversed": of(count={"low": 5, "high": 2}),
    "count absurd": of(count={"low": 1000, "high": 1000}),
    "count beyond": of(count={"low": 1, "high": 10**9}),
    "unknown defect": of(defect="casting/unicorn"),
    "defect as a path": of(defect="../../casting/blowholes"),
    "unknown place": answer(instruction(feature="../edge")),
    "place of no kind": of(place="nowhere"),
    "mark without views": of(place="marks", marks=[1]),
    "box without views": of(place="box", view="front", left=1, top=1, right=9, bottom=9),
    "unknown block": of(evidence_block=10**6),
    "negative block": of(evidence_block=-1),
    "unknown field": of(path="/tmp/x", code="import os"),
    "null": "null",
    "a number": "7",
    "a list": "[]",
    "no instructions": answer(),
    "instructions of another type": '{"instructions": "none"}',
    "an instruction of another type": '{"instructions": [null, 7, "x", [], {}]}',
    "prose": "I cannot see any defects, but I would suggest to polish the part.",
    "prose with braces": "Take {care} of {this}.",
    "empty": "",
    "spaces": " \n\t ",
    "cut off": of()[:80],
    "twice the same key": instead('"unit": "mm"', '"unit": "mm", "unit": "m"'),
    "duplicates": answer(*[instruction()] * 5),
    "twenty": answer(*[instruction(defect=key) for key in [*defects()][:20]]),
    "a thousand": answer(*[instruction()] * 1000),
    "over the longest": answer(instruction(quote="x" * 300_000)),
    "deep lists": "{" + '"instructions": ' + "[" * 5000 + "]" * 5000 + "}",
    "deep objects": '{"instructions": [' + '{"a":' * 900 + "1" + "}" * 900 + "]}",
    "half a pair": instead("2 to 4 mm", "\\ud800"),
    "half a pair itself": instead("2 to 4 mm", "\ud800"),
    "nul itself": instead("2 to 4 mm", "\x00"),
    **{f"quote {text!r}": of(quote=text) for text in NASTY[:3]},
    **{f"reason {text!r}": of(reason=text) for text in NASTY[3:]},
}


def test_there_are_a_thousand_answers() -> None:
    assert DRAWN + 2 * len(WRITTEN) >= 1000


@pytest.mark.parametrize("fix", [False, True])
@pytest.mark.parametrize("name", WRITTEN)
def test_written_answers_end_in_a_template_in_findings_or_in_an_error(name: str, fix: bool) -> None:
    made = made_of(WRITTEN[name], fix=fix)
    if name == "right" and fix:
        assert made is not None and made.valid is not None


@pytest.mark.parametrize("text", NASTY)
def test_a_page_escapes_what_a_model_says(text: str) -> None:
    said = [
        instruction(defect=key, place="anywhere", evidence_block=1, quote=text, reason=text)
        for key in ("casting/blowholes", "any/scratches", "any/discoloration")
    ]
    made = made_of(answer(*said), fix=True)
    assert made is not None
    # Without pictures, which take most of the time.
    html = page.instruction_page(replace(made, validation=None), title="t", part="p")
    assert "<script" not in html
    assert not CONTROL.search(html.replace("\n", ""))
    for item in made.report.items:
        assert not CONTROL.search(item.reason)


# --- places in views ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        {"place": "marks", "marks": [1]},
        {"place": "marks", "marks": [1, 1, 1]},
        {"place": "marks", "marks": [0]},
        {"place": "marks", "marks": [-1, 10**30]},
        {"place": "box", "view": "nowhere", "left": 0, "top": 0, "right": 9, "bottom": 9},
        {"place": "box", "view": "{view}", "left": 0, "top": 0, "right": 2, "bottom": 2},
        {"place": "box", "view": "{view}", "left": 9, "top": 9, "right": 0, "bottom": 0},
        {"place": "box", "view": "{view}", "left": 9, "top": 9, "right": 9, "bottom": 9},
        {"place": "box", "view": "{view}", "left": -1e300, "top": -9, "right": 1e300, "bottom": 9},
        {"place": "box", "view": "{view}", "left": 200, "top": 200, "right": 300, "bottom": 300},
    ],
    ids=str,
)
@pytest.mark.parametrize("defect", ["any/scratches", "any/dents", "any/bulges"])
def test_marks_and_boxes_that_are_not_there_end_in_findings(
    place: dict[str, Any], defect: str
) -> None:
    view = _rendered(Unit.MM).views.cameras[0].name
    where = {key: view if value == "{view}" else value for key, value in place.items()}
    told = instruction(defect=defect, evidence_block=None, quote="", **where)
    made_of(json.dumps({"instructions": [told]}), fix=True, marks=True)


def test_an_error_is_one_of_the_model_where_the_reader_finds_nothing() -> None:
    empty = Document("spec.md", (Block("Hello."),))
    asking = Asking(ScriptedModel("prose"), 1, marks=False, limits=AskLimits(max_retries=0))
    with pytest.raises(LanguageModelError, match="no usable answer"):
        instruct([empty], ON, name="test", asking=asking)
