"""build.py: what it installs, what it says is missing, what it packs."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import build
from backend import __version__
from tests.architecture.project import PACKAGES, PROJECT, ROOT, declared, python_files

LDD = """\
	linux-vdso.so.1 (0x00007f8961b44000)
	libXi.so.6 => not found
	libtbb.so.12 => /somewhere/bpy/lib/libtbb.so.12 (0x00007f2b7a000000)
	libSM.so.6 => not found
	/lib64/ld-linux-x86-64.so.2 (0x00007f8961b46000)
"""
LOCK = """\
# Exact versions
bpy==4.5.15 ; platform_machine == 'x86_64'
click==8.5.1
colorama==0.4.6 ; sys_platform == 'win32'
gone==1.0
torch==2.13.0
"""


# --- which torch ---


def test_cpu_torch_is_taken_from_the_configured_indexes_where_they_have_it() -> None:
    assert build.cpu_torch("2.13.0", "linux", None, lambda _: True) == ["torch==2.13.0+cpu"]


def test_cpu_torch_is_else_taken_from_pytorch() -> None:
    arguments = build.cpu_torch("2.13.0", "linux", None, lambda _: False)
    assert arguments == ["torch==2.13.0+cpu", "--extra-index-url", build.TORCH_CPU_INDEX]


def test_a_named_index_is_used_without_asking() -> None:
    def refuse(_: str) -> bool:
        raise AssertionError("asked")

    arguments = build.cpu_torch("2.13.0", "linux", "https://example.org/whl", refuse)
    assert arguments[-1] == "https://example.org/whl"


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_plain_torch_is_the_cpu_build_elsewhere(system: str) -> None:
    assert build.cpu_torch("2.13.0", system, None, lambda _: False) == ["torch==2.13.0"]


def test_cuda_torch_is_never_the_cpu_build() -> None:
    requirement = build.cuda_torch("2.13.0", "linux", None)[0]
    assert requirement == "torch==2.13.0,!=2.13.0+cpu"


@pytest.mark.parametrize(("system", "advice"), [("darwin", "no CUDA"), ("win32", "--torch-index")])
def test_cuda_torch_says_where_there_is_none(system: str, advice: str) -> None:
    with pytest.raises(build.BuildError, match=advice):
        build.cuda_torch("2.13.0", system, None)


# --- the lock ---


def test_new_lock_keeps_markers_and_the_lines_of_other_systems() -> None:
    chosen = {"bpy": "4.5.16", "Click": "8.6", "torch": "2.13.0+cpu", "flawsmith": "0.1.0"}
    assert build.lock_text(chosen, LOCK).splitlines()[1:] == [
        "bpy==4.5.16 ; platform_machine == 'x86_64'",
        "click==8.6",
        "colorama==0.4.6 ; sys_platform == 'win32'",
        "torch==2.13.0",
    ]


def test_new_lock_writes_names_as_one_spells_them() -> None:
    assert "\nfake-bpy-module-4-5==1\n" in build.lock_text({"fake_bpy-module.4.5": "1"}, "")


def test_versions_are_read_without_markers() -> None:
    assert build.locked_versions(LOCK)["bpy"] == "4.5.15"


def test_lock_of_the_project_is_exact_and_holds_every_dependency() -> None:
    lines = build.locked_lines(build.LOCK.read_text("utf-8"))
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", line) for line in lines.values())
    assert {re.sub(r"[-_.]+", "-", name) for name in declared()} <= set(lines)


def test_writing_the_lock_again_changes_nothing() -> None:
    text = build.LOCK.read_text("utf-8")
    assert build.lock_text(build.locked_versions(text), text) == text


# --- the environment ---


def test_stamp_tells_kinds_of_torch_and_locks_apart() -> None:
    stamps = [
        build.stamp_text(cuda, contents)
        for cuda in (False, True)
        for contents in ([b"a", b"b"], [b"ab", b""], [b"a", b"c"])
    ]
    assert len(set(stamps)) == len(stamps)
    assert stamps[0] == build.stamp_text(False, [b"a", b"b"])


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """An environment in ``tmp_path`` whose commands are noted instead of run."""
    commands: list[list[str]] = []
    monkeypatch.setattr(build, "VENV", tmp_path)
    monkeypatch.setattr(build, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(build, "run", lambda command, **_: commands.append(list(command)) or 0)
    return commands


def options(**chosen: object) -> argparse.Namespace:
    return argparse.Namespace(**{"cuda": None, "torch_index": None, **chosen})


def test_second_run_installs_nothing(environment: list[list[str]]) -> None:
    build.prepare(options())
    assert environment
    environment.clear()
    build.prepare(options())
    assert not environment


def test_cuda_stays_until_it_is_taken_back(environment: list[list[str]]) -> None:
    build.prepare(options(cuda=True, torch_index="https://example.org/whl"))
    environment.clear()
    build.prepare(options())
    assert not environment
    build.prepare(options(cuda=False))
    assert environment


def test_an_unfinished_environment_is_not_taken_for_a_finished_one(
    environment: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    build.prepare(options())
    monkeypatch.setattr(build, "run", lambda command, **_: "-r" in command)
    with pytest.raises(build.BuildError, match=r"python build\.py setup"):
        build.prepare(options(cuda=True, torch_index="https://example.org/whl"))
    assert not build.STAMP.exists()


# --- the ends of the ranges ---

RANGES = """\
[project]
name = "flawsmith"
dependencies = ["click>=8.2", "numpy>=1.26,<3"]
[project.optional-dependencies]
blender = ["bpy>=4.5.15,<4.6"]
detector = ["torch>=2.13"]
scan = ["embreex>=2.17.7; platform_machine == 'x86_64'", "flawsmith[detector]"]
dev = ["mypy>=1.15"]
all = ["flawsmith[blender,detector,scan]"]
"""


def test_the_oldest_versions_are_the_lower_ends_but_for_torch() -> None:
    requirements = build.allowed(RANGES)
    assert requirements[1:3] == ["numpy>=1.26,<3", "torch>=2.13"]
    assert build.oldest(requirements) == ["click==8.2", "numpy==1.26", "embreex==2.17.7"]


def test_a_requirement_without_a_lower_end_is_refused() -> None:
    with pytest.raises(build.BuildError, match=r"'click' in pyproject\.toml has no lower end"):
        build.oldest(["click"])


def test_every_range_of_the_project_has_a_lower_end() -> None:
    assert len(build.oldest(build.allowed(build.PROJECT.read_text("utf-8")))) > 15


# --- another processor ---


def test_only_what_numpy_has_code_for_here_is_refused() -> None:
    variables = build.avx2_alone(["SSE42", "AVX2", "AVX512F", "AVX512_ICL", "X86_V4"])
    assert variables["NPY_DISABLE_CPU_FEATURES"] == "AVX512F AVX512_ICL X86_V4"
    assert "NPY_DISABLE_CPU_FEATURES" not in build.avx2_alone(["AVX2"])


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="asks for AVX2")
def test_numpy_then_computes_with_avx2_and_no_more() -> None:
    environment = os.environ | build.avx2_alone(build.numpy_features())
    program = f"import warnings; warnings.simplefilter('error')\n{build.ASK_NUMPY}"
    result = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert not [name for name in result.stdout.split() if name.startswith(("AVX512", "X86_V4"))]


# --- Blender's libraries ---


def test_missing_libraries_are_read_from_ldd() -> None:
    assert build.libraries_not_found(LDD) == ["libXi.so.6", "libSM.so.6"]


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "sudo apt-get install -y libsm6 libxi6"),
        ("dnf", "sudo dnf install -y 'libXi.so.6()(64bit)' 'libSM.so.6()(64bit)'"),
        (None, "packages of your system"),
    ],
)
def test_advice_is_a_command_of_the_package_manager_at_hand(
    manager: str | None, command: str
) -> None:
    advice = build.library_advice(
        ["libXi.so.6", "libSM.so.6"], lambda name: name if name == manager else None
    )
    assert "libXi.so.6, libSM.so.6" in advice
    assert command in advice


def test_blender_has_its_libraries_here() -> None:
    build.require_blender_libraries()


# --- the documents ---


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A project with two pages, one of which leads to a heading of the other."""
    monkeypatch.setattr(build, "ROOT", tmp_path)
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "conf.py").write_text("extensions = ['myst_parser']\nmyst_heading_anchors = 2\n")
    directory = "```{toctree}\nother\n```\n"
    (folder / "index.md").write_text(f"# Pages\n\n[there](other.md#second)\n\n{directory}")
    (folder / "other.md").write_text("# Other\n\n## Second\n")
    return folder


