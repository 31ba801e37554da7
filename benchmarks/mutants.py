"""How many small faults the tests notice, by package.

    python benchmarks/mutants.py [PACKAGE ...] [--number NUMBER]

A mutant is a module with one small change, such as `<=` for `<` or 3 for 2. The tests of its
package run on it until one fails. The mutant is killed if one fails, and survives if none does.
The mutants of each package are drawn from a seed, so that they are the same ones each time. It
works where processes can be forked.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib
import multiprocessing
import os
import random
import resource
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import Phase, settings

ROOT = Path(__file__).resolve().parents[1]
# What is changed in each package, the tests that have to notice it, and how many mutants are drawn.
PACKAGES = {
    "defects": ("backend/defects/*.py", "tests/backend/defects", 25),
    "scoring": ("backend/scoring/calib*.py", "tests/backend/scoring/test_calibration.py", 30),
    "metrics": ("backend/evaluation/metrics/*.py", "tests/backend/evaluation/metrics", 7),
    "sampling": ("backend/sampling/*.py", "tests/backend/sampling", 4),
}
# They are imported once, before a process is forked for each mutant.
HEAVY = ("numpy", "scipy.spatial", "scipy.sparse.csgraph", "scipy.stats", "pydantic", "torch")
OUTCOMES = {0: "survived", 1: "killed", 2: "killed", -signal.SIGXCPU: "timeout", 5: "no tests"}
COLUMNS = ("killed", "timeout", "survived", "no tests", "crashed")
OTHER: dict[type[ast.AST], type[ast.AST]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.MatMult: ast.Mult},
    **{ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd},
}


@dataclass
class Mutant:
    """A file's code with one change, and what says so."""

    path: Path
    tree: ast.Module
    change: str


def nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All that runs below a node: annotations do not."""
    yield node
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from nodes(child)


def changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    """The fields of a node that can be changed, and what each becomes."""
    match node:
        case ast.Compare(ops=ops):
            for at, operator in enumerate(ops):
                yield "ops", [*ops[:at], OTHER[type(operator)](), *ops[at + 1 :]]
        case ast.BinOp(op=operator) | ast.AugAssign(op=operator) | ast.BoolOp(op=operator):
            yield "op", OTHER[type(operator)]()
        case ast.UnaryOp(op=operator, operand=operand):
            # A sign or a `not` that stands twice is as good as none.
            yield "operand", ast.UnaryOp(op=operator, operand=operand)
        case ast.Constant(value=bool() as value):
            yield "value", not value
        case ast.Constant(value=int() | float() as value):
            yield from (("value", value + 1), ("value", value - 1))
        case ast.Return(value=ast.expr()):
            yield "value", ast.Constant(value=None)


def mutants(pattern: str) -> Iterator[Mutant]:
    for path in sorted(ROOT.glob(pattern)):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in nodes(tree):
            before = ast.unparse(node)
            for field, value in changes(node):
                kept = getattr(node, field)
                setattr(node, field, value)
                line = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
                change = f"{line}: {before} -> {ast.unparse(node)}"
                yield Mutant(path, copy.deepcopy(tree), change)
                setattr(node, field, kept)


def run_tests(mutant: Mutant, tests: str, seconds: int) -> None:
    """Run the tests in this process, which has not imported the project yet, and end it."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    code = compile(ast.fix_missing_locations(mutant.tree), str(mutant.path), "exec")
    unchanged = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
        same = Path(loader.path) == mutant.path
        return code if same else unchanged(loader, name)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign, assignment]
    phases = (Phase.explicit, Phase.generate)
    few = settings(max_examples=10, derandomize=True, database=None, deadline=None, phases=phases)
    settings.register_profile("mutants", few)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    options = ["-x", "-q", "-n0", "-p", "no:cacheprovider", "--hypothesis-profile=mutants"]
    # hypothesis is imported before pytest starts, which pytest warns of.
    warnings = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    os._exit(pytest.main([*options, *warnings, tests]))


def outcome(mutant: Mutant, tests: str, seconds: int) -> str:
    fork = multiprocessing.get_context("fork")
    process = fork.Process(target=run_tests, args=(mutant, tests, seconds))
    process.start()
    process.join()
    return OUTCOMES.get(process.exitcode or 0, "crashed")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", nargs="*", default=list(PACKAGES), metavar="PACKAGE")
    parser.add_argument("--number", type=int, help="how many of each package")
    parser.add_argument("--seconds", type=int, default=40, help="of the processor, for one mutant")
    options = parser.parse_args()
    os.chdir(ROOT)
    for name in HEAVY:
        importlib.import_module(name)
    for package in options.packages:
        pattern, tests, few = PACKAGES[package]
        found = list(mutants(pattern))
        unchanged = Mutant(ROOT, ast.Module([], []), "nothing")
        if outcome(unchanged, tests, options.seconds) != "survived":
            raise SystemExit(f"The tests in {tests} fail without any change.")
        drawn = random.Random(0).sample(found, min(options.number or few, len(found)))
        counts: Counter[str] = Counter()
        survivors = []
        for mutant in drawn:
            counts[result := outcome(mutant, tests, options.seconds)] += 1
            survivors += [mutant.change] * (result == "survived")
            print(result, mutant.change, file=sys.stderr, flush=True)
        figures = ", ".join(f"{counts[column]} {column}" for column in COLUMNS if counts[column])
        print(f"{package}: {len(drawn)} of {len(found)} mutants: {figures}")
        print(*(f"  {change}" for change in sorted(survivors)), sep="\n", flush=True)


if __name__ == "__main__":
    main()
