"""What a rule finds, and the edit of the template that would mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared_schema.instruction import Finding
from shared_schema.recipe import RecipeTemplate


@dataclass(frozen=True)
class Edit:
    """A change of a template.

    Attributes:
        defect: number of the defect that changes; None for the template itself.
        fields: the new values by name; the defect goes if this is empty.
    """

    defect: int | None
    fields: Mapping[str, Any]

    def applied(self, template: RecipeTemplate) -> RecipeTemplate:
        """The changed template, checked by the schema."""
        if self.defect is None:
            return RecipeTemplate.model_validate(template.model_dump() | dict(self.fields))
        defects = [one.model_dump() for one in template.defects]
        if self.fields:
            defects[self.defect] |= self.fields
        else:
            del defects[self.defect]
        document = template.model_dump() | {"defects": defects}
        return RecipeTemplate.model_validate(document)


@dataclass(frozen=True)
class Problem:
    """A finding, and the edit that takes its acceptable value; None if there is none."""

    finding: Finding
    edit: Edit | None = None
