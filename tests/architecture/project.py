"""What the project says of itself: its packages, its files, its declared dependencies."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("backend", "blender_addon", "flawsmith", "shared_schema")
# Those that the wheel holds; the other one is the Blender extension (docs/adr/0021).
IN_WHEEL = ("backend", "flawsmith", "shared_schema")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Extras of those who work on flawsmith.
FOR_DEVELOPERS = ("dev", "docs", "test")


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


def imported_at_once(path: Path) -> Iterator[str]:
    """The full names that a module imports absolutely when it is imported itself.

    ``from a import b`` gives ``a`` and ``a.b``, which may be a module or a name in ``a``.
    """
    for node in _run_at_once(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _run_at_once(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Statements, and those in them, but for functions and for what type checkers alone read."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _run_at_once(node.orelse)
            continue
        yield node
        yield from _run_at_once(ast.iter_child_nodes(node))


def third_party(package: str) -> set[str]:
    """The top-level modules that a package imports from elsewhere."""
    names = {name for path in python_files(package) for name in imported_modules(path)}
    return names - sys.stdlib_module_names - set(PACKAGES)


def name_of(requirement: str) -> str:
    """The distribution that a line of ``pyproject.toml`` asks for."""
    return re.split(r"[\[<>=;~! ]", requirement)[0]


def extras() -> dict[str, set[str]]:
    """The distributions that each extra names itself, without those of extras that it includes."""
    lines: dict[str, list[str]] = PROJECT["optional-dependencies"]
    named = {extra: set(map(name_of, asked)) - {PROJECT["name"]} for extra, asked in lines.items()}
    return {extra: names for extra, names in named.items() if names}


def included(extra: str) -> set[str]:
    """The extras that an extra includes, itself among them."""
    found = {extra}
    for line in PROJECT["optional-dependencies"][extra]:
        if name_of(line) == PROJECT["name"]:
            for other in re.findall(r"\[(.*?)\]", line)[0].split(","):
                found |= included(other)
    return found


def declared(*, without: tuple[str, ...] = ()) -> set[str]:
    """The distributions that the project depends on, extras included."""
    optional = {name for extra, names in extras().items() if extra not in without for name in names}
    return set(map(name_of, PROJECT["dependencies"])) | optional
