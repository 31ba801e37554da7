"""The modifiers' inputs are those of the schema: named, typed, bounded, described."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from blender_addon.defects import node_group
from blender_addon.documents.schema import Field, fields
from blender_addon.nodes.interface import (
    GROUND_TRUTH,
    PANELS,
    SOCKETS,
    UNPLACED,
    input_sockets,
    toggle_title,
)
from blender_addon.stack import modifiers
from tests.backend.shapes import KINDS
from tests.blender import add_part, egg, empty_scene

FIELDS = [(kind, field) for kind in KINDS for field in fields(kind)]
EACH_FIELD = pytest.mark.parametrize(
    ("kind", "field"), FIELDS, ids=[f"{kind}-{field.name}" for kind, field in FIELDS]
)

LARGEST = {"number": float(np.finfo(np.float32).max), "integer": 2**31 - 1}


@pytest.fixture(autouse=True, scope="module")
def empty_file() -> None:
    """One file for all of these tests, which only read: in it each group is built once."""
    empty_scene()


def inputs(kind: str) -> dict[str, Any]:
    return input_sockets(node_group(kind))


@EACH_FIELD
def test_field_is_a_described_input_of_its_type(kind: str, field: Field) -> None:
    socket = inputs(kind)[field.title]
    assert socket.socket_type == SOCKETS[field.type]
    assert socket.description == field.description.rstrip(".")
    assert (toggle_title(field) in inputs(kind)) == field.optional


@EACH_FIELD
def test_bounds_are_those_of_the_schema(kind: str, field: Field) -> None:
    socket = inputs(kind)[field.title]
    if field.type in ("number", "integer"):
        most = LARGEST[field.type]
        assert socket.min_value == pytest.approx(max(field.low, -most), rel=1e-6)
        assert socket.max_value == pytest.approx(min(field.high, most), rel=1e-6)


@EACH_FIELD
def test_default_is_that_of_the_schema(kind: str, field: Field) -> None:
    default = field.suggested if field.default is None else field.default
    socket = inputs(kind)[field.title]
    if field.type in ("number", "integer", "choice") and default is not None:
        assert socket.default_value == (
            default if isinstance(default, str) else pytest.approx(default, rel=1e-6)
        )


@EACH_FIELD
def test_lengths_and_angles_are_shown_with_their_units(kind: str, field: Field) -> None:
    expected = {"length": "DISTANCE", "angle": "ANGLE"}.get(field.quantity or "")
    if field.type == "number" and expected:
        assert inputs(kind)[field.title].subtype == expected


@EACH_FIELD
def test_field_stands_in_a_panel_and_an_optional_one_below_its_toggle(
    kind: str, field: Field
) -> None:
    panel = inputs(kind)[field.title].parent
    if field.optional:
        toggle = inputs(kind)[toggle_title(field)]
        assert toggle.is_panel_toggle
        assert list(panel.interface_items) == [toggle, inputs(kind)[field.title]]
        panel = panel.parent
    assert panel.name in PANELS
    assert panel.default_closed == (panel.name == GROUND_TRUTH)
    assert (panel.name == GROUND_TRUTH) == (field.name in ("mask_threshold", "label"))


@EACH_FIELD
def test_field_is_one_value_for_all_points(kind: str, field: Field) -> None:
    assert inputs(kind)[field.title].force_non_field


@EACH_FIELD
def test_direction_of_a_defect_that_was_not_placed_has_a_length(kind: str, field: Field) -> None:
    if field.quantity == "direction":
        assert np.linalg.norm(inputs(kind)[field.title].default_value) == 1.0
    assert (field.quantity == "direction") == (field.name in UNPLACED[kind])


HANDLES = {
    "dent": {"Center", "Radius", "Depth"},
    "hole": {"Center", "Radius", "Depth"},
    "deposit": {"Center", "Radius", "Height"},
    "bend": {"Hinge Point", "Band", "Angle"},
    "crack": {"Origin", "Length", "Depth"},
    # Their places are objects, which have handles of Blender's own.
    "scratch": set(),
    "freeform": set(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_handles_set_inputs_of_the_group(kind: str) -> None:
    group: Any = node_group(kind)
    gizmos = [node for node in group.nodes if node.bl_idname.startswith("GeometryNodeGizmo")]
    assert {input_behind(gizmo.inputs["Value"]) for gizmo in gizmos} == HANDLES[kind]
    assert len(gizmos) == len(HANDLES[kind])
    assert not any(socket.links for gizmo in gizmos for socket in gizmo.outputs)


def input_behind(socket: Any) -> str:
    """Name of the group's input that a handle's value comes from, by way of constants only."""
    [link] = socket.links
    if link.from_node.bl_idname == "NodeGroupInput":
        return str(link.from_socket.name)
    [linked] = [entry for entry in link.from_node.inputs if entry.links]
    return input_behind(linked)


@pytest.mark.parametrize("kind", KINDS)
def test_group_is_a_modifier_with_nothing_unconnected(kind: str) -> None:
    group: Any = node_group(kind)
    assert group.is_modifier
    assert next(iter(inputs(kind))) == "Geometry"
    used = {link.from_socket.name for link in group.links if link.from_node.type == "GROUP_INPUT"}
    assert used == set(inputs(kind))
    assert all(link.is_valid for link in group.links)


@pytest.mark.parametrize("kind", KINDS)
def test_group_is_built_once_a_file(kind: str) -> None:
    assert node_group(kind) == node_group(kind)
    assert node_group(kind).name == f"Flawsmith {kind.title()} v1"


@pytest.mark.parametrize("kind", KINDS)
def test_every_choice_can_be_set_and_read(kind: str) -> None:
    part = add_part(*egg())
    modifier = modifiers.add_defect(part, kind, SUPPORTS.get(kind, {}))
    for field in fields(kind):
        for choice in field.choices:
            modifiers.write_values(modifier, {field.name: choice})
            assert modifiers.read_values(modifier)[field.name] == choice


SUPPORTS: dict[str, dict[str, Any]] = {
    "scratch": {"path": {"points": [[0.0, 0.0, 0.5], [0.3, 0.0, 0.47]]}},
    "freeform": {"hull": [[1.0, 0.0, 0.0], [0.8, 0.1, 0.0], [0.8, 0.0, 0.1], [0.7, -0.1, -0.1]]},
}
