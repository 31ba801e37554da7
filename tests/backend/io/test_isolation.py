"""Parsers that crash, hang, hunger, print and fail, each in a process of its own."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.errors import EngineError, FileFormatError
from backend.io import isolation
from backend.io.isolation import end_workers, parse_isolated
from backend.io.limits import ReadLimits

SMALL = ReadLimits(max_bytes=1000, max_points=50)


def told(data: bytes, limits: ReadLimits) -> PointCloud:
    """A cloud that tells what arrived and where it was made."""
    print("not an answer")
    return PointCloud(
        np.full((2, 3), np.pi),
        np.eye(3)[:2],
        np.array([[0, 1, 0]]),
        {
            "process": np.full(2, os.getpid()),
            "size": np.full(2, len(data), np.uint16),
            "points": np.full((2, 4), limits.max_points, np.float32),
            "empty": np.empty((2, 0)),
        },
    )


def crash(data: bytes, limits: ReadLimits) -> PointCloud:
    os.abort()


def hang(data: bytes, limits: ReadLimits) -> PointCloud:
    while True:
        pass


def hunger(data: bytes, limits: ReadLimits) -> PointCloud:
    return PointCloud(np.ones((10**9, 3)))


def fail(data: bytes, limits: ReadLimits) -> PointCloud:
    raise KeyError("nothing of that name")


def refuse(data: bytes, limits: ReadLimits) -> PointCloud:
    raise FileFormatError("these are no points; export them again")


def stop(data: bytes, limits: ReadLimits) -> PointCloud:
    raise SystemExit(3)


def _process() -> int:
    return int(parse_isolated(told, b"", SMALL).fields["process"][0])


def test_a_cloud_comes_back_whole() -> None:
    cloud = parse_isolated(told, bytes(300), SMALL)
    expected = told(bytes(300), SMALL)
    np.testing.assert_array_equal(cloud.points, expected.points)
    np.testing.assert_array_equal(cloud.normals, expected.normals)
    np.testing.assert_array_equal(cloud.faces, expected.faces)
    assert cloud.fields.keys() == expected.fields.keys()
    for name in ("size", "points", "empty"):
        assert cloud.fields[name].dtype == expected.fields[name].dtype
        np.testing.assert_array_equal(cloud.fields[name], expected.fields[name])


def test_a_worker_is_another_process_and_used_again() -> None:
    assert _process() == _process() != os.getpid()


def test_a_crash_is_an_error_and_the_next_file_is_read() -> None:
    before = _process()
    with pytest.raises(FileFormatError, match="made its reader crash"):
        parse_isolated(crash, b"", SMALL)
    assert _process() != before


def test_a_hang_ends_at_the_clock(monkeypatch) -> None:
    monkeypatch.setattr(isolation, "BASE_SECONDS", 0.3)
    with pytest.raises(FileFormatError, match="took over 0 s and was stopped"):
        parse_isolated(hang, b"", SMALL)
    monkeypatch.undo()
    assert _process() > 0


@pytest.fixture
def without_workers():
    """No worker before and after, so that the next file starts one."""
    end_workers()
    yield
    end_workers()


def test_a_worker_that_ends_at_once_is_told_with_its_last_words(without_workers, monkeypatch):
    monkeypatch.setattr(isolation, "ENTRY", "import no_such_module")
    with pytest.raises(EngineError, match=r"ended as soon as .*No module named 'no_such_module'$"):
        _process()


def test_a_worker_that_is_too_slow_to_start_is_told_as_that(without_workers, monkeypatch):
    monkeypatch.setattr(isolation, "START_SECONDS", 0.2)
    monkeypatch.setattr(isolation, "ENTRY", "import time; time.sleep(60)")
    with pytest.raises(EngineError, match="did not start within 0 s"):
        _process()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the address space")
def test_hunger_ends_at_the_limit() -> None:
    with pytest.raises(FileFormatError, match="more memory than a file of this size may take"):
        parse_isolated(hunger, b"", SMALL)
    assert _process() > 0


@pytest.mark.parametrize(
    ("parse", "reason"),
    [
        (fail, "^its content is damaged"),
        (refuse, "^these are no points"),
        (stop, "^its content is damaged"),
    ],
)
def test_an_exception_is_told_and_the_worker_goes_on(parse, reason: str) -> None:
    before = _process()
    with pytest.raises(FileFormatError, match=reason):
        parse_isolated(parse, b"", SMALL)
    assert _process() == before


def test_a_worker_that_was_killed_while_idle_is_replaced() -> None:
    _process()
    for worker in isolation._idle[os.getpid()]:
        worker.process.kill()
        worker.process.wait()
    assert _process() > 0


def test_workers_can_be_ended() -> None:
    _process()
    workers = list(isolation._idle[os.getpid()])
    end_workers()
    assert all(worker.process.poll() is not None for worker in workers)
    assert _process() > 0
