# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's own data: attributes as arrays, image files, and scenes that are there for a moment."""
