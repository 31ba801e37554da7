"""Anomalies drawn from a template."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backend.cloud import LabeledCloud, PointCloud
from backend.sampling.drawing import draw_anomalies
from shared_schema.load import parse_document
from shared_schema.recipe import RecipeTemplate
from tests.backend.parts import scan
from tests.backend.shapes import template


def draw(clouds: list[PointCloud], count: int, first: int = 0, **settings) -> list[LabeledCloud]:
    given = settings.pop("template", template("dent"))
    return list(draw_anomalies(given, clouds, seed=4, count=count, first=first))


def test_clouds_take_turns_and_change_only_where_they_are_marked() -> None:
    clouds = [scan("egg", 0), scan("ball", 1)]
    drawn = draw(clouds, 4)
    assert len(drawn) == 4
    for number, labeled in enumerate(drawn):
        source = clouds[number % 2].points[labeled.source_index]
        moved = (labeled.points != source).any(axis=1)
        assert 0 < labeled.mask.sum() < len(labeled)
        assert moved[labeled.mask].all() and not moved[labeled.weight == 0].any()


def test_anomalies_depend_on_seed_and_number_alone() -> None:
    clouds = [scan("egg", 0)]
    whole, part = draw(clouds, 3), draw(clouds, 1, first=2)
    np.testing.assert_array_equal(whole[2].points, part[0].points)
    assert not np.array_equal(whole[0].points, whole[1].points)


def test_scans_without_normals_stay_without() -> None:
    bare = replace(scan("egg", 0), normals=None)
    assert draw([bare], 1)[0].normals is None
    assert draw([scan("egg", 0)], 1)[0].normals is not None


def test_absolute_lengths_follow_the_unit_of_the_scan() -> None:
    text = """{"schema_version": 1, "unit": "mm", "lengths": "absolute", "defects":
        [{"kind": "dent", "radius": 6.0, "depth": 1.0}]}"""
    given = parse_document(text, RecipeTemplate)
    in_mm = scan("egg", 0)
    in_m = replace(in_mm, points=in_mm.points / 1000.0, unit="m")
    first, second = (
        draw([cloud], 1, template=given)[0] for cloud in (replace(in_mm, unit="mm"), in_m)
    )
    np.testing.assert_array_equal(first.mask, second.mask)
    np.testing.assert_allclose(first.points, second.points * 1000.0, atol=1e-9)


def test_recipes_that_mark_nothing_yield_nothing() -> None:
    text = """{"schema_version": 1, "defects": [{"kind": "dent", "radius": 0.1, "depth": 0.0}]}"""
    assert draw([scan("egg", 0)], 3, template=parse_document(text, RecipeTemplate)) == []
