# SPDX-License-Identifier: GPL-3.0-or-later
"""Places on the surface of a part: points, boxes, paths over it, and what rays meet of it.

Here are also the objects that hold a place that is no number: a path, a hull or bumps.
"""
