"""A folder that holds other people's code, under the names of ours and of what we depend on."""

from __future__ import annotations

from pathlib import Path

# Ours, what children import before anything of ours, and what we depend on.
FOLDERS = ("backend", "blender_addon", "flawsmith", "shared_schema")
FILES = ("json", "numpy", "pickle", "scipy", "signal", "socket", "struct", "threading", "torch")
COMPLAINT = "this is another project"


def foreign_folder(folder: Path) -> Path:
    """Make ``folder``, in which every import that finds something fails."""
    names = [*(f"{name}/__init__.py" for name in FOLDERS), *(f"{name}.py" for name in FILES)]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"raise ImportError({COMPLAINT!r})\n")
    return folder
