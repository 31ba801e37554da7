# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents and files as such, without Blender: the published schema and its rules, JSON, PLY."""
