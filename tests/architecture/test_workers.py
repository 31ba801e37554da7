"""Tests that share what is dear run in one process."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict

from tests.architecture.project import ROOT

FILES = ("test_load.py", "test_publish.py", "test_scale.py")


def test_the_tests_of_a_file_run_in_one_worker() -> None:
    """If the groups were lost, long fixtures would be made twice, and nobody would be told."""
    files = [f"tests/shared_schema/{name}" for name in FILES]
    command = [sys.executable, "-m", "pytest", "-n", "2", "-v", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    workers = defaultdict(set)
    for line in done.stdout.splitlines():
        if line.startswith("[gw"):
            test = line.split("PASSED ")[1]
            workers[test.partition("::")[0]].add(line.split("]")[0])
    assert sorted(workers) == files
    assert all(len(found) == 1 for found in workers.values())
