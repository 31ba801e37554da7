"""The environment of the Python processes that this program starts.

``python -c`` and ``python -m`` look for modules in the current folder before all others, and so do
the processes of ``multiprocessing``: a folder ``backend`` or a file ``json.py`` of the user would
be taken for the module that is wanted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# The folder that holds our packages.
ROOT = str(Path(__file__).resolve().parents[1])

# Python leaves the current folder out of the import path.
SAFE_PATH = {"PYTHONSAFEPATH": "1"}
ONE_THREAD_EACH = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """How many threads work in this process: one a core, unless ``OMP_NUM_THREADS`` says otherwise.

    In the processes that share a work it says 1, so that they do not fight for the cores.
    """
    stated = os.environ.get("OMP_NUM_THREADS", "")
    if stated.isdecimal() and int(stated) > 0:
        return int(stated)
    return cores()


def same_modules() -> dict[str, str]:
    """Variables by which a Python process finds the modules that this one finds, and no others."""
    paths = [path for path in sys.path if path]
    if ROOT not in paths:
        paths.insert(0, ROOT)
    return SAFE_PATH | {"PYTHONPATH": os.pathsep.join(paths)}
