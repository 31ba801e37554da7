"""``flawsmith replay``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backend.cli.options import (
    EXISTING_FILE,
    file_argument,
    intake_options,
    on_empty_option,
    one_name_each,
    out_option,
    seed_option,
    sensor_option,
    spare_inputs,
)

if TYPE_CHECKING:
    from backend.arrays import FloatArray
    from backend.cloud import LabeledCloud, PointCloud
    from backend.errors import RegistrationError
    from backend.intake import Intake
    from backend.registration.align import AlignedScan
    from shared_schema.base import Triple
    from shared_schema.recipe import Recipe
    from shared_schema.record import (
        AlternativePose,
        DefectReport,
        ModelSource,
        RegistrationReport,
        SensorReport,
    )
    from shared_schema.sensor import Sensor


@click.command("replay")
@file_argument("recipe")
@file_argument("scans", nargs=-1, required=True)
@click.option(
    "--nominal",
    metavar="MODEL",
    type=EXISTING_FILE,
    help="Nominal model; each scan is registered to it. Without it, scans must be in the part "
    "frame.",
)
@out_option("a PLY and a JSON record of each scan")
@intake_options("the scans; by default the recipe's", "the recipe's")
@on_empty_option(" of a scan: skip the defect, or refuse the scan")
@sensor_option()
@click.option(
    "--min-fitness",
    type=click.FloatRange(0.0, 1.0),
    default=0.05,
    show_default=True,
    help="Share of a scan, surroundings included, that must lie on the nominal model; below it the "
    "scan is refused.",
)
@click.option(
    "--turntable",
    metavar="ANGLE",
    type=click.FloatRange(0.0, 360.0, min_open=True, max_open=True),
    help="Degrees that the part turned from each scan to the next, in the order given, before a "
    "sensor that stood still. The scans are then registered together, and the axis is found.",
)
@seed_option("the registration and of the sensor")
@click.option(
    "--picture",
    is_flag=True,
    help="Also write a PNG picture of each scan on its nominal model, with the points that were "
    "cut away, or with the points that do not fit if the scan is refused.",
)
def command(
    recipe: Path,
    scans: tuple[Path, ...],
    nominal: Path | None,
    out: Path,
    intake: Intake,
    on_empty: str,
    sensor: str | None,
    min_fitness: float,
    turntable: float | None,
    seed: int,
    picture: bool,
) -> None:
    """Replay RECIPE on SCANS and write labelled clouds.

    Each PLY has the properties x y z, nx ny nz if known, mask, label, weight and source_index. The
    JSON beside it holds everything that is needed to make it again. A scan that fails is named and
    does not stop the others; the exit status is then 1.
    """
    from backend.cli.batch import for_each_scan, tell
    from backend.cli.progress import console
    from backend.io import read_cloud, remove_unfinished
    from backend.io.sources import model_source
    from backend.sensor.presets import find_sensor
    from shared_schema.load import load_recipe

    if picture and nominal is None:
        raise click.UsageError(
            "--picture shows scans on their nominal model; give it with --nominal"
        )
    if turntable is not None and (nominal is None or len(scans) < 2):
        raise click.UsageError("--turntable needs at least two scans and --nominal")
    one_name_each(scans)
    inputs = (recipe, *scans, *([nominal] if nominal else []), *([Path(sensor)] if sensor else []))
    outputs = [path for scan in scans for path in _outputs(out, scan)]
    spare_inputs(inputs, outputs)
    remove_unfinished(outputs)
    loaded = load_recipe(recipe)
    unit = loaded.part.unit
    intake = intake.with_units(unit)
    model, source = None, None
    if nominal is not None:
        source = model_source(nominal, intake.nominal_unit, out)
        model = read_cloud(nominal, unit=intake.nominal_unit).surface.in_unit(unit)
        tell(nominal, model.notices)
    scanner = None if sensor is None else find_sensor(sensor)
    asked = (on_empty, scanner, min_fitness, turntable, seed, picture)
    work = _Replaying(loaded, source, model, intake, *asked, out)
    if turntable is not None:
        work = replace(work, turned=work.turn(scans))
    for_each_scan(scans, work.one, "Replaying")
    console.print(f"The labelled clouds are in {out}", markup=False, soft_wrap=True)


def _outputs(out: Path, scan: Path) -> tuple[Path, Path, Path]:
    return out / f"{scan.stem}.ply", out / f"{scan.stem}.json", out / f"{scan.stem}.png"


@dataclass(frozen=True)
class _Replaying:
    """The request of the command for each scan.

    ``model`` is what the file of ``nominal`` holds.
    """

    recipe: Recipe
    nominal: ModelSource | None
    model: PointCloud | None
    intake: Intake
    on_empty: Any
    sensor: Sensor | None
    min_fitness: float
    turntable: float | None
    seed: int
    picture: bool
    out: Path
    turned: Mapping[Path, FloatArray | RegistrationError] = field(default_factory=dict)

    def turn(self, paths: Sequence[Path]) -> dict[Path, FloatArray | RegistrationError]:
        """The pose of each scan on the turntable, or the error."""
        from backend.cli.progress import console
        from backend.registration.align import turntable_poses

        assert self.model is not None and self.turntable is not None  # asked for above
        console.print(f"Placing {len(paths)} scans of one turn together …", markup=False)
        poses = turntable_poses(
            [self._read(path) for path in paths],
            self.model,
            turn=self.turntable,
            part_unit=self.recipe.part.unit,
            seed=self.seed,
            min_fitness=self.min_fitness,
            clean=self.intake.clean,
        )
        return dict(zip(paths, poses, strict=True))

    def one(self, path: Path) -> None:
        """Replay the recipe on the scan at ``path`` and write the labelled cloud."""
        from backend.io.sources import scan_source
        from backend.replay.replay import replay
        from backend.synthesis.sample_files import write_with_record

        aligned = self._align(path)
        labeled, record = replay(
            self.recipe,
            aligned.cloud,
            T_part_scan=aligned.T_part_scan,
            snap=self.model is not None,
            on_empty=self.on_empty,
        )
        source = scan_source(path, self.intake, aligned.cloud.unit, self.out)
        labeled, sensed = self._sense(labeled, aligned.cloud, source.sha256)
        cloud_path, _, picture_path = _outputs(self.out, path)
        about = {
            "source": source,
            "nominal": self.nominal,
            "alignment": aligned.record,
            "sensor": sensed,
            "format": cloud_path.suffix,
        }
        write_with_record(cloud_path, labeled, record.model_copy(update=about))
        if self.picture:
            self._draw(picture_path, aligned)
        _warn_of_pose(path, aligned.record.registration)
        _warn_of_empty(path, record.defects)

    def _draw(self, path: Path, aligned: AlignedScan) -> None:
        """The scan on the nominal model, as PNG."""
        from backend.geometry.transform import transform_points
        from backend.io import write_bytes
        from backend.report.scene_picture import scene_picture

        assert self.model is not None  # asked for above
        cut = transform_points(aligned.T_part_scan, aligned.cut)
        write_bytes(path, scene_picture(aligned.in_part_frame.points, cut, self.model))

    def _sense(
        self, labeled: LabeledCloud, scan: PointCloud, sha256: str
    ) -> tuple[LabeledCloud, SensorReport | None]:
        """The cloud as the sensor gives it, and the sensor's record; unchanged without a sensor.

        ``sha256`` is that of the scan's file.
        """
        if self.sensor is None:
            return labeled, None
        from backend.sensor import scan_rng, sense

        return sense(
            labeled,
            self.sensor,
            rng=scan_rng(self.seed, sha256),
            nominal_cloud=scan,
            viewpoints=None if self.intake.viewpoint is None else [self.intake.viewpoint],
            unit=scan.unit or self.recipe.part.unit,
        )

    def _read(self, path: Path) -> PointCloud:
        from backend.io import read_cloud

        return read_cloud(
            path,
            unit=self.intake.unit,
            assumed_unit=self.intake.assumed_unit,
            text=self.intake.text,
        )

    def _align(self, path: Path) -> AlignedScan:
        from backend.cli.batch import tell
        from backend.errors import RegistrationError

        scan = self._read(path)
        tell(path, scan.notices)
        try:
            aligned = self._place(path, scan)
        except RegistrationError as error:
            raise self._refused(path, scan, error) from error
        tell(path, aligned.cloud.notices[len(scan.notices) :])
        return aligned

    def _place(self, path: Path, scan: PointCloud) -> AlignedScan:
        """The scan in the pose of the turntable, or in the pose that it has alone."""
        import numpy as np

        from backend.errors import RegistrationError
        from backend.registration.align import align

        pose = self.turned.get(path)
        if isinstance(pose, RegistrationError):
            raise pose
        return align(
            scan,
            self.model,
            part_unit=self.recipe.part.unit,
            viewpoint=None if self.intake.viewpoint is None else np.array(self.intake.viewpoint),
            seed=self.seed,
            min_fitness=self.min_fitness,
            pose=pose,
            clean=self.intake.clean,
            crop=self.intake.crop,
        )

    def _refused(self, path: Path, scan: PointCloud, error: RegistrationError) -> RegistrationError:
        """The error, with a picture if one was asked for and there is a pose to show."""
        if not self.picture or self.model is None or error.T_part_scan is None:
            return error
        from backend.errors import RegistrationError
        from backend.file_names import shown
        from backend.io import write_bytes
        from backend.report.scene_picture import refusal_picture  # needs an optional package

        placed = scan.in_unit(self.recipe.part.unit).transformed(error.T_part_scan)
        _, _, picture = _outputs(self.out, path)
        write_bytes(picture, refusal_picture(placed.points, self.model, str(error)))
        return RegistrationError(f"{error}. {shown(picture)} shows where it lies best")


def _warn_of_pose(path: Path, registration: RegistrationReport | None) -> None:
    """Warn if the scan leaves motions open, or if other poses fit equally well."""
    from backend.cli.batch import warn
    from backend.wording import open_directions

    if registration is None:
        return
    if registration.free_motions:
        warn(f"{path}: {open_directions(registration.free_motions)}")
    if registration.alternatives:
        others = "; or ".join(map(_described, registration.alternatives))
        warn(f"{path}: the scan fits equally well {others}; a defect may lie elsewhere on the part")


def _described(pose: AlternativePose) -> str:
    """The motion to another pose in words, such as "turned by 180 degrees about (0, 0, 1) …"."""
    shift = _vector(pose.shift)
    if pose.axis is None or pose.through is None:
        return f"shifted by {shift}"
    turned = f"turned by {pose.turn:.0f} degrees about {_vector(pose.axis)}"
    return f"{turned} through {_vector(pose.through)}, and shifted by {shift} along it"


def _vector(values: Triple) -> str:
    return "(" + ", ".join(f"{value:.2f}" for value in values) + ")"


def _warn_of_empty(path: Path, reports: Sequence[DefectReport]) -> None:
    """Name the defects that did nothing to the scan at ``path``, in one line."""
    from backend.cli.batch import warn
    from backend.wording import counted, listed

    idle = [one for one in reports if one.idle]
    names = [f"{one.kind} {one.name!r}" if one.name else one.kind for one in idle]
    if names:
        verb = "marks" if len(idle) == 1 else "mark"
        warn(
            f"{path}: {len(idle)} of {counted(len(reports), 'defect')} "
            f"({listed(list(dict.fromkeys(names)))}) {verb} no point of the scan"
        )