def test_the_site_holds_every_page_and_nothing_of_an_earlier_one(pages: Path) -> None:
    site = pages.parent / "site"
    site.mkdir()
    (site / "gone.html").write_text("")
    assert build.read_documents("html", site) == 0
    assert {path.stem for path in site.glob("*.html")} >= {"index", "other"}
    assert not (site / "gone.html").exists()


@pytest.mark.parametrize("dead", ["[a](nothing.md)", "[b](other.md#third)", "![c](none.png)"])
def test_a_dead_link_fails(pages: Path, dead: str) -> None:
    (pages / "other.md").write_text(f"# Other\n\n## Second\n\n{dead}\n")
    assert build.read_documents("dummy", None) != 0


# --- the Blender extension ---


@pytest.fixture
def extension(tmp_path: Path) -> Path:
    source = tmp_path / "extension"
    (source / "ui" / "__pycache__").mkdir(parents=True)
    versions = 'version = "0.0.0"\nblender_version_min = "4.5.0"\n'
    (source / build.MANIFEST).write_text(f'id = "flawsmith"\n{versions}')
    (source / "__init__.py").write_text("def register(): ...\n")
    (source / "ui" / "panel.py").write_text("")
    (source / "ui" / "__pycache__" / "panel.pyc").write_bytes(b"\0")
    return source


