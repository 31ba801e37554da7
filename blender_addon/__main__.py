# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m blender_addon``, with Blender as a Python module."""

import os
import sys

try:
    import bpy  # noqa: F401
except ModuleNotFoundError:
    sys.exit("This needs Blender as a Python module; install it with: pip install 'bpy>=4.5,<4.6'")

from .commands import main

status = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
# Blender's module waits for a thread of its own for ever if anything refers to it when Python ends.
os._exit(status)
