"""Request and response models of the scoring server."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from shared_schema.base import Model


class HealthResponse(Model):
    """State of the server."""

    status: Literal["ok"] = "ok"
    version: str
    model: str = Field(description="Name of the loaded model file.")


class Verdict(StrEnum):
    """What is said of a scanned object.

    ``pass`` and ``reject`` are decisions. ``review`` asks a person to look. ``doubtful`` and
    ``unknown`` say that the scan may show another part, or surely does: it is then judged neither
    as good nor as bad.

    >>> fs.Verdict("pass").name
    'PASS'
    """

    PASS = "pass"
    REVIEW = "review"
    REJECT = "reject"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"


class Certainty(StrEnum):
    """How sure it is that a scan shows the part.

    >>> fs.Certainty("sure") is fs.Certainty.SURE
    True
    """

    SURE = "sure"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"


class RegionDeviationResponse(Model):
    """How far a region is off the usual surface, in the unit of the scan; outwards is positive."""

    lowest: float
    highest: float
    mean: float
    uncertainty: float = Field(
        description="Standard deviation of nominal scans at the places of the region."
    )


class RegionResponse(Model):
    """An area of anomalous points that hang together; lengths are in the unit of the scan."""

    number: int = Field(description="As in the property region of the scored cloud.")
    points: int
    area: float
    extent: float = Field(description="Its largest length.")
    width: float = Field(description="Its length across that.")
    center: tuple[float, float, float] = Field(description="In the frame of the scan.")
    direction: tuple[float, float, float] = Field(
        description="Of its largest length, in the frame of the scan."
    )
    center_in_part: tuple[float, float, float] | None = Field(
        description="In the frame of the nominal model; null where there is none."
    )
    direction_in_part: tuple[float, float, float] | None
    score: float = Field(description="Mean of its points' scores.")
    deviation: RegionDeviationResponse | None = Field(
        description="From the usual surface; null where the detector knows none."
    )
    kind: str | None = Field(
        description="Its likely kind of defect; null if the detector has learned no kinds."
    )
    kind_probability: float | None = Field(
        description="Of that kind among those that the detector has learned."
    )


class ScoreResponse(Model):
    """Scores of one scan; higher is more anomalous."""

    verdict: Verdict | None = Field(
        description="pass, review, reject, doubtful or unknown; null where no threshold is "
        "certified."
    )
    reasons: tuple[str, ...] = Field(
        (), description="Whole sentences that explain the verdict; none for pass."
    )
    object_score: float | None = Field(
        description="Null where the scan is not surely of the part and was not scored."
    )
    object_threshold: float | None = Field(
        description="Score of this category above which the object counts as anomalous; null if it "
        "could not be calibrated."
    )
    review_extent: float | None = Field(
        description="Length from which an anomalous region asks for a review, in the unit of the "
        "scan; null if it could not be calibrated."
    )
    regions: tuple[RegionResponse, ...] = Field(
        (), description="Where the scan is anomalous, the gravest region first."
    )
    region_count: int = Field(0, description="How many there are; at most 50 are listed.")
    point_threshold: float = Field(description="Score above which a point counts as anomalous.")
    point_count: int = Field(description="Points that were scored.")
    anomalous_points: int = Field(description="Points above the threshold, stray ones included.")
    stray_points: int = Field(
        description="Points that belong to no surface; they do not count for the object."
    )
    category: str = Field(description="Category by which the scan was scored.")
    certainty: Certainty = Field(description="How sure it is that the scan shows this part.")
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


class JointScanResponse(Model):
    """One of several scans of an object, by itself."""

    file: str
    verdict: Verdict | None
    reasons: tuple[str, ...]
    object_score: float | None


class JointResponse(Model):
    """What several scans of one object say together.

    Lengths are in the detector's unit, and places in the frame of the nominal model.
    """

    verdict: Verdict | None = Field(
        description="pass, review, reject, doubtful or unknown; null where no threshold is "
        "certified."
    )
    reasons: tuple[str, ...]
    category: str
    object_score: float
    object_threshold: float | None = Field(description="That of single scans of this category.")
    inspected: float = Field(
        description="Share of the surface that nominal scans show, all together, that at least one "
        "of the scans shows. The rest is not inspected."
    )
    regions: tuple[RegionResponse, ...]
    region_count: int = Field(description="How many there are; at most 50 are listed.")
    point_threshold: float
    point_count: int = Field(description="Points that are left where the scans overlap.")
    anomalous_points: int
    unit: str | None
    scans: tuple[JointScanResponse, ...] = Field(description="Each scan by itself.")


class LimitResponse(Model):
    """What a quantity of nominal scans exceeds at a stated rate."""

    value: float | None = Field(description="Null where the rate cannot be certified.")
    rate: float = Field(description="Of new nominal scans that exceed it, on average.")
    interval: tuple[float, float] | None = Field(
        description="95 % interval of the rate that this limit really has."
    )
    own_scans: int = Field(description="Held-out nominal scans of this category.")
    scans: int = Field(
        description="Held-out nominal scans that it rests on; more than own_scans where the "
        "scatter is shared with other categories."
    )


class CategoryLimits(Model):
    """When an object of a category is rejected, and when it is reviewed."""

    reject: LimitResponse = Field(description="Of the object score.")
    review: LimitResponse = Field(
        description="Of the length of an anomalous region, in distances between thinned points."
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
    point_threshold: float
    limits: dict[str, CategoryLimits] = Field(description="By category.")
    suffixes: tuple[str, ...] = Field(description="Formats that can be uploaded.")
    max_upload_bytes: int
    max_points: int


class ErrorResponse(Model):
    """Why a request was refused, and what to do."""

    detail: str
