# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts with defects that are made at once: the sample scene, and the showcase of a model."""
