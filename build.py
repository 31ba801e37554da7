#!/usr/bin/env python3
"""The one entry to flawsmith, for people and for CI.

    python build.py demo      # the main job, on bundled real data
    python build.py test      # the checks and the tests
    python build.py addon     # the Blender extension, dist/flawsmith-VERSION.zip

Needs nothing but Python 3.11: it makes ``.venv``, installs the locked dependencies there and runs
the rest inside it. What is installed already is not installed again.
"""

from __future__ import annotations

import argparse
import ctypes
import datetime
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "flawsmith-stamp"
PROJECT = ROOT / "pyproject.toml"
LOCK = ROOT / "requirements" / "lock.txt"
# The version of everything that is published stands there.
VERSION = ROOT / "backend" / "__init__.py"
ADDON = ROOT / "blender_addon"
MANIFEST = "blender_manifest.toml"
SCHEMA = ADDON / "schema.json"
PICTURES = ROOT / "docs" / "pictures"
SITE = ROOT / "site"
# Folder of the asset library in the extension; the module writes it, and looks for it there.
ASSETS = "flawsmith_assets"
ASSETS_MODULE = "blender_addon.exchange.assets"

# The tests whose numbers a processor could change.
NUMBER_TESTS = [
    "tests/backend/cloud",
    "tests/backend/defects",
    "tests/backend/evaluation/metrics",
    "tests/backend/geometry",
    "tests/backend/replay",
    "tests/parity",
]
# The tests without Blender, but for those of our own rules, and for those that take longest; these
# use nothing of the dependencies that others do not use.
RANGE_TESTS = ["tests/shared_schema", "tests/flawsmith/test_public_names.py", "tests/backend"]
NOT_IN_RANGES = [
    "cli/test_bundled_model.py",
    "cli/test_evaluate.py",
    "cli/test_import_instructions.py",
    "cli/test_instruct_views.py",
    "cli/test_pod.py",
    "cli/test_replay.py",
    "cli/test_synthesize.py",
    "cli/test_train.py",
    "cloud/test_geodesic.py",
    "geometry/test_normals.py",
    "instruct/models/test_local.py",
    "instruct/test_adversarial.py",
    "instruct/test_benchmark.py",
    "instruct/test_compile.py",
    "instruct/test_knowledge.py",
    "instruct/test_quantities.py",
    "instruct/test_reader.py",
    "instruct/test_sentences.py",
    "models/pointwise/test_nominal_surface.py",
    "models/unrolled/test_network.py",
    "registration/test_align.py",
    "registration/test_cropping.py",
    "registration/test_evidence.py",
    "registration/test_register.py",
    "serving/test_page.py",
    "synthesis/test_run.py",
    "test_killed.py",
    "test_remake.py",
    "test_templates.py",
    "training/test_synthesis.py",
    "training/unrolled/test_fitting.py",
]
ENDS = ("oldest", "newest")
# Property tests draw fewer examples where the same ones have passed already.
FEWER = ["--hypothesis-profile", "few"]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Extras whose packages are not tried at the ends of their ranges: Blender fixes numpy, and neither
# the checkers of `dev` nor the programs of `docs` run any code in a test.
ONE_VERSION = ("blender", "dev", "docs")

PYTHON = (3, 11)
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"

# The system libraries that Blender's Python module opens, and the Debian or Ubuntu package of each.
# All but EGL are linked; EGL is opened when a picture is drawn by OpenGL.
BLENDER_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libICE.so.6": "libice6",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libXrender.so.1": "libxrender1",
    "libxkbcommon.so.0": "libxkbcommon0",
}

NO_VENV = """{} could not be made. Where Python comes without venv (Debian, Ubuntu):
    sudo apt-get install -y python3.11-venv"""


class BuildError(Exception):
    """Something the user can mend; the message says how."""


# --- commands -----------------------------------------------------------------------------------


def demo(options: argparse.Namespace) -> int:
    """Run the main job on bundled real data; further options go to `flawsmith demo`."""
    prepare(options)
    require_blender_libraries()
    return run([script("flawsmith"), "demo", *options.rest])


