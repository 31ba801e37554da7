"""What the project says of itself: its packages, its files, its declared dependencies."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("backend", "blender_addon", "flawsmith", "shared_schema")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def python_files(package: str) -> list[Path]:
    """The modules of one of ``PACKAGES``."""
    return sorted((ROOT / package).rglob("*.py"))


def imported_modules(path: Path) -> Iterator[str]:
    """The top-level names that a module imports absolutely, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def third_party(package: str) -> set[str]:
    """The top-level modules that a package imports from elsewhere."""
    names = {name for path in python_files(package) for name in imported_modules(path)}
    return names - sys.stdlib_module_names - set(PACKAGES)


def declared(*, without: tuple[str, ...] = ()) -> set[str]:
    """The distributions that the project depends on, extras included."""
    extras = PROJECT["optional-dependencies"]
    lines = [line for name, extra in extras.items() if name not in without for line in extra]
    names = {re.split(r"[\[<>=;~! ]", line)[0] for line in (*PROJECT["dependencies"], *lines)}
    return names - {PROJECT["name"]}
