"""Detectors that come with flawsmith, trained on its own samples alone.

``bundled_parts`` is a detector that ``python build.py demo`` trained with seed 0, of the bundled
parts and the real scan. It is made anew by that command when the format of model files changes:
the demo writes it to ``model/detector.safetensors`` of its folder.
"""

from __future__ import annotations

from pathlib import Path

from backend.errors import CheckpointError

SUFFIX = ".safetensors"


def model_names() -> list[str]:
    """The bundled detectors, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob(f"*{SUFFIX}"))


def model_path(name: str) -> Path:
    """The file of a bundled detector.

    Raises:
        CheckpointError: there is none of that name.
    """
    if name not in model_names():
        raise CheckpointError(
            f"no bundled detector is called {name!r}; bundled are {', '.join(model_names())}"
        )
    return Path(__file__).parent / f"{name}{SUFFIX}"
