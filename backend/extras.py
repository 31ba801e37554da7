"""Optional packages, and the extra of flawsmith that installs each."""

from __future__ import annotations

from backend.errors import MissingDependencyError

# By the name of the module; pyproject.toml says which package each extra installs.
EXTRAS = {
    "PIL": "instruct",
    "anthropic": "instruct-anthropic",
    "bpy": "blender",
    "embreex": "scan",
    "fastapi": "serve",
    "google": "instruct-google",
    "httpx2": "instruct",
    "laspy": "formats",
    "lazrs": "formats",
    "matplotlib": "pictures",
    "openai": "instruct",
    "pydantic_ai": "instruct",
    "pypdf": "documents",
    "pypdfium2": "documents",
    "python_multipart": "serve",
    "sklearn": "detector",
    "statsmodels": "pod",
    "tensorboardX": "log",
    "tifffile": "formats",
    "torch": "detector",
    "trimesh": "scan",
    "uvicorn": "serve",
}


def missing_extra(error: ModuleNotFoundError, what: str = "this") -> Exception:
    """What to raise for ``error``: how to install an optional package, or else ``error`` itself.

    Args:
        error: names the module that is missing.
        what: needs it; begins the message.

    >>> str(missing_extra(ModuleNotFoundError(name="torch")))
    "this needs torch; install it by: pip install 'flawsmith[detector]'"
    """
    name = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(name)
    if extra is None:
        return error
    return MissingDependencyError(
        f"{what} needs {name}; install it by: pip install 'flawsmith[{extra}]'"
    )
