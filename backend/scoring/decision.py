"""Whether an object is called anomalous, and when that is not said."""

from __future__ import annotations

from backend.scoring.recognition import Recognition

# A scan with fewer points on the same area, as a share of those of nominal scans, may have a high
# score for that alone: of the bundled parts the plate from 0.55 on, the others from 0.35 to 0.1.
LEAST_DENSITY = 2.0 / 3.0


def decision(
    score: float, threshold: float | None, recognition: Recognition
) -> tuple[bool | None, str | None]:
    """Whether the object is anomalous, and why that is not said though there is a threshold.

    Args:
        score: of the object.
        threshold: above which it is anomalous; None where none is certified.
        recognition: of the scan.
    """
    if threshold is None:
        return None, None
    doubt = too_sparse(recognition) if score > threshold else None
    return (None if doubt else score > threshold), doubt


def too_sparse(recognition: Recognition) -> str | None:
    """Why a high score of the scan says little, in a whole sentence; None where it does not."""
    density = recognition.density
    if density is None or density >= LEAST_DENSITY:
        return None
    return (
        f"The scan is too sparse for this detector: it has {100.0 * density:.2g} points on an area "
        f"where the nominal scans of {recognition.category!r} have 100, and a sparse surface looks "
        "anomalous. Scan more densely, or train with such scans, too"
    )
