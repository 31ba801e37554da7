"""Scans as text, PCD, organised arrays, PTS and PTX in drawn dialects."""

from __future__ import annotations

import io
import struct

import numpy as np
from numpy.typing import NDArray

from tests.backend.io.dialects.drawn import (
    NEWLINES,
    DialectFile,
    FloatArray,
    Numbers,
    Rng,
    encoded,
    one_of,
    sometimes,
)


def _scan(rng: Rng) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Points (N, 3) to four decimals, none at the origin, and which of them are measured."""
    count = int(rng.integers(3, 40))
    points = np.round(rng.normal(size=(count, 3)) * 10.0 ** rng.integers(0, 3), 4) + 0.5
    measured = np.ones(count, dtype=bool)
    if sometimes(rng, 0.3):
        measured = rng.random(count) < 0.8
        measured[:2] = True
    return points, measured


# What parts numbers, and whether their decimals are marked by commas.
PARTED = (
    (" ", False), ("\t", False), (",", False), (";", False), ("  ", False), (", ", False),
    (";", True), ("\t", True), (" ", True),
)  # fmt: skip
# Names of the columns, and the unit that they state; none where there are no names.
NAMES = (
    (None, None), (None, None), (None, None), ("{axis}", None), ('"{axis}"', None),
    ("{axis} [mm]", "mm"), ("{axis}(cm)", "cm"), ("{axis}_ft", "ft"), ("{axis} [\u00b5m]", "um"),
    ("{axis} / inch", "inch"), ("{axis} in m", "m"), ("Points:{number}", None),
)  # fmt: skip


def text_file(kind: str, rng: Rng) -> DialectFile:
    points, measured = _scan(rng)
    delimiter, comma = one_of(rng, PARTED)
    numbers = Numbers.drawn(rng, comma=comma, invalid=("nan", "NaN", "-nan(ind)", "1.#QNAN"))
    quote = '"' if delimiter in ";,\t" and sometimes(rng, 0.1) else ""
    value = ["7"] if sometimes(rng, 0.3) else []
    lines = ["# exported by a tool", "// Prüfling, 3 °C"] if sometimes(rng, 0.4) else []
    lines += ["Scan of the first part"] if sometimes(rng, 0.1) else []
    name, unit = one_of(rng, NAMES)
    if name is not None:
        lines.append(one_of(rng, ("", "//", "# ")) + _head(rng, name, delimiter, value))
    if sometimes(rng, 0.1):
        lines.append(str(len(points)))
    for point, known in zip(points, measured, strict=True):
        words = [quote + word + quote for word in (*numbers.words(point, known), *value)]
        lines.append(delimiter.join(words) + (one_of(rng, ("", "", " ", delimiter))))
    newline = one_of(rng, NEWLINES)
    encoding = one_of(rng, ("utf-8", "utf-8", "latin1", "utf-8-sig", "utf-16"))
    data = (newline.join(lines) + newline).encode(encoding)
    suffix = one_of(rng, (".xyz", ".txt", ".asc", ".csv"))
    return DialectFile(kind, suffix, data, points[measured], 0, len(points), unit)


def _head(rng: Rng, name: str, delimiter: str, value: list[str]) -> str:
    """The line of names; a name of several words is one column only between other marks."""
    if delimiter.isspace():
        name = name.replace(" / ", "_").replace(" in ", "_")
    axes = one_of(rng, ("xyz", "XYZ"))
    names = [name.format(axis=axis, number=number) for number, axis in enumerate(axes)]
    return delimiter.join([*names, *(["Intensity"] if value else [])])


def pcd_file(kind: str, rng: Rng) -> DialectFile:
    points, measured = _scan(rng)
    ascii, newline = kind.endswith("ascii"), one_of(rng, ("\n", "\n", "\r\n"))
    padded, valued = sometimes(rng, 0.4) and not ascii, sometimes(rng, 0.4)
    # Name, size, type and count of each field.
    fields = [(axis, 4, "F", 1) for axis in "xyz"]
    fields += [("_", 1, "U", 4), ("_", 1, "U", 0)] if padded else []
    fields += [("intensity", 4, "F", 1)] if valued else []
    old = sometimes(rng)
    columns = [" ".join(str(field[at]) for field in fields) for at in range(4)]
    lines = ["# .PCD v.5", "VERSION .5"] if old else ["# .PCD v0.7", "VERSION 0.7"]
    lines += [f"{'COLUMNS' if old else 'FIELDS'} {columns[0]}"]
    lines += [f"SIZE {columns[1]}", f"TYPE {columns[2]}"]
    lines += [f"COUNT {columns[3]}"] if padded or sometimes(rng, 0.6) else []
    height = 2 if len(points) % 2 == 0 and sometimes(rng, 0.3) else 1
    lines += [f"WIDTH {len(points) // height}", f"HEIGHT {height}"]
    lines += ["VIEWPOINT 0 0 0 1 0 0 0"] if sometimes(rng, 0.6) else []
    lines += [f"POINTS {len(points)}"] if sometimes(rng, 0.7) else []
    lines += [f"DATA {'ascii' if ascii else 'binary'}", ""]
    if ascii:
        numbers = Numbers.drawn(rng, comma=False)
        lines[-1:] = [
            " ".join([*numbers.words(point, known), *(["7"] if valued else [])])
            for point, known in zip(points, measured, strict=True)
        ] + [""]
        data = newline.join(lines).encode()
    else:
        rows = np.where(measured[:, None], points, np.nan).astype("<f4")
        tail = (b"\1\2\3\4" if padded else b"") + (struct.pack("<f", 7) if valued else b"")
        data = newline.join(lines).encode() + b"".join(row.tobytes() + tail for row in rows)
    return DialectFile(kind, ".pcd", data, points[measured], 0, len(points))


def npy_file(kind: str, rng: Rng) -> DialectFile:
    """An organised scan (H, W, 3)."""
    rows, columns = rng.integers(3, 9, 2)
    points = np.round(rng.normal(size=(rows * columns, 3)) * 30, 4) + 0.5
    measured = rng.random(len(points)) < (0.7 if sometimes(rng, 0.7) else 1.0)
    measured[0] = True
    if measured.sum() > len(points) - 2:
        measured[:] = True
    image = np.where(measured[:, None], points, one_of(rng, (np.nan, 0.0)))
    stream = io.BytesIO()
    np.save(stream, image.reshape(rows, columns, 3).astype(one_of(rng, ("<f4", "<f8", ">f4"))))
    return DialectFile(kind, ".npy", stream.getvalue(), points[measured], 0, len(points))


def pts_file(kind: str, rng: Rng) -> DialectFile:
    points, measured = _scan(rng)
    numbers = Numbers.drawn(rng, comma=False, invalid=("nan",))
    values = ["-1200", "9", "9", "9"]
    values = values[: int(one_of(rng, (0, 1, 4)))]
    lines = [str(len(points))] if sometimes(rng, 0.9) else []
    for point, known in zip(points, measured, strict=True):
        lines.append(" ".join([*numbers.words(point, known), *values]))
    return DialectFile(kind, ".pts", encoded(rng, lines), points[measured], 0, len(points))


def ptx_file(kind: str, rng: Rng) -> DialectFile:
    """One scan or two."""
    numbers = Numbers.drawn(rng, comma=False, invalid=("0",))
    color = ["9"] * 3 if sometimes(rng, 0.4) else []
    lines, found, rows = [], [], 0
    for _ in range(2 if sometimes(rng) else 1):
        points, measured = _ptx_scan(rng)
        lines += [str(len(points)), "1", "0 0 0", "1 0 0", "0 1 0", "0 0 1"]
        lines += ["1 0 0 0", "0 1 0 0", "0 0 1 0", "0 0 0 1"]
        for point, known in zip(points, measured, strict=True):
            lines.append(" ".join([*numbers.words(point, known), "0.5", *color]))
        found.append(points[measured])
        rows += len(points)
    suffix = one_of(rng, (".ptx", ".txt"))
    newline = one_of(rng, ("\n", "\r\n"))
    data = (newline.join(lines) + newline).encode()
    return DialectFile(kind, suffix, data, np.concatenate(found), 0, rows)


def _ptx_scan(rng: Rng) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Points (N, 3), and which of them are measured: all, or all but a few at the origin."""
    points, _ = _scan(rng)
    count = len(points)
    measured = rng.random(count) < 0.7 if count > 8 else np.ones(count, dtype=bool)
    if measured.sum() > count - 2 or measured.sum() < 2:
        measured[:] = True
    return points, measured
