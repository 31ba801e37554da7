"""``import flawsmith``: what is public, and what it costs."""

from __future__ import annotations

import ast
import doctest
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flawsmith
from backend import __version__
from backend.cloud import LabeledCloud, PointCloud

HEAVY = ("numpy", "pydantic", "rich", "scipy", "torch")


def test_every_public_name_is_there() -> None:
    assert sorted(flawsmith.__all__) == dir(flawsmith)
    assert all(getattr(flawsmith, name) is not None for name in flawsmith.__all__)
    assert flawsmith.__version__ == __version__
    with pytest.raises(AttributeError, match="no attribute 'train_all'"):
        _ = flawsmith.train_all


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(str(flawsmith.__file__)).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(imported) == sorted(flawsmith.__all__)
    for name, (module, attribute) in imported.items():
        assert getattr(sys.modules[str(module)], attribute) is getattr(flawsmith, name)


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, flawsmith; print([name for name in {HEAVY} if name in sys.modules])"
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_package_is_named_with_the_way_to_install_it() -> None:
    code = """
import sys
sys.modules["torch"] = None
import flawsmith
try:
    flawsmith.Detector
except flawsmith.MissingDependencyError as error:
    print(error)
"""
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "this needs torch; install it by: pip install 'flawsmith[detector]'\n"


def example_of(name: str, known: dict[str, Any]) -> dict[str, Any]:
    """Run the examples of a public name, or of the package, with ``known`` variables."""
    documented = getattr(flawsmith, name) if name else flawsmith
    finder = doctest.DocTestFinder(recurse=False)
    tests = finder.find(documented, name or "flawsmith", globs=known)
    assert sum(len(test.examples) for test in tests) > 0, "there is no example"
    after = dict(known)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in tests:
        assert not runner.run(test, clear_globs=False).failed
        after |= test.globs
    return after


@pytest.fixture(scope="module")
def of_training() -> dict[str, Any]:
    """What the example of ``train`` makes: a detector, and the scans that it learned from."""
    return example_of("train", {"fs": flawsmith, "np": np})


@pytest.mark.parametrize("name", ["", *sorted(set(flawsmith.__all__) - {"__version__", "train"})])
def test_examples_run(name: str, of_training: dict[str, Any], tmp_path: Path) -> None:
    known = {"fs": flawsmith, "np": np, "Path": Path, "folder": tmp_path}
    example_of(name, of_training | known)


def test_clouds_are_shown_in_one_line() -> None:
    cloud = PointCloud.of([[0, 0, 0], [3, 0, 0], [0, 4, 0]], faces=[[0, 1, 2]], unit="mm")
    assert repr(cloud) == "<PointCloud: 3 points and 1 faces, 5 mm across>"
    assert repr(LabeledCloud.nominal(cloud)) == "<LabeledCloud: 3 points, 0 of them anomalous>"
