"""Alignment: units, and what the record says of the registration."""

from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh

from backend.cloud import PointCloud
from backend.cloud.surface import subsample_surface
from backend.errors import RegistrationError
from backend.registration.align import align
from shared_schema.recipe import Unit

MIDDLE = np.array([40.0, 0.0, 0.0])
SIDES = np.array([10.0, 20.0, 30.0])


@pytest.fixture(scope="module")
def box() -> PointCloud:
    """A box, in mm, away from the origin: half turns leave it as it is."""
    mesh = trimesh.creation.box(SIDES)
    return PointCloud(np.array(mesh.vertices) + MIDDLE, faces=np.array(mesh.faces))


@pytest.fixture(scope="module")
def scan_in_metres(box: PointCloud) -> PointCloud:
    points = subsample_surface(box, 3_000, np.random.default_rng(0)).points
    return PointCloud(points * 0.001, unit="m")


def test_the_record_tells_alternatives_that_place_the_scan_on_the_part(
    box: PointCloud, scan_in_metres: PointCloud
) -> None:
    aligned = align(scan_in_metres, box, part_unit=Unit.MM)
    record = json.loads(aligned.record.model_dump_json())["registration"]
    assert len(record["alternatives"]) == 3
    for other in record["alternatives"]:
        placed = scan_in_metres.transformed(np.array(other["T_part_scan"])).points
        np.testing.assert_allclose(np.abs(placed - MIDDLE).max(axis=0), SIDES / 2.0, atol=0.3)
        assert other["turn"] == pytest.approx(180.0, abs=1.0)
        axis, through = np.array(other["axis"]), np.array(other["through"])
        assert np.abs(axis).max() == pytest.approx(1.0, abs=0.01)
        assert np.linalg.norm(np.cross(MIDDLE - through, axis)) < 0.5
        assert np.linalg.norm(other["shift"]) < 0.5


def test_the_pose_of_an_alternative_can_be_preferred(
    box: PointCloud, scan_in_metres: PointCloud
) -> None:
    first = align(scan_in_metres, box).record.registration
    assert first is not None
    prefer = np.array(first.alternatives[0].T_part_scan)
    again = align(scan_in_metres, box, prefer=prefer)
    # The transforms hold the change of unit from metres.
    np.testing.assert_allclose(again.T_part_scan[:3, :3], prefer[:3, :3], atol=20.0)
    np.testing.assert_array_equal(again.record.asked.prefer, prefer)


def test_the_fitness_that_is_needed_is_passed_on(
    box: PointCloud, scan_in_metres: PointCloud
) -> None:
    stray = np.random.default_rng(0).uniform(-0.05, 0.05, size=(600, 3))
    scan = PointCloud(np.vstack([scan_in_metres.points, stray]), unit="m")
    with pytest.raises(RegistrationError, match=r"95\.0% are needed"):
        align(scan, box, min_fitness=0.95)
    registration = align(scan, box, min_fitness=0.7).record.registration
    assert registration is not None and registration.fitness > 0.7
