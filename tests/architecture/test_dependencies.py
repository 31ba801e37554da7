"""What is imported is declared, and what is declared is used and works beside Blender."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.project import ROOT, declared, third_party

MODULES = {
    "python-neo-lzf": "lzf",
    "python-multipart": "python_multipart",
    "scikit-learn": "sklearn",
    "tensorboardx": "tensorboardX",
}
# Imported by trimesh, which casts rays with it, and by fastapi, which reads uploads with it.
USED_BY_OTHERS = {"embreex", "python_multipart"}
PART_OF_OTHERS = {"pydantic_core": "pydantic", "starlette": "fastapi", "mpl_toolkits": "matplotlib"}
# Blender brings these.
BLENDER = {"bl_ui", "blf", "bmesh", "bpy", "bpy_extras", "gpu", "gpu_extras", "mathutils", "numpy"}


def runtime_modules() -> set[str]:
    return {MODULES.get(name, name) for name in declared(without=("test", "dev", "docs", "all"))}


def test_backend_imports_only_what_is_declared() -> None:
    imported = {PART_OF_OTHERS.get(name, name) for name in third_party("backend")}
    assert imported <= runtime_modules()


def test_what_is_declared_is_imported() -> None:
    imported = {name for package in ("backend", "shared_schema") for name in third_party(package)}
    assert runtime_modules() - imported - {"bpy"} == USED_BY_OTHERS


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


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "docs" / "reference" / "dependencies.md").read_text(encoding="utf-8")
    missing = [name for name in sorted(declared()) if f"| {name} |" not in text]
    assert not missing, "docs/reference/dependencies.md says nothing of these"
