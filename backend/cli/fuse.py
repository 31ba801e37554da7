"""``flawsmith fuse``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backend.cli.options import (
    clean_option,
    file_argument,
    out_option,
    spare_inputs,
    unit_option,
    viewpoint_option,
)

if TYPE_CHECKING:
    from backend.cloud import PointCloud
    from backend.intake import Intake
    from backend.registration.fusion import FusedModel

MODEL, RECORD, PICTURE = "model.ply", "model.json", "model.png"


@click.command("fuse")
@file_argument("scans", nargs=-1, required=True)
@out_option(f"{MODEL}, and {RECORD} with the figures and the poses")
@unit_option("the scans; by default what their files say")
@viewpoint_option()
@clean_option()
@click.option(
    "--picture",
    is_flag=True,
    help="Also write a PNG picture of the model, coloured by how many scans show each place and by "
    "how much they differ there.",
)
def command(
    scans: tuple[Path, ...],
    out: Path,
    unit: str | None,
    viewpoint: tuple[float, float, float] | None,
    clean: bool,
    picture: bool,
) -> None:
    """Fuse nominal SCANS of a rigid part into a nominal model.

    The scans may lie in any poses, and may be partial views that overlap. The model is a cloud of
    points with normals. Its field scans counts the scans that show each place, spread tells how
    much they differ there, as a ratio of the diagonal. As model.ply in the folder of a category, or
    as --nominal of replay, it is used as a nominal model. If it is not to be trusted, a warning
    says why. Training fuses scans by itself if a part has no nominal model.
    """
    from backend.cli.batch import warn
    from backend.cli.progress import console, progress_display
    from backend.intake import Intake
    from backend.io import remove_unfinished, write_bytes, write_cloud, write_json
    from backend.registration.fusion import fuse_scans
    from shared_schema.recipe import Unit

    outputs = [out / name for name in (MODEL, RECORD, PICTURE)]
    spare_inputs(scans, outputs)
    remove_unfinished(outputs)
    intake = Intake(None if unit is None else Unit(unit), viewpoint=viewpoint, clean=clean)
    clouds = [_read(path, intake) for path in scans]
    with progress_display() as progress:
        fused = fuse_scans(clouds, progress=progress)
    write_cloud(out / MODEL, fused.surface)
    write_json(out / RECORD, _record(scans, fused))
    if picture:
        from backend.report.fused_picture import fused_picture

        write_bytes(out / PICTURE, fused_picture(fused.surface))
    for path, pose in zip(scans, fused.poses, strict=True):
        if pose[0, 0] != pose[0, 0]:
            warn(f"{path}: the scan could not be placed on the others and is left out")
    console.print(f"The model is {out / MODEL}: {fused.trust.why}", markup=False, soft_wrap=True)
    if not fused.trust.is_trusted:
        warn("The model is not to be trusted, and training would not use it")


def _read(path: Path, intake: Intake) -> PointCloud:
    from backend.cli.batch import tell
    from backend.cloud.normals import with_known_normals
    from backend.io import read_cloud
    from backend.registration.cleaning import clean

    scan = read_cloud(path, unit=intake.unit)
    if intake.clean:
        scan, _ = clean(scan, intake.viewpoint)
    tell(path, scan.notices)
    return with_known_normals(scan, intake.viewpoint)


def _record(scans: tuple[Path, ...], fused: FusedModel) -> dict[str, Any]:
    """The figures, and the pose of each scan by its name; null if it could not be placed."""
    poses = {
        path.name: None if pose[0, 0] != pose[0, 0] else pose.tolist()
        for path, pose in zip(scans, fused.poses, strict=True)
    }
    return {"trust": asdict(fused.trust), "T_part_scan": poses}
