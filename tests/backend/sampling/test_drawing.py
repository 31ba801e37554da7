"""Anomalies drawn from a template."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import ReplayError, SamplingError
from backend.sampling.drawing import (
    ATTEMPTS,
    PreparedSurface,
    draw_until_it_shows,
    read_prepared_surface,
    rejection_reason,
    shown_draws,
)
from shared_schema.load import parse_document
from shared_schema.recipe import RecipeTemplate, Unit
from tests.backend.parts import scan
from tests.backend.shapes import template

TEMPLATE = template("dent")


def draw(cloud: PointCloud, seed: int = 4, given: RecipeTemplate = TEMPLATE) -> LabeledCloud:
    surface = PreparedSurface.of(cloud, given)
    rng = np.random.default_rng(seed)
    _, drawn = draw_until_it_shows(lambda _: surface.draw(given, rng))
    return surface.as_scanned(drawn.labeled)


def test_a_scan_changes_only_where_it_is_marked() -> None:
    cloud = scan("egg", 0)
    labeled = draw(cloud)
    source = cloud.points[labeled.source_index]
    moved = (labeled.points != source).any(axis=1)
    assert 0 < labeled.mask.sum() < len(labeled)
    assert moved[labeled.mask].all() and not moved[labeled.weight == 0].any()


def test_draws_depend_on_the_chance_alone() -> None:
    cloud = scan("egg", 0)
    first, same, other = draw(cloud, 1), draw(cloud, 1), draw(cloud, 2)
    np.testing.assert_array_equal(first.points, same.points)
    assert not np.array_equal(first.points, other.points)


def test_scans_without_normals_stay_without() -> None:
    assert draw(replace(scan("egg", 0), normals=None)).normals is None
    assert draw(scan("egg", 0)).normals is not None


@pytest.mark.parametrize("bare", [False, True])
def test_a_prepared_surface_is_the_same_from_its_file(bare: bool, tmp_path: Path) -> None:
    cloud = scan("egg", 0)
    cloud = replace(cloud, normals=None) if bare else cloud
    surface = PreparedSurface.of(
        replace(cloud, unit="mm", rows=3 * np.arange(len(cloud))), TEMPLATE
    )
    surface.write(tmp_path / "surface")
    again = read_prepared_surface(tmp_path / "surface")
    assert read_prepared_surface(tmp_path / "surface") is again  # kept in memory
    assert (again.has_normals, again.surface.part) == (not bare, surface.surface.part)
    first, second = (
        one.draw(TEMPLATE, np.random.default_rng(0)).labeled for one in (surface, again)
    )
    assert first.points.tobytes() == second.points.tobytes()
    assert first.source_index.tolist() == second.source_index.tolist()
    assert (first.normals is None) == (second.normals is None)


def test_absolute_lengths_follow_the_unit_of_the_scan() -> None:
    text = """{"schema_version": 1, "unit": "mm", "lengths": "absolute", "defects":
        [{"kind": "dent", "radius": 6.0, "depth": 1.0}]}"""
    given = parse_document(text, RecipeTemplate)
    in_mm = scan("egg", 0)
    in_m = replace(in_mm, points=in_mm.points / 1000.0, unit="m")
    first, second = (draw(cloud, given=given) for cloud in (replace(in_mm, unit="mm"), in_m))
    np.testing.assert_array_equal(first.mask, second.mask)
    np.testing.assert_allclose(first.points, second.points * 1000.0, atol=1e-9)


def test_defects_that_never_show_are_given_up_with_the_reason() -> None:
    text = """{"schema_version": 1, "defects": [{"kind": "dent", "radius": 0.1, "depth": 0.0}]}"""
    with pytest.raises(SamplingError, match=r"none of 50 draws .* the last: it marks 0 points"):
        draw(scan("egg", 0), given=parse_document(text, RecipeTemplate))


@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        (19, "it marks 19 points, 20 are needed"),
        (20, ""),
        (450, ""),
        (451, "it marks 451 of 900 points, 50% are allowed"),
    ],
)
def test_a_draw_marks_from_twenty_points_to_half_of_them(marked: int, reason: str) -> None:
    nominal = LabeledCloud.nominal(scan("egg", 0, count=900))
    assert rejection_reason(replace(nominal, mask=np.arange(900) < marked)) == reason


def test_a_scan_without_a_unit_is_in_that_of_the_template() -> None:
    in_metres = TEMPLATE.model_copy(update={"unit": Unit.M})
    part = PreparedSurface.of(scan("egg", 0), in_metres).surface.part
    assert (part.unit, part.name) == (Unit.M, in_metres.name)


def test_the_first_attempt_that_shows_is_taken() -> None:
    """Errors and draws that mark too little or too much are passed over, and their reasons kept."""
    surface = PreparedSurface.of(scan("egg", 0), TEMPLATE)
    rng = np.random.default_rng(4)
    shows = draw_until_it_shows(lambda _: surface.draw(TEMPLATE, rng))[1]
    labeled = shows.labeled
    little, much = (
        shows._replace(labeled=replace(labeled, mask=np.arange(len(labeled)) < marked))
        for marked in (19, len(labeled) // 2 + 1)
    )
    draws: Iterator[object] = iter([ReplayError("no"), little, much, shows])

    def attempt(_: int) -> object:
        one = next(draws)
        if isinstance(one, ReplayError):
            raise one
        return one

    reasons: list[str] = []
    found = next(shown_draws(attempt, reasons))  # type: ignore[type-var]
    assert found[0] == 3 and found[1] is shows
    assert [reason.split(",")[0] for reason in reasons] == [
        "no",
        "it marks 19 points",
        f"it marks {len(labeled) // 2 + 1} of {len(labeled)} points",
    ]
    assert ATTEMPTS == 50  # as the texts for users say
