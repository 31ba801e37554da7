"""Whether the best pose is right, by the sensor's own noise and by what it saw."""

from __future__ import annotations

from dataclasses import dataclass

from backend.registration.candidates import Candidate

# Of all points of the scan, surroundings and strays included.
MIN_FITNESS = 0.05
# No sensor is noisier, as a ratio of the extent of what it shows of the part, ...
MOST_NOISE = 0.015
# ... or noisier than MOST_ROUGHNESS times its noise over short distances. FORM_ERROR is always
# allowed, because real parts differ from their model.
MOST_ROUGHNESS = 6.0
FORM_ERROR = 0.0075
LEAST_COVERAGE = 0.5
LEAST_AGREEMENT = 0.75
# Points agree within three times the noise. The wider that is, the more of them do so by chance, so
# that scans as noisy as is allowed need this much more.
NOISY_AGREEMENT = 0.17
# Where it is not known from where the scan was taken, a table near the part counts as well.
LEAST_AGREEMENT_NEAR = 0.6
MOST_CONTRADICTION = 0.15
# A line, or less, can lie anywhere.
MOST_FREE_MOTIONS = 3


@dataclass(frozen=True)
class _Criterion:
    """``text`` says what is wrong where ``holds`` is false."""

    holds: bool
    text: str


def objection(
    candidate: Candidate, min_fitness: float, most_noise: float = MOST_NOISE
) -> str | None:
    """Why the pose is refused, as sentences; None if it is accepted."""
    found, on_all = candidate.evidence, candidate.on_all
    sigma = found.noise.sigma
    size = candidate.extent
    quiet = max(FORM_ERROR * size, MOST_ROUGHNESS * candidate.roughness)
    limit = min(most_noise * size, quiet)
    agreement = LEAST_AGREEMENT_NEAR if found.coverage is None else LEAST_AGREEMENT
    agreement += NOISY_AGREEMENT * (sigma / limit) ** 2
    coverage = 1.0 if found.coverage is None else found.coverage
    contradiction = 0.0 if found.contradiction is None else found.contradiction
    criteria = [
        _Criterion(
            on_all.fitness >= min_fitness,
            f"only {on_all.fitness:.1%} of the scan lies on the nominal model, "
            f"but {min_fitness:.1%} are needed",
        ),
        _Criterion(
            sigma <= limit,
            f"the scan lies {sigma:.2%} of the model's diagonal off its surface on average, but "
            f"noise explains at most {limit:.2%}",
        ),
        _Criterion(
            found.agreement >= agreement,
            f"only {found.agreement:.0%} of the points that should lie on the nominal model do, "
            f"but {agreement:.0%} are needed",
        ),
        _Criterion(
            coverage >= LEAST_COVERAGE,
            f"only {coverage:.0%} of the model's surface that should be visible is in the "
            f"scan, but {LEAST_COVERAGE:.0%} are needed",
        ),
        _Criterion(
            contradiction <= MOST_CONTRADICTION,
            f"the sensor looked through {contradiction:.0%} of the surface in front of "
            f"the points, but at most {MOST_CONTRADICTION:.0%} are allowed",
        ),
        _Criterion(
            on_all.freedom.motions.shape[1] <= MOST_FREE_MOTIONS,
            "the scan shows no more than a line, which fits anywhere",
        ),
    ]
    return next((criterion.text for criterion in criteria if not criterion.holds), None)
