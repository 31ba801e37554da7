"""Replay records: how a sample came to be, and all that is needed to make it again.

A record is written beside every cloud that ``flawsmith replay`` and ``flawsmith synthesize`` make;
``flawsmith remake`` makes the cloud again from it. Lengths are in the part's unit, but for what is
said to be in the scan's; transforms are (4, 4), for column vectors.
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
    """As files of its own kind have it."""
    return document.model_dump(mode="json", exclude_none=True)


class FileIdentity(Model):
    """Which file exactly: its name, without folders, and the SHA-256 of its bytes."""

    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class ModelSource(FileIdentity):
    """A nominal model, and how its file was read."""

    unit: Unit | None = Field(None, description="Unit of its lengths; none where it is not known.")
    path: str | None = Field(
        None, description="Where it was, from the folder of the record; none where not recorded."
    )


class TextMarks(Model):
    """How the text of a file writes numbers; none where it was found out from the text."""

    decimal: str | None = None
    delimiter: str | None = None


class ScanSource(ModelSource):
    """A scan, and how its file was read."""

    viewpoint: Triple | None = Field(
        None, description="Where the sensor stood, in the scan's frame and unit."
    )
    text: TextMarks = TextMarks()


class DefectReport(Model):
    """What one defect of the recipe did to the scan."""

    name: str
    kind: str
    label: int
    points: int = Field(description="Points that it marks.")
    removed: int = Field(description="Points that it takes away.")

    @property
    def idle(self) -> bool:
        """Whether it did nothing that is marked."""
        return self.points == 0 and self.removed == 0


class AlignmentRequest(Model):
    """How the scan was to be brought into the part frame."""

    part_unit: Unit
    viewpoint: Triple | None = Field(description="In the scan's frame and unit.")
    seed: int
    min_fitness: float
    prefer: Matrix | None = Field(
        description="An earlier pose; of poses that fit as well, the nearest to it is taken."
    )
    pose: Matrix | None = Field(None, description="The pose that a turntable gave, if one did.")
    clean: bool
    crop: bool


class CleaningReport(Model):
    """Stray points and flying pixels that were removed before the scan was placed."""

    method: str
    settings: dict[str, int | float]
    points: int = Field(description="Points before.")
    stray: int = Field(description="Stray points that were removed.")
    flying: int = Field(description="Flying pixels that were removed.")


class CroppingReport(Model):
    """Points that did not belong to the part and were cut away once it was placed."""

    method: str
    settings: dict[str, int | float]
    noise: float = Field(description="Standard deviation of the points on the part.")
    points: int = Field(description="Points before.")
    cut: int = Field(description="Points that were cut away.")
    in_doubt: bool = Field(description="Whether nothing was cut, as too much would have been.")
    notice: str | None = Field(description="What the user was told.")


class AlternativePose(Model):
    """Another pose of the scan that fits as well, and the motion of the part that leads there.

    The motion is a turn by ``turn`` degrees about ``axis`` through the point ``through``, and
    ``shift`` along it; where nothing turns, ``shift`` alone.
    """

    T_part_scan: Matrix
    fitness: float
    rmse: float
    turn: float
    axis: Triple | None
    through: Triple | None
    shift: Triple


class RegistrationReport(Model):
    """How well the scan fits on the nominal model, and where else it would."""

    fitness: float = Field(description="Share of the scan within 1 % of the diagonal of it.")
    rmse: float = Field(description="Root mean square distance of those points to the surface.")
    noise: float = Field(description="Standard deviation of the points on the part.")
    on_part: int = Field(description="Points within three times the noise of the surface.")
    offset: float = Field(description="How far outside the surface they lie on average.")
    free_motions: int = Field(description="How many of six directions of motion are left open.")
    facing: float | None = Field(
        description="Share of those points where the outside is turned to the viewpoint, or as the "
        "normals of the file are."
    )
    coverage: float | None = Field(
        description="Share of the surface that should be seen and is; none for several views."
    )
    agreement: float = Field(description="Share of the points that should be on it and are.")
    contradiction: float | None = Field(
        description="Share of the rays that meet the surface and were measured clearly behind it; "
        "none for several views."
    )
    alternatives: tuple[AlternativePose, ...] = ()


class AlignmentReport(Model):
    """How the scan was brought into the part frame."""

    asked: AlignmentRequest
    scale: float = Field(description="Factor from the scan's unit to the part's.")
    clean: CleaningReport | None = Field(description="None where it was not asked for.")
    registration: RegistrationReport | None = Field(description="None without a nominal model.")
    crop: CroppingReport | None = Field(description="None where nothing was to be cut.")
    normals: str | None = Field(description="What told the outside of the normals.")


class EffectReport(Model):
    """What one effect of the sensor did."""

    effect: str
    added: int
    removed: int


class SensorReport(Model):
    """How the deformed surface was scanned."""

    sensor: Annotated[Sensor, PlainSerializer(_without_nulls)]
    unit: Unit = Field(description="Of the scan.")
    seed: int
    scan_viewpoints: tuple[Triple, ...] | None = Field(
        description="Where the scan was made from, in its frame and unit, if known."
    )
    viewpoints: tuple[Triple, ...] | None = Field(
        description="Where the sensor stood, in the scan's frame and unit, if it mattered."
    )
    effects: tuple[EffectReport, ...]


class Draw(Model):
    """Which sample of a synthesised data set it is, and what it was drawn from."""

    sample: int = Field(description="Its number.")
    seed: int = Field(description="Of the data set.")
    attempt: int = Field(description="How many draws before it did not show on the scan.")
    template: FileIdentity
    scan: str = Field(description="Name of the scan in the data set.")
    points: int = Field(description="Points of the sample.")
    marked: int = Field(description="Anomalous points of the sample.")


class ReplayRecord(Model):
    """How a sample came to be: what ``flawsmith remake`` makes it again from.

    ``source``, ``nominal`` and ``alignment`` are there where files were replayed, and are none
    where arrays were.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    recipe: Annotated[Recipe, PlainSerializer(_without_nulls)] = Field(
        description="As it was applied: in absolute lengths, with all places on the surface."
    )
    T_part_scan: Matrix = Field(description="From the scan's frame and unit to those of the part.")
    defects: tuple[DefectReport, ...]
    versions: dict[str, str] = Field(description="Of all that the bytes depend on.")
    source: ScanSource | None = None
    nominal: ModelSource | None = None
    alignment: AlignmentReport | None = None
    sensor: SensorReport | None = Field(None, description="None where no sensor was asked for.")
    draw: Draw | None = Field(None, description="None but for samples of a data set.")
    format: str | None = Field(
        None, description="Suffix of the cloud's file, as .ply; none where there is no file."
    )


class ScanRecord(Model):
    """How a nominal scan of a synthesised data set was brought into the part frame."""

    schema_version: Literal[1] = SCHEMA_VERSION
    T_part_scan: Matrix
    points: int
    source: ScanSource
    nominal: ModelSource | None
    alignment: AlignmentReport
    sensor: SensorReport | None = Field(None, description="None where no sensor was asked for.")
    notices: tuple[str, ...] = ()
