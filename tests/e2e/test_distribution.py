"""What is published holds all that it needs, and works where pip installs it.

The wheel is installed with the newest versions that it allows, without the lock, and run in a
folder whose modules have the names of ours.
"""

from __future__ import annotations

import email
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass, replace
from email.message import Message
from pathlib import Path

import numpy as np
import pytest

import build
from backend import __version__
from backend.cli import COMMANDS
from backend.io import ENCODED_WRITERS, WRITERS, read_cloud, write_cloud
from backend.io.organised import cloud_from_image
from backend.samples import load_sample, sample_path
from backend.training.config import SynthesisConfig, to_record
from shared_schema.load import dump
from tests.architecture.project import IN_WHEEL, PACKAGES, ROOT
from tests.backend.instruct.test_synthesis4ad import ROUND, VIEWS
from tests.backend.parts import TINY, scan, write_folder
from tests.backend.serving.service import running
from tests.backend.shapes import template
from tests.foreign import COMPLAINT, foreign_folder

IN_SOURCE = (*PACKAGES, ".ci", "benchmarks", "docs", "requirements", "tests")
NO_SOURCE = shutil.ignore_patterns("__pycache__", "*.pyc", ".*_cache", ".DS_Store")

# The commands of a plain install, and the extra that each of the others asks for first there.
PLAIN = (
    "export",
    "fuse",
    "import-instructions",
    "remake",
    "replay",
    "sample",
    "schema",
    "synthesize",
    "templates",
    "validate",
)
NEEDS = {
    "demo": "detector",
    "evaluate": "detector",
    "instruct": "pictures",
    "pod": "pod",
    "score": "detector",
    "serve": "serve",
    "train": "detector",
}
# A training of seconds, on a handful of drawn defects.
QUICK = replace(TINY, synthesis=SynthesisConfig(count=2, fresh=1))
# A name with a blank and with a byte that is not UTF-8, where the system has such names.
ODD = os.fsdecode(b"caf\xe9 1") if sys.platform == "linux" else "café 1"
# Everything here starts processes, which wait for each other where the machine is busy.
pytestmark = pytest.mark.timeout(1800)

EXAMPLES = Path(__file__).with_name("python_page.py")


# --- what the files hold ---


