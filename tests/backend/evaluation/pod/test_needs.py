"""What is said of kinds and places that need more nominal scans."""

from __future__ import annotations

from typing import Any

from backend.evaluation.pod.needs import cautions, needs
from shared_schema.pod import PodReport


def report(**given: Any) -> PodReport:
    """One sweep of sixty defects on ten scans, at three places, with nothing remarkable."""
    nominal = {"verdict": "pass", "object_score": 1.0, "center": (0, 0, 0), "regions": ()}
    places = [
        {"number": number, "center": (number, 0, 0), "normal": (0, 0, 1), "alarms": 1}
        for number in (1, 2, 3)
    ]
    curve = {"defects": 60, "found": 30, "smallest": 0.1, "largest": 2.0, "a90": 1.0}
    sweep = {
        "key": "000-dent",
        "title": "Dent",
        "template": "dents",
        "kind": "dent",
        "size_name": "depth",
        "curve": curve,
        "verdicts": {"pass": 30, "reject": 30},
        "elsewhere": 0,
        "marked": 4,
        "missing": 0,
        "places": [
            {"place": number, "defects": 20, "found": 10, "a90_lower": lower}
            for number, lower in ((1, 0.8), (2, 1.3), (3, None))
        ],
        "places_differ": 0.2,
        "scans_differ": 0.2,
    }
    alarms = {
        "scans": 10,
        "rejected": 1,
        "interval": (0.0, 0.4),
        "promised": 0.05,
        "promised_interval": (0.02, 0.08),
        "limit_scans": 200,
    }
    document: dict[str, Any] = {
        "model": {"file": "detector.safetensors", "sha256": 64 * "0"},
        "category": "plate",
        "unit": "mm",
        "diagonal": 100.0,
        "seed": 0,
        "count": 60,
        "nominal": None,
        "templates": [],
        "scans": [{"scan": f"{number}.ply"} | nominal for number in range(10)],
        "skipped": [],
        "false_alarms": alarms | given.pop("false_alarms", {}),
        "sweeps": [sweep | given.pop("sweep", {})],
        "places": places,
        "needs": [],
        "cautions": [],
        "defects": [],
        "missing": [],
        "versions": {},
    }
    return PodReport.model_validate(document | given)


def test_nothing_remarkable_needs_nothing() -> None:
    assert list(needs(report())) == []
    assert list(cautions(report())) == []


def test_scans_that_are_rejected_too_often() -> None:
    [said] = needs(report(false_alarms={"rejected": 4}))
    assert said.startswith("4 of 10 nominal scans are rejected, where the limit promises 5.0%")


def test_a_limit_that_rests_on_few_scans() -> None:
    uncertain = {"promised_interval": (0.001, 0.18), "limit_scans": 19}
    [said] = needs(report(false_alarms=uncertain))
    assert "rests on 19 held-out nominal scans" in said and "may be 0.1% to 18.0%" in said


def test_a_place_that_varies() -> None:
    places = [
        {"number": number, "center": (0, 0, 0), "normal": (0, 0, 1), "alarms": alarms}
        for number, alarms in ((1, 0), (2, 3))
    ]
    [said] = needs(report(places=places))
    assert said.startswith("Place 2: 3 of 10 nominal scans have a longer anomalous region")


def test_a_place_where_defects_are_found_late() -> None:
    [said] = needs(report(sweep={"places_differ": 0.01}))
    assert said.startswith("Dent at place 2: ") and "from 1.3 mm on at best" in said


def test_defects_that_are_marked_but_not_rejected() -> None:
    [said] = needs(report(sweep={"marked": 12}))
    assert said.startswith("Dent: of 30 misses, 12 are marked by a region")


def test_cautions() -> None:
    few = report().scans[:2]
    missing = [{"sweep": "000-dent", "number": 1, "scan": "0.ply", "missing": "it is too long"}]
    changed = report(sweep={"scans_differ": 1e-4, "missing": 1}, scans=few, missing=missing)
    said = list(cautions(changed))
    assert said[0].startswith("All defects were made on 2 nominal scans")
    assert said[1].startswith("How often a defect is found differs from scan to scan (Dent)")
    assert said[2] == "1 defect could not be made and does not count, because it is too long"
    apart = [scan.model_copy(update={"center": (40.0 * n, 0, 0)}) for n, scan in enumerate(few)]
    assert "do not lie in one frame" in list(cautions(report(scans=apart)))[1]
