"""The form that a model fills in: ``Instructions`` with the keys that there are."""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, create_model

from backend.instruct.documents.characters import visible
from shared_schema.instruction import MAX_INSTRUCTIONS, Instruction, Instructions

# Errors that are told at once.
MAX_TOLD = 10
LARGEST_ANSWER = 200_000


@cache
def answer_form(defects: tuple[str, ...], places: tuple[str, ...]) -> type[Instructions]:
    """``Instructions`` whose ``defect`` is one of ``defects`` and ``feature`` one of ``places``.

    >>> form = answer_form(("casting/pores",), ("edge",))
    >>> form.model_validate({"instructions": []}).instructions
    ()
    """
    defect: Any = Literal[defects]
    feature: Any = Literal[places] | None if places else None
    instruction = create_model(
        "Instruction",
        __base__=Instruction,
        defect=(defect, Field(description="Key of the defect.")),
        feature=(feature, Field(None, description="For place feature: key of the place.")),
    )
    several: Any = Annotated[tuple[instruction, ...], Field(max_length=MAX_INSTRUCTIONS)]
    return create_model("Instructions", __base__=Instructions, instructions=(several, ...))


def asked_schema(form: type[Instructions]) -> dict[str, Any]:
    """The JSON Schema of ``form``, in which every field must be there.

    Servers that hold a model to a schema want it so; null says that a field is not known. What
    comes back is read more leniently: a field that is left out is null too.
    """
    schema = json.loads(json.dumps(form.model_json_schema()))
    for part in (schema, *schema.get("$defs", {}).values()):
        part.pop("title", None)
        for field in part.get("properties", {}).values():
            field.pop("default", None)
            field.pop("title", None)
        if "properties" in part:
            part["required"] = list(part["properties"])
    return schema


def json_in(text: str) -> str:
    """The JSON object in an answer, without the fence or the words that some models put around it.

    >>> json_in('Here it is: {"instructions": []} I hope it helps.')
    '{"instructions": []}'
    """
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text.strip()


def filled_in(
    form: type[Instructions], text: str
) -> tuple[tuple[Instruction, ...], tuple[str, ...]]:
    """The instructions of an answer, and what is wrong with it; one of them is empty."""
    if len(text) > LARGEST_ANSWER:
        return (), (f"the answer has over {LARGEST_ANSWER} characters",)
    if not text.strip():
        return (), ("the answer is empty",)
    try:
        return _plain(form.model_validate_json(json_in(text))), ()
    except ValidationError as error:
        return (), _told(form, error)


def each_that_fits(form: type[Instructions], text: str) -> tuple[Instruction, ...]:
    """Those instructions of a wrong answer that are right by themselves."""
    try:
        items = json.loads(json_in(text))["instructions"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
    found: list[Instruction] = []
    for item in items if isinstance(items, list) else ():
        try:
            found += _plain(form.model_validate_json(json.dumps({"instructions": [item]})))
        except (ValueError, RecursionError):
            continue
    return tuple(found[:MAX_INSTRUCTIONS])


def _plain(answer: Instructions) -> tuple[Instruction, ...]:
    """The instructions as those of the schema, which can be compared, not of one conversation.

    Their texts go to a terminal and a page: what controls those is left out.
    """
    return tuple(
        Instruction.model_validate(
            each.model_dump()
            | {"quote": visible(each.quote)[0], "reason": " ".join(visible(each.reason)[0].split())}
        )
        for each in answer.instructions
    )


def _told(form: type[Instructions], error: ValidationError) -> tuple[str, ...]:
    """The errors by their places, without what the answer held there: it may quote a document."""
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{_place(each['loc'])}: {each['msg']}" for each in errors[:MAX_TOLD]]
    if len(errors) > MAX_TOLD:
        told.append(f"and {len(errors) - MAX_TOLD} more")
    return tuple(told)


def _place(steps: tuple[int | str, ...]) -> str:
    known = {*Instruction.model_fields, "instructions", "low", "high"}
    names = [str(step) if step in known or isinstance(step, int) else "?" for step in steps]
    return ".".join(names) or "the answer"