def files_below(folder: Path, names: tuple[str, ...]) -> set[str]:
    """The files of the folders ``names`` by their paths in ``folder``."""
    found = (path for name in names for path in (folder / name).rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a wheel and a source archive in ``dist``, built there."""
    copy = tmp_path_factory.mktemp("source")
    for name in IN_SOURCE:
        shutil.copytree(ROOT / name, copy / name, ignore=NO_SOURCE)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, copy)
    build.build_distributions(copy, copy / "dist", sys.executable)
    return copy


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    [found] = (source / "dist").glob("*.whl")
    return found


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as opened:
        return email.message_from_bytes(opened.read(f"flawsmith-{__version__}.dist-info/METADATA"))


def test_the_wheel_holds_every_file_of_its_packages_and_nothing_of_the_extension(
    source: Path, wheel: Path
) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    info = {name for name in held if name.startswith(f"flawsmith-{__version__}.dist-info/")}
    assert held - info == files_below(source, IN_WHEEL)
    assert {f"{name}/py.typed" for name in IN_WHEEL} <= held


def test_the_wheel_is_under_the_apache_licence_alone(wheel: Path) -> None:
    assert metadata(wheel).get_all("License-Expression") == ["Apache-2.0"]
    files = metadata(wheel).get_all("License-File")
    assert files is not None and {"LICENSE", "NOTICE"} <= set(files)
    with zipfile.ZipFile(wheel) as opened:
        for name in opened.namelist():
            assert b"GNU GENERAL PUBLIC LICENSE" not in opened.read(name), name


def test_the_metadata_say_whose_it_is_and_what_it_is_for(wheel: Path) -> None:
    told = metadata(wheel)
    assert (told["Name"], told["Version"]) == ("flawsmith", __version__)
    assert told["Author"] == "flawsmith contributors"
    assert told["Requires-Python"] == "<3.12,>=3.11"
    assert told["Keywords"] and told["Summary"]
    assert "Typing :: Typed" in (told.get_all("Classifier") or [])
    assert told.get_payload() == (ROOT / "README.md").read_text("utf-8")


def test_the_source_archive_holds_tests_documents_and_lock(source: Path) -> None:
    [archive] = (source / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        held = {member.name.partition("/")[2] for member in opened if member.isfile()}
    # What is copied beside the folders may be somebody's own, but these are the project's.
    documents = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "NOTICE", "README.md"}
    beside = documents | {"build.py", "pyproject.toml"}
    assert files_below(source, IN_SOURCE) | beside <= held


# --- what pip installs ---


@dataclass(frozen=True)
class Installed:
    """An environment that has the wheel, and a folder of another project to work in.

    Attributes:
        python: of the environment.
        script: the command that pip made.
        folder: where everything runs.
    """

    python: Path
    script: Path
    folder: Path

    def run(self, *command: str | Path, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the environment's Python, which must end with ``status``."""
        done = subprocess.run(
            [self.python, *command],
            cwd=self.folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            errors="surrogateescape",
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert COMPLAINT not in done.stderr
        return done

    def flawsmith(
        self, *arguments: str | Path, status: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run the command that pip made, which must end with ``status``."""
        return self.run(self.script, *arguments, status=status)


def clean_environment() -> dict[str, str]:
    """The variables of this process without those that lead Python to other modules."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return kept | build.ONE_THREAD


def empty_environment(folder: Path) -> Path:
    """Make an environment with nothing in it, not even pip; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return Path(build.script("python", folder))


@pytest.fixture(scope="module")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """``pip install flawsmith``: the wheel and what it cannot do without."""
    venv = tmp_path_factory.mktemp("plain") / "venv"
    python = empty_environment(venv)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    done = subprocess.run(
        [*pip, "install", "-q", "--no-compile", "--only-binary", ":all:", str(wheel)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"pip cannot install the wheel: {done.stderr.strip().splitlines()[-1]}")
    folder = foreign_folder(tmp_path_factory.mktemp("theirs") / "their project")
    return Installed(python, Path(build.script("flawsmith", venv)), folder)


@pytest.fixture(scope="module")
def whole(plain: Installed, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The same with the packages of the extras.

    They are not installed again, which would take minutes: those of the tests' own environment are
    found behind what pip installed. The source of flawsmith is not found by it, because Python
    reads the file that points to it in an environment's own folder only.
    """
    venv = tmp_path_factory.mktemp("whole") / "venv"
    python = empty_environment(venv)
    folders = [build.packages_folder(plain.script.parents[1]), build.packages_folder(build.VENV)]
    packages = build.packages_folder(venv)
    (packages / "others.pth").write_text("".join(f"{folder}\n" for folder in folders), "utf-8")
    folder = foreign_folder(tmp_path_factory.mktemp("theirs") / "their project")
    return Installed(python, plain.script, folder)


WHERE = """
import backend, flawsmith, importlib.util, numpy, shared_schema
for module in (backend, flawsmith, shared_schema, numpy):
    print(module.__file__)
print(importlib.util.find_spec("blender_addon"))
print(flawsmith.__version__)
"""


@pytest.mark.parametrize("which", ["plain", "whole"])
def test_what_runs_is_what_pip_installed(
    which: str, plain: Installed, request: pytest.FixtureRequest
) -> None:
    installed: Installed = request.getfixturevalue(which)
    *files, extension, version = installed.run("-P", "-c", WHERE).stdout.splitlines()
    packages = build.packages_folder(plain.script.parents[1])
    assert [Path(file).parent.parent for file in files] == [packages] * 4
    assert extension == "None"
    assert version == __version__
    assert installed.flawsmith("--version").stdout == f"flawsmith, version {__version__}\n"


def test_every_command_is_run_here() -> None:
    assert sorted([*PLAIN, *NEEDS]) == sorted(COMMANDS)


def test_the_commands_of_a_plain_install(plain: Installed) -> None:
    folder = plain.folder
    for number in range(3):
        write_cloud(folder / ODD / f"{ODD} {number}.ply", scan("egg", number))
    plain.flawsmith("fuse", *sorted((folder / ODD).iterdir()), "--out", "fused")
    assert len(read_cloud(folder / "fused" / "model.ply")) > 100
    (folder / "template.json").write_text(dump(template("dent")))
    assert "casting/porosity" in plain.flawsmith("templates").stdout
    assert json.loads(plain.flawsmith("schema", "recipe").stdout)["title"] == "Recipe"

    scans = [f"{ODD}/{ODD} {number}.ply" for number in range(2)]
    plain.flawsmith("validate", "template.json", scans[0], "--fix", "--out", "fixed.json")
    assert json.loads((folder / "fixed.json").read_text("utf-8"))["defects"]
    (folder / "boxes.json").write_text(json.dumps([ROUND]))
    given = ("boxes.json", sample_path("plate_holes"), "--views", VIEWS, "--view", "view_000")
    plain.flawsmith("import-instructions", *given, "--fix", "--out", "imported.json")
    assert json.loads((folder / "imported.json").read_text("utf-8"))["defects"]
    plain.flawsmith("sample", "template.json", scans[0], "--count", "1", "--out", "recipes")
    [recipe] = (folder / "recipes").glob("*.json")
    plain.flawsmith("replay", recipe, *scans, "--out", "out")
    records = sorted((folder / "out").glob("*.json"))
    assert json.loads(records[0].read_text("utf-8"))["defects"][0]["points"] > 0
    plain.flawsmith("remake", *records, "--out", "again")
    for path in (folder / "again").iterdir():
        assert path.read_bytes() == (folder / "out" / path.name).read_bytes()

    made = ("--count", "4", "--jobs", "2", "--category", "egg", "--out", "data")
    plain.flawsmith("synthesize", "template.json", "--scans", ODD, *made)
    assert len(list((folder / "data" / "egg" / "anomalous").iterdir())) == 4
    plain.flawsmith("export", "data", "--layout", "real3d-ad", "--out", "exported")
    assert list((folder / "exported").rglob("*.pcd"))


@pytest.mark.parametrize("command", NEEDS)
def test_a_command_names_the_extra_that_a_plain_install_lacks(
    command: str, plain: Installed
) -> None:
    write_cloud(plain.folder / "data" / "egg" / "nominal" / "0.ply", scan("egg", 0))
    (plain.folder / "spec.txt").write_text("Dents occur.")
    model = ROOT / "backend" / "models" / "bundled" / "bundled_parts.safetensors"
    arguments = {
        "demo": [],
        "evaluate": [model, "data", "--out", "measured"],
        "instruct": ["data/egg/nominal/0.ply", "--text", "spec.txt", "--out", "spec.json"],
        "pod": [model, "--scans", "data/egg/nominal", "--out", "examined"],
        "score": [model, "data/egg/nominal/0.ply", "--out", "scored"],
        "serve": [model],
        "train": ["data", "--out", "trained"],
    }
    said = plain.flawsmith(command, *arguments[command], status=1).stderr
    assert f"pip install 'flawsmith[{NEEDS[command]}]'" in said


def test_files_are_read_that_a_process_of_its_own_reads(whole: Installed) -> None:
    image = np.moveaxis(np.mgrid[-10:11, -10:11, 5:6].squeeze(), 0, 2).astype(np.float32)
    cloud = cloud_from_image(image)
    files = {
        "a.laz": WRITERS[".laz"](cloud),
        "b.pcd": ENCODED_WRITERS[".pcd"](cloud, "binary_compressed"),
        "c.tiff": WRITERS[".tiff"](cloud),
    }
    for name, data in files.items():
        (whole.folder / name).write_bytes(data)
    dent = {"kind": "dent", "center": [0, 0, 5], "center_normal": [0, 0, 1]}
    dent |= {"radius": 4.0, "depth": 1.0, "label": 1}
    recipe = {"schema_version": 1, "part": {"name": "plane", "diagonal": cloud.diagonal}}
    (whole.folder / "recipe.json").write_text(json.dumps(recipe | {"defects": [dent]}))
    viewpoint = ("--viewpoint", "0", "0", "99")
    whole.flawsmith("replay", "recipe.json", *files, *viewpoint, "--out", "out")
    for name in files:
        written = read_cloud(whole.folder / "out" / f"{Path(name).stem}.ply")
        assert written.points[:, 2].min() == pytest.approx(4.0, abs=1e-3), name


def test_the_commands_of_the_detector(whole: Installed) -> None:
    folder = whole.folder
    write_folder(folder / ODD, nominal=6, anomalous=2)
    (folder / "template.json").write_text(dump(template("dent")))
    (folder / "config.json").write_text(json.dumps(to_record(QUICK)))
    drawn = ("--template", "template.json", "--config", "config.json")
    whole.flawsmith("train", ODD, *drawn, "--unit", "mm", "--out", "a detector")
    model = Path("a detector", "detector.safetensors")
    whole.flawsmith("evaluate", model, ODD, "--out", "measured")
    assert "egg" in (folder / "measured" / "report.html").read_text("utf-8")
    part = next((folder / ODD / "egg" / "anomalous").glob("*.ply"))
    whole.flawsmith("score", model, part, "--category", "egg", "--picture", "--out", "scored")
    suffixes = {path.suffix for path in (folder / "scored").iterdir()}
    assert suffixes == {".csv", ".json", ".ply", ".png"}
    program = [str(whole.python), str(whole.script)]
    with running(model, program=program, cwd=folder, env=clean_environment()) as service:
        answer = service.score(part, category="egg")
    assert answer.status_code == 200, answer.text


def test_the_examples_of_the_page_on_python(whole: Installed) -> None:
    """Those that need data, or minutes, are given a little data and few of everything."""
    folder = whole.folder
    shutil.copy(sample_path("plate_holes"), folder / "bracket.stl")
    plate = load_sample("plate_holes")
    (folder / "template.json").write_text(dump(template("dent")))
    (folder / "config.json").write_text(json.dumps(to_record(QUICK)))
    top = plate.points[plate.points[:, 2].argmax()].tolist()
    dent = {"kind": "dent", "center": top, "radius": 20.0, "depth": 2.0}
    recipe = {"schema_version": 1, "part": {"diagonal": plate.diagonal}, "defects": [dent]}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    page = ROOT / "docs" / "reference" / "python.md"
    said = whole.run(EXAMPLES, page).stdout.splitlines()
    assert said[-1] == "all examples ran"
    assert len(list((folder / "data" / "bracket" / "anomalous").iterdir())) == 3
    assert (folder / "labelled.ply").exists() and (folder / "detector").is_dir()
