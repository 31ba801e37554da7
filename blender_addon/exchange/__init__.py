# SPDX-License-Identifier: GPL-3.0-or-later
"""What is handed on: recipes, templates and the asset library, and the checks before that."""
