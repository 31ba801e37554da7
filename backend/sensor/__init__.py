"""The effects of a real scanner on a deformed surface: density, occlusion, dropout and noise.

Effects come in the order resample, occlusion, dropout, noise. Each is off unless the ``Sensor`` has
it, and the record counts the points that each added and removed. Formulas and sources are in
``docs/reference/sensor.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from backend.arrays import BoolArray, FloatArray
from backend.cloud import LabeledCloud, PointCloud
from backend.errors import CloudError
from backend.sensor.dropout import dropout
from backend.sensor.noise import add_noise
from backend.sensor.occlusion import occlusion
from backend.sensor.resample import resample
from backend.sensor.views import Rays, find_viewpoints
from shared_schema.recipe import MM_PER_UNIT, Unit
from shared_schema.record import EffectReport, SensorReport
from shared_schema.scale import scaled
from shared_schema.sensor import Sensor

__all__ = ["Sensed", "scan_rng", "sense", "sense_again"]

Viewpoints = Sequence[Sequence[float]] | FloatArray

SEEDS = 2**53  # what every reader of JSON keeps exact


class Sensed(NamedTuple):
    """A labelled cloud as the sensor gives it, and the record from which it can be made again."""

    labeled: LabeledCloud
    record: SensorReport


@dataclass
class _Scene:
    """The cloud between two effects, how it is seen, and what was done to it."""

    labeled: LabeledCloud
    rays: Rays | None
    effects: list[EffectReport]

    @property
    def normals(self) -> FloatArray:
        assert self.labeled.normals is not None  # refused at the border
        return self.labeled.normals

    def report(self, effect: str, *, added: int = 0, removed: int = 0) -> None:
        """Note what ``effect`` did."""
        self.effects.append(EffectReport(effect=effect, added=added, removed=removed))

    def keep(self, kept: BoolArray, effect: str) -> None:
        """Lose the points that are not ``kept`` (N,).

        Raises:
            CloudError: none is.
        """
        if not kept.any():
            raise CloudError(
                f"the sensor's {effect} loses all {len(kept)} points; "
                "let it lose fewer points, or give it other views"
            )
        self.report(effect, removed=int((~kept).sum()))
        if not kept.all():
            self.labeled = self.labeled.take(kept)
            self.rays = None if self.rays is None else self.rays.of(kept)


def sense(
    labeled: LabeledCloud,
    sensor: Sensor,
    *,
    rng: np.random.Generator,
    nominal_cloud: PointCloud | None = None,
    viewpoints: Viewpoints | None = None,
    unit: str | Unit,
) -> Sensed:
    """``labeled`` as ``sensor`` would have scanned it.

    Args:
        labeled: N points with unit outward normals, as replay makes it.
        sensor: with everything off, ``labeled`` comes back as it is.
        rng: gives the seed that is recorded; all chance follows from that seed.
        nominal_cloud: the cloud that ``labeled`` was made of; resampling needs it.
        viewpoints: (V, 3) where the scan was made from, in its frame, if known.
        unit: of the cloud.

    Returns:
        The points that are left, in order, then those that resampling added. All arrays stay
        aligned; noise changes positions alone. The record holds the sensor, the seed, the
        viewpoints, and how many points each effect added and removed.

    Raises:
        CloudError: something that an effect needs is missing, or no point is left.
    """
    own = None if viewpoints is None else np.asarray(viewpoints, dtype=np.float64).tolist()
    return _sense(labeled, sensor, int(rng.integers(SEEDS)), nominal_cloud, own, Unit(unit))


def scan_rng(seed: int, sha256: str) -> np.random.Generator:
    """Where the chance of one scan's sensor comes from, by a seed and the digest of its file.

    The scan's content has a part in it, or all scans would get the same noise.
    """
    return np.random.default_rng([seed, int(sha256[:8], 16)])


def sense_again(
    record: SensorReport, labeled: LabeledCloud, nominal_cloud: PointCloud
) -> LabeledCloud:
    """What ``sense`` gave when it wrote ``record``, from the same clouds: the same bytes."""
    own, unit = record.scan_viewpoints, record.unit
    return _sense(labeled, record.sensor, record.seed, nominal_cloud, own, unit).labeled


def _sense(
    labeled: LabeledCloud,
    sensor: Sensor,
    seed: int,
    nominal: PointCloud | None,
    own: Viewpoints | None,
    unit: Unit,
) -> Sensed:
    settings = scaled(sensor, MM_PER_UNIT[sensor.unit] / MM_PER_UNIT[unit])
    # One stream an effect, so that what one draws does not change another.
    views_rng, resample_rng, dropout_rng, noise_rng = np.random.default_rng(seed).spawn(4)
    # The vertices of a mesh lie as far apart as they like; none of them is stray.
    scanned = PointCloud(labeled.points, faces=None if nominal is None else nominal.faces)
    eyes = find_viewpoints(settings.views, scanned, own, views_rng)
    scene = _Scene(labeled, None, [])
    if _anything(settings):
        _require_normals(labeled)
        _resample(scene, settings, nominal, resample_rng)
        _look(scene, settings, eyes)
        for loss in settings.dropout:
            lost = dropout(scene.labeled.points, scene.rays, loss, dropout_rng)
            scene.keep(~lost, f"{loss.model} dropout")
        _add_noises(scene, settings, noise_rng)
    record = SensorReport(
        sensor=sensor,
        unit=unit,
        seed=seed,
        scan_viewpoints=own,
        viewpoints=None if eyes is None else eyes.tolist(),
        effects=tuple(scene.effects),
    )
    return Sensed(scene.labeled, record)


def _anything(sensor: Sensor) -> bool:
    parts = (sensor.resample, sensor.occlusion, *sensor.dropout, *sensor.noise)
    return any(part is not None for part in parts)


def _require_normals(labeled: LabeledCloud) -> None:
    if labeled.normals is None:
        raise CloudError(
            f"a sensor needs outward normals, but these {len(labeled)} points have none; "
            "say where the sensor stood (--viewpoint), or give the nominal model (--nominal)"
        )


def _resample(
    scene: _Scene, sensor: Sensor, nominal: PointCloud | None, rng: np.random.Generator
) -> None:
    if sensor.resample is None:
        return
    if nominal is None:
        raise CloudError("resampling needs the cloud without the defects; give nominal_cloud")
    before = len(scene.labeled)
    scene.labeled, keep = resample(scene.labeled, nominal, sensor.resample, rng)
    added, removed = len(scene.labeled) - int(keep.sum()), before - int(keep.sum())
    scene.report("resample", added=added, removed=removed)


def _look(scene: _Scene, sensor: Sensor, eyes: FloatArray | None) -> None:
    """Find the viewpoint that measures each point, and lose what none sees."""
    if eyes is None:
        return
    points = scene.labeled.points
    if sensor.occlusion is None:
        scene.rays = Rays.best(eyes, points, scene.normals)
        return
    seen, scene.rays = occlusion(points, scene.normals, eyes, sensor.occlusion)
    scene.keep(seen, "occlusion")


def _add_noises(scene: _Scene, sensor: Sensor, rng: np.random.Generator) -> None:
    points = scene.labeled.points
    for kind in sensor.noise:
        points = add_noise(points, scene.normals, scene.rays, kind, rng)
        scene.report(f"{kind.model} noise")
    if sensor.noise:
        scene.labeled = replace(scene.labeled, points=points)
