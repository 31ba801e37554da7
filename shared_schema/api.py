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
        description="Score above which the object counts as anomalous; null if it could not be "
        "calibrated."
    )
    anomalous: bool | None = Field(
        description="Decision; null without a threshold, or with a doubt."
    )
    doubt: str | None = Field(
        None,
        description="Why there is no decision although there is a threshold, for example because "
        "the scan is too sparse for the detector.",
    )
    point_threshold: float = Field(description="Score above which a point counts as anomalous.")
    point_count: int = Field(description="Points that were scored.")
    anomalous_points: int = Field(description="Points above the threshold, stray ones included.")
    stray_points: int = Field(
        description="Points that belong to no surface; they do not count for the object."
    )
    category: str = Field(description="Category by which the scan was scored.")
    category_given: bool = Field(
        description="Whether the request named the category; otherwise it was recognised."
    )
    category_distance: float = Field(
        description="How unlike the nominal scans of that part the scan is, from 0 to 1."
    )
    rival: str | None = Field(description="The nearest other part; null if there is no other.")
    rival_distance: float | None = Field(
        description="How unlike its nominal scans the scan is, from 0 to 1."
    )
    notices: tuple[str, ...] = Field(
        (),
        description="Whole sentences about the scan that its sender should read, for example that "
        "some of its points are no measurement and were left out.",
    )
    point_scores: tuple[float | None, ...] | None = Field(
        None,
        description="If asked for, one score per point in the order of the upload; null for a "
        "point that is no measurement and was left out.",
    )
    picture: str | None = Field(
        None, description="If asked for, a heat map: a PNG as a data address."
    )


class ModelResponse(Model):
    """The loaded detector, and the limits of the server."""

    file: str
    sha256: str
    trained_by: str = Field(description="Version of flawsmith that trained it.")
    categories: tuple[str, ...]
    unit: str | None = Field(
        description="Length unit of the training scans; null if they stated none."
    )
    object_threshold: float | None
    point_threshold: float
    false_alarm_rate: float = Field(
        description="False-alarm rate that the object threshold should certify."
    )
    false_alarm_interval: tuple[float, float] | None = Field(
        description="95 % confidence interval of the threshold's true false-alarm rate."
    )
    certified: bool = Field(
        description="Whether enough nominal scans were held out to certify the rate."
    )
    calibration_scans: int = Field(description="Number of nominal scans for the calibration.")
    suffixes: tuple[str, ...] = Field(description="Formats that can be uploaded.")
    max_upload_bytes: int
    max_points: int


class ErrorResponse(Model):
    """Why a request was refused, and what to do."""

    detail: str
