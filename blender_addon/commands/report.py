# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command tells people while it works, on the standard error."""

from __future__ import annotations

import sys


def say(step: str) -> None:
    print(step, file=sys.stderr, flush=True)
