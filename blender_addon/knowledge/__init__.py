# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents about a part, read by the backend's command, and the defects that they name.

``program.py`` finds the command, ``reading.py`` runs it in a process of its own, ``results.py``
holds what an object keeps of it, and ``loading.py`` puts what came of it there.
"""

from __future__ import annotations

from . import reading, results


def register() -> None:
    """Let objects keep what was read, and watch for other files."""
    results.register()
    reading.register()


def unregister() -> None:
    """End what is being read, and take the properties away; files keep their values."""
    reading.unregister()
    results.unregister()
