# SPDX-License-Identifier: GPL-3.0-or-later
"""Many jobs: each opens a part, applies a recipe, runs a task and writes a record."""
