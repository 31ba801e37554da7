"""The pages on ``import flawsmith``: their examples run, and every public name is on them."""

from __future__ import annotations

import ast
import doctest
import inspect
import re

import pytest

import flawsmith
from tests.architecture.project import ROOT

PAGE = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
NAMES_PAGE = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
NAMES = sorted(set(flawsmith.__all__) - {"__version__"})


def blocks(language: str) -> list[str]:
    """The code of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_examples_give_what_the_page_says() -> None:
    session = doctest.DocTestParser().get_doctest("\n".join(blocks("pycon")), {}, "page", None, 0)
    assert len(session.examples) > 10
    assert doctest.DocTestRunner().run(session).failed == 0


@pytest.mark.parametrize("code", blocks("python"))
def test_calls_in_longer_examples_fit_the_signatures(code: str) -> None:
    """They need data, or minutes, and so they are not run."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    known = [call for call in calls if ast.unparse(call.func).startswith("fs.")]
    for call in known:
        called = flawsmith
        for name in ast.unparse(call.func).split(".")[1:]:
            called = getattr(called, name)
        keywords = {keyword.arg: None for keyword in call.keywords if keyword.arg}
        inspect.signature(called).bind(*call.args, **keywords)
    assert known or "detector.score" in code


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_told(name: str) -> None:
    assert re.search(rf"`{name}\b", PAGE), "docs/reference/python.md says nothing of it"


def test_the_reference_has_every_name_and_no_other() -> None:
    listed = re.findall(
        r"^\.\. auto(?:class|exception|function):: (\w+)$", NAMES_PAGE, re.MULTILINE
    )
    assert sorted(listed) == NAMES
