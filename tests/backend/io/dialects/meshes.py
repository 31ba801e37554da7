"""Meshes as OBJ, STL and PLY in drawn dialects."""

from __future__ import annotations

import struct
from dataclasses import dataclass

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

NOTES = ("", "", " # note", "\t#3 of 4", "  ")


@dataclass(frozen=True)
class _Mesh:
    """Vertices (V, 3) to four decimals, some of them not ``measured``; faces of these alone."""

    points: FloatArray
    measured: NDArray[np.bool_]
    faces: list[list[int]]

    @property
    def triangles(self) -> int:
        return sum(len(face) - 2 for face in self.faces)


def _mesh(rng: Rng) -> _Mesh:
    """A bumpy grid with quadrilaterals and triangles; no vertex is at the origin."""
    rows, columns = rng.integers(2, 6, 2)
    row, column = np.divmod(np.arange(rows * columns), columns)
    points = np.stack([row + 1.5, -column - 0.25, np.sin(row + column) * 0.3], axis=1)
    points = np.round(points * 10.0 ** rng.integers(0, 3), 4)
    faces: list[list[int]] = []
    for corner in np.flatnonzero((row < rows - 1) & (column < columns - 1)).tolist():
        a, b, c, d = corner, corner + 1, corner + columns + 1, corner + columns
        faces += [[a, b, c, d]] if sometimes(rng, 0.3) else [[a, b, c], [a, c, d]]
    measured = np.ones(len(points), dtype=bool)
    for at in rng.integers(0, len(points) + 1, int(rng.integers(1, 4)) if sometimes(rng) else 0):
        points = np.insert(points, at, 7.0, axis=0)
        measured = np.insert(measured, at, False)
        faces = [[corner + int(corner >= at) for corner in face] for face in faces]
    return _Mesh(points, measured, faces)


def obj_file(kind: str, rng: Rng) -> DialectFile:
    mesh, numbers = _mesh(rng), Numbers.drawn(rng)
    blanks, note = (" ", "\t", "  ", " \t"), one_of(rng, NOTES)
    extra = [[], [], ["1"], ["1", "0", "1"], ["1", "0", "1", "1"]][int(rng.integers(5))]
    capital, indent = sometimes(rng, 0.1), one_of(rng, ("", "", " ", "\t"))
    lines = ["# exported by a tool\\", "mtllib C:\\a\\", "o Prüfling #2", "s off", "vt 0 1", ""]
    lines = [line for line in lines if sometimes(rng, 0.5)]
    for point, measured in zip(mesh.points, mesh.measured, strict=True):
        lines.append(one_of(rng, blanks).join(["v", *numbers.words(point, measured), *extra]))
    normals = sometimes(rng, 0.4)
    if normals:
        lines += [" ".join(["vn", *numbers.words([0, 0, 1])]) for _ in mesh.points]
    relative, joint = sometimes(rng), " \\\n" if sometimes(rng) else " "
    for face in mesh.faces:
        names = [corner - len(mesh.points) if relative else corner + 1 for corner in face]
        corners = [f"{name}//{name}" if normals else str(name) for name in names]
        lines.append(" ".join(["f", joint.join(corners)]))
    # A backslash must be the last of its line.
    lines = [indent + line + ("" if "\\" in line else note) for line in lines]
    data = encoded(rng, "\n".join(line.upper() if capital else line for line in lines).split("\n"))
    return DialectFile(
        kind, ".obj", data, mesh.points[mesh.measured], mesh.triangles, len(mesh.points)
    )


def _facets(rng: Rng, *, polygons: bool) -> tuple[list[FloatArray], FloatArray, int]:
    """Corners of facets, some of which are not measured; the vertices to be read; triangles."""
    mesh = _mesh(rng)
    facets = [mesh.points[face] for face in mesh.faces if polygons or len(face) == 3]
    valid = len(facets)
    vertices = dict.fromkeys(tuple(corner) for facet in facets for corner in facet.tolist())
    triangles = sum(len(facet) - 2 for facet in facets)
    if sometimes(rng) and valid:
        bad = facets[0][:3].copy()
        bad[1, 2] = np.nan
        facets.insert(int(rng.integers(valid + 1)), bad)
    return facets, np.array(list(vertices)).reshape(-1, 3), triangles


