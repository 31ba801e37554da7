"""The examples in the docstrings of rooms whose functions stand for themselves."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pkgutil import iter_modules

import pytest

ROOMS = (
    "backend.geometry",
    "backend.defects",
    "backend.evaluation.metrics",
    "backend.sampling",
    "backend.instruct.places",
)
MODULES = [
    f"{room}.{module.name}"
    for room in ROOMS
    for module in iter_modules(import_module(room).__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    runner = doctest.DocTestRunner()
    for example in doctest.DocTestFinder(exclude_empty=True).find(import_module(name), name):
        # The examples of public names are written with ``import flawsmith as fs`` and run there.
        if not re.search(r"\bfs\.", example.docstring or ""):
            assert not runner.run(example).failed
