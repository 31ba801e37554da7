"""Which defects are made: their sizes, their shapes, and where hits and misses meet."""

from __future__ import annotations

import numpy as np
import pytest

from backend.errors import SamplingError
from backend.evaluation.pod.plan import KINDS
from backend.evaluation.pod.sweep import SIZES, Sweep, sized, sweeps
from backend.sampling.places import Surface, surface_of
from shared_schema.defects import SPECS
from shared_schema.load import load_template
from shared_schema.pod import PodDefect
from shared_schema.recipe import RecipeTemplate, Unit
from tests.backend.shapes import sphere


@pytest.fixture(scope="module")
def surface() -> Surface:
    return surface_of(sphere(), "ball", Unit.MM)


def template(**defect: object) -> RecipeTemplate:
    return RecipeTemplate.model_validate({"lengths": "absolute", "defects": [defect]})


RIM = {"type": "surface_random", "region": "rim"}


def only(surface: Surface, **defect: object) -> Sweep:
    [sweep] = sweeps([template(**defect)], surface)
    return sweep


DENT = {"kind": "dent", "radius": {"min": 2, "max": 4}, "depth": {"min": 0.5, "max": 2}}


def test_every_kind_has_a_size_and_is_swept_by_default() -> None:
    kinds = [defect.kind for defect in load_template(KINDS).defects]
    assert sorted(kinds) == sorted(SIZES) == sorted(SPECS)


@pytest.mark.parametrize("number", range(7))
def test_a_defect_has_the_size_that_is_asked_for(surface: Surface, number: int) -> None:
    sweep = list(sweeps([load_template(KINDS)], surface))[number]
    rng = np.random.default_rng(0)
    assert 0.0 < sweep.low < sweep.high
    for value in (sweep.high, np.sqrt(sweep.low * sweep.high)):
        [defect] = sweep.draw(float(value), surface, rng).defects
        if sweep.entry.kind == "freeform":
            sizes = {abs(bump.amplitude) for bump in defect.bumps}  # type: ignore[attr-defined]
            assert list(sizes) == pytest.approx([value] * len(sizes))
        else:
            assert abs(getattr(defect, sweep.size.field)) == pytest.approx(value)


def test_a_smaller_defect_has_the_same_shape() -> None:
    [entry] = template(**DENT, facing_angle=1.5).defects
    small = sized(entry, 0.1, 1.0)
    # A depth of 1 is the geometric mean of the template's.
    assert (small.radius.min, small.radius.max) == pytest.approx((0.2, 0.4))  # type: ignore[attr-defined]
    assert small.facing_angle == 1.5  # type: ignore[attr-defined]
    in_ratios = sized(entry, 0.1, 10.0)
    assert in_ratios.depth.min == pytest.approx(0.01)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("depth", "signs"),
    [
        ({"min": 0.5, "max": 2}, {1.0}),
        ({"min": -2, "max": -0.5}, {-1.0}),
        ({"min": 0.5, "max": 2, "random_sign": True}, {-1.0, 1.0}),
        ({"min": -2, "max": 2}, {-1.0, 1.0}),
        (-2.0, {-1.0}),
    ],
)
def test_bumps_stay_bumps(surface: Surface, depth: object, signs: set[float]) -> None:
    sweep = only(surface, **(DENT | {"depth": depth}))
    assert sweep.high == 2.0 and sweep.low <= 0.5
    rng = np.random.default_rng(0)
    drawn = [sweep.draw(0.7, surface, rng).defects[0].depth for _ in range(20)]  # type: ignore[union-attr]
    assert {float(np.sign(one)) for one in drawn} == signs
    assert np.abs(drawn) == pytest.approx(0.7)


def test_a_sweep_reaches_down_to_the_distance_of_the_points(surface: Surface) -> None:
    sweep = only(surface, **DENT)
    widest = sized(sweep.entry, sweep.low, 1.0).radius.max  # type: ignore[attr-defined]
    assert widest == pytest.approx(surface.cloud.spacing)
    assert only(surface, **(DENT | {"depth": {"min": 1e-4, "max": 2}})).low == pytest.approx(0.02)


def defect(value: float, found: bool) -> PodDefect:
    return PodDefect(
        sweep="",
        number=0,
        scan="",
        value=value,
        size=value,
        position=(0, 0, 0),
        normal=(0, 0, 1),
        points=1,
        verdict="reject",
        object_score=1.0,
        overlapped=found,
    )


def test_the_second_half_lies_where_hits_and_misses_meet(surface: Surface) -> None:
    sweep, rng = only(surface, **DENT), np.random.default_rng(0)
    wide = sweep.wide(40, rng)
    assert (np.diff(wide) > 0).all() and wide[0] < 1.2 * sweep.low and wide[-1] > sweep.high / 1.2
    step = (sweep.high / sweep.low) ** (1 / 40)
    narrow = sweep.narrow(40, [defect(value, value > 0.8) for value in wide], rng)
    assert narrow.min() > 0.8 / step**4 and narrow.max() < 0.8 * step**4
    none = sweep.narrow(40, [defect(value, False) for value in wide], rng)
    assert none.min() > sweep.high / step**4
    every = sweep.narrow(40, [defect(value, True) for value in wide], rng)
    assert every.max() < sweep.low * step**4
    chance = [defect(value, value > 0.8 or number == 0) for number, value in enumerate(wide)]
    assert sweep.narrow(40, chance, rng).min() > 0.8 / step**4


def test_what_has_no_size_is_refused(surface: Surface) -> None:
    crack = {"kind": "crack", "length": 2, "depth": 1, "gap": 0.1, "flank": 1}
    with pytest.raises(SamplingError, match="may sever the part"):
        only(surface, **crack, severed="shift")
    with pytest.raises(SamplingError, match="the depth of the dent 'flat' is 0"):
        only(surface, **(DENT | {"depth": 0, "name": "flat"}))


def test_titles_name_the_region(surface: Surface) -> None:
    regions = {"rim": {"min": [-9, -9, -9], "max": [9, 9, 9]}}
    made = RecipeTemplate.model_validate(
        {"regions": regions, "defects": [DENT | {"location": RIM}, DENT]}
    )
    assert [sweep.title for sweep in sweeps([made], surface)] == ["Dent, rim", "Dent"]
