# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sections of the sidebar's tab share: where they are, and when they are shown."""

from __future__ import annotations

from typing import Any


def active_part(context: Any) -> Any:
    """The active object where it is a mesh, on which defects can be; else None."""
    obj = context.active_object
    return obj if obj is not None and obj.type == "MESH" else None


class Tab:
    """The sidebar's tab."""

    bl_category = "Flawsmith"
    bl_space_type: Any = "VIEW_3D"
    bl_region_type: Any = "UI"


class Section(Tab):
    """A section of the tab."""

    bl_parent_id = "FLAWSMITH_PT_defects"


class PartSection(Section):
    """A section for the active part."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether there is one."""
        return active_part(context) is not None
