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
    point_count: int
    anomalous_points: int
    point_scores: tuple[float, ...] | None = Field(
        None, description="One score a point in the order of the upload, where asked for."
    )


class ErrorResponse(Model):
    """Why a request was refused, and the way out."""

    detail: str
