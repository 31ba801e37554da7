"""The published description fits what the service does, and the documentation fits both."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from backend.scoring.detector import Detector
from backend.serving.app import Limits, create_app
from shared_schema.api import ErrorResponse, HealthResponse, ModelResponse, ScoreResponse

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "reference" / "server.md"


@pytest.fixture(scope="module")
def description(model: Path) -> dict[str, Any]:
    app = create_app(Detector.load(model), {"file": "m", "sha256": "0"}, Limits(1, 1))
    return json.loads(json.dumps(app.openapi()))


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(description)))
    assert references
    for reference in references:
        place: Any = description
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place["type"] in ("object", "string")


def test_answers_are_the_shared_schema(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    for answer in (ErrorResponse, HealthResponse, ModelResponse, ScoreResponse):
        expected = answer.model_json_schema(
            mode="serialization", ref_template="#/components/schemas/{model}"
        )
        for name, part in expected.pop("$defs", {}).items():
            assert schemas[name] == part
        for field in expected["properties"].values():
            if field.get("default", "") is None:
                del field["default"]  # FastAPI leaves null defaults away
        assert schemas[answer.__name__] == expected


def test_operations_are_complete(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1")
    operations = [o for methods in description["paths"].values() for o in methods.values()]
    assert sorted(operation["operationId"] for operation in operations) == [
        "health",
        "model",
        "score",
    ]
    score = description["paths"]["/v1/score"]["post"]
    assert set(score["responses"]) == {"200", "400", "408", "413", "415", "422", "503"}
    for status, response in score["responses"].items():
        if status != "200":
            schema = response["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorResponse"}
    form = score["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == list(form["properties"]) == ["scan"]


def test_documentation_names_everything(description: dict[str, Any]) -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    score = description["paths"]["/v1/score"]["post"]
    names = [
        *(f"{m.upper()} {path}" for path, methods in description["paths"].items() for m in methods),
        *(f"| `{parameter['name']}` |" for parameter in score["parameters"]),
        *(f"| {status} |" for status in score["responses"]),
        *(f"`{name}`" for name in ScoreResponse.model_fields),
    ]
    assert [name for name in names if name not in text] == []
