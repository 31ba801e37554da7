"""A step is done once, again when its inputs or its files change, and goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from backend.demo.steps import STEP_FILE, code_digest, run_step
from backend.errors import FlawsmithError
from backend.io import write_bytes


def making(*names: str, calls: list[str] | None = None) -> Callable[[Path], Mapping[str, Any]]:
    """Writes files of these names that are not there yet, noting each."""

    def make(folder: Path) -> Mapping[str, Any]:
        for name in names:
            if not (folder / name).exists():
                write_bytes(folder / name, name.encode())
                if calls is not None:
                    calls.append(name)
        return {"count": len(names)}

    return make


def test_finished_step_is_not_repeated(tmp_path: Path) -> None:
    calls: list[str] = []
    first = run_step(tmp_path / "s", {"seed": 1}, making("a", calls=calls))
    again = run_step(tmp_path / "s", {"seed": 1}, making("a", calls=calls))
    assert calls == ["a"]
    assert (first.reused, again.reused) == (False, True)
    assert again.digest == first.digest and again.figures == {"count": 1}
    assert again.seconds == first.seconds


def test_other_inputs_start_anew(tmp_path: Path) -> None:
    run_step(tmp_path / "s", {"seed": 1}, making("a", "old"))
    step = run_step(tmp_path / "s", {"seed": 2}, making("a"))
    assert not step.reused
    assert sorted(path.name for path in step.folder.iterdir()) == ["a", STEP_FILE]


def remove(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [remove, truncate])
def test_missing_or_changed_file_is_made_again(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    calls: list[str] = []
    step = run_step(tmp_path / "s", {}, making("ab", "cd", calls=calls))
    damage(step.folder / "ab")
    again = run_step(tmp_path / "s", {}, making("ab", "cd", calls=calls))
    assert calls == ["ab", "cd", "ab"]
    assert not again.reused and again.digest == step.digest
    assert (step.folder / "ab").read_bytes() == b"ab"


def test_interrupted_step_goes_on(tmp_path: Path) -> None:
    def interrupted(folder: Path) -> Mapping[str, Any]:
        making("a")(folder)
        (folder / f".b.{'0' * 32}.tmp").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_step(tmp_path / "s", {"seed": 1}, interrupted)
    calls: list[str] = []
    step = run_step(tmp_path / "s", {"seed": 1}, making("a", "b", calls=calls))
    assert calls == ["b"]
    assert sorted(path.name for path in step.folder.iterdir()) == ["a", "b", STEP_FILE]


def test_hidden_files_are_no_result(tmp_path: Path) -> None:
    def make(folder: Path) -> Mapping[str, Any]:
        (folder / ".work").mkdir(exist_ok=True)
        (folder / ".work" / "lock").touch()
        return making("a")(folder)

    step = run_step(tmp_path / "s", {}, make)
    (step.folder / ".work" / "lock").unlink()
    assert run_step(tmp_path / "s", {}, make).reused


def test_digest_follows_from_files_and_figures(tmp_path: Path) -> None:
    one = run_step(tmp_path / "1", {"x": 1}, making("a"))
    same = run_step(tmp_path / "2", {"x": 2}, making("a"))
    other = run_step(tmp_path / "3", {"x": 1}, making("b"))
    assert one.digest == same.digest != other.digest


def test_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FlawsmithError, match="--out"):
        run_step(tmp_path, {}, making("a"))
    assert (tmp_path / "thesis.txt").exists()


def test_unreadable_record_starts_anew(tmp_path: Path) -> None:
    step = run_step(tmp_path / "s", {}, making("a"))
    (step.folder / STEP_FILE).write_text("{")
    assert not run_step(tmp_path / "s", {}, making("a")).reused
    assert json.loads((step.folder / STEP_FILE).read_text())["figures"] == {"count": 1}


def test_code_digest_leaves_out_what_is_named() -> None:
    whole = code_digest("backend")
    assert whole == code_digest("backend")
    assert whole != code_digest("backend", without=["demo"])
    assert code_digest("backend", without=["demo/steps.py"]) not in (
        whole,
        code_digest("backend", without=["demo"]),
    )
