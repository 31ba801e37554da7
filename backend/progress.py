"""How a long call is followed: bars on the screen, a function of the caller, or nothing.

A long call does its work in steps, one after another, each on a known number of items. Whatever
follows it is told of each item that is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Literal, Protocol, TypeAlias, TypeVar

Item = TypeVar("Item")


class Progress(Protocol):
    """A function that follows a long call.

    It is called when a step begins and after each item of it. What it raises ends the call: that is
    how a program of yours can cancel one.

    >>> def show(step: str, done: int, total: int, about: str = "") -> None:
    ...     print(f"{step}: {done} of {total}")
    >>> cases = [fs.TestCase(fs.LabeledCloud.nominal(scan), "plate", "") for scan in scans]
    >>> report = fs.evaluate(detector, cases, progress=show)  # the detector of ``train``'s example
    Scoring: 0 of 3
    Scoring: 1 of 3
    Scoring: 2 of 3
    Scoring: 3 of 3
    """

    def __call__(self, step: str, done: int, total: int, about: str = "", /) -> None:
        """Take note.

        Args:
            step: what is being done, such as ``"Making samples"``.
            done: number of items that are done, from 0; more at once if an earlier run did some.
            total: number of items in all.
            about: how the work stands, such as the loss of a training; empty if there is nothing.
        """


# What long calls take as ``progress``: "bars" shows bars on standard error, if that is a terminal
# or a notebook; None shows nothing.
Following: TypeAlias = Progress | Literal["bars"] | None


def silent(step: str, done: int, total: int, about: str = "", /) -> None:
    """Take note of nothing."""


@contextmanager
def following(progress: Following) -> Iterator[Progress]:
    """The function that follows a call which got ``progress``, for ``with``.

    Raises:
        TypeError: ``progress`` is something else.
    """
    if progress is None:
        yield silent
    elif progress == "bars":
        from backend.bars import bars

        with bars() as shown:
            yield shown
    elif callable(progress):
        yield progress
    else:
        raise TypeError(f'progress must be "bars", None or a function, not {progress!r}')


def track(
    progress: Progress,
    items: Iterable[Item],
    step: str,
    total: int | None = None,
    *,
    done: int = 0,
    about: Callable[[Item], str] | None = None,
) -> Iterator[Item]:
    """Pass ``items`` on, and tell ``progress`` of each when the next one is asked for.

    Args:
        progress: what follows.
        items: of the step.
        step: its name.
        total: number of items; may be left out if ``items`` has a length. Of none, nothing is told.
        done: how many of ``total`` an earlier run did; they are not among ``items``.
        about: how the work stands after an item, in words.
    """
    if total is None:
        assert isinstance(items, Sized)
        total = len(items)
    if total == 0:
        yield from items
        return
    progress(step, done, total)
    for item in items:
        yield item
        done += 1
        progress(step, done, total, "" if about is None else about(item))