def stl_ascii_file(kind: str, rng: Rng) -> DialectFile:
    numbers, name = Numbers.drawn(rng), one_of(rng, ("", " part", " Prüfling 2, solid"))
    polygons = sometimes(rng, 0.3)
    facets, vertices, triangles = _facets(rng, polygons=polygons)
    while not triangles:
        facets, vertices, triangles = _facets(rng, polygons=polygons)
    end = one_of(rng, ("endsolid", "end solid", "end  solid"))
    lines = [f"solid{name}"]
    for facet in facets:
        if sometimes(rng, 0.1):
            lines += [end + name, f"solid{name}"]
        lines += [" facet normal 0 0 1", "\touter loop"]
        for corner in facet:
            words = [numbers.words([v], bool(np.isfinite(v)))[0] for v in corner]
            lines.append("   vertex " + " ".join(words))
        lines += ["  endloop", " endfacet"]
    lines.append(end + name)
    if sometimes(rng):
        lines = ["# exported by a tool", *lines, "", "# the end"]
    if sometimes(rng):
        lines = [line.upper() for line in lines]
    data = encoded(rng, lines)
    data += b"\x1a" if sometimes(rng, 0.1) and b"\0" not in data else b""
    return DialectFile(kind, ".stl", data, vertices, triangles, len(vertices))


def stl_binary_file(kind: str, rng: Rng) -> DialectFile:
    facets, vertices, triangles = _facets(rng, polygons=False)
    while not triangles:
        facets, vertices, triangles = _facets(rng, polygons=False)
    header = one_of(rng, (b"", b"solid part", b"solid\n", b"tool \xfc")).ljust(80, b"\0")
    body = b"".join(struct.pack("<12fH", 0, 0, 1, *facet.reshape(-1), 0) for facet in facets)
    count, tail = len(facets), b""
    if sometimes(rng):
        count = 0
    elif sometimes(rng):
        tail = rng.bytes(int(rng.integers(1, 50)))
    data = header + count.to_bytes(4, "little") + body + tail
    return DialectFile(kind, ".stl", data, vertices, triangles, len(vertices))


def ply_file(kind: str, rng: Rng) -> DialectFile:
    mesh = _mesh(rng)
    order = {"ply ascii": "=", "ply little": "<", "ply big": ">"}[kind]
    names = {"=": "ascii", "<": "binary_little_endian", ">": "binary_big_endian"}
    axes = one_of(rng, (("x", "y", "z"), ("X", "Y", "Z")))
    header = ["ply", f"format {names[order]} 1.0", "comment end_header of a tool, für"]
    header += [f"element vertex {len(mesh.points)}", *(f"property float {axis}" for axis in axes)]
    strips, spare = sometimes(rng, 0.3), sometimes(rng, 0.3)
    between = sometimes(rng, 0.3)
    if between:
        header += ["element edge 2", "property list uchar short ends", "property uchar a"]
    name = one_of(rng, ("vertex_indices", "vertex_index", "Vertex_Indices", "corners"))
    if strips:
        lists = _strips(mesh)
        header += [f"element tristrips {len(lists)}", f"property list int int {name}"]
    else:
        lists = mesh.faces
        header += [f"element face {len(lists)}", f"property list uchar uint {name}"]
    header.append("end_header")
    newline = one_of(rng, NEWLINES)
    head = (newline.join(header) + newline).encode("latin1")
    if order == "=":
        data = head + _ply_rows(rng, mesh, lists, newline, between=between, spare=spare)
        data = data.decode("latin1").encode("utf-16") if sometimes(rng, 0.1) else data
    else:
        length, item = ("i", "i") if strips else ("B", "I")
        rows = [
            np.where(mesh.measured[:, None], mesh.points, np.nan).astype(f"{order}f4").tobytes()
        ]
        if between:
            rows.append(struct.pack(f"{order}BhhBBhB", 2, 1, 2, 7, 1, 3, 7))
        rows += [struct.pack(f"{order}{length}{len(r)}{item}", len(r), *r) for r in lists]
        data = head + b"".join(rows) + (rng.bytes(9) if spare else b"")
    return DialectFile(
        kind, ".ply", data, mesh.points[mesh.measured], mesh.triangles, len(mesh.points)
    )


def _strips(mesh: _Mesh) -> list[list[int]]:
    """Each polygon as a strip of its own, in one or two lists."""
    strips = [[*face[:3], -1] if len(face) == 3 else [face[1], face[0], face[2], face[3], -1]
              for face in mesh.faces]  # fmt: skip
    flat = [index for strip in strips[:-1] for index in strip]
    return [flat, strips[-1][:-1]]


def _ply_rows(
    rng: Rng,
    mesh: _Mesh,
    lists: list[list[int]],
    newline: str,
    *,
    between: bool,
    spare: bool,
) -> bytes:
    numbers, blank = Numbers.drawn(rng), one_of(rng, (" ", "\t", "  "))
    rows = [
        blank.join(numbers.words(point, measured))
        for point, measured in zip(mesh.points, mesh.measured, strict=True)
    ]
    rows += ["2 1 2 7", "1 3 7"] if between else []
    rows += [blank.join(map(str, [len(row), *row])) for row in lists]
    rows += ["1 2 3"] if spare else []
    return (newline.join(rows) + newline).encode()
