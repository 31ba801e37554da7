"""The nominal models of the bundled parts, each prepared once for all tests of a process."""

from __future__ import annotations

from functools import cache

from backend.registration import NominalModel
from backend.samples import load_sample


@cache
def nominal_of(name: str) -> NominalModel:
    return NominalModel(load_sample(name))
