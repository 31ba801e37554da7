# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual scans: what a scanner would measure of a part, labelled. ``presets`` are scanners."""
