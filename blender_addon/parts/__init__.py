# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts: a model is opened as an object, cleaned, turned outward and refined, in a frame."""
