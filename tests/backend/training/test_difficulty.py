"""Which drawn defects are worth learning from."""

from __future__ import annotations

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.training.difficulty import LEAST_WEIGHT, Difficulty, Traits, traits_of
from tests.backend.parts import labeled, scan


def drawn(count: int, seed: int) -> tuple[list[Traits], list[bool]]:
    """Dents are found from a depth of two spacings on, scratches from five, both more or less."""
    rng = np.random.default_rng(seed)
    traits = [
        Traits(
            str(rng.choice(["dent", "scratch"])),
            float(rng.uniform(4, 30)),
            float(np.exp(rng.uniform(np.log(0.3), np.log(20)))),
            float(rng.uniform(0.2, 1.0)),
        )
        for _ in range(count)
    ]
    limits = {"dent": 2.0, "scratch": 5.0}
    found = [one.depth * np.exp(0.2 * rng.normal()) > limits[one.kind] for one in traits]
    return traits, [bool(one) for one in found]


def test_chance_of_being_found_is_learned() -> None:
    difficulty = Difficulty.fit(*drawn(400, 0))
    assert difficulty is not None
    traits, found = drawn(400, 1)
    assert ((difficulty.chance_found(traits) > 0.5) == np.array(found)).mean() > 0.9


def test_what_is_undecided_weighs_most() -> None:
    difficulty = Difficulty.fit(*drawn(400, 0))
    assert difficulty is not None

    def weights(kind: str) -> np.ndarray:
        return difficulty.weight(
            [Traits(kind, 15.0, depth, 0.7) for depth in (0.4, 2.0, 5.0, 18.0)]
        )

    for kind, hardest in (("dent", 1), ("scratch", 2)):
        values = weights(kind)
        assert values.argmax() == hardest
        assert values.max() > 0.6
        assert values[[0, 3]].max() < 0.4
        assert (values >= LEAST_WEIGHT).all()


def test_too_little_says_nothing() -> None:
    traits, found = drawn(10, 0)
    assert Difficulty.fit(traits, found) is None
    many, _ = drawn(100, 0)
    assert Difficulty.fit(many, [True] * 100) is None
    assert Difficulty.fit(many, [False] * 100) is None


def test_traits_are_in_spacings() -> None:
    nominal, dent = scan("ball", 3), labeled("ball", 3)
    traits = traits_of("dent", dent, nominal, 0.5, np.array([0.0, 0.0, 1.0]))
    assert traits.kind == "dent"
    assert traits.extent == pytest.approx(np.sqrt(dent.mask.sum()))
    assert traits.depth == pytest.approx(0.15 * 5.0 / 0.5, rel=0.05)
    assert nominal.normals is not None
    assert traits.facing == pytest.approx(nominal.normals[dent.mask, 2].mean())
    assert traits_of("dent", dent, PointCloud(nominal.points), 0.5, None).facing == 1.0
