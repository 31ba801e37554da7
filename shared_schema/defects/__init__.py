"""The defects of the schema: concrete specs and templates, by kind."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared_schema.defects.base import (
    Choice,
    DefectSpec,
    DefectTemplate,
    Distribution,
    Range,
    Repeat,
)
from shared_schema.defects.bend import BendSpec, BendTemplate
from shared_schema.defects.crack import CrackSpec, CrackTemplate, Severed
from shared_schema.defects.dent import DentSpec, DentTemplate
from shared_schema.defects.deposit import DepositSpec, DepositTemplate
from shared_schema.defects.freeform import Bump, FreeformSpec, FreeformTemplate
from shared_schema.defects.hole import HoleSpec, HoleTemplate, HoleWalls
from shared_schema.defects.scratch import ScratchSpec, ScratchTemplate

AnyDefect = Annotated[
    DentSpec | ScratchSpec | BendSpec | CrackSpec | FreeformSpec | HoleSpec | DepositSpec,
    Field(discriminator="kind"),
]
AnyDefectTemplate = Annotated[
    DentTemplate
    | ScratchTemplate
    | BendTemplate
    | CrackTemplate
    | FreeformTemplate
    | HoleTemplate
    | DepositTemplate,
    Field(discriminator="kind"),
]

SPECS: dict[str, type[DefectSpec]] = {
    "dent": DentSpec,
    "scratch": ScratchSpec,
    "bend": BendSpec,
    "crack": CrackSpec,
    "freeform": FreeformSpec,
    "hole": HoleSpec,
    "deposit": DepositSpec,
}
KINDS = tuple(SPECS)

__all__ = [
    "KINDS",
    "SPECS",
    "AnyDefect",
    "AnyDefectTemplate",
    "BendSpec",
    "BendTemplate",
    "Bump",
    "Choice",
    "CrackSpec",
    "CrackTemplate",
    "DefectSpec",
    "DefectTemplate",
    "DentSpec",
    "DentTemplate",
    "DepositSpec",
    "DepositTemplate",
    "Distribution",
    "FreeformSpec",
    "FreeformTemplate",
    "HoleSpec",
    "HoleTemplate",
    "HoleWalls",
    "Range",
    "Repeat",
    "ScratchSpec",
    "ScratchTemplate",
    "Severed",
]
