# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m blender_addon``, with Blender as a Python module."""

import sys

try:
    import bpy  # noqa: F401
except ModuleNotFoundError:
    sys.exit("This needs Blender as a Python module; install it with: pip install 'bpy>=4.5,<4.6'")

from .commands import main

sys.exit(main(sys.argv[1:]))
