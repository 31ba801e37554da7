"""What the tests cost: CPU seconds by folder, file or test, of one run or of two.

    python -m pytest -p benchmarks.suite --cpu-log FILE
    python benchmarks/suite.py BEFORE [AFTER]

As a plugin of pytest it writes a line for each test to FILE: the CPU seconds that the test took,
with its fixtures and the processes that ended meanwhile, and its name. Wall time would tell more of
what else the machine does. As a program it adds these up; with two files it also tells the ratio,
counting only tests that are in both. What a process that outlives a test takes is counted with the
test after which it ends.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from pathlib import Path, PurePosixPath

import pytest

LONGEST = 25


# --- as a plugin ---


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cpu-log", type=Path, help="file that gets the CPU seconds of each test")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    before = cpu_seconds()
    result = yield
    path = item.config.getoption("--cpu-log")
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{cpu_seconds() - before:.2f} {item.nodeid}\n")
    return result


def cpu_seconds() -> float:
    """What this process and its ended children have taken so far."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


# --- as a program ---


def read(path: Path) -> dict[str, float]:
    """CPU seconds by the name of the test."""
    found: dict[str, float] = defaultdict(float)
    for line in path.read_text(encoding="utf-8").splitlines():
        seconds, _, name = line.partition(" ")
        found[name] += float(seconds)
    return found


def folder_of(name: str) -> str:
    """The folder of a test, one level below ``tests`` or two below ``tests/backend``."""
    parts = PurePosixPath(file_of(name)).parent.parts
    return "/".join(parts[: 3 if parts[1:2] == ("backend",) else 2])


def file_of(name: str) -> str:
    """The file of a test."""
    return name.partition("::")[0]


def added(seconds: Mapping[str, float], group: Callable[[str], str]) -> dict[str, float]:
    """Seconds by the group of their tests."""
    found: dict[str, float] = defaultdict(float)
    for name, value in seconds.items():
        found[group(name)] += value
    return found


def table(title: str, before: Mapping[str, float], after: Mapping[str, float]) -> None:
    """Print the longest groups of a run, and what they took in another one, if there is one."""
    print(f"\n{title}")
    for name, value in sorted(before.items(), key=lambda row: -row[1])[:LONGEST]:
        then = f" {after[name]:9.1f} {after[name] / max(value, 0.01):6.2f}" if after else ""
        print(f"{value:9.1f}{then}  {name}")


def main(before: Path, after: Path | None = None) -> None:
    """Print what the tests cost, by folder, file and test."""
    first, second = read(before), {} if after is None else read(after)
    if after is None:
        print(f"CPU seconds of {before.stem}")
    else:
        both = first.keys() & second.keys()
        first, second = ({name: run[name] for name in both} for run in (first, second))
        print(
            f"CPU seconds of {before.stem} and {after.stem}, and their ratio, of the tests in both"
        )
    groups = {"all": lambda _: "tests", "by folder": folder_of, "by file": file_of, "by test": str}
    for title, group in groups.items():
        table(title, added(first, group), added(second, group))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
