"""The part in a file as a surface to draw recipes on."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from backend.cloud import PointCloud
from backend.errors import CloudError, SamplingError
from backend.io import write_cloud
from backend.samples import load_sample, sample_path
from backend.sampling.places import SURFACE_POINTS, find_place, load_surface, surface_of
from shared_schema.locations import SurfaceRandomLocation
from shared_schema.recipe import RecipeTemplate, Unit
from shared_schema.views import ViewSet
from tests.backend.shapes import sphere, template


def test_a_mesh_is_subsampled_with_outward_normals() -> None:
    surface = load_surface(sample_path("nist_ftc_10"), unit=Unit.MM, seed=1)
    mesh = load_sample("nist_ftc_10")
    assert len(surface.cloud) == pytest.approx(SURFACE_POINTS, rel=0.05)
    # Closed: by the divergence theorem this is three times the volume, positive if outward.
    outward = np.einsum(
        "ni,ni->n", surface.cloud.points - mesh.points.mean(0), surface.cloud.normals
    )
    assert outward.mean() > 0
    assert surface.part.diagonal == mesh.diagonal
    assert (surface.part.name, surface.part.unit) == ("nist_ftc_10_asme1_rb", Unit.MM)


def test_the_seed_decides_the_points() -> None:
    first, again, other = (
        load_surface(sample_path("pawn"), unit=Unit.MM, seed=seed).cloud.points
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_a_scan_keeps_its_points_and_gets_normals(tmp_path: Path) -> None:
    path = tmp_path / "ball.xyz"
    write_cloud(path, PointCloud(sphere().points))
    surface = load_surface(path, unit=Unit.M, seed=0)
    np.testing.assert_array_equal(surface.cloud.points, sphere().points)
    assert np.einsum("ni,ni->n", surface.cloud.normals, sphere().normals).min() > 0.9
    assert surface.part.unit is Unit.M


def test_a_stray_point_does_not_enlarge_the_part(tmp_path: Path) -> None:
    """Ratios are of its size: a dent would be as large as the part."""
    write_cloud(tmp_path / "clean.ply", sphere())
    points = np.concatenate([sphere().points, [[5000.0, 0.0, 0.0]]])
    normals = np.concatenate([sphere().normals, [[1.0, 0.0, 0.0]]])
    write_cloud(tmp_path / "stray.ply", PointCloud(points, normals))
    clean, stray = (
        load_surface(tmp_path / f"{name}.ply", unit=Unit.MM, seed=0) for name in ("clean", "stray")
    )
    assert stray.part.diagonal == clean.part.diagonal == sphere().diagonal


def test_absolute_templates_are_read_in_the_unit_of_the_part() -> None:
    in_inches = load_surface(sample_path("pawn"), unit=Unit.INCH, seed=0)
    absolute = template("dent").model_copy(update={"lengths": "absolute"})
    assert in_inches.scale_of(absolute) == pytest.approx(1 / 25.4)
    assert in_inches.scale_of(template("dent")) == in_inches.part.diagonal


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "point.xyz"
    path.write_text("1 2 3\n1 2 3\n")
    with pytest.raises(CloudError, match="all lie at one place"):
        load_surface(path, unit=Unit.MM, seed=0)
    with pytest.raises(SamplingError, match="the views are in m"):
        load_surface(sample_path("pawn"), unit=Unit.MM, seed=0, views=ViewSet(unit=Unit.M))


def test_lengths_in_messages_are_rounded() -> None:
    region = {"min": (0.1 + 0.2, 1 / 3, 500.0), "max": (0.7, 0.8, 500.1 + 0.2)}
    dent = {"kind": "dent", "radius": 1.0, "depth": 0.1}
    asked = RecipeTemplate.model_validate(
        {"lengths": "absolute", "regions": {"r": region}, "defects": [dent]}
    )
    on = surface_of(load_sample("plate_holes"), "plate", Unit.MM)
    location = SurfaceRandomLocation(region="r")
    with pytest.raises(SamplingError) as told:
        find_place(location, asked, on, np.random.default_rng(0))
    assert "from (0.3, 0.33333, 500) to (0.7, 0.8, 500.3) holds none" in str(told.value)
    assert not re.search(r"\d\.\d{6}", str(told.value))
