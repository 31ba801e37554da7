# SPDX-License-Identifier: GPL-3.0-or-later
"""Place defects by hand: tools that pick points and draw lines on the part in the 3D view.

A file a tool; ``tool.py`` is what they share, ``waiting.py`` what they hold on to, ``views.py``
finds what lies under the mouse, ``preview.py`` draws what is about to be, ``values.py`` makes field
values of what was drawn. Each operator keeps what was picked in its properties, so that it can be
repeated, changed in the redo panel, and called by scripts without a window.
"""

from __future__ import annotations

import bpy

from . import lasso, place, plane, scratch, toolbar, waiting

CLASSES = (*place.CLASSES, *scratch.CLASSES, *plane.CLASSES, *lasso.CLASSES)


def register() -> None:
    """Add the tools."""
    for operator in CLASSES:
        bpy.utils.register_class(operator)
    toolbar.register()
    waiting.register()


def unregister() -> None:
    """Take the tools away."""
    waiting.unregister()
    toolbar.unregister()
    for operator in reversed(CLASSES):
        bpy.utils.unregister_class(operator)
