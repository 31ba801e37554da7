"""What holds for all tests: Blender in one worker; no skips where everything must run."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
USE_BLENDER = [TESTS / "blender_addon", TESTS / "parity", TESTS / "e2e"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that use Blender together, so that one worker alone opens it."""
    for item in items:
        if any(folder in item.path.parents for folder in USE_BLENDER):
            item.add_marker(pytest.mark.xdist_group("blender"))


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