def test(options: argparse.Namespace) -> int:
    """Run the checks and the tests; further options, such as --cov, go to pytest.

    Some tests need a Blender program: the one that $FLAWSMITH_BLENDER names, else the blender on
    the PATH; without one they are skipped. Where $FLAWSMITH_BPY_PYTHON names a Python with another
    version of Blender's module, recipes are compared in that one too.
    """
    prepare(options)
    require_blender_libraries()
    failed = check(options)
    command = [script("pytest"), *side_by_side(), *options.rest]
    return run(command, cwd=ROOT, env=ONE_THREAD) or failed


def processors(options: argparse.Namespace) -> int:
    """Run the tests of numbers as on a processor with AVX2 and no more.

    numpy, OpenBLAS and torch compute in other steps there, and round otherwise. Where this machine
    has no more than AVX2 either, this repeats what `test` does. Further options go to pytest.
    """
    prepare(options)
    if platform.machine() not in ("x86_64", "AMD64"):
        print(f"There are no such processors among {platform.machine()}: nothing to do")
        return 0
    command = [script("pytest"), *side_by_side(), *FEWER, *NUMBER_TESTS, *options.rest]
    return run(command, cwd=ROOT, env=ONE_THREAD | avx2_alone(numpy_features()))


def ranges(options: argparse.Namespace) -> int:
    """Run tests of the backend with the oldest and the newest versions that pyproject.toml allows.

    Each end has an environment of its own, .venv-oldest or .venv-newest, which takes from .venv
    what is the same there; torch is that of .venv in both. Further options go to pytest.
    """
    prepare(options)
    failed = []
    left_out = [f"--ignore=tests/backend/{name}" for name in NOT_IN_RANGES]
    with ThreadPoolExecutor() as pool:
        pythons = list(pool.map(prepare_range, ENDS))
    for end, python in zip(ENDS, pythons, strict=True):
        # A library that warns of another's newer version is no fault of ours.
        command = [python, "-P", "-m", "pytest", "-W", "default", *side_by_side(), *FEWER]
        if run([*command, *RANGE_TESTS, *left_out, *options.rest], cwd=ROOT, env=ONE_THREAD):
            failed.append(end)
    if failed:
        print(f"These ends of the ranges failed: {', '.join(failed)}", file=sys.stderr, flush=True)
    return int(bool(failed))


def side_by_side() -> list[str]:
    """pytest's options for as many processes as there are cores, four at most."""
    processes = str(min(4, os.cpu_count() or 1))
    return ["-n", processes, "--no-loadscope-reorder"]


def check(options: argparse.Namespace) -> int:
    """Run the linter, the format check, the type checker, the import contracts and the docs check.

    The check of the documents reads every page as `docs` does; a dead link fails it.
    """
    prepare(options)
    with tempfile.TemporaryDirectory() as folder:
        # What takes longest begins first.
        commands = {
            "mypy": [script("mypy")],
            "the documents": documents_command("dummy", Path(folder)),
            "ruff check": [script("ruff"), "check", "."],
            "ruff format": [script("ruff"), "format", "--check", "."],
            "lint-imports": [script("lint-imports")],
        }
        failed = [name for name, status in run_in_pairs(commands).items() if status]
    if failed:
        print(f"These checks failed: {', '.join(failed)}", file=sys.stderr, flush=True)
    return int(bool(failed))


def setup(options: argparse.Namespace) -> int:
    """Make .venv and install the locked dependencies."""
    prepare(options)
    require_blender_libraries()
    print(f"Ready: {script('flawsmith')} --help")
    return 0


def addon(options: argparse.Namespace) -> int:
    """Build the Blender extension, dist/flawsmith-VERSION.zip.

    A Blender writes the asset library in it: the module in .venv where that is set up, else the
    program that $FLAWSMITH_BLENDER names, or one that is installed where Blender usually is. Where
    there is none, Blender's module alone is installed, into .venv-blender.
    """
    blender = find_blender()
    with tempfile.TemporaryDirectory() as folder:
        library = build_library(Path(folder) / ASSETS, blender)
        target = build_addon(ADDON, ROOT / "dist", library, blender.series)
    series = ".".join(map(str, max(blender.series, least_blender(ADDON))))
    print(f"Wrote {target}, for Blender {series} and later")
    print("Install it in Blender: Edit > Preferences > Get Extensions > Install from Disk")
    return 0


