"""Sensor documents: everything off by default, bounds kept, lengths known as such."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared_schema.errors import SchemaError
from shared_schema.load import dump, load_sensor, parse_document
from shared_schema.publish import json_schema
from shared_schema.scale import scaled
from shared_schema.sensor import Sensor

FULL: dict[str, Any] = {
    "schema_version": 1,
    "views": {"type": "around", "count": 2, "standoff": 10.0},
    "resample": {"stretch": 1.5},
    "occlusion": {"max_incidence": 1.2},
    "dropout": [
        {"model": "random", "share": 0.1},
        {"model": "incidence", "sure_cosine": 0.5},
        {"model": "patches", "share": 0.1, "radius": 2.0},
    ],
    "noise": [
        {"model": "normal", "sigma": 0.1},
        {"model": "ray", "sigma": 0.1, "distance": 20.0, "incidence": "hyperbolic"},
        {"model": "correlated", "sigma": 0.1, "wavelength": 3.0},
        {"model": "outliers", "share": 0.01, "reach": 1.0},
        {"model": "quantisation", "step": 0.05},
    ],
}


def sensor(**changes: Any) -> Sensor:
    return parse_document(json.dumps({**FULL, **changes}), Sensor)


def test_everything_is_off_by_default() -> None:
    empty = parse_document('{"schema_version": 1}', Sensor)
    assert empty.resample is None and empty.occlusion is None and empty.views is None
    assert empty.dropout == () and empty.noise == ()


def test_a_sensor_comes_back_the_same(tmp_path: Any) -> None:
    path = tmp_path / "sensor.json"
    path.write_text(dump(sensor()))
    assert load_sensor(path) == sensor()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dropout": [{"model": "random", "share": 1.0}]}, "share: must be less than 1"),
        ({"noise": [{"model": "normal", "sigma": -1.0}]}, "sigma: must be greater than"),
        (
            {"noise": [{"model": "pink", "sigma": 1.0}]},
            r"noise\[0\]\.model: must be one of normal, ray, correlated",
        ),
        ({"resample": {"stretch": 1.0}}, "stretch: must be greater than 1"),
        ({"occlusion": {"max_incidence": 2.0}}, "max_incidence: must be less than"),
        ({"views": {"type": "given", "viewpoints": []}}, "viewpoints"),
        ({"views": {"type": "around", "standoff": 0.0}}, "standoff: must be greater"),
        ({"blur": 1}, "blur: is not a field of the schema"),
    ],
)
def test_errors_name_the_field(change: dict[str, Any], words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        sensor(**change)


def test_effects_that_need_a_viewpoint_say_so() -> None:
    with pytest.raises(SchemaError, match=r"occlusion, incidence, ray, outliers.*: needs views"):
        sensor(views=None)
    alone = sensor(views=None, occlusion=None, dropout=[FULL["dropout"][0]], noise=[])
    assert alone.views is None


def test_lengths_and_nothing_else_are_scaled() -> None:
    lengths = {"standoff", "radius", "sigma", "distance", "wavelength", "reach", "step"}

    def times(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: times(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [times(item, key) for item in value]
        return 4.0 * value if key in lengths else value

    given = json.loads(dump(sensor()))
    assert json.loads(dump(scaled(sensor(), 4.0))) == times(given)
    places = sensor(views={"type": "given", "viewpoints": [[1.0, 2.0, 3.0]]})
    assert scaled(places, 4.0).views.viewpoints == ((4.0, 8.0, 12.0),)


def test_every_number_has_a_quantity_and_a_description() -> None:
    for name, definition in json_schema("sensor")["$defs"].items():
        for field, schema in definition.get("properties", {}).items():
            if field in ("type", "model"):
                continue
            assert schema.get("description"), f"{name}.{field}"
            if "number" in json.dumps([schema.get("type"), schema.get("anyOf")]):
                assert "x-quantity" in schema, f"{name}.{field}"
