"""Following long calls: a function, bars, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import flawsmith as fs
from backend.progress import following, silent, track
from tests.backend.parts import labeled, scan


def cases() -> list[fs.TestCase]:
    """An anomalous and a nominal cloud."""
    nominal = fs.LabeledCloud.nominal(scan("egg", 301))
    return [fs.TestCase(labeled("egg", 300, 0.3), "egg", "dent"), fs.TestCase(nominal, "egg", "")]


@pytest.fixture
def detector(model: Path) -> fs.Detector:
    return fs.Detector.load(model)


def test_a_function_is_called_after_each_item(
    detector: fs.Detector, capfd: pytest.CaptureFixture[str]
) -> None:
    steps: list[tuple[str, int, int, str]] = []

    def record(step: str, done: int, total: int, about: str = "") -> None:
        steps.append((step, done, total, about))

    fs.evaluate(detector, iter(cases()), progress=record)
    assert steps == [("Scoring", done, 2, "") for done in range(3)]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("read", [fs.read_training_sets, fs.read_test_cases])
def test_reading_a_data_set_is_followed(read: Callable[..., object], tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []

    def record(step: str, done: int, total: int, about: str = "") -> None:
        steps.append((step, done, total))

    for number in range(2):
        fs.write_cloud(tmp_path / "egg" / "nominal" / f"{number}.ply", scan("egg", number))
    read(tmp_path, progress=record)
    assert steps == [("Reading", done, 2) for done in range(3)]


@pytest.mark.parametrize(("progress", "terminal"), [(None, True), ("bars", False)])
def test_nothing_is_shown_where_nothing_is_to_be(
    detector: fs.Detector,
    progress: None,
    terminal: bool,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # rich takes any stream for a terminal if this is set; its older versions also if it is empty.
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    fs.evaluate(detector, cases(), progress=progress)
    assert capfd.readouterr() == ("", "")


def test_bars_are_the_default_in_a_terminal(
    detector: fs.Detector, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes any stream for a terminal then
    fs.evaluate(detector, cases())
    shown = capfd.readouterr()
    assert shown.out == "" and "Scoring" in shown.err and "2/2" in shown.err


def test_an_error_of_the_function_ends_the_call(detector: fs.Detector) -> None:
    def stop(step: str, done: int, total: int, about: str = "") -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fs.evaluate(detector, cases(), progress=stop)


def test_what_cannot_follow_is_quoted() -> None:
    wrong, right = "bar", '"bars", None or a function'
    with pytest.raises(TypeError, match=f"must be {right}, not {wrong!r}"), following(wrong):  # type: ignore[arg-type]
        pass


def test_a_step_may_begin_where_an_earlier_run_stopped() -> None:
    steps: list[tuple[str, int, int, str]] = []
    items = track(lambda *told: steps.append(told), "cd", "Reading", 4, done=2, about=str.upper)
    assert list(items) == ["c", "d"]
    assert steps == [("Reading", 2, 4), ("Reading", 3, 4, "C"), ("Reading", 4, 4, "D")]
    assert list(track(silent, [], "Reading")) == []
