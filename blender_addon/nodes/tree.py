# SPDX-License-Identifier: GPL-3.0-or-later
"""Node trees as code: sockets with arithmetic, so that a formula reads as it stands in the docs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import bpy

Number: TypeAlias = float | int
Operand: TypeAlias = "Value | Number | Sequence[float]"

# Blender names the types of sockets and of node settings differently.
DATA_TYPES = {"VALUE": "FLOAT", "VECTOR": "FLOAT_VECTOR", "INT": "INT", "BOOLEAN": "BOOLEAN"}
SWITCH_TYPES = {
    "VALUE": "FLOAT",
    "VECTOR": "VECTOR",
    "INT": "INT",
    "BOOLEAN": "BOOLEAN",
    "GEOMETRY": "GEOMETRY",
}
COLUMN_WIDTH, ROW_HEIGHT = 190, 180
# Before the names of attributes that a defect keeps while it works, and takes away at its end.
KEPT = "flawsmith_"


class Value:
    """An output socket of a node; operators add the nodes that compute with it."""

    def __init__(self, tree: Tree, socket: Any) -> None:
        self.tree, self.socket = tree, socket

    @property
    def kind(self) -> str:
        """``"VALUE"``, ``"VECTOR"``, ``"INT"``, ``"BOOLEAN"`` or ``"GEOMETRY"``."""
        return str(self.socket.type)

    def __add__(self, other: Operand) -> Value:
        return self.tree.arithmetic("ADD", self, other)

    def __sub__(self, other: Operand) -> Value:
        return self.tree.arithmetic("SUBTRACT", self, other)

    def __mul__(self, other: Operand) -> Value:
        return self.tree.arithmetic("MULTIPLY", self, other)

    def __truediv__(self, other: Operand) -> Value:
        return self.tree.arithmetic("DIVIDE", self, other)

    def __radd__(self, other: Number) -> Value:
        return self.tree.arithmetic("ADD", other, self)

    def __rsub__(self, other: Number) -> Value:
        return self.tree.arithmetic("SUBTRACT", other, self)

    def __rmul__(self, other: Number) -> Value:
        return self.tree.arithmetic("MULTIPLY", other, self)

    def __neg__(self) -> Value:
        return self * -1.0

    def __gt__(self, other: Operand) -> Value:
        return self.tree.compare("GREATER_THAN", self, other)

    def __lt__(self, other: Operand) -> Value:
        return self.tree.compare("LESS_THAN", self, other)

    def __and__(self, other: Value) -> Value:
        return self.tree.boolean("AND", self, other)

    def __or__(self, other: Value) -> Value:
        return self.tree.boolean("OR", self, other)

    def __invert__(self) -> Value:
        return self.tree.boolean("NOT", self)

    def dot(self, other: Operand) -> Value:
        """Inner product of vectors."""
        return self.tree.vector_math("DOT_PRODUCT", self, other, output="Value")

    def cross(self, other: Operand) -> Value:
        """Cross product of vectors."""
        return self.tree.vector_math("CROSS_PRODUCT", self, other)

    def length(self) -> Value:
        """Length of a vector."""
        return self.tree.vector_math("LENGTH", self, output="Value")

    def unit(self) -> Value:
        """The vector at length one; zero stays zero."""
        return self.tree.vector_math("NORMALIZE", self)


class Tree:
    """Builds one Geometry Nodes tree."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree
        self._frame: Any = None
        # Names of what is kept, and the node that keeps what another node reads.
        self._kept: list[str] = []
        self._keepers: dict[Any, Any] = {}

    # --- nodes and links ---

    def node(self, type_name: str, /, *inputs: Operand | str | None, **settings: Any) -> Any:
        """A node with ``settings`` and its first sockets connected to ``inputs`` (None: as is)."""
        node = self.tree.nodes.new(type_name)
        node.parent = self._frame
        for name, setting in settings.items():
            setattr(node, name, setting)
        active = [socket for socket in node.inputs if socket.enabled]
        for socket, operand in zip(active, inputs, strict=False):
            if operand is not None:
                self.connect(operand, socket)
        return node

    def connect(self, operand: Operand | str, socket: Any) -> None:
        """Link a value to an input socket, or set the socket to a constant."""
        if isinstance(operand, Value):
            self.tree.links.new(operand.socket, socket)
        else:
            socket.default_value = operand

    def out(self, node: Any, name: str | int = 0) -> Value:
        """An enabled output of ``node``, by name or by number."""
        active = [socket for socket in node.outputs if socket.enabled]
        if isinstance(name, int):
            return Value(self, active[name])
        return Value(self, next(socket for socket in active if socket.name == name))

    @contextmanager
    def frame(self, label: str) -> Iterator[None]:
        """Nodes made inside stand in a frame of that name."""
        before, self._frame = self._frame, self.tree.nodes.new("NodeFrame")
        self._frame.label, self._frame.parent = label, before
        yield
        self._frame = before

    # --- arithmetic ---

    def arithmetic(self, operation: str, first: Operand, second: Operand) -> Value:
        """+, −, × or ÷ of numbers and vectors; a vector may be scaled by a number."""
        vectors = [_is_vector(operand) for operand in (first, second)]
        if not any(vectors):
            return self.math(operation, first, second)
        if all(vectors):
            return self.vector_math(operation, first, second)
        vector, number = (first, second) if vectors[0] else (second, first)
        if operation == "DIVIDE":
            number = self.math("DIVIDE", 1.0, number)
        scale = self.node("ShaderNodeVectorMath", operation="SCALE")
        self.connect(vector, scale.inputs["Vector"])
        self.connect(number, scale.inputs["Scale"])
        return self.out(scale)

    def math(self, operation: str, *operands: Operand) -> Value:
        """A Math node."""
        return self.out(self.node("ShaderNodeMath", *operands, operation=operation))

    def vector_math(self, operation: str, *operands: Operand, output: str = "Vector") -> Value:
        """A Vector Math node."""
        return self.out(self.node("ShaderNodeVectorMath", *operands, operation=operation), output)

    def boolean(self, operation: str, *operands: Operand) -> Value:
        """A Boolean Math node."""
        return self.out(self.node("FunctionNodeBooleanMath", *operands, operation=operation))

    def compare(self, operation: str, first: Operand, second: Operand) -> Value:
        """Whether the comparison of two numbers holds."""
        settings = {"data_type": "FLOAT", "operation": operation}
        return self.out(self.node("FunctionNodeCompare", first, second, **settings))

    def minimum(self, first: Operand, second: Operand) -> Value:
        """The smaller number."""
        return self.math("MINIMUM", first, second)

    def maximum(self, first: Operand, second: Operand) -> Value:
        """The greater number."""
        return self.math("MAXIMUM", first, second)

    def clip(self, value: Operand, low: Number = 0.0, high: Number = 1.0) -> Value:
        """``value`` kept within ``low`` and ``high``."""
        return self.out(self.node("ShaderNodeClamp", value, low, high))

    def vector(self, x: Operand, y: Operand, z: Operand) -> Value:
        """A vector of three numbers."""
        return self.out(self.node("ShaderNodeCombineXYZ", x, y, z))

    def components(self, vector: Value) -> tuple[Value, Value, Value]:
        """The three numbers of a vector."""
        node = self.node("ShaderNodeSeparateXYZ", vector)
        return self.out(node, 0), self.out(node, 1), self.out(node, 2)

    def switch(self, condition: Operand, true: Operand, false: Operand) -> Value:
        """``true`` where the condition holds, else ``false``."""
        of_type = next((v.kind for v in (true, false) if isinstance(v, Value)), "VALUE")
        node = self.node(
            "GeometryNodeSwitch", condition, false, true, input_type=SWITCH_TYPES[of_type]
        )
        return self.out(node)

    def menu(self, choice: Value, values: dict[str, Operand]) -> Value:
        """The number that ``choice`` names."""
        node = self.node("GeometryNodeMenuSwitch", data_type="FLOAT")
        # A new node has two items; renaming them keeps their numbers those of the order.
        for index, name in enumerate(values):
            if index < len(node.enum_items):
                node.enum_items[index].name = name
            else:
                node.enum_items.new(name)
        self.connect(choice, node.inputs["Menu"])
        for name, value in values.items():
            self.connect(value, node.inputs[name])
        return self.out(node)

    def indicator(self, condition: Value) -> Value:
        """1 where the condition holds, else 0."""
        return self.switch(condition, self.constant(1.0), self.constant(0.0))

    def is_nonzero(self, value: Value) -> Value:
        """Whether a number is not exactly zero."""
        return self.math("ABSOLUTE", value) > 0.0

    def where_active(self, active: Value, value: Value) -> Value:
        """``value``, or 0 everywhere where a defect does nothing."""
        return self.switch(active, value, self.constant(0.0))

    def constant(self, number: float) -> Value:
        """A number as a value."""
        node = self.node("ShaderNodeValue")
        node.outputs[0].default_value = number
        return self.out(node)

    # --- fields and geometry ---

    def position(self) -> Value:
        """Where each point stands."""
        return self.out(self.node("GeometryNodeInputPosition"))

    def attribute(self, name: str, data_type: str) -> tuple[Value, Value]:
        """A named attribute, and whether it exists."""
        node = self.node("GeometryNodeInputNamedAttribute", name, data_type=data_type)
        return self.out(node, "Attribute"), self.out(node, "Exists")

    def store(
        self, geometry: Value, name: str, value: Operand, where: Value | None = None
    ) -> Value:
        """The geometry with ``value`` stored on its points as the attribute ``name``.

        Elsewhere than ``where`` the value is not even computed: an attribute that was there keeps
        its values, a new one is zero.
        """
        kind = value.kind if isinstance(value, Value) else _kind_of(value)
        settings = {"data_type": DATA_TYPES[kind], "domain": "POINT"}
        operands = (geometry, where, name, value)
        return self.out(self.node("GeometryNodeStoreNamedAttribute", *operands, **settings))

    def keep(
        self, geometry: Value, name: str, value: Value, where: Value | None = None
    ) -> tuple[Value, Value]:
        """The geometry, and ``value`` as it is now, whatever is done to the geometry later.

        A field is computed anew by every node that takes it, on all points that this node looks at;
        what is kept is computed once, and only ``where`` that holds: elsewhere it is zero. It takes
        an attribute, which `forget` removes.
        """
        name = KEPT + name
        self._kept.append(name)
        geometry = self.store(geometry, name, value, where)
        kept, _ = self.attribute(name, DATA_TYPES[value.kind])
        self._keepers[kept.socket.node] = geometry.socket.node
        return geometry, kept

    def forget(self, geometry: Value) -> Value:
        """The geometry without what was kept."""
        with self.frame("Take away what was kept"):
            for name in self._kept:
                node = self.node("GeometryNodeRemoveAttribute", geometry)
                node.inputs["Name"].default_value = name
                geometry = self.out(node)
        self._kept = []
        return geometry

    def sample(self, geometry: Value, value: Value, index: Operand, domain: str) -> Value:
        """``value`` at one element of another geometry."""
        settings = {"data_type": DATA_TYPES[value.kind], "domain": domain}
        return self.out(self.node("GeometryNodeSampleIndex", geometry, value, index, **settings))

    def evaluate_on(self, domain: str, value: Value) -> Value:
        """``value`` as it is interpolated onto ``domain``."""
        settings = {"data_type": DATA_TYPES[value.kind], "domain": domain}
        return self.out(self.node("GeometryNodeFieldOnDomain", value, **settings))

    def object_geometry(self, of: Value) -> Value:
        """The geometry of another object, in the local space of the modified one."""
        node = self.node("GeometryNodeObjectInfo", of, transform_space="RELATIVE")
        return self.out(node, "Geometry")

    def bounds(self, geometry: Value) -> tuple[Value, Value]:
        """The least and the greatest corner of the box about a geometry."""
        node = self.node("GeometryNodeBoundBox", geometry)
        return self.out(node, "Min"), self.out(node, "Max")

    def move(self, geometry: Value, offset: Value, where: Value | None = None) -> Value:
        """The geometry with its points, or only those ``where`` that holds, moved by ``offset``."""
        return self.out(self.node("GeometryNodeSetPosition", geometry, where, None, offset))

    def delete(self, geometry: Value, points: Value) -> Value:
        """The geometry without the ``points``, and what hangs on them."""
        node = self.node("GeometryNodeDeleteGeometry", geometry, points, domain="POINT")
        return self.out(node)

    def repeat(self, count: Value, start: Value, step: Callable[[Value, Value], Value]) -> Value:
        """``step(index, total)`` applied ``count`` times to a number that begins as ``start``."""
        first = self.node("GeometryNodeRepeatInput")
        last = self.node("GeometryNodeRepeatOutput")
        first.pair_with_output(last)
        last.repeat_items.clear()
        last.repeat_items.new("FLOAT", "Total")
        self.connect(count, first.inputs["Iterations"])
        self.connect(start, first.inputs["Total"])
        total = step(self.out(first, "Iteration"), self.out(first, "Total"))
        self.connect(total, last.inputs["Total"])
        return self.out(last, "Total")

    def arrange(self) -> None:
        """Set the nodes out in columns, by what they take their inputs from; each frame by itself.

        What has no inputs stands just before the first node that takes it, and what reads a kept
        value behind the node that keeps it.
        """
        columns = _columns(self.tree, self._keepers)
        bands: dict[Any, list[Any]] = {}
        for node in columns:
            bands.setdefault(node.parent, []).append(node)
        top = 0
        places: dict[Any, tuple[int, int]] = {}
        for nodes in bands.values():
            rows: dict[int, int] = {}
            for node in nodes:
                row = rows[columns[node]] = rows.get(columns[node], -1) + 1
                places[node] = columns[node] * COLUMN_WIDTH, -(top + row) * ROW_HEIGHT
            top += max(rows.values()) + 2
        # All at once: Blender looks through the whole tree whenever one node is moved.
        nodes = self.tree.nodes
        frames = {node: node.location_absolute for node in nodes if node not in places}
        where = [part for node in nodes for part in {**frames, **places}[node]]
        nodes.foreach_set("location_absolute", where)


