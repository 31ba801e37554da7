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


def same_modules() -> dict[str, str]:
    """Variables by which a Python process finds the modules that this one finds, and no others."""
    paths = [path for path in sys.path if path]
    if ROOT not in paths:
        paths.insert(0, ROOT)
    return SAFE_PATH | {"PYTHONPATH": os.pathsep.join(paths)}