def package(options: argparse.Namespace) -> int:
    """Build the wheel and the source archive in dist/, to be installed by pip.

    setuptools builds them, in .venv-package. The wheel is made from the source archive.
    """
    setuptools = locked_lines(LOCK.read_text(encoding="utf-8"))["setuptools"]
    python = small_environment("package", [setuptools])
    for path in build_distributions(ROOT, ROOT / "dist", python):
        print(f"Wrote {path}")
    return 0


def docs(options: argparse.Namespace) -> int:
    """Build the site of the documents in site/, to be read without a network."""
    prepare(options)
    if read_documents("html", SITE):
        raise BuildError("the site could not be built; the reasons are above")
    print(f"Open {SITE / 'index.html'} in a browser")
    return 0


def schema(options: argparse.Namespace) -> int:
    """Publish the JSON Schema that the Blender extension reads."""
    prepare(options)
    return run([script("flawsmith"), "schema", "extension", "--out", str(SCHEMA)])


def lock(options: argparse.Namespace) -> int:
    """Choose the newest versions that pyproject.toml allows, and write the lock."""
    prepare(options)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        ask = ["--dry-run", "--ignore-installed", "--no-build-isolation", "--report", str(report)]
        install([*ask, *torch_arguments(options), f"{ROOT}[all,dev,docs,test]"])
        chosen = json.loads(report.read_text(encoding="utf-8"))["install"]
    versions = {entry["metadata"]["name"]: entry["metadata"]["version"] for entry in chosen}
    LOCK.write_text(lock_text(versions, LOCK.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"Wrote {LOCK}; now run: python build.py test")
    return 0


def libraries(options: argparse.Namespace) -> int:
    """Print the Debian and Ubuntu packages that Blender needs, one a line."""
    print("\n".join(sorted(BLENDER_LIBRARIES.values())))
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "demo": demo,
    "test": test,
    "processors": processors,
    "ranges": ranges,
    "check": check,
    "setup": setup,
    "addon": addon,
    "package": package,
    "docs": docs,
    "schema": schema,
    "lock": lock,
    "libraries": libraries,
}
TAKES_FURTHER_OPTIONS = (demo, test, processors, ranges)


# --- the environment ----------------------------------------------------------------------------