def _is_vector(operand: Operand) -> bool:
    if isinstance(operand, Value):
        return operand.kind == "VECTOR"
    return not isinstance(operand, int | float)


def _kind_of(constant: Number | Sequence[float]) -> str:
    """The kind of the socket that a constant fits."""
    if isinstance(constant, bool | int | float):
        return {bool: "BOOLEAN", int: "INT"}.get(type(constant), "VALUE")
    return "VECTOR"


def _columns(tree: Any, keepers: dict[Any, Any]) -> dict[Any, int]:
    """The column of every node but the frames."""
    sources, takers = _neighbours(tree, keepers)
    columns: dict[Any, int] = {}
    for node in tree.nodes:
        if node.bl_idname != "NodeFrame":
            _find_column(node, sources, columns)
    for node in columns:
        if takers[node] and not sources[node]:
            columns[node] = min(columns[taker] for taker in takers[node]) - 1
    return columns


Nodes: TypeAlias = defaultdict[Any, list[Any]]


def _neighbours(tree: Any, keepers: dict[Any, Any]) -> tuple[Nodes, Nodes]:
    """For each node those that it takes an input or a kept value from, and those it gives one to.

    Found in one pass over the links: a socket that is asked for its own looks at all of them.
    """
    sources: Nodes = defaultdict(list)
    takers: Nodes = defaultdict(list)
    for link in tree.links:
        sources[link.to_node].append(link.from_node)
        takers[link.from_node].append(link.to_node)
    for node, keeper in keepers.items():
        sources[node].append(keeper)
    return sources, takers


def _find_column(node: Any, sources: Nodes, columns: dict[Any, int]) -> int:
    """One right of the rightmost node that must come before ``node``."""
    if node not in columns:
        before = [_find_column(source, sources, columns) for source in sources[node]]
        columns[node] = 1 + max(before, default=-1)
    return columns[node]


def new_tree(name: str, *, modifier: bool = True) -> tuple[bpy.types.NodeTree, Tree]:
    """An empty tree, by default one that can be a modifier, and its builder."""
    tree = bpy.data.node_groups.new(name, "GeometryNodeTree")
    tree.is_modifier = modifier  # type: ignore[attr-defined]
    return tree, Tree(tree)
