"""Replay records: how a sample was made, and everything that is needed to make it again.

A record is written beside every cloud that ``flawsmith replay`` and ``flawsmith synthesize`` make;
``flawsmith remake`` makes the cloud again from it. Lengths are in the part's unit, except where a
description names the scan's unit. Transforms are (4, 4), for column vectors.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer

from shared_schema.base import Model, Triple
from shared_schema.constants import SCHEMA_VERSION
from shared_schema.recipe import Recipe, Unit
from shared_schema.sensor import Sensor

Row = tuple[float, float, float, float]
Matrix = tuple[Row, Row, Row, Row]


def _without_nulls(document: Model) -> dict[str, Any]:
    """The JSON form without nulls, as in a file of its own."""
    return document.model_dump(mode="json", exclude_none=True)


class FileIdentity(Model):
    """The identity of a file: its name without folders, and the SHA-256 of its bytes."""

    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class ModelSource(FileIdentity):
    """A nominal model, and how its file was read."""

    unit: Unit | None = Field(None, description="Unit of its lengths; null if it is not known.")
    path: str | None = Field(
        None, description="Path from the folder of the record; null if it was not recorded."
    )


class TextMarks(Model):
    """How the text of a file writes numbers; null if that was detected from the text."""

    decimal: str | None = None
    delimiter: str | None = None


class ScanSource(ModelSource):
    """A scan, and how its file was read."""

    viewpoint: Triple | None = Field(
        None, description="Position of the sensor, in the scan's frame and unit."
    )
    text: TextMarks = TextMarks()


class DefectReport(Model):
    """What one defect of the recipe did to the scan."""

    name: str
    kind: str
    label: int
    points: int = Field(description="Number of points that it marks.")
    removed: int = Field(description="Number of points that it removes.")

    @property
    def idle(self) -> bool:
        """Whether it neither marks nor removes a point."""
        return self.points == 0 and self.removed == 0


class AlignmentRequest(Model):
    """The request by which the scan was brought into the part frame."""

    part_unit: Unit
    viewpoint: Triple | None = Field(description="In the scan's frame and unit.")
    seed: int
    min_fitness: float
    prefer: Matrix | None = Field(
        description="An earlier pose; of poses that fit equally well, the nearest is taken."
    )
    pose: Matrix | None = Field(None, description="The pose that a turntable gave, if one did.")
    clean: bool
    crop: bool


class CleaningReport(Model):
    """Stray points and flying pixels that were removed before the registration."""

    method: str
    settings: dict[str, int | float]
    points: int = Field(description="Points before.")
    stray: int = Field(description="Stray points that were removed.")
    flying: int = Field(description="Flying pixels that were removed.")


class CroppingReport(Model):
    """Points outside the part that were cut away after the registration."""

    method: str
    settings: dict[str, int | float]
    noise: float = Field(description="Standard deviation of the points on the part.")
    points: int = Field(description="Points before.")
    cut: int = Field(description="Points that were cut away.")
    in_doubt: bool = Field(
        description="Whether nothing was cut, because too much would have been cut."
    )
    notice: str | None = Field(description="The notice that the user got.")


class AlternativePose(Model):
    """Another pose of the scan that fits equally well, and the motion of the part that leads there.

    The motion is a turn by ``turn`` degrees about ``axis`` through the point ``through``, and
    ``shift`` along it. If nothing turns, it is ``shift`` alone.
    """

    T_part_scan: Matrix
    fitness: float
    rmse: float
    turn: float
    axis: Triple | None
    through: Triple | None
    shift: Triple


class RegistrationReport(Model):
    """How well the scan fits on the nominal model, and the other poses in which it fits."""

    fitness: float = Field(
        description="Share of the scan within 1 % of the diagonal of the surface."
    )
    rmse: float = Field(description="Root mean square distance of those points to the surface.")
    noise: float = Field(description="Standard deviation of the points on the part.")
    on_part: int = Field(description="Points within three times the noise of the surface.")
    offset: float = Field(description="How far outside the surface they lie on average.")
    free_motions: int = Field(
        description="Number of the six directions of motion that are left open."
    )
    facing: float | None = Field(
        description="Share of those points where the outside is turned to the viewpoint, or agrees "
        "with the normals of the file."
    )
    coverage: float | None = Field(
        description="Share of the surface that should be visible and is; null for several views."
    )
    agreement: float = Field(
        description="Share of the points that should be on the surface and are."
    )
    contradiction: float | None = Field(
        description="Share of the rays that meet the surface and were measured clearly behind it; "
        "null for several views."
    )
    alternatives: tuple[AlternativePose, ...] = ()


class AlignmentReport(Model):
    """How the scan was brought into the part frame."""

    asked: AlignmentRequest
    scale: float = Field(description="Factor from the scan's unit to the part's.")
    clean: CleaningReport | None = Field(description="Null if cleaning was not asked for.")
    registration: RegistrationReport | None = Field(description="Null without a nominal model.")
    crop: CroppingReport | None = Field(description="Null if nothing was to be cut.")
    normals: str | None = Field(description="The source that gave the normals their outside.")


class EffectReport(Model):
    """The points that one effect of the sensor added and removed."""

    effect: str
    added: int
    removed: int


class SensorReport(Model):
    """How the deformed surface was scanned."""

    sensor: Annotated[Sensor, PlainSerializer(_without_nulls)]
    unit: Unit = Field(description="Unit of the scan.")
    seed: int
    scan_viewpoints: tuple[Triple, ...] | None = Field(
        description="Viewpoints of the scan, in its frame and unit, if known."
    )
    viewpoints: tuple[Triple, ...] | None = Field(
        description="Positions of the sensor, in the scan's frame and unit, if they mattered."
    )
    effects: tuple[EffectReport, ...]


class Draw(Model):
    """The number of a sample in a data set, and the inputs from which it was drawn."""

    sample: int = Field(description="Number of the sample.")
    seed: int = Field(description="Seed of the data set.")
    attempt: int = Field(description="Number of earlier draws that did not show on the scan.")
    template: FileIdentity
    scan: str = Field(description="Name of the scan in the data set.")
    points: int = Field(description="Number of points of the sample.")
    marked: int = Field(description="Number of anomalous points of the sample.")


class ReplayRecord(Model):
    """How a sample was made; ``flawsmith remake`` makes it again from this.

    ``source``, ``nominal`` and ``alignment`` are given if files were replayed, and are null if
    arrays were replayed.

    >>> surface = fs.surface_of(fs.load_sample("plate_holes"), "plate", fs.Unit.MM)
    >>> (recipe,) = fs.sample(fs.load_template("sheet_metal/dents"), surface, seed=0, count=1)
    >>> labeled, record = fs.replay(recipe, surface.cloud)
    >>> fs.ReplayRecord.model_validate_json(fs.dump(record)) == record
    True
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    recipe: Annotated[Recipe, PlainSerializer(_without_nulls)] = Field(
        description="The recipe as it was applied, in absolute lengths, with its places found."
    )
    T_part_scan: Matrix = Field(
        description="Transform from the scan's frame and unit to those of the part."
    )
    defects: tuple[DefectReport, ...]
    versions: dict[str, str] = Field(
        description="Versions of all packages on which the bytes depend."
    )
    source: ScanSource | None = None
    nominal: ModelSource | None = None
    alignment: AlignmentReport | None = None
    sensor: SensorReport | None = Field(None, description="Null without a sensor.")
    draw: Draw | None = Field(None, description="Null except for samples of a data set.")
    format: str | None = Field(
        None, description="Suffix of the cloud's file, such as .ply; null if there is no file."
    )


class ScanRecord(Model):
    """How a nominal scan of a synthesised data set was brought into the part frame."""

    schema_version: Literal[1] = SCHEMA_VERSION
    T_part_scan: Matrix
    points: int
    source: ScanSource
    nominal: ModelSource | None
    alignment: AlignmentReport
    sensor: SensorReport | None = Field(None, description="Null without a sensor.")
    notices: tuple[str, ...] = ()
