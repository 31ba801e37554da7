# SPDX-License-Identifier: GPL-3.0-or-later
"""What is drawn over the part in the 3D view: the colours of its mask, labels or weights."""
