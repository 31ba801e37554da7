"""How small a defect a detector finds: the report of ``flawsmith pod``.

The words are those of MIL-HDBK-1823A, "Nondestructive evaluation system reliability assessment":
a hit is a defect that is found, ``a90`` is the size that is found nine times out of ten, and
``a90/95`` is the upper 95 % confidence bound of a90. Sizes are lengths in the unit of the report.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from shared_schema.api import Verdict
from shared_schema.base import Length, Model, Triple
from shared_schema.constants import SCHEMA_VERSION
from shared_schema.recipe import Unit
from shared_schema.record import FileIdentity


class PodLink(StrEnum):
    """The curve: logit of the probability, or its normal quantile, is linear in the size."""

    LOGIT = "logit"
    PROBIT = "probit"


class PodPoint(Model):
    """The size at which the probability of detection reaches a value."""

    pod: float = Field(description="Probability of detection, from 0 to 1.")
    size: float
    lower: float | None = Field(
        description="Lower end of its 95 % confidence interval; null where there is none."
    )
    upper: float | None = Field(description="Upper end of it; null where there is none.")


class PodCurve(Model):
    """Probability of detection over the size, from hits and misses.

    What the data do not support is null, and ``refusals`` says why.

    >>> curve = fs.pod_curve([0.1, 0.2, 0.3, 0.4], [False, True, False, True])
    >>> curve.a90 is None
    True
    >>> curve.refusals[0]
    'No curve can be fitted to 2 hits and 2 misses; it needs at least 5 of each'
    """

    defects: int = Field(description="Number of defects.")
    found: int = Field(description="Number of them that were found, the hits.")
    smallest: float | None = Field(description="Smallest size that was tried; null without any.")
    largest: float | None = Field(description="Largest size that was tried; null without any.")
    link: PodLink | None = Field(None, description="Null where no curve could be fitted.")
    log_size: bool | None = Field(
        None, description="Whether the curve is in the logarithm of the size, or in the size."
    )
    intercept: float | None = Field(
        None, description="Of the linear predictor; of log sizes by the natural logarithm."
    )
    slope: float | None = Field(None, description="Of the linear predictor.")
    a50: float | None = Field(None, description="Size that is found half the time.")
    a90: float | None = Field(None, description="Size that is found nine times out of ten.")
    a90_lower: float | None = Field(
        None, description="Lower end of the 95 % confidence interval of a90."
    )
    a90_95: float | None = Field(
        None,
        description="The bound a90/95: upper end of the 95 % confidence interval of a90, by the "
        "likelihood ratio.",
    )
    curvature: float | None = Field(
        None,
        description="p-value of the likelihood-ratio test against a curve with a quadratic term; a "
        "small one says that the curve does not fit.",
    )
    hosmer_lemeshow: float | None = Field(
        None,
        description="p-value of the test of Hosmer and Lemeshow; a small one says that the curve "
        "does not fit. Null where the data are too few for it.",
    )
    points: tuple[PodPoint, ...] = Field((), description="The curve and its bounds, to be drawn.")
    refusals: tuple[str, ...] = Field(
        (), description="Whole sentences that say why a size is not stated."
    )
    cautions: tuple[str, ...] = Field(
        (), description="Whole sentences that a reader of the sizes should know."
    )


class PodDefect(Model):
    """A defect that was made on a nominal scan and scored.

    It is found if its scan is rejected and a region of the detector overlaps it.
    """

    sweep: str = Field(description="The sweep that it belongs to.")
    number: int = Field(description="In the sweep, from 0.")
    scan: str = Field(description="File of the nominal scan that it was made on.")
    value: float = Field(description="Value of the swept field.")
    size: float
    position: Triple = Field(description="In the part frame.")
    normal: Triple = Field(description="Outward normal of the surface there.")
    points: int = Field(description="Number of points that it marks.")
    verdict: Verdict | None
    object_score: float | None = Field(description="Null where the scan was not scored.")
    overlapped: bool = Field(description="Whether a region of the detector overlaps it.")

    @property
    def found(self) -> bool:
        """Whether it is a hit."""
        return self.overlapped and self.verdict is Verdict.REJECT


class PodMissing(Model):
    """A defect that could not be made; it does not count."""

    sweep: str
    number: int
    scan: str
    missing: str = Field(description="The reason.")


class PodNominal(Model):
    """What the detector says of a nominal scan itself."""

    scan: str
    verdict: Verdict | None
    object_score: float | None
    center: Triple = Field(description="Middle of its bounding box, in the part frame.")
    regions: tuple[Triple, ...] = Field(
        description="Centres of its anomalous regions that are longer than those of nominal scans "
        "usually are, in the part frame."
    )
    notices: tuple[str, ...] = ()


class PodSkipped(Model):
    """A scan that could not be used."""

    scan: str
    skipped: str = Field(description="The reason.")


class PodFalseAlarms(Model):
    """How often a nominal scan is rejected."""

    scans: int
    rejected: int
    interval: tuple[float, float] = Field(
        description="95 % interval of the rate, by Clopper and Pearson."
    )
    promised: float = Field(description="The rate that the limit of the detector was made for.")
    promised_interval: tuple[float, float] | None = Field(
        description="95 % interval of the rate that this limit really has, by the scans that it "
        "rests on."
    )
    limit_scans: int = Field(description="Held-out nominal scans that the limit rests on.")


class PodPlace(Model):
    """A patch of the surface of the part."""

    number: int = Field(description="From 1.")
    center: Triple = Field(description="In the part frame.")
    normal: Triple = Field(description="Outward.")
    alarms: int = Field(description="Nominal scans with such an anomalous region there.")


class PodPlaceSize(Model):
    """The size from which on defects of one sweep are found at a place.

    The curve is moved along the size; all places share its steepness.
    """

    place: int
    defects: int
    found: int
    a90: float | None = None
    a90_lower: float | None = None
    a90_95: float | None = None
    refusal: str | None = Field(None, description="Why no size is stated.")


class PodSweep(Model):
    """Defects of one entry of a template, from small to large."""

    key: str
    title: str = Field(description="Its name, or its kind.")
    template: str = Field(description="Name of the template.")
    kind: str
    size_name: str = Field(description="The length that the size is, such as the depth of a dent.")
    curve: PodCurve
    verdicts: dict[str, int] = Field(description="Number of its defects by verdict.")
    elsewhere: int = Field(
        description="Rejected scans in which no region overlaps the defect; they count as misses."
    )
    marked: int = Field(
        description="Misses that a region overlaps: the detector marks them, but the scan is not "
        "rejected."
    )
    missing: int = Field(description="Defects that could not be made.")
    places: tuple[PodPlaceSize, ...]
    places_differ: float | None = Field(
        description="p-value of the likelihood-ratio test that all places are alike."
    )
    scans_differ: float | None = Field(
        description="p-value of the likelihood-ratio test that all scans are alike."
    )


class PodReport(Model):
    """How small a defect a detector finds: what ``flawsmith pod`` writes as pod.json.

    >>> schema = fs.PodReport.model_json_schema()
    >>> schema["title"]
    'PodReport'
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    model: FileIdentity
    category: str
    unit: Unit = Field(description="Of all lengths and coordinates.")
    diagonal: Length = Field(description="Of the part.")
    seed: int
    count: int = Field(description="Defects that were asked for of each sweep.")
    nominal: FileIdentity | None = Field(description="Nominal model that scans were registered to.")
    templates: tuple[FileIdentity, ...]
    scans: tuple[PodNominal, ...]
    skipped: tuple[PodSkipped, ...]
    false_alarms: PodFalseAlarms
    sweeps: tuple[PodSweep, ...]
    places: tuple[PodPlace, ...]
    needs: tuple[str, ...] = Field(
        description="Whole sentences that say which kinds and places need more nominal scans."
    )
    cautions: tuple[str, ...] = Field(description="Whole sentences about the whole examination.")
    defects: tuple[PodDefect, ...]
    missing: tuple[PodMissing, ...]
    versions: dict[str, str]
