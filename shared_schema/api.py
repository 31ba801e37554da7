"""Request and response models of the scoring server."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared_schema.base import Model


class HealthResponse(Model):
    """State of the server."""

    status: Literal["ok"] = "ok"
    version: str
    model: str = Field(description="Name of the loaded model file.")


class ScoreResponse(Model):
    """Scores of one scan; higher is more anomalous."""

    object_score: float
    object_threshold: float | None = Field(
        description="Score above which the object counts as anomalous; none where it could not "
        "be calibrated."
    )
    anomalous: bool | None = Field(description="Decision; none where there is no threshold.")
    point_threshold: float = Field(description="Score above which a point counts as anomalous.")
    point_count: int = Field(description="Points that were scored.")
    anomalous_points: int = Field(description="Points above the threshold, stray ones included.")
    stray_points: int = Field(
        description="Points that belong to no surface; they do not count for the object."
    )
    category: str = Field(description="The part it was scored as.")
    category_given: bool = Field(description="Whether that was asked for; else it was recognised.")
    category_distance: float = Field(
        description="How unlike the nominal scans of that part the scan is, from 0 to 1."
    )
    rival: str | None = Field(description="The other part that it is most like; none if only one.")
    rival_distance: float | None = Field(description="How unlike that one it is.")
    notices: tuple[str, ...] = Field(
        (),
        description="Whole sentences about the scan that its sender should read, as that some of "
        "its points are no measurement and were left out.",
    )
    point_scores: tuple[float | None, ...] | None = Field(
        None,
        description="One score a point in the order of the upload, where asked for; none for a "
        "point that was left out as no measurement.",
    )
    picture: str | None = Field(
        None, description="Heat map, a PNG as a data address, where asked for."
    )


class ModelResponse(Model):
    """The loaded detector, and what the server takes on."""

    file: str
    sha256: str
    trained_by: str = Field(description="Version of flawsmith that trained it.")
    categories: tuple[str, ...]
    unit: str | None = Field(
        description="Length unit of the training scans; none where they stated none."
    )
    object_threshold: float | None
    point_threshold: float
    false_alarm_rate: float = Field(description="What the object threshold was to certify.")
    false_alarm_interval: tuple[float, float] | None = Field(
        description="What the threshold's false-alarm rate may really be, with 95 % confidence."
    )
    certified: bool = Field(description="Whether enough nominal scans were held out for that.")
    calibration_scans: int = Field(description="Nominal scans that it was calibrated on.")
    suffixes: tuple[str, ...] = Field(description="Formats that can be uploaded.")
    max_upload_bytes: int
    max_points: int


class ErrorResponse(Model):
    """Why a request was refused, and the way out."""

    detail: str
