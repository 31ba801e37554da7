# SPDX-License-Identifier: GPL-3.0-or-later
"""The language that node groups are written in: sockets as values, formulas, noise, handles."""
