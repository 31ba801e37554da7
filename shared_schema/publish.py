"""The published JSON Schema, the contract for code that does not import pydantic.

``python -m shared_schema.publish FILE`` writes the bundle that the Blender extension ships.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from shared_schema.api import ErrorResponse, HealthResponse, ModelResponse, ScoreResponse
from shared_schema.base import Model
from shared_schema.constants import FORMULA_CONSTANTS, OUTSIDE_CONSTANTS, SCHEMA_VERSION
from shared_schema.instruction import InstructReport
from shared_schema.pod import PodReport
from shared_schema.recipe import MM_PER_UNIT, Recipe, RecipeTemplate
from shared_schema.record import ReplayRecord
from shared_schema.scanner import Scanner
from shared_schema.sensor import Sensor
from shared_schema.views import ViewSet

DOCUMENTS: dict[str, type[Model]] = {
    "recipe": Recipe,
    "template": RecipeTemplate,
    "views": ViewSet,
    "sensor": Sensor,
    "record": ReplayRecord,
    "instruction": InstructReport,
    "scanner": Scanner,
    "pod": PodReport,
    "score": ScoreResponse,
    "health": HealthResponse,
    "model": ModelResponse,
    "error": ErrorResponse,
}


# The documents of the Blender extension; each is under ``$defs`` by the name of its model.
EXTENSION = "extension"
EXTENSION_MODELS: tuple[type[Model], ...] = (Recipe, RecipeTemplate, ViewSet, Scanner)


def json_schema(document: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one of ``DOCUMENTS``, or of all of the extension's ones.

    ``x-flawsmith`` holds the schema version, the constants of the formulas, those of the search for
    the outside of a mesh, and the units' lengths.
    """
    if document == EXTENSION:
        _, schema = models_json_schema([(model, "validation") for model in EXTENSION_MODELS])
    else:
        schema = TypeAdapter(DOCUMENTS[document]).json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "x-flawsmith": {
            "schema_version": SCHEMA_VERSION,
            "constants": FORMULA_CONSTANTS,
            "outside": OUTSIDE_CONSTANTS,
            "mm_per_unit": MM_PER_UNIT,
        },
    }


def schema_text(document: str) -> str:
    """``json_schema`` as stable JSON text."""
    return json.dumps(json_schema(document), indent=1) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(EXTENSION), encoding="utf-8")
