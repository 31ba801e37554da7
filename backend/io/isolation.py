"""Parsing in a process of its own, for decoders that hostile bytes could crash, hang or inflate.

Compiled decompressors and large foreign parsers cannot be proved safe by reading a header first.
They run in a worker process: its crash, its endless loop and its hunger end there, and come back as
a ``FileFormatError``. A worker is started when first needed (about half a second) and used again,
so that each further file costs little more than copying its arrays through a pipe.

Every worker has a wall clock that kills it, on every system. Where the system can bound a
process's address space, as Linux can, memory is bounded too. This is no sandbox: it protects the
program from accidents and from bombs, not from code that an attacker manages to run.

The protocol: a line of JSON and the file's bytes go in; a line of JSON and the arrays' bytes come
out. Nothing is unpickled. Documents, which are no clouds, are read in the same processes.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from backend.children import ONE_THREAD_EACH, same_modules
from backend.cloud import PointCloud
from backend.errors import EngineError, FileFormatError, FlawsmithError
from backend.io.limits import ReadLimits

Parser = Callable[..., PointCloud]
# Gives values that JSON can hold, and arrays.
Computation = Callable[..., tuple[dict[str, Any], dict[str, NDArray]]]

START_SECONDS = 120.0
# A worker's time for one file: this, and as much more as its bytes need on a slow, busy machine.
BASE_SECONDS = 5.0
BYTES_PER_SECOND = 10e6
# A worker's address space for one file, beyond what it has when idle.
BASE_MEMORY = 512 * 1024**2
MEMORY_PER_BYTE = 8
# More idle workers than this are ended; each holds some 100 MB.
MAX_IDLE = 2
# One thread each, and no buffers for more: they count as address space.
ONE_THREAD = ONE_THREAD_EACH | {"RAYON_NUM_THREADS": "1"}
ENTRY = "from backend.io.isolation import serve; serve()"
FIELD = "field:"

# Whether this process is a worker itself.
_serving = False
# By process: a forked child must not talk to its parent's workers.
_idle: dict[int, list[_Worker]] = {}


def parse_isolated(
    parse: Parser, data: bytes, limits: ReadLimits, options: Mapping[str, Any] | None = None
) -> PointCloud:
    """What ``parse(data, limits, **options)`` gives, computed in a worker process.

    Args:
        parse: a function at the top level of its module.
        data: the file.
        limits: as tight as the file's checked header allows; ``max_bytes`` is what the file
            unpacks to at most, and with the file's size bounds the worker's time and memory.
        options: keyword arguments that JSON can hold.

    In a worker itself, it is computed right there.

    Raises:
        FileFormatError: whatever went wrong in the worker: an exception, a crash, too much memory
            or time.
    """
    options = options or {}
    if _serving:
        return parse(data, limits, **options)
    answer, arrays = _asked(parse, data, limits, options, None)
    cloud = _cloud_from_arrays(arrays)
    return replace(cloud, unit=answer["unit"], notices=tuple(answer["notices"]))


def compute_isolated(
    function: Computation,
    data: bytes,
    limits: ReadLimits,
    options: Mapping[str, Any] | None = None,
    *,
    seconds: float | None = None,
) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """What ``function(data, limits, **options)`` gives, as ``parse_isolated`` does for clouds.

    Args:
        function: at the top level of its module; gives values that JSON can hold, and arrays.
        data: the file.
        limits: bound the worker's time and memory; see ``parse_isolated``.
        options: keyword arguments that JSON can hold.
        seconds: the worker's time, instead of that by the bytes.

    Raises:
        FileFormatError: whatever went wrong in the worker.
    """
    options = options or {}
    if _serving:
        return function(data, limits, **options)
    answer, arrays = _asked(function, data, limits, options, seconds)
    return answer["values"], arrays


def _asked(
    function: Callable[..., Any],
    data: bytes,
    limits: ReadLimits,
    options: Mapping[str, Any],
    seconds: float | None,
) -> tuple[dict[str, Any], dict[str, NDArray]]:
    with _borrowed_worker() as worker:
        answer, arrays = worker.ask(function, data, limits, options, seconds)
    if "error" in answer:
        raise FileFormatError(answer["error"])
    return answer, arrays


class _Worker:
    """One process, ready to be asked."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", ENTRY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | ONE_THREAD | same_modules(),
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout
        with self._killed_after(START_SECONDS) as late:
            started = bool(self.answers.readline())
        said = self._what_it_said()
        if not started:
            self.end()
            raise EngineError(
                f"the reading process did not start within {START_SECONDS:.0f} s: the machine is "
                "too busy; try again"
                if late.is_set()
                else f"the reading process ended as soon as it was started: {said}"
            )

    def _what_it_said(self) -> str:
        """The last line of what the process wrote to its standard error before it was ready."""
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            lines = stream.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def ask(
        self,
        function: Callable[..., Any],
        data: bytes,
        limits: ReadLimits,
        options: Mapping[str, Any],
        seconds: float | None,
    ) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """The answer, and its arrays.

        Raises:
            FileFormatError: the worker died of the file, or had to be killed.
        """
        work = len(data) + limits.max_bytes
        seconds = seconds or BASE_SECONDS + work / BYTES_PER_SECOND
        request = {
            "function": [function.__module__, function.__name__],
            "limits": asdict(limits),
            "options": dict(options),
            "size": len(data),
            "memory": BASE_MEMORY + MEMORY_PER_BYTE * work,
        }
        with self._killed_after(seconds) as late, contextlib.suppress(OSError):
            self.requests.write(json.dumps(request).encode() + b"\n")
            self.requests.write(data)
            self.requests.flush()
            answer = _receive(self.answers)
            if not late.is_set():
                return answer
        if late.is_set():
            raise FileFormatError(
                f"reading took over {seconds:.0f} s and was stopped; the file is damaged, or the "
                "machine too busy"
            )
        raise FileFormatError(
            "the file made its reader crash, and it was stopped: it is damaged, or needs more than "
            f"{request['memory']} bytes of memory"
        )

    @contextlib.contextmanager
    def _killed_after(self, seconds: float) -> Iterator[threading.Event]:
        late = threading.Event()

        def kill() -> None:
            late.set()
            self.process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()

    def end(self) -> None:
        """Kill the process and close its pipes."""
        self.process.kill()
        for pipe in (self.requests, self.answers):
            with contextlib.suppress(OSError):
                pipe.close()
        self.process.wait()


