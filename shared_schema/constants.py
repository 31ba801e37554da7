"""Fixed numbers that both sides compute with, published with the JSON Schema.

A change of one of the formulas' numbers changes the meaning of every recipe and needs a new schema
version.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypedDict

SCHEMA_VERSION: Final = 1


class Falloff(StrEnum):
    """How an effect fades with u = distance / radius, from 1 at u = 0 to 0 at u = 1."""

    COSINE = "cosine"
    LINEAR = "linear"
    GAUSSIAN = "gaussian"
    FLAT = "flat"


FORMULA_CONSTANTS: dict[str, float] = {
    # falloff "gaussian": exp(-u^2 / (2 sigma^2)), shifted and scaled to 0 at u = 1
    "gaussian_sigma": 0.375,
    # falloff "flat": 1 up to this u, then a smoothstep down to 0 at u = 1
    "flat_plateau": 0.75,
    # scratch: the raised lips lie between half a width and this many half widths from the path
    "lip_extent": 2.0,
    # noise: Wichmann-Hill style generator whose every step is exact in float32 (products < 2^24)
    "noise_waves": 6,
    "noise_modulus_a": 4093,
    "noise_factor_a": 1259,
    "noise_modulus_b": 4091,
    "noise_factor_b": 2039,
    # noise: the sum of waves is divided by this, then clipped to [-1, 1]
    "noise_scale": 3.0,
    # roughness of a scratch: longest wavelength as a multiple of its width
    "scratch_wavelength": 1.0,
    # roughness of a crack: longest wavelength as a multiple of its length
    "crack_wavelength": 0.5,
    # walls of a crack: surface is on the mouth's side where normal . direction is below minus this
    "mouth_cosine": 0.1,
    # roughness of a hole's outline: longest wavelength as a multiple of its radius
    "hole_wavelength": 1.0,
    # roughness of a deposit: longest wavelength as a multiple of its radius
    "deposit_wavelength": 1.0,
    # paths over a surface: step between points as a multiple of the scratch's width; a longer chord
    # would leave a curved surface, a shorter one only costs time
    "path_step": 0.5,
    # lasso: how far its hull reaches through the surface on both sides, as a ratio of its extent
    "lasso_thickness": 0.25,
    # noise of a sensor: cosine of incidence below which it grows no more; no law of incidence is
    # measured beyond about 87 degrees
    "noise_least_cosine": 0.05,
}


class OutsideConstants(TypedDict):
    """Numbers of the search for the outside of a mesh, see ``OUTSIDE_CONSTANTS``."""

    directions: list[list[float]]
    lines: int
    fewest_lines: int
    most_lines: int
    telling: float


# Lines through the faces of a mesh tell its outside. Both sides have to find the same one, but a
# change needs no new schema version: recipes do not depend on it.
OUTSIDE_CONSTANTS: OutsideConstants = {
    # directions of the lines; they lie along no axis and no edge that a designer would draw
    "directions": [[0.5139, 0.3251, 0.7939], [-0.6813, 0.6127, 0.4007], [0.2913, -0.8837, 0.3666]],
    # number of lines for all open pieces together, and the least and the largest number for one
    "lines": 512,
    "fewest_lines": 3,
    "most_lines": 48,
    # share of votes from which on the lines of a piece decide
    "telling": 0.6,
}
