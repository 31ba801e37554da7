"""What is said of an object: pass, review or reject, or that it is not surely the part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from backend.scoring.calibration import Limit
from backend.scoring.recognition import Recognition
from backend.wording import counted
from shared_schema.api import Certainty, Verdict

# A scan with fewer points on the same area, as a share of those of nominal scans, may have a high
# score for that alone: of the bundled parts the plate from 0.55 on, the others from 0.35 to 0.1.
LEAST_DENSITY = 2.0 / 3.0


@dataclass(frozen=True)
class Rule:
    """The limits of a category.

    Attributes:
        reject: of the object's score.
        review: of the extent of its largest region, in distances between points of the thinned scan
            (``ThinSurface.apart``).
    """

    reject: Limit
    review: Limit

    def to_record(self) -> dict[str, Any]:
        """As JSON."""
        return {"reject": self.reject.to_record(), "review": self.review.to_record()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Rule:
        """The inverse of ``to_record``."""
        return cls(Limit(**record["reject"]), Limit(**record["review"]))


@dataclass(frozen=True)
class Judgement:
    """A verdict, None where no threshold is certified, and the whole sentences that explain it."""

    verdict: Verdict | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """What a verdict rests on.

    Attributes:
        score: of the object.
        extent: of its largest region, as ``Rule.review`` has it.
        apart: the unit of the extent, as a length.
        unit: of that length, where it is known.
        doubts: whole sentences that say why little deviation does not mean a good part.
    """

    score: float
    extent: float
    apart: float
    unit: str | None = None
    doubts: Sequence[str] = ()


def judge(found: Findings, rule: Rule, recognition: Recognition) -> Judgement:
    """The verdict on a scan that was scored.

    Args:
        found: in it.
        rule: of its category.
        recognition: of the scan.
    """
    if recognition.certainty is not Certainty.SURE:
        return unrecognised(recognition)
    limit = rule.reject.value
    if limit is None:
        return Judgement(None, (_uncertified(rule.reject, recognition.category),))
    if found.score > limit:
        sparse = _too_sparse(recognition)
        if sparse is not None:
            return Judgement(Verdict.REVIEW, (sparse,))
        why = f"The object score {found.score:.3g} is above {limit:.3g}"
        return Judgement(Verdict.REJECT, (why,))
    doubts = tuple(_doubts(found, rule))
    return Judgement(Verdict.REVIEW if doubts else Verdict.PASS, doubts)


def unrecognised(recognition: Recognition) -> Judgement:
    """The verdict on a scan that is not surely of the part."""
    unknown = recognition.certainty is Certainty.UNKNOWN
    return Judgement(Verdict.UNKNOWN if unknown else Verdict.DOUBTFUL, (recognition.reason,))


def _doubts(found: Findings, rule: Rule) -> Iterator[str]:
    """Why an object whose score is low should be looked at nevertheless."""
    limit = rule.review.value
    if limit is not None and found.extent > limit:
        unit = "" if found.unit is None else f" {found.unit}"
        yield (
            f"An anomalous region is {found.extent * found.apart:.3g}{unit} long, and those of "
            f"nominal scans are seldom longer than {limit * found.apart:.3g}{unit}"
        )
    yield from (text[0].upper() + text[1:] for text in found.doubts)


def _uncertified(limit: Limit, category: str) -> str:
    scans = counted(limit.scans, "held-out nominal scan")
    return (
        f"No limit of the object score is certified for {category!r}: {scans} "
        f"{'is' if limit.scans == 1 else 'are'} too few for a false-alarm rate of {limit.rate:.1%}"
    )


def _too_sparse(recognition: Recognition) -> str | None:
    """Why a high score of the scan says little, in a whole sentence; None where it does not."""
    density = recognition.density
    if density is None or density >= LEAST_DENSITY:
        return None
    return (
        f"The scan is too sparse for this detector: it has {100.0 * density:.2g} points on an area "
        f"where the nominal scans of {recognition.category!r} have 100, and a sparse surface looks "
        "anomalous. Scan more densely, or train with such scans, too"
    )
