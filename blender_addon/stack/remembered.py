# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object remembers of its defects, each by the ``persistent_uid`` of its modifier.

Blender draws that number by the modifier's name. So a new modifier may have the number of one that
is gone, and must not be taken for it.
"""

from __future__ import annotations

from typing import Any

import bpy

# Ranges and place rules of the defects: a collection, of ``FLAWSMITH_PG_variation``.
VARIATIONS_PROPERTY = "flawsmith_variations"
# Names that a stack cannot hold, because they are empty, too long or there twice: by the
# modifier's persistent number, what Blender calls it, and what the recipe does.
NAMES_PROPERTY = "flawsmith_names"


def forget(modifier: bpy.types.Modifier) -> None:
    """Forget what was remembered of a modifier with that number."""
    obj: Any = modifier.id_data
    forget_variation(modifier)
    names = dict(obj.get(NAMES_PROPERTY, {}))
    if names.pop(str(modifier.persistent_uid), None) is not None:
        obj[NAMES_PROPERTY] = names


def forget_variation(modifier: bpy.types.Modifier) -> None:
    """Forget ranges and place rule of a defect, if it has any."""
    there: Any = getattr(modifier.id_data, VARIATIONS_PROPERTY, None)
    for index, one in enumerate(there or ()):
        if one.uid == modifier.persistent_uid:
            there.remove(index)
            return
