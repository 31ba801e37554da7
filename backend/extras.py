"""Optional packages, and the extra of flawsmith that installs each."""

from __future__ import annotations

from backend.errors import MissingDependencyError

EXTRAS = {
    "fastapi": "serve",
    "matplotlib": "detector",
    "sklearn": "detector",
    "torch": "detector",
    "uvicorn": "serve",
}


def missing_extra(error: ModuleNotFoundError) -> Exception:
    """What to raise for ``error``: how to install an optional package, or else ``error`` itself."""
    extra = EXTRAS.get(error.name or "")
    if extra is None:
        return error
    return MissingDependencyError(
        f"this needs {error.name}; install it by: pip install 'flawsmith[{extra}]'"
    )
