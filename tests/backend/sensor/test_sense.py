"""What holds for all effects together: off is off, arrays stay aligned, records make it again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backend.cloud import LabeledCloud, PointCloud
from backend.errors import CloudError
from backend.remake import remake
from backend.replay.replay import replay
from backend.sensor import sense
from backend.sensor.presets import find_sensor, preset_names
from shared_schema.errors import SchemaError
from shared_schema.load import parse_document
from shared_schema.record import ReplayRecord
from tests.backend.sensor.scenes import (
    DEFECTS,
    TOP,
    deformed,
    recipe,
    sensed,
    sensor,
    surface,
)

EVERYTHING: dict[str, Any] = {
    "views": {"type": "around", "count": 3},
    "resample": {},
    "occlusion": {},
    "dropout": [
        {"model": "random", "share": 0.05},
        {"model": "incidence"},
        {"model": "patches", "share": 0.05, "radius": 1.0},
    ],
    "noise": [
        {"model": "normal", "sigma": 0.01},
        {"model": "ray", "sigma": 0.01},
        {"model": "correlated", "sigma": 0.01, "wavelength": 2.0},
        {"model": "outliers", "share": 0.01, "reach": 0.5},
        {"model": "quantisation", "step": 0.01},
    ],
}
ARRAYS = ("points", "normals", "mask", "labels", "weight", "source_index")


def same(one: LabeledCloud, other: LabeledCloud) -> bool:
    return all(getattr(one, n).tobytes() == getattr(other, n).tobytes() for n in ARRAYS)


def test_with_everything_off_the_input_comes_back() -> None:
    labeled = deformed("plate", "dent")
    after, record = sensed(labeled, surface("plate"))
    assert after is labeled
    assert record.effects == ()
    views_alone = sensed(labeled, surface("plate"), views={"type": "around"})
    assert views_alone.labeled is labeled


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    labeled, cloud = deformed("plate", "hole"), surface("plate")
    first, second, other = (sensed(labeled, cloud, seed, **EVERYTHING) for seed in (1, 1, 2))
    assert same(first.labeled, second.labeled) and first.record == second.record
    assert not same(first.labeled, other.labeled)


@pytest.mark.parametrize("kind", list(DEFECTS))
def test_all_arrays_stay_aligned(kind: str) -> None:
    before = deformed("sphere", kind)
    before = replace(before, fields={"row": np.arange(len(before))})
    after, record = sensed(before, surface("sphere"), **EVERYTHING)
    count = len(before) + sum(e.added - e.removed for e in record.effects)
    assert len(after) == count == len(after.fields["row"])
    for name in ("mask", "labels", "weight", "source_index"):
        np.testing.assert_array_equal(
            getattr(after, name), getattr(before, name)[after.fields["row"]]
        )


@pytest.mark.parametrize("views", [{"count": 3}, {"count": 2, "standoff": 20.0}])
def test_stray_points_do_not_move_the_places_around_the_part(views: dict[str, Any]) -> None:
    cloud = surface("plate")
    strays = np.array([[5000.0, 0.0, 0.0], [0.0, 300.0, -900.0], [0.0, 0.0, 70.0]])
    with_strays = PointCloud(np.concatenate([cloud.points, strays]))
    eyes = []
    for one in (cloud, with_strays):
        record = sense(
            LabeledCloud.nominal(one),
            sensor(views={"type": "around", **views}),
            rng=np.random.default_rng(3),
            unit="mm",
        ).record
        eyes.append(np.array(record.viewpoints))
    np.testing.assert_array_equal(eyes[1], eyes[0])
    low, high = cloud.points.min(axis=0), cloud.points.max(axis=0)
    away = np.linalg.norm(eyes[0] - (low + high) / 2.0, axis=1)
    np.testing.assert_allclose(
        away, cloud.diagonal / 2.0 + views.get("standoff", cloud.diagonal), rtol=1e-12
    )


def test_effects_are_recorded_in_their_order() -> None:
    record = sensed(deformed("plate", "hole"), surface("plate"), **EVERYTHING).record
    assert [effect.effect for effect in record.effects] == [
        "resample", "occlusion", "random dropout", "incidence dropout", "patches dropout",
        "normal noise", "ray noise", "correlated noise", "outliers noise", "quantisation noise",
    ]  # fmt: skip
    assert record.effects[0].added > 100
    assert all(effect.removed > 0 for effect in record.effects[1:5])
    assert len(record.viewpoints or ()) == 3 and record.scan_viewpoints is None


@pytest.mark.parametrize("views", [EVERYTHING["views"], {"type": "scan"}])
def test_the_record_alone_makes_the_sample_again(views: dict[str, Any]) -> None:
    cloud = surface("plate")
    labeled, record = replay(
        recipe(cloud, kind="hole", center=TOP["plate"], **DEFECTS["hole"]), cloud
    )
    after, sensor_record = sense(
        labeled,
        sensor(**EVERYTHING | {"views": views}),
        rng=np.random.default_rng(7),
        nominal_cloud=cloud,
        viewpoints=[(5.0, 3.0, 40.0), (-5.0, 3.0, 40.0)],
        unit="mm",
    )
    whole = record.model_copy(update={"sensor": sensor_record})
    again = remake(parse_document(whole.model_dump_json(), ReplayRecord), cloud)
    assert same(after, again)
    assert same(labeled, remake(record, cloud))


def test_the_sensor_is_converted_to_the_units_of_the_cloud() -> None:
    cloud = surface("sphere")
    in_metres = PointCloud(cloud.points / 1000.0, cloud.normals)
    parts = EVERYTHING | {"views": {"type": "around", "count": 3, "standoff": 30.0}}
    large, _ = sense(
        LabeledCloud.nominal(cloud), sensor(**parts), rng=np.random.default_rng(0),
        nominal_cloud=cloud, unit="mm",
    )  # fmt: skip
    small, _ = sense(
        LabeledCloud.nominal(in_metres), sensor(**parts), rng=np.random.default_rng(0),
        nominal_cloud=in_metres, unit="m",
    )  # fmt: skip
    np.testing.assert_array_equal(large.source_index, small.source_index)
    # Quantisation rounds a few distances the other way.
    apart = np.abs(1000.0 * small.points - large.points).max(axis=1)
    assert np.percentile(apart, 99) < 1e-9 and apart.max() < 0.011


def test_what_an_effect_needs_is_asked_for() -> None:
    labeled, cloud = deformed("plate", "dent"), surface("plate")
    rng = np.random.default_rng(0)
    with pytest.raises(CloudError, match="give nominal_cloud"):
        sense(labeled, sensor(resample={}), rng=rng, unit="mm")
    with pytest.raises(CloudError, match="give the scan's viewpoint"):
        sensed(labeled, cloud, views={"type": "scan"}, occlusion={})
    with pytest.raises(CloudError, match="have none"):
        sensed(replace(labeled, normals=None), cloud, noise=[{"model": "normal", "sigma": 1.0}])


@pytest.mark.parametrize("name", preset_names())
def test_bundled_sensors_work_on_a_part(name: str) -> None:
    labeled, cloud = deformed("sphere", "dent"), surface("sphere")
    found = find_sensor(name)
    assert found.description
    after = sense(labeled, found, rng=np.random.default_rng(0), nominal_cloud=cloud, unit="mm")
    assert 0.2 * len(labeled) < len(after.labeled) < 1.1 * len(labeled)


def test_an_unknown_sensor_names_those_there_are(tmp_path: Any) -> None:
    assert preset_names() == ["depth_camera", "laser_line", "structured_light"]
    with pytest.raises(
        SchemaError, match=r"'sonar' is neither a sensor file .* depth_camera, laser_line"
    ):
        find_sensor("sonar")
    (tmp_path / "own.json").write_text('{"schema_version": 1, "name": "own"}')
    assert find_sensor(str(tmp_path / "own.json")).name == "own"
