"""Reading documents: JSON text becomes checked models, or errors that a person can act on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shared_schema.base import Model
from shared_schema.errors import SchemaError
from shared_schema.migrate import migrate
from shared_schema.recipe import Recipe, RecipeTemplate
from shared_schema.sensor import Sensor
from shared_schema.views import ViewSet

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
SHOWN_ERRORS = 10

ModelT = TypeVar("ModelT", bound=Model)


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe file; see ``load_document``.

    >>> part = {"name": "block", "unit": "mm", "diagonal": 30}
    >>> recipe = fs.Recipe.model_validate({"part": part, "defects": []})
    >>> path = folder / "recipe.json"
    >>> _ = path.write_text(fs.dump(recipe))
    >>> fs.load_recipe(path) == recipe
    True
    """
    return load_document(path, Recipe)


def load_template(path: Path | str) -> RecipeTemplate:
    """Read a template file; see ``load_document``."""
    return load_document(path, RecipeTemplate)


def load_views(path: Path | str) -> ViewSet:
    """Read a view set file; see ``load_document``."""
    return load_document(path, ViewSet)


def load_sensor(path: Path | str) -> Sensor:
    """Read a sensor file; see ``load_document``."""
    return load_document(path, Sensor)


def load_document(path: Path | str, model: type[ModelT]) -> ModelT:
    """Read a JSON file as ``model``.

    Raises:
        SchemaError: the file cannot be read, is not JSON, or breaks the schema; the message names
            the file, and every wrong field with its value and the allowed values.
    """
    path = Path(path)
    text = read_text(path)
    try:
        return parse_document(text, model)
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from error


def read_text(path: Path) -> str:
    """The text of a document's file.

    Raises:
        SchemaError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise SchemaError(
                f"{path}: the file is larger than the limit of {MAX_DOCUMENT_BYTES >> 20} MiB"
            )
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SchemaError(f"{path}: the file cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SchemaError(f"{path}: byte {error.start} of the file is not UTF-8 text") from error


def parse_document(text: str, model: type[ModelT]) -> ModelT:
    """Read JSON text as ``model``; errors as in ``load_document``."""
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SchemaError(f"not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise SchemaError(f"a JSON object is expected; got {_shown(document)}")
    try:
        return model.model_validate_json(json.dumps(migrate(document)), strict=True)
    except ValidationError as error:
        raise SchemaError(describe(error)) from None


def describe(error: ValidationError) -> str:
    """One line for each problem: the field's path, what is allowed, and the value that came."""
    found = error.errors(include_url=False)
    # A list whose items failed is also reported as too short: only the items' errors help.
    found = [p for p in found if p["type"] != "too_short" or not _has_deeper(found, p["loc"])]
    problems = [_problem(problem) for problem in found]
    hidden = len(problems) - SHOWN_ERRORS
    if hidden > 0:
        problems = [*problems[:SHOWN_ERRORS], f"and {hidden} more"]
    return "\n".join(problems)


def _problem(problem: ErrorDetails) -> str:
    """One line on a problem, without pydantic's own words for discriminated unions."""
    path, value = problem["loc"], problem["input"]
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        name = context["discriminator"].strip("'")
        path, value = (*path, name), context.get("tag")
    return f"{_path(path)}: {_allowed(kind, context, problem['msg'])} (got {_shown(value)})"


def _allowed(kind: str, context: dict[str, Any], message: str) -> str:
    if kind == "missing":
        return "must be given"
    if kind == "extra_forbidden":
        return "is not a field of the schema"
    if kind == "union_tag_invalid":
        return f"must be one of {context['expected_tags'].replace(chr(39), '')}"
    if kind == "union_tag_not_found":
        return "must be given"
    return message.removeprefix("Value error, ").replace("Input should be", "must be")


def _has_deeper(found: list[ErrorDetails], location: tuple[int | str, ...]) -> bool:
    depth = len(location)
    return any(len(p["loc"]) > depth and p["loc"][:depth] == location for p in found)


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".") or "document"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def dump(document: Model, *, nulls: bool = False) -> str:
    """The JSON text of a document, without its null fields unless ``nulls``.

    It is stable and readable, and ends with a newline.

    >>> part = {"name": "block", "unit": "mm", "diagonal": 30}
    >>> recipe = fs.Recipe.model_validate({"part": part, "defects": []})
    >>> fs.dump(recipe).splitlines()[:3]
    ['{', '  "schema_version": 1,', '  "name": "",']
    """
    return document.model_dump_json(indent=2, exclude_none=not nulls) + "\n"
