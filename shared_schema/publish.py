"""The published JSON Schema: the contract for everything that does not import pydantic.

``python -m shared_schema.publish FILE`` writes the recipe's schema, as the Blender add-on ships it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from shared_schema.api import ErrorResponse, HealthResponse, ModelResponse, ScoreResponse
from shared_schema.base import Model
from shared_schema.constants import FORMULA_CONSTANTS, SCHEMA_VERSION
from shared_schema.recipe import Recipe, RecipeTemplate
from shared_schema.sensor import Sensor
from shared_schema.views import ViewSet

DOCUMENTS: dict[str, type[Model]] = {
    "recipe": Recipe,
    "template": RecipeTemplate,
    "views": ViewSet,
    "sensor": Sensor,
    "score": ScoreResponse,
    "health": HealthResponse,
    "model": ModelResponse,
    "error": ErrorResponse,
}


def json_schema(document: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one of ``DOCUMENTS``.

    ``x-flawsmith`` holds the schema version and the constants of the defect formulas.
    """
    schema = TypeAdapter(DOCUMENTS[document]).json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "x-flawsmith": {"schema_version": SCHEMA_VERSION, "constants": FORMULA_CONSTANTS},
    }


def schema_text(document: str) -> str:
    """``json_schema`` as stable JSON text."""
    return json.dumps(json_schema(document), indent=1) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text("recipe"), encoding="utf-8")