def prepare(options: argparse.Namespace) -> None:
    """Make ``.venv`` what the lock says, unless its stamp says that it is."""
    stamp = STAMP.read_text(encoding="utf-8") if STAMP.exists() else ""
    if options.cuda is None:
        options.cuda = stamp.startswith("cuda")
    wanted = stamp_text(options.cuda, [PROJECT.read_bytes(), LOCK.read_bytes()])
    if stamp == wanted:
        return
    print(f"Installing into {VENV}: about 2.5 GB and a few minutes, once", flush=True)
    STAMP.unlink(missing_ok=True)
    if run([sys.executable, "-m", "venv", str(VENV)]):
        raise BuildError(NO_VENV.format(VENV))
    with_cuda_libraries = [] if options.cuda else ["--no-deps"]
    install([*with_cuda_libraries, *torch_arguments(options)])
    install(["--no-deps", "--only-binary", ":all:", "-r", str(LOCK)])
    install(["--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    STAMP.write_text(wanted, encoding="utf-8")


def stamp_text(cuda: bool, contents: Iterable[bytes]) -> str:
    """What ``.venv`` is made from: kind of torch, Python, system, place and lock."""
    digest = hashlib.sha256()
    about = (platform.python_version(), sysconfig.get_platform(), str(ROOT))
    for part in (*(text.encode() for text in about), *contents):
        digest.update(part + b"\0")
    return f"{'cuda' if cuda else 'cpu'} {digest.hexdigest()}\n"


def torch_arguments(options: argparse.Namespace) -> list[str]:
    """pip's arguments for the torch that was asked for.

    Raises:
        BuildError: there is none for this machine.
    """
    if (sys.platform, platform.machine()) == ("darwin", "x86_64"):
        raise BuildError("PyTorch is no longer made for Intel Macs; use Apple silicon or Linux")
    version = locked_versions(LOCK.read_text(encoding="utf-8"))["torch"]
    if options.cuda:
        return cuda_torch(version, sys.platform, options.torch_index)
    return cpu_torch(version, sys.platform, options.torch_index, offered)


def cpu_torch(
    version: str, system: str, index: str | None, is_offered: Callable[[str], bool]
) -> list[str]:
    """pip's arguments for the CPU build of torch, and never another one.

    On Linux a plain ``torch`` may be the CUDA build, which brings gigabytes of libraries; so the
    CPU build is asked for by name: from the configured package indexes, else from PyTorch's own.
    """
    if system != "linux":
        return [f"torch=={version}"]
    wanted = f"torch=={version}+cpu"
    if index is None and is_offered(wanted):
        return [wanted]
    return [wanted, "--extra-index-url", index or TORCH_CPU_INDEX]


def cuda_torch(version: str, system: str, index: str | None) -> list[str]:
    """pip's arguments for the CUDA build of torch and, at the versions it names, CUDA's libraries.

    Raises:
        BuildError: no such build is to be found for this system without more being said.
    """
    if system == "darwin":
        raise BuildError("--cuda: there is no CUDA on macOS; leave the option away")
    if system == "win32" and index is None:
        raise BuildError(
            "--cuda: on Windows name PyTorch's package index for your CUDA, as its page says:\n"
            "    python build.py setup --cuda --torch-index URL"
        )
    extra = ["--extra-index-url", index] if index else []
    return [f"torch=={version},!={version}+cpu", "-c", str(LOCK), *extra]


def offered(requirement: str) -> bool:
    """Whether the configured package indexes have ``requirement``."""
    return run(pip("install", "-qqq", "--dry-run", "--no-deps", requirement), quiet=True) == 0


def install(arguments: Sequence[str], venv: Path | None = None) -> None:
    """Run ``pip install`` inside ``venv``, by default ``.venv``.

    Raises:
        BuildError: pip failed; it has said why.
    """
    if run(pip("install", *arguments, venv=venv)):
        raise BuildError(
            "pip could not install (its reason is above). Once that is mended, go on with:\n"
            "    python build.py setup"
        )


def pip(*arguments: str, venv: Path | None = None) -> list[str]:
    """The command line of an environment's pip."""
    interpreter = script("python", venv)
    return [interpreter, "-m", "pip", "--disable-pip-version-check", *arguments]


def script(name: str, venv: Path | None = None) -> str:
    """The path of a program of an environment, by default ``.venv``."""
    venv = venv or VENV
    return str(venv / "Scripts" / f"{name}.exe" if os.name == "nt" else venv / "bin" / name)


def small_environment(name: str, requirements: Sequence[str]) -> str:
    """Make ``.venv-NAME`` with ``requirements`` at the locked versions, unless it is made.

    Returns:
        Its Python.
    """
    venv = ROOT / f".venv-{name}"
    stamp = venv / STAMP.name
    wanted = stamp_text(False, [name.encode(), *map(str.encode, requirements), LOCK.read_bytes()])
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return script("python", venv)
    names = ", ".join(line.partition(";")[0].strip() for line in requirements)
    print(f"Installing {names} into {venv}, once", flush=True)
    if run([sys.executable, "-m", "venv", "--clear", str(venv)]):
        raise BuildError(NO_VENV.format(venv))
    install(["-q", "--only-binary", ":all:", "-c", str(LOCK), *requirements], venv)
    stamp.write_text(wanted, encoding="utf-8")
    return script("python", venv)


# --- the ends of the ranges ---------------------------------------------------------------------


def prepare_range(end: str) -> str:
    """Make ``.venv-oldest`` or ``.venv-newest``, unless its stamp says that it is made.

    What ``.venv`` holds is seen from there, behind what is installed there.

    Returns:
        Its Python.
    """
    venv = ROOT / f".venv-{end}"
    stamp = venv / STAMP.name
    requirements = allowed(PROJECT.read_text(encoding="utf-8"))
    # What is newest changes from day to day.
    changes = datetime.date.today().isoformat() if end == "newest" else ""
    wanted = stamp_text(False, [end.encode(), changes.encode(), *map(str.encode, requirements)])
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return script("python", venv)
    if run([sys.executable, "-m", "venv", "--clear", str(venv)]):
        raise BuildError(NO_VENV.format(venv))
    below = f"import site; site.addsitedir({str(packages_folder(VENV))!r})\n"
    (packages_folder(venv) / "flawsmith-below.pth").write_text(below, encoding="utf-8")
    versions = venv / "constraints.txt"
    torch = f"torch=={locked_versions(LOCK.read_text(encoding='utf-8'))['torch']}"
    versions.write_text("\n".join([torch, *(oldest(requirements) if end == "oldest" else [])]))
    newer = ["--upgrade", "--upgrade-strategy", "eager"] if end == "newest" else []
    install(["-q", *newer, "--only-binary", ":all:", "-c", str(versions), *requirements], venv)
    stamp.write_text(wanted, encoding="utf-8")
    return script("python", venv)


def packages_folder(venv: Path) -> Path:
    """Where an environment's packages lie."""
    return Path(sysconfig.get_path("purelib", "venv", vars={"base": str(venv)}))


def allowed(project: str) -> list[str]:
    """The requirements of a ``pyproject.toml`` whose ends are tried, as they are written there."""
    import tomllib

    found = tomllib.loads(project)["project"]
    extras = found["optional-dependencies"]
    lines = [line for name, extra in extras.items() if name not in ONE_VERSION for line in extra]
    # An extra that includes another names the project itself.
    others = [line for line in lines if not line.startswith(f"{found['name']}[")]
    return [*found["dependencies"], *others]


def oldest(requirements: Iterable[str]) -> list[str]:
    """pip's constraints for the least version that each requirement allows.

    Raises:
        BuildError: a requirement has no lower end.
    """
    found = []
    for line in requirements:
        match = re.match(r"([\w.-]+)>=([\w.]+)", line)
        if match is None:
            raise BuildError(f"{line!r} in pyproject.toml has no lower end; write NAME>=VERSION")
        if match[1] != "torch":
            found.append(f"{match[1]}=={match[2]}")
    return found


# --- another processor --------------------------------------------------------------------------

# Prints what numpy knows of this processor: the features that it has code for, and which are there.
ASK_NUMPY = """
try:
    from numpy._core import _multiarray_umath as umath
except ImportError:
    from numpy.core import _multiarray_umath as umath
print(*(name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]))
"""


def numpy_features() -> list[str]:
    """Of the processor's features, those that numpy has code for beyond what it always uses."""
    command = [script("python"), "-c", ASK_NUMPY]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def avx2_alone(features: Iterable[str]) -> dict[str, str]:
    """Variables that make libraries compute as with AVX2 and no more; ``features`` as numpy has."""
    refused = [name for name in features if name.startswith(("AVX512", "X86_V4"))]
    numpy = {"NPY_DISABLE_CPU_FEATURES": " ".join(refused)} if refused else {}
    return numpy | {
        "OPENBLAS_CORETYPE": "Haswell",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
    }


# --- the lock -----------------------------------------------------------------------------------


def locked_lines(text: str) -> dict[str, str]:
    """The lines of a lock by the name of the package."""
    lines = (line.strip() for line in text.splitlines())
    return {line.split("==")[0]: line for line in lines if line and not line.startswith("#")}


def locked_versions(text: str) -> dict[str, str]:
    """The versions of a lock by the name of the package."""
    return {
        name: re.split(r"==|\s*;", line)[1].strip() for name, line in locked_lines(text).items()
    }


def lock_text(versions: Mapping[str, str], previous: str) -> str:
    """A lock of ``versions``, with the markers of the previous one.

    pip resolves for the machine it runs on; so the lines that the previous lock keeps for other
    systems stay as they are. A version is without its local part: torch's differs, cpu or cuda.
    """
    before = locked_lines(previous)
    lines = {name: line for name, line in before.items() if ";" in line}
    for name, version in versions.items():
        name = re.sub(r"[-_.]+", "-", name).lower()
        _, semicolon, marker = before.get(name, "").partition(" ;")
        lines[name] = f"{name}=={version.partition('+')[0]}{semicolon}{marker}"
    lines.pop("flawsmith", None)
    heading = "# Exact versions of everything; written by: python build.py lock"
    return "\n".join([heading, *(lines[name] for name in sorted(lines))]) + "\n"


# --- Blender's system libraries -----------------------------------------------------------------


def require_blender_libraries(venv: Path | None = None) -> None:
    """Make sure that Blender's module in ``venv``, by default ``.venv``, can start.

    Raises:
        BuildError: system libraries are missing; the message names the command that installs them.
    """
    module = packages_folder(venv or VENV) / "bpy" / "__init__.so"
    if sys.platform != "linux" or not module.exists() or not shutil.which("ldd"):
        return
    linked = subprocess.run(["ldd", str(module)], capture_output=True, text=True, check=False)
    missing = set(libraries_not_found(linked.stdout))
    if not loadable("libEGL.so.1"):
        missing.add("libEGL.so.1")
    if missing:
        raise BuildError(library_advice(sorted(missing), shutil.which))


def libraries_not_found(ldd_output: str) -> list[str]:
    """The libraries that ``ldd`` looked for in vain."""
    return re.findall(r"^\s*(\S+) => not found", ldd_output, flags=re.MULTILINE)


def loadable(library: str) -> bool:
    """Whether the system's loader finds ``library``."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def library_advice(missing: Sequence[str], which: Callable[[str], str | None]) -> str:
    """Which libraries are missing and what installs them, with the package manager at hand."""
    if which("apt-get"):
        packages = sorted({BLENDER_LIBRARIES.get(name, name) for name in missing})
        command = f"sudo apt-get update && sudo apt-get install -y {' '.join(packages)}"
    elif manager := next((name for name in ("dnf", "zypper") if which(name)), None):
        capabilities = " ".join(f"'{name}()(64bit)'" for name in missing)
        command = f"sudo {manager} install -y {capabilities}"
    else:
        command = "(the packages of your system that hold these libraries)"
    return (
        f"Blender needs system libraries that are not here: {', '.join(missing)}\n"
        f"Install them, then run the same command again:\n    {command}"
    )


# --- the documents ------------------------------------------------------------------------------


def read_documents(builder: str, target: Path | None) -> int:
    """Read all pages with one of Sphinx's builders; return its exit status.

    Every page is read anew, because Sphinx warns of a page only when it reads it. Any warning, such
    as of a dead link, fails. ``target`` is the folder of what the builder writes, if it writes.
    """
    with tempfile.TemporaryDirectory() as folder:
        if target is not None:
            shutil.rmtree(target, ignore_errors=True)
        return run(documents_command(builder, Path(folder), target), cwd=ROOT, env=ONE_THREAD)


def documents_command(builder: str, folder: Path, target: Path | None = None) -> list[str]:
    """The command of ``read_documents``; ``folder`` is for what nobody needs afterwards."""
    where = ["-d", str(folder / "doctrees"), "docs", str(target or folder / "out")]
    return [script("sphinx-build"), "-q", "-W", "--keep-going", "-b", builder, *where]


# --- the Blender extension ----------------------------------------------------------------------


@dataclass(frozen=True)
class Blender:
    """A Blender that can run a Python program.

    Attributes:
        command: what stands before the program on the command line.
        series: the first two numbers of its version.
    """

    command: Sequence[str]
    series: tuple[int, int]


def find_blender() -> Blender:
    """The Blender that writes the asset library.

    Raises:
        BuildError: the one in ``FLAWSMITH_BLENDER`` does not run, or none can be installed.
    """
    if packages_folder(VENV).joinpath("bpy").is_dir():
        return blender_module(VENV)
    least = least_blender(ADDON)
    for path in blender_programs():
        series = series_of(path)
        if series is not None and series >= least:
            options = ["--background", "--factory-startup", "--python-exit-code", "1"]
            return Blender([path, *options, "--python-expr"], series)
        if path == os.environ.get("FLAWSMITH_BLENDER"):
            wanted = ".".join(map(str, least))
            raise BuildError(f"FLAWSMITH_BLENDER: {path} is no Blender {wanted} or later that runs")
    line = locked_lines(LOCK.read_text(encoding="utf-8"))["bpy"]
    small_environment("blender", [line])
    return blender_module(ROOT / ".venv-blender")


def blender_module(venv: Path) -> Blender:
    """Blender as the Python module in an environment, which the lock names.

    Raises:
        BuildError: it is not there, or system libraries are missing.
    """
    if not packages_folder(venv).joinpath("bpy").is_dir():
        raise BuildError(
            "there is no Blender module for this system; install Blender, and name its program:\n"
            "    FLAWSMITH_BLENDER=PATH python build.py addon"
        )
    require_blender_libraries(venv)
    version = locked_versions(LOCK.read_text(encoding="utf-8"))["bpy"]
    return Blender([script("python", venv), "-c"], series_in(version))


def blender_programs() -> Iterator[str]:
    """Where a Blender may be: where the user says, on the PATH, where its installers put it."""
    if named := os.environ.get("FLAWSMITH_BLENDER"):
        yield named
    if found := shutil.which("blender"):
        yield found
    if sys.platform == "darwin":
        yield "/Applications/Blender.app/Contents/MacOS/Blender"
    if os.name == "nt":
        folder = Path(os.environ.get("PROGRAMFILES", "")) / "Blender Foundation"
        yield from map(str, sorted(folder.glob("Blender */blender.exe")))


def series_of(path: str) -> tuple[int, int] | None:
    """The first two numbers of a Blender program's version; None where it does not run."""
    command = [path, "--background", "--version"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return series_in(said.partition("Blender ")[2])
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None


def series_in(version: str) -> tuple[int, int]:
    """The first two numbers of ``version``, such as 4.5.15."""
    first, second = version.split(".")[:2]
    return int(first), int(second)


def least_blender(source: Path) -> tuple[int, int]:
    """The oldest Blender that the extension in ``source`` works in."""
    return series_in(manifest_of(source)["blender_version_min"])


def manifest_of(source: Path) -> dict[str, str]:
    """The manifest of the extension in ``source``, as it stands there."""
    import tomllib

    return tomllib.loads((source / MANIFEST).read_text(encoding="utf-8"))


def project_version() -> str:
    """The version of flawsmith.

    Raises:
        BuildError: it does not stand where it should.
    """
    text = VERSION.read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if match is None:
        raise BuildError(f"{VERSION} has no line __version__ = ...")
    return match[1]


def build_library(folder: Path, blender: Blender | None = None) -> Path:
    """Write the extension's asset library into ``folder``, by default by the Blender of ``.venv``.

    The defects in it are the same each time, but not the bytes: Blender writes addresses of its
    memory into a .blend file.

    Raises:
        BuildError: Blender could not write it.
    """
    command = (blender or blender_module(VENV)).command
    arguments = ["", str(folder), str(PICTURES)]
    program = (
        f"import runpy, sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = {arguments!r}; "
        f"runpy.run_module({ASSETS_MODULE!r}, run_name='__main__')"
    )
    if run([*command, program], cwd=ROOT):
        raise BuildError("the asset library could not be written; the reason is above")
    return folder


def build_addon(
    source: Path,
    folder: Path,
    library: Path | None = None,
    series: tuple[int, int] | None = None,
) -> Path:
    """Pack the extension in ``source``, and an asset library, into ``folder``.

    Its manifest gets the version of flawsmith. The same files give the same bytes.

    Args:
        source: the extension's modules and its manifest.
        folder: gets the zip, which is named by the version.
        library: folder of the asset library.
        series: of the Blender that wrote the library; an older one may not read it.
    """
    manifest = manifest_of(source)
    version = project_version()
    target = folder / f"{manifest['id']}-{version}.zip"
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for path in sorted(source.rglob("*")):
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            content = path.read_bytes()
            if path == source / MANIFEST:
                least = max(least_blender(source), series or (0, 0))
                content = with_versions(content, version, least)
            add_to_zip(archive, path.relative_to(source).as_posix(), content)
        for path in sorted(library.iterdir()) if library else ():
            add_to_zip(archive, f"{ASSETS}/{path.name}", path.read_bytes())
    os.replace(unfinished, target)
    return target


def with_versions(manifest: bytes, version: str, least: tuple[int, int]) -> bytes:
    """The text of a manifest with the extension's version and the oldest Blender that it is for."""
    values = {"version": version, "blender_version_min": f"{least[0]}.{least[1]}.0"}
    text = manifest.decode("utf-8")
    for name, value in values.items():
        text = re.sub(rf'^{name} = ".*"$', f'{name} = "{value}"', text, flags=re.MULTILINE)
    return text.encode("utf-8")


def add_to_zip(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file without what differs from machine to machine: time, owner, rights."""
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content, compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)


# --- the Python package -------------------------------------------------------------------------

BUILD_SOURCE = "import sys; from setuptools import build_meta as b; b.build_sdist(sys.argv[1])"
BUILD_WHEEL = "import sys; from setuptools import build_meta as b; b.build_wheel(sys.argv[1])"


def build_distributions(source: Path, folder: Path, python: str) -> list[Path]:
    """Build the source archive of the project in ``source`` and, from it, the wheel.

    What earlier builds left in the project is not taken into the wheel.

    Args:
        source: the project.
        folder: gets both.
        python: has setuptools.

    Raises:
        BuildError: setuptools failed; the message holds what it said.
    """
    with tempfile.TemporaryDirectory() as temporary:
        built, unpacked = Path(temporary) / "built", Path(temporary) / "unpacked"
        built.mkdir()
        run_setuptools([python, "-c", BUILD_SOURCE, str(built)], source)
        [archive] = built.iterdir()
        shutil.unpack_archive(archive, unpacked)
        [project] = unpacked.iterdir()
        run_setuptools([python, "-c", BUILD_WHEEL, str(built)], project)
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copy(path, folder)) for path in sorted(built.iterdir())]


def run_setuptools(command: Sequence[str], folder: Path) -> None:
    """Run ``command`` in ``folder``; what it says is shown only if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"setuptools failed:\n{done.stdout}{done.stderr}")


# --- running ------------------------------------------------------------------------------------


def run(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> int:
    """Run ``command`` to its end and return its exit status.

    ``env`` adds to the environment what is not set there. An interrupt reaches the command too; it
    is given the time to clean up.
    """
    if not quiet:
        print("$", Path(command[0]).name, *command[1:], file=sys.stderr, flush=True)
    output = subprocess.DEVNULL if quiet else None
    environment = {**(env or {}), **os.environ}
    with subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=output) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.wait()
            raise


def run_in_pairs(commands: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Run ``commands`` in this folder, two at a time, and return their exit statuses by name.

    What a command says is shown when it has ended, so that it is not mixed with that of another.
    """

    def shown(command: Sequence[str]) -> int:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**ONE_THREAD, **os.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        said = done.stdout.decode("utf-8", "replace")
        print(f"$ {Path(command[0]).name} {' '.join(command[1:])}\n{said}", end="", flush=True)
        return done.returncode

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(commands, pool.map(shown, commands.values()), strict=True))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command and its options; ``rest`` holds what goes on to the program it starts."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--cuda",
        action=argparse.BooleanOptionalAction,
        help="install torch for NVIDIA GPUs, several GB more (default: as installed, else without)",
    )
    common.add_argument(
        "--torch-index",
        metavar="URL",
        default=os.environ.get("FLAWSMITH_TORCH_INDEX"),
        help="package index to take torch from (default: $FLAWSMITH_TORCH_INDEX, the configured "
        "ones, then PyTorch's own)",
    )
    description, _, epilog = (__doc__ or "").partition("\n\n")
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("build.py", None, description, epilog, formatter_class=layout)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        text = command.__doc__ or ""
        summary = text.partition("\n")[0]
        commands.add_parser(
            name, help=summary, description=text, parents=[common], allow_abbrev=False
        )
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    options, unknown = parser.parse_known_args(arguments[:cut])
    options.rest = [*unknown, *arguments[cut + 1 :]]
    if options.rest and COMMANDS[options.command] not in TAKES_FURTHER_OPTIONS:
        parser.error(f"unknown: {' '.join(options.rest)}")
    return options


def right_python() -> list[str]:
    """The command of a Python 3.11 on this machine.

    Raises:
        BuildError: there is none.
    """
    wanted = ".".join(map(str, PYTHON))
    for candidate in ([f"python{wanted}"], ["py", f"-{wanted}"]):
        if shutil.which(candidate[0]) and run([*candidate, "--version"], quiet=True) == 0:
            return candidate
    raise BuildError(
        f"this is Python {platform.python_version()}, and Blender's module needs {wanted}. Install "
        f"Python {wanted} (python.org, your system's packages, or pyenv), then run:\n"
        f"    python{wanted} build.py {' '.join(sys.argv[1:])}"
    )


def main(arguments: Sequence[str]) -> int:
    """Run the command line ``arguments`` and return the exit status."""
    try:
        if sys.version_info[:2] != PYTHON:
            return run([*right_python(), __file__, *arguments])
        options = parse(arguments)
        return COMMANDS[options.command](options)
    except BuildError as failure:
        print(f"build.py: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on where this one stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
