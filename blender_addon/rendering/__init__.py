# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a part with its defects: previews, and view sets of cameras and finishes."""
