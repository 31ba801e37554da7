# SPDX-License-Identifier: GPL-3.0-or-later
"""The defects of an object as its modifiers: values, ranges, labels, edits, applied defects."""
