"""What was killed goes on: at whatever write, the result is the same, and no file is left over.

A process that is killed tidies nothing up. Here the work is done in the process of the tests, so a
kill is an exception that nothing catches, after which no file can be written or removed any more.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from backend.dataset.export import Export, ExportConfig
from backend.dataset.layouts import LAYOUTS
from backend.io import atomic, write_cloud
from backend.samples import sample_path
from backend.synthesis.plan import SynthesisPlan
from backend.synthesis.run import synthesize
from backend.training import DETECTOR_FILE, TrainingSet, train
from backend.training.config import SynthesisConfig
from backend.training.unrolled.config import UnrolledTrainingConfig
from backend.training.unrolled.network import UnrolledFittingConfig
from shared_schema.load import dump
from tests.backend import turned
from tests.backend.cli.conftest import Run
from tests.backend.cli.conftest import run as run
from tests.backend.parts import TINY, labeled_set, nominal_set, scan, sets, write_folder
from tests.backend.shapes import random_recipe, sphere, template

# When a process dies: with the file half written, before it has its name, or just after.
MOMENTS = ("half", "whole", "named")
KILLS = st.lists(
    st.tuples(st.integers(0, 10_000), st.sampled_from(MOMENTS)), min_size=1, max_size=2
)

# Every run takes its time, so that a failure is shown as it is found.
PHASES = [Phase.explicit, Phase.generate]

Work = Callable[[Path], object]


class Killed(BaseException):
    """The process has ended here."""


class HereAlone:
    """Stands for ``Workers``, so that all is written by this process."""

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map_unordered(
        self, work: Any, items: Sequence[Any], *, chunk_size: int = 1
    ) -> Iterator[Any]:
        return map(work, items)

    def in_order(self, work: Any, items: Iterable[Any], *, ahead: int) -> Iterator[Any]:
        return map(work, items)


@contextmanager
def dying(number: int, moment: str) -> Iterator[list[str]]:
    """Whatever is done here ends at write ``number``, if there are as many; lists the writes."""
    written: list[str] = []
    dead = False

    def put(source: Path, target: Path) -> None:
        nonlocal dead
        if not dead and len(written) != number:
            written.append(target.name)
            os.replace(source, target)
            return
        if not dead and moment == "half":
            os.truncate(source, source.stat().st_size // 2)
        elif not dead and moment == "named":
            os.replace(source, target)
        dead = True
        raise Killed

    def unless_dead(remove: Callable[..., object]) -> Callable[..., None]:
        def removed(*arguments: Any, **options: Any) -> None:
            if not dead:
                remove(*arguments, **options)

        return removed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(atomic, "os", SimpleNamespace(replace=put))
        patched.setattr(Path, "unlink", unless_dead(Path.unlink))
        patched.setattr(shutil, "rmtree", unless_dead(shutil.rmtree))
        try:
            yield written
        except Killed:
            assert dead


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder``, hidden ones too, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def require_goes_on(work: Work, folder: Path, examples: int) -> None:
    """Hold ``work``, which writes into the folder that it is given, to what this page is about."""
    with dying(-1, "") as writes:
        work(folder / "whole")
    expected = contents(folder / "whole")
    assert writes
    numbers = count()

    @settings(max_examples=examples, phases=PHASES, suppress_health_check=HealthCheck)
    @given(KILLS)
    @example([(-1, "named")])
    def killed(kills: list[tuple[int, str]]) -> None:
        out = folder / f"cut-{next(numbers)}"
        for number, moment in kills:
            with dying(number % len(writes), moment):
                work(out)
        work(out)
        assert contents(out) == expected

    killed()


@pytest.fixture
def here_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # The package has a function of that module's name.
    for module in ("backend.evaluation.pod.run", "backend.synthesis.run", "backend.training.train"):
        monkeypatch.setattr(import_module(module), "Workers", HereAlone)


@pytest.mark.usefixtures("here_alone")
@pytest.mark.parametrize("suffix", [".safetensors", ".ply"])
def test_synthesize(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "template.json").write_text(
        dump(template("dent", "crack").model_copy(update={"draws": 1}))
    )
    for number in range(2):
        write_cloud(tmp_path / "egg" / f"{number}.ply", scan("egg", number))
    plan = SynthesisPlan(
        tmp_path / "template.json", tmp_path / "egg", tmp_path, "egg", suffix=suffix
    )
    require_goes_on(
        lambda out: synthesize(replace(plan, out=out), 3, progress=None), tmp_path / "runs", 6
    )


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_export(tmp_path: Path, layout: str) -> None:
    data = write_folder(tmp_path / "data", nominal=2, anomalous=1)

    def work(out: Path) -> None:
        run = Export(data, out, ExportConfig(layout, "mm", pixels=48))
        for path in run.files:
            run.write(path)
        run.finish()

    require_goes_on(work, tmp_path / "runs", 4)


@pytest.mark.usefixtures("here_alone")
def test_train_on_points(tmp_path: Path) -> None:
    fitting = replace(TINY.fitting, epochs=2, steps_per_epoch=1)
    given = sets({"egg": nominal_set()["egg"]}, {"egg": labeled_set(1)["egg"]})
    config = replace(TINY, fitting=fitting)
    require_goes_on(lambda out: train(given, config, seed=1, out=out, progress=None), tmp_path, 4)


@pytest.mark.usefixtures("here_alone")
def test_train_on_unrolled_maps(tmp_path: Path) -> None:
    quick = UnrolledTrainingConfig(fitting=UnrolledFittingConfig(networks=1, epochs=1, crop=48))
    config = replace(TINY, family="unrolled", unrolled=quick, synthesis=SynthesisConfig(count=2))
    scans = [turned.scan(number, points=1500) for number in range(3)]
    given = {"pin": TrainingSet(scans, None, [turned.dented(9)])}
    drawn = template("dent")
    work = lambda out: train(given, config, seed=1, out=out, template=drawn, progress=None)  # noqa: E731
    require_goes_on(work, tmp_path, 2)


def test_replay(tmp_path: Path, run: Run) -> None:
    scans = [tmp_path / f"{number}.ply" for number in range(2)]
    for path in scans:
        write_cloud(path, sphere())
    recipe = tmp_path / "recipe.json"
    recipe.write_text(dump(random_recipe(sphere(), 1, "dent", "hole")))
    work = lambda out: run("replay", recipe, *scans, "--out", out)  # noqa: E731
    require_goes_on(work, tmp_path / "runs", 6)


def test_evaluate(tmp_path: Path, run: Run) -> None:
    data = write_folder(tmp_path / "data", nominal=1, anomalous=1)
    shutil.rmtree(data / "ball")
    train({"egg": nominal_set()["egg"]}, TINY, out=tmp_path, progress=None)
    model = tmp_path / DETECTOR_FILE
    work = lambda out: run("evaluate", model, data, "--out", out)  # noqa: E731
    require_goes_on(work, tmp_path / "runs", 1)


@pytest.mark.usefixtures("here_alone")
def test_pod(tmp_path: Path, run: Run) -> None:
    few = replace(TINY, false_alarm_rate=0.4)
    train({"egg": nominal_set(9)["egg"]}, few, out=tmp_path, progress=None)
    for number in range(2):
        write_cloud(tmp_path / "scans" / f"{number}.ply", scan("egg", number))
    (tmp_path / "template.json").write_text(dump(template("dent")))
    given = (tmp_path / DETECTOR_FILE, "--scans", tmp_path / "scans", "--count", 4)
    drawn = ("--template", tmp_path / "template.json")
    work = lambda out: run("pod", *given, *drawn, "--out", out)  # noqa: E731
    require_goes_on(work, tmp_path / "runs", 3)


def test_score(tmp_path: Path, run: Run) -> None:
    train({"egg": nominal_set()["egg"]}, TINY, out=tmp_path, progress=None)
    scans = [tmp_path / f"{number}.ply" for number in range(2)]
    for number, path in enumerate(scans):
        write_cloud(path, scan("egg", number))
    model = tmp_path / DETECTOR_FILE
    work = lambda out: run("score", model, *scans, "--out", out)  # noqa: E731
    require_goes_on(work, tmp_path / "runs", 2)


def test_remake(tmp_path: Path, run: Run) -> None:
    write_cloud(tmp_path / "scan.ply", sphere())
    recipe = tmp_path / "recipe.json"
    recipe.write_text(dump(random_recipe(sphere(), 1, "dent", "hole")))
    run("replay", recipe, tmp_path / "scan.ply", "--out", tmp_path / "first")
    record = tmp_path / "first" / "scan.json"
    work = lambda out: run("remake", record, "--out", out)  # noqa: E731
    require_goes_on(work, tmp_path / "runs", 6)


def test_instruct(tmp_path: Path, run: Run) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("Dents of 5 to 8 mm in diameter occur on the top.\n")
    part = sample_path("plate_holes")
    work = lambda out: run("instruct", part, "--notes", notes, "--out", out / "t.json")  # noqa: E731
    require_goes_on(work, tmp_path / "runs", 1)


@pytest.mark.parametrize(
    "command",
    [
        (
            "sample",
            "machining/handling_dents",
            sample_path("plate_holes"),
            "--count",
            3,
            "--out",
            "",
        ),
        ("templates", "--show", "machining/handling_dents", "--out", "template.json"),
        ("schema", "--out", "recipe.json"),
    ],
    ids=lambda command: command[0],
)
def test_what_writes_documents(command: tuple[object, ...], tmp_path: Path, run: Run) -> None:
    *given, name = command
    work = lambda out: run(*given, out / str(name))  # noqa: E731
    require_goes_on(work, tmp_path / "runs", 4)
