"""What is imported is declared where it belongs, and what is declared is used and works together.

The core is what a plain install can import: the modules that reach no optional package before one
of their functions is called.
"""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from backend.extras import EXTRAS
from tests.architecture.project import (
    FOR_DEVELOPERS,
    IN_WHEEL,
    PROJECT,
    ROOT,
    declared,
    extras,
    imported_at_once,
    imported_modules,
    included,
    name_of,
    python_files,
    third_party,
)

MODULES = {
    "google-genai": "google",
    "pillow": "PIL",
    "pydantic-ai-slim": "pydantic_ai",
    "python-neo-lzf": "lzf",
    "python-multipart": "python_multipart",
    "scikit-learn": "sklearn",
    "tensorboardx": "tensorboardX",
}
# Imported by trimesh, which casts rays with it, and by fastapi, which reads uploads with it.
USED_BY_OTHERS = {"embreex": "trimesh", "python_multipart": "fastapi"}
PART_OF_OTHERS = {"pydantic_core": "pydantic", "starlette": "fastapi", "mpl_toolkits": "matplotlib"}
# Blender brings these.
BLENDER = {"bl_ui", "blf", "bmesh", "bpy", "bpy_extras", "gpu", "gpu_extras", "mathutils", "numpy"}
USERS_EXTRAS = sorted(set(extras()) - set(FOR_DEVELOPERS))


def modules_of(distributions: set[str]) -> set[str]:
    return {MODULES.get(name, name) for name in distributions}


def runtime_modules() -> set[str]:
    return modules_of(declared(without=FOR_DEVELOPERS))


def core_modules() -> set[str]:
    return modules_of(set(map(name_of, PROJECT["dependencies"])))


def extra_modules(extra: str) -> set[str]:
    """The modules that an extra installs, with those of the extras that it includes."""
    return {module for name in included(extra) for module in modules_of(extras().get(name, set()))}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for package in IN_WHEEL for path in python_files(package)}


@cache
def imports(module: str) -> frozenset[str]:
    """What one of our modules imports anywhere, also in a function."""
    return frozenset(imported_modules(FILES[module]))


@cache
def imports_at_once(module: str) -> frozenset[str]:
    """What one of our modules imports when it is imported itself."""
    return frozenset(imported_at_once(FILES[module]))


def from_elsewhere(names: frozenset[str]) -> set[str]:
    """The third-party modules among full names, by the name of their distribution's module."""
    tops = {name.partition(".")[0] for name in names}
    return {PART_OF_OTHERS.get(name, name) for name in tops} & runtime_modules()


@cache
def needed(module: str) -> frozenset[str]:
    """The third-party modules without which one of our modules cannot be imported."""
    found: set[str] = set()
    waiting, seen = [module], set()
    while waiting:
        name = waiting.pop()
        if name not in seen and name in FILES:
            seen.add(name)
            found |= from_elsewhere(imports_at_once(name))
            waiting += [*imports_at_once(name), name.rpartition(".")[0]]
    return frozenset(found)


def test_backend_imports_only_what_is_declared() -> None:
    imported = {PART_OF_OTHERS.get(name, name) for name in third_party("backend")}
    assert imported <= runtime_modules()


@pytest.mark.parametrize("package", sorted(core_modules()))
def test_the_core_imports_its_dependency(package: str) -> None:
    """What is imported in functions alone, or beside optional packages, belongs to an extra."""
    users = [name for name in FILES if package in from_elsewhere(imports_at_once(name))]
    assert [name for name in users if needed(name) <= core_modules()]


@pytest.mark.parametrize("extra", USERS_EXTRAS)
def test_an_extra_is_used_and_holds_all_that_its_users_need(extra: str) -> None:
    there = core_modules() | extra_modules(extra)
    for package in modules_of(extras()[extra]) - {"bpy"}:
        imported = USED_BY_OTHERS.get(package, package)
        users = [name for name in FILES if imported in from_elsewhere(imports(name))]
        assert users, f"nothing imports {package}"
        at_once = [name for name in users if imported in from_elsewhere(imports_at_once(name))]
        missing = {name: needed(name) - there for name in at_once if needed(name) - there}
        assert not missing, f"these import {package} at once, and need more than {extra} installs"


def test_a_missing_package_is_told_with_the_extra_that_installs_it() -> None:
    told = {extra: {name for name, of in EXTRAS.items() if of == extra} for extra in USERS_EXTRAS}
    assert told == {extra: modules_of(extras()[extra]) for extra in USERS_EXTRAS}
    texts = {name: path.read_text(encoding="utf-8") for name, path in FILES.items()}
    assert [name for name, text in texts.items() if "flawsmith[" in text] == ["backend.extras"]


def test_all_is_every_extra_but_those_of_developers() -> None:
    assert included("all") - {"all"} == set(PROJECT["optional-dependencies"]) - {
        "all",
        *FOR_DEVELOPERS,
    }


def test_schema_needs_pydantic_alone() -> None:
    assert third_party("shared_schema") <= {"pydantic", "pydantic_core"}


def test_addon_needs_nothing_but_blender() -> None:
    assert third_party("blender_addon") <= BLENDER


@pytest.mark.parametrize("blender_first", [True, False])
def test_every_dependency_works_beside_blender(blender_first: bool) -> None:
    others = sorted(runtime_modules() - {"bpy"})
    order = ["bpy", *others] if blender_first else [*others, "bpy"]
    program = f"import importlib\nfor name in {order}: importlib.import_module(name)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_every_dependency_has_its_reason_and_no_other_is_told() -> None:
    text = (ROOT / "docs" / "reference" / "dependencies.md").read_text(encoding="utf-8")
    core, optional = (part.partition("\n## ")[0] for part in text.split("\n## ")[1:3])
    told = re.findall(r"^\| ([\w.-]+) \| [^|-]", core, re.MULTILINE)
    assert sorted(set(told) - {"package"}) == sorted(map(name_of, PROJECT["dependencies"]))
    rows = re.findall(r"^\| ([\w.-]+) \| ([\w.-]+) \| [^|-]", optional, re.MULTILINE)
    declared_rows = [(extra, name) for extra, names in extras().items() for name in names]
    assert sorted(set(rows) - {("extra", "package")}) == sorted(declared_rows)