def test_extension_holds_the_sources_alone(extension: Path, tmp_path: Path) -> None:
    archive = zipfile.ZipFile(build.build_addon(extension, tmp_path / "dist"))
    assert Path(str(archive.filename)).name == f"flawsmith-{__version__}.zip"
    assert archive.namelist() == ["__init__.py", "blender_manifest.toml", "ui/panel.py"]


@pytest.mark.parametrize(
    ("writer", "least"), [(None, "4.5.0"), ((4, 2), "4.5.0"), ((5, 2), "5.2.0")]
)
def test_extension_is_for_blenders_that_can_read_its_library(
    writer: tuple[int, int] | None, least: str, extension: Path, tmp_path: Path
) -> None:
    archive = zipfile.ZipFile(build.build_addon(extension, tmp_path / "dist", None, writer))
    manifest = tomllib.loads(archive.read(build.MANIFEST).decode())
    told = {"id": "flawsmith", "version": __version__, "blender_version_min": least}
    assert manifest == told


def test_extension_is_the_same_bytes_elsewhere(extension: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(extension, copy, copy_function=shutil.copyfile)
    (copy / "__init__.py").chmod(0o600)
    first = build.build_addon(extension, tmp_path / "first").read_bytes()
    assert build.build_addon(copy, tmp_path / "second").read_bytes() == first


def test_asset_library_lies_in_a_folder_of_the_extension(extension: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "defects.blend").write_bytes(b"BLENDER")
    first, second = (
        build.build_addon(extension, tmp_path / folder, library) for folder in ("1", "2")
    )
    with zipfile.ZipFile(first) as archive:
        assert archive.namelist()[-1] == f"{build.ASSETS}/defects.blend"
        assert archive.read(archive.namelist()[-1]) == b"BLENDER"
    assert first.read_bytes() == second.read_bytes()


def test_extension_without_its_asset_library_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(build, "PICTURES", tmp_path / "nowhere")
    with pytest.raises(build.BuildError, match="asset library could not be written"):
        build.build_library(tmp_path / "library")
    assert not (tmp_path / "library").exists()


BLENDER = """\
import sys
if "--version" in sys.argv:
    print("Blender {version} LTS")
elif sys.argv[-2] == "--python-expr":
    exec(sys.argv[-1])
"""


def blender_of(version: str, folder: Path) -> str:
    """A program in ``folder`` that says that it is Blender, and runs Python as Blender does."""
    folder.mkdir(exist_ok=True)
    (folder / "blender.py").write_text(BLENDER.format(version=version))
    program = folder / "blender"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{folder}/blender.py" "$@"\n')
    program.chmod(0o755)
    return str(program)


needs_sh = pytest.mark.skipif(os.name == "nt", reason="programs are scripts of a shell here")


@pytest.fixture
def clean_clone(
    environment: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> list[list[str]]:
    """A project without ``.venv``, on a machine without Blender; commands are noted, not run."""
    monkeypatch.setattr(build, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.delenv("FLAWSMITH_BLENDER", raising=False)
    monkeypatch.setattr(build.shutil, "which", lambda _: None)
    (tmp_path / ".venv-blender").mkdir()
    return environment


def test_blenders_module_is_taken_from_the_environment_that_is_there() -> None:
    blender = build.find_blender()
    assert blender.command == [build.script("python"), "-c"]
    assert blender.series == (4, 5)


@needs_sh
def test_a_program_of_blender_writes_the_library_where_nothing_is_installed(
    clean_clone: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = blender_of("5.2.1", tmp_path / "new")
    monkeypatch.setattr(build.shutil, "which", lambda _: blender_of("4.6.0", tmp_path / "other"))
    assert build.find_blender().series == (4, 6)
    monkeypatch.setenv("FLAWSMITH_BLENDER", named)
    assert build.find_blender().command[0] == named
    assert build.find_blender().series == (5, 2)
    assert not clean_clone


@needs_sh
@pytest.mark.parametrize("version", ["4.4.9", "of no number"])
def test_a_named_program_that_cannot_be_used_is_told(
    version: str, clean_clone: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FLAWSMITH_BLENDER", blender_of(version, tmp_path / "old"))
    with pytest.raises(build.BuildError, match=r"no Blender 4\.5 or later that runs"):
        build.find_blender()


def test_without_any_blender_its_module_alone_is_installed(
    clean_clone: list[list[str]], tmp_path: Path
) -> None:
    module = build.packages_folder(tmp_path / ".venv-blender") / "bpy"
    module.mkdir(parents=True)
    assert build.find_blender().series == (4, 5)
    made, installed = clean_clone
    assert made[-1] == str(tmp_path / ".venv-blender")
    assert [word.partition("==")[0] for word in installed if "==" in word] == ["bpy"]
    clean_clone.clear()
    build.find_blender()
    assert not clean_clone


def test_a_system_without_blenders_module_is_told_to_name_a_program(
    clean_clone: list[list[str]],
) -> None:
    with pytest.raises(build.BuildError, match="FLAWSMITH_BLENDER=PATH"):
        build.find_blender()


# --- the version ---


def test_the_version_stands_in_one_place() -> None:
    assert build.project_version() == __version__
    assert "version" not in PROJECT and PROJECT["dynamic"] == ["version"]
    files = [*ROOT.glob("*.toml"), ROOT / "build.py", ROOT / "docs" / "conf.py"]
    files += [path for name in PACKAGES for path in (ROOT / name).rglob("*.toml")]
    files += [path for name in PACKAGES for path in python_files(name)]
    said = [path for path in files if f'"{__version__}"' in path.read_text("utf-8")]
    assert said == [build.VERSION]


def test_an_older_python_is_told_so_before_anything_else() -> None:
    """What Python 3.11 alone has is imported where it is used."""
    program = "import sys; sys.modules['tomllib'] = None; import build"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


# --- the command line ---


def test_further_options_go_to_the_program() -> None:
    assert build.parse(["demo", "--out", "there"]).rest == ["--out", "there"]
    assert build.parse(["test", "--cuda", "--", "-k", "dent"]).rest == ["-k", "dent"]


def test_unknown_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build.parse(["setup", "--cudda"])
    assert "--cudda" in capsys.readouterr().err


def test_status_of_a_program_is_passed_on() -> None:
    assert build.run([sys.executable, "-c", "raise SystemExit(7)"]) == 7


def test_environment_of_a_program_is_added_to(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import os; raise SystemExit(int(os.environ['FLAWSMITH_TEST_STATUS']))"
    command = [sys.executable, "-c", program]
    assert build.run(command, env={"FLAWSMITH_TEST_STATUS": "5"}) == 5
    monkeypatch.setenv("FLAWSMITH_TEST_STATUS", "6")
    assert build.run(command, env={"FLAWSMITH_TEST_STATUS": "5"}) == 6


def test_programs_in_pairs_are_shown_one_after_the_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = "import sys, time\nfor _ in range(3): print(sys.argv[1], flush=True); time.sleep(0.1)"
    commands = {name: [sys.executable, "-c", f"{program}\nsys.exit({status})", name]
                for name, status in {"first": 0, "second": 3, "third": 0}.items()}  # fmt: skip
    assert build.run_in_pairs(commands) == {"first": 0, "second": 3, "third": 0}
    said = [line for line in capsys.readouterr().out.splitlines() if line in commands]
    assert sorted(said[::3]) == sorted(commands)
    assert said == [name for name in said[::3] for _ in range(3)]


@pytest.mark.parametrize(
    ("error", "status"), [(build.BuildError("mend this"), 1), (KeyboardInterrupt(), 130)]
)
def test_ends_with_a_message(
    error: BaseException,
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise error

    monkeypatch.setitem(build.COMMANDS, "setup", fail)
    assert build.main(["setup"]) == status
    assert re.search("mend this|goes on where", capsys.readouterr().err)


def test_another_python_hands_over_to_the_right_one(
    environment: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build.sys, "version_info", (3, 13, 0))
    monkeypatch.setattr(build.shutil, "which", lambda name: name)
    assert build.main(["setup"]) == 0
    assert environment[-1] == ["python3.11", str(ROOT / "build.py"), "setup"]


def test_without_the_right_python_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build.sys, "version_info", (3, 13, 0))
    monkeypatch.setattr(build.shutil, "which", lambda _: None)
    assert build.main(["setup"]) == 1
    assert "python3.11 build.py" in capsys.readouterr().err


# --- which tests are run where ---


def test_the_tests_that_are_named_are_there() -> None:
    """A test that moved would be left out, or run where it takes too long, without a word."""
    named = [*build.NUMBER_TESTS, *build.RANGE_TESTS]
    named += [f"tests/backend/{name}" for name in build.NOT_IN_RANGES]
    assert not [name for name in named if not (ROOT / name).exists()]
