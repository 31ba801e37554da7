"""What holds for all tests: which run together, and no skips where everything must run."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.browser import browser as browser

# How long an example takes says more about the machine than about the code.
settings.register_profile("flawsmith", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("few", settings.get_profile("flawsmith"), max_examples=10)
settings.load_profile("flawsmith")

TESTS = Path(__file__).parent
# Folders whose tests share one process: Blender as a module, and Blender as a program.
TOGETHER = {"blender_addon": "module", "parity": "module", "blender_program": "program"}
# What takes longest begins first, or it would go on alone when all else is done.
FIRST = ("e2e", "blender_program", "blender_addon", "parity")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in the order in which they begin (``--no-loadscope-reorder``)."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    folder = item.path.relative_to(TESTS).parts[0]
    return FIRST.index(folder) if folder in FIRST else len(FIRST)


class OneWorkerEach(LoadScopeScheduling):
    """Give the tests that use Blender to one worker, and each other file to one.

    So one process opens Blender, and what the tests of a file share is made once.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = Path(file).parts[1]
        return TOGETHER.get(folder, file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return OneWorkerEach(config, log)


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Make a skip a failure where ``FLAWSMITH_REQUIRE_ALL`` is set, as in CI."""
    if report.skipped and not hasattr(report, "wasxfail") and "FLAWSMITH_REQUIRE_ALL" in os.environ:
        report.outcome = "failed"
        report.longrepr = f"FLAWSMITH_REQUIRE_ALL is set, but this was skipped: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse_skip(report)
    return report


STATUS = pytest.StashKey[int]()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End at once where Blender's module was used.

    It waits for a thread of its own for ever if anything refers to it when Python ends, as the
    traceback of a failed test does.
    """
    if "bpy" in sys.modules and STATUS in config.stash and not hasattr(config, "workerinput"):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[STATUS])
