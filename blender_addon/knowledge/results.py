# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object keeps about documents: which one is read, and what was found in it.

The file keeps it while the extension is switched off. The page with the pictures is a file of its
own in Blender's temporary folder, and is gone when Blender is closed.
"""

from __future__ import annotations

from typing import Any, cast

import bpy

PROPERTY = "flawsmith_knowledge"

# As the backend's command calls them; held to it by a test.
PROCESSES = {
    "any": "Any Process",
    "machining": "Machining",
    "grinding": "Grinding",
    "casting": "Casting",
    "sheet_metal": "Sheet Metal",
    "injection_moulding": "Injection Moulding",
    "printing_3d": "3D Printing",
    "welding": "Welding",
    "forging": "Forging",
    "coating": "Coating",
}
FROM_TEXT = "AUTO"
PROCESS_ITEMS = [
    (FROM_TEXT, "Found from the Text", "The document tells the process that made the part"),
    *(
        (name, title, "Only defects that parts of every process can have")
        if name == "any"
        else (name, title, f"The part was made by {title.lower()}")
        for name, title in PROCESSES.items()
    ),
]
SOURCES = [
    ("FILE", "File", "A document: .txt, .md, .html, .docx or .pdf"),
    ("TEXT", "Text Block", "A text of the text editor"),
]


class FLAWSMITH_PG_known_defect(bpy.types.PropertyGroup):  # noqa: N801
    """A defect that a document names; ``name`` is what people call it."""

    kind: bpy.props.StringProperty()  # type: ignore[valid-type]
    polarity: bpy.props.StringProperty()  # type: ignore[valid-type]
    used: bpy.props.BoolProperty()  # type: ignore[valid-type]
    place: bpy.props.StringProperty()  # type: ignore[valid-type]
    sizes: bpy.props.StringProperty()  # type: ignore[valid-type]
    count: bpy.props.StringProperty()  # type: ignore[valid-type]
    quote: bpy.props.StringProperty()  # type: ignore[valid-type]
    source: bpy.props.StringProperty()  # type: ignore[valid-type]
    reason: bpy.props.StringProperty()  # type: ignore[valid-type]


class FLAWSMITH_PG_known_finding(bpy.types.PropertyGroup):  # noqa: N801
    """Something that the checks found; ``name`` is what it concerns."""

    severity: bpy.props.StringProperty()  # type: ignore[valid-type]
    message: bpy.props.StringProperty()  # type: ignore[valid-type]
    fixed: bpy.props.BoolProperty()  # type: ignore[valid-type]


class FLAWSMITH_PG_knowledge(bpy.types.PropertyGroup):  # noqa: N801
    """The document of an object, and what was found in it."""

    source: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Source", items=SOURCES, description="Where the text is"
    )
    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Document",
        subtype="FILE_PATH",
        description="Document about the part: .txt, .md, .html, .docx or .pdf",
    )
    text: bpy.props.PointerProperty(  # type: ignore[valid-type]
        name="Text", type=bpy.types.Text, description="Text block about the part"
    )
    process: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Process", items=PROCESS_ITEMS, description="Process that made the part"
    )
    replace: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Replace Defects", description="Remove the defects that the object already has"
    )
    items: bpy.props.CollectionProperty(type=FLAWSMITH_PG_known_defect)  # type: ignore[valid-type]
    active: bpy.props.IntProperty()  # type: ignore[valid-type]
    findings: bpy.props.CollectionProperty(type=FLAWSMITH_PG_known_finding)  # type: ignore[valid-type]
    read: bpy.props.StringProperty(description="Name of the document that was read last")  # type: ignore[valid-type]
    message: bpy.props.StringProperty(description="Why nothing was made of it")  # type: ignore[valid-type]
    page: bpy.props.StringProperty(description="File of the report")  # type: ignore[valid-type]


CLASSES = (FLAWSMITH_PG_known_defect, FLAWSMITH_PG_known_finding, FLAWSMITH_PG_knowledge)


def knowledge_of(obj: bpy.types.Object) -> Any:
    """What an object keeps about documents."""
    return getattr(obj, PROPERTY)


def register() -> None:
    """Add the property to Blender's objects."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    pointer = cast(Any, bpy.props).PointerProperty(type=FLAWSMITH_PG_knowledge)
    setattr(bpy.types.Object, PROPERTY, pointer)


def unregister() -> None:
    """Take it away; files keep its values."""
    delattr(bpy.types.Object, PROPERTY)
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