@contextlib.contextmanager
def _borrowed_worker() -> Iterator[_Worker]:
    """An idle worker or a new one; after any failure it is not used again."""
    idle = _idle.setdefault(os.getpid(), [])
    worker = _living(idle) or _Worker()
    try:
        yield worker
    except BaseException:
        worker.end()
        raise
    if len(idle) < MAX_IDLE:
        idle.append(worker)
    else:
        worker.end()


def _living(idle: list[_Worker]) -> _Worker | None:
    """Take a worker that nobody has killed meanwhile."""
    while True:
        try:
            worker = idle.pop()
        except IndexError:
            return None
        if worker.process.poll() is None:
            return worker
        worker.end()


@atexit.register
def end_workers() -> None:
    """End this process's idle workers."""
    idle = _idle.pop(os.getpid(), [])
    while idle:
        idle.pop().end()


def _receive(answers: IO[bytes]) -> tuple[dict[str, Any], dict[str, NDArray]]:
    line = answers.readline()
    if not line.endswith(b"\n"):
        raise BrokenPipeError
    answer: dict[str, Any] = json.loads(line)
    arrays: dict[str, NDArray] = {}
    for name, kind, shape in answer.get("arrays", []):
        array = np.empty(shape, np.dtype(kind))
        if array.size and answers.readinto(_as_bytes(array)) != array.nbytes:  # type: ignore[attr-defined]
            raise BrokenPipeError
        arrays[name] = array
    return answer, arrays


def _as_bytes(array: NDArray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _cloud_from_arrays(arrays: dict[str, NDArray]) -> PointCloud:
    fields = {
        name.removeprefix(FIELD): values
        for name, values in arrays.items()
        if name.startswith(FIELD)
    }
    return PointCloud(arrays["points"], arrays.get("normals"), arrays.get("faces"), fields)


def _arrays_from_cloud(cloud: PointCloud) -> dict[str, NDArray]:
    known = {"points": cloud.points, "normals": cloud.normals, "faces": cloud.faces}
    arrays = {name: array for name, array in known.items() if array is not None}
    arrays |= {f"{FIELD}{name}": values for name, values in cloud.fields.items()}
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def serve() -> None:
    """Answer requests until standard input ends; what a worker process runs."""
    global _serving
    _serving = True
    requests = sys.stdin.buffer
    # Whatever a library prints must not get among the answers; nobody reads it.
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    answers.write(b"ready\n")
    answers.flush()
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["size"])
        _limit_memory(request["memory"])
        try:
            described, arrays = _computed(request, data)
        except BaseException as error:  # A panic of a Rust library is not an Exception.
            _answer(answers, {"error": _reason(error)}, {})
        else:
            _answer(answers, {"arrays": _described(arrays), **described}, arrays)


def _computed(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """What is told beside the arrays, and the arrays."""
    module, name = request["function"]
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    result = function(data, ReadLimits(**request["limits"]), **request["options"])
    if isinstance(result, PointCloud):
        return {"unit": result.unit, "notices": result.notices}, _arrays_from_cloud(result)
    values, arrays = result
    return {"values": values}, arrays


def _reason(error: BaseException) -> str:
    """The message for the user, never that of a library."""
    if isinstance(error, FlawsmithError):
        return str(error)
    if isinstance(error, MemoryError):
        return "reading needs more memory than a file of this size may take; it is damaged"
    return "its content is damaged, or of a kind that cannot be read; export it again"


def _described(arrays: dict[str, NDArray]) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(name, array.dtype.str, array.shape) for name, array in arrays.items()]


def _answer(answers: IO[bytes], answer: dict[str, Any], arrays: dict[str, NDArray]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    for array in arrays.values():
        if array.size:
            answers.write(_as_bytes(array))
    answers.flush()


def _limit_memory(extra: int) -> None:
    """Bound the address space to what is in use and ``extra`` bytes, where the system can."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/statm") as file:
        in_use = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = in_use + extra
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
