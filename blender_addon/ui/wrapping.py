# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in the sidebar: Blender cuts a label that is too long, so they are broken to lines."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import blf

# In Blender's units of pixels: what stands beside a text, and an icon.
MARGIN, ICON = 72.0, 20.0
# Of a button's height.
LINE = 0.75
LEAST = 80.0
# A word, or one letter of a script that has no spaces.
PIECES = re.compile(r"[\u3000-\u9fff\uff00-\uffef]|[^\s\u3000-\u9fff\uff00-\uffef]+|\s+")


def wrapped(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """The lines of a text, each at most ``width`` wide as ``measure`` says; words stay whole.

    A word that is wider than that is broken.
    """
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for piece in PIECES.findall(paragraph.strip()):
            if line and measure(line + piece.rstrip()) > width:
                lines.append(line.rstrip())
                line = ""
            line += piece if line else piece.lstrip()
            while len(line) > 1 and measure(line.rstrip()) > width:
                fits = next(
                    n for n in range(len(line) - 1, 0, -1) if n == 1 or measure(line[:n]) <= width
                )
                lines.append(line[:fits])
                line = line[fits:]
        lines.append(line.rstrip())
    return lines


def draw_text(layout: Any, context: Any, text: str, icon: str = "NONE") -> None:
    """A text of any length, with an icon before its first line."""
    scale = context.preferences.system.ui_scale
    blf.size(0, context.preferences.ui_styles[0].widget.points * scale)
    room = context.region.width - (MARGIN + (ICON if icon != "NONE" else 0.0)) * scale
    column = layout.column(align=True)
    column.scale_y = LINE
    lines = wrapped(text, max(room, LEAST * scale), lambda line: blf.dimensions(0, line)[0])
    for number, line in enumerate(lines):
        # An empty icon keeps the lines below one another.
        column.label(text=line, icon=icon if not number or icon == "NONE" else "BLANK1")
