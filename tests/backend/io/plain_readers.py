"""A second reader of meshes and PCD: slow, plain, and without the code under test.

Each tells what a file holds, line by line or word by word, so that a reader that loses something
silently is found out. They need not refuse anything: what was refused is not compared.
"""

from __future__ import annotations

import re
import struct

import numpy as np

Corner = tuple[float, float, float]
NO_NUMBER = re.compile(r"[+-]?(nan(\(\w*\))?|1[.,]#\w+)", re.IGNORECASE)


def lines_of_text(data: bytes) -> list[str]:
    """The lines, whatever ends them, without a byte order mark."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", "replace")
    else:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("latin1")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def number(word: str) -> float:
    """A number with a decimal point or comma; NaN where it is none."""
    if NO_NUMBER.fullmatch(word):
        return float("nan")
    plain = word.replace(",", ".")
    return float(re.sub(r"(?<=[\d.])[dD](?=[+-]?\d)", "e", plain))


def obj_vertices(data: bytes) -> int:
    """How many vertices an OBJ file has, measured or not."""
    count, goes_on = 0, False
    for line in lines_of_text(data):
        words = re.sub(r"(?<!\d[.,])#.*", "", line).split()
        if not goes_on and words and words[0].lower() == "v":
            count += 1
        # Comments and names do not go on in the next line.
        of_numbers = words and words[0].lower() in {"v", "vn", "vt", "vp", "f", "fo", "l", "p"}
        backslash = re.search(r"\\[ \t]*$", line) and "\\" in (words or [""])[-1]
        goes_on = bool(backslash and (goes_on or of_numbers))
    return count


def stl_vertices(data: bytes) -> int:
    """How many distinct corners the finite faces of an STL file have, to eight digits."""
    faces = [face for face in _stl_faces(data) if np.isfinite(face).all()]
    corners = np.array([corner for face in faces for corner in face])
    cell = 1e-8 * (np.abs(corners).max() or 1.0)
    return len({tuple(corner) for corner in np.rint(corners / cell).tolist()})


def _stl_faces(data: bytes) -> list[list[Corner]]:
    count = int.from_bytes(data[80:84], "little")
    text = re.search(
        r"^[ \t]*(facet[ \t]|end[ \t]*solid)", "\n".join(lines_of_text(data)), re.I | re.M
    )
    if text and len(data) != 84 + 50 * count:
        return _ascii_faces(data)
    present, spare = divmod(len(data) - 84, 50)
    if spare == 0 or count == 0:
        count = present
    faces = []
    for at in range(84, 84 + 50 * count, 50):
        numbers = struct.unpack_from("<9f", data, at + 12)
        faces.append([numbers[0:3], numbers[3:6], numbers[6:9]])
    return faces


def _ascii_faces(data: bytes) -> list[list[Corner]]:
    """A face is all vertices from ``facet`` to the next one; lines mean nothing."""
    words: list[str] = []
    for line in lines_of_text(data):
        if not re.match(r"[ \t]*(end[ \t]*)?solid", line, re.IGNORECASE):
            words += re.sub(r"(?<!\d[.,])#.*", "", line).lower().split()
    faces: list[list[Corner]] = []
    for place, word in enumerate(words):
        if word == "facet":
            faces.append([])
        if word == "vertex":
            x, y, z = map(number, words[place + 1 : place + 4])
            faces[-1].append((x, y, z))
    return faces


def ply_vertices(data: bytes) -> int:
    """How many vertices the header of a PLY file promises."""
    count = 0
    for line in lines_of_text(data):
        words = line.lower().split()
        if words[:2] == ["element", "vertex"]:
            count = int(words[2])
        if words == ["end_header"]:
            return count
    raise AssertionError("a PLY file without an end of its header was accepted")


def pcd_points(data: bytes) -> int:
    """How many rows of text a PCD file has, or how many points a binary one promises."""
    said: dict[str, str] = {}
    lines = iter(data.decode("latin1").replace("\r\n", "\n").split("\n"))
    while "DATA" not in said:
        keyword, *values = next(lines).upper().split() or [""]
        said[keyword] = values[0] if values else ""
    if said["DATA"] == "ASCII":
        return sum(line.strip() != "" for line in lines)
    return int(said.get("POINTS", int(said.get("WIDTH", 0)) * int(said.get("HEIGHT", 1))))
