# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused: the message tells the user what is wrong and what would be right."""

from __future__ import annotations


class AddonError(ValueError):
    """Something that the user can mend. Operators report it; commands print it and end."""


class PartError(AddonError):
    """A file that cannot be opened as a part; the message names it and the way out."""
