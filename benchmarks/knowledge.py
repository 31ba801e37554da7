"""What it is worth to a detector to know what a product's documents say.

    python benchmarks/knowledge.py [--parts PART ...] [--seeds N] > benchmarks/knowledge.txt

For each part there is a text in benchmarks/knowledge, as a quality department writes it, and a
template of what the defects are really like. The template follows the text in kinds and sizes; what
the text leaves open was chosen without looking at what is made of the text. Two detectors are
trained on the same nominal scans with the same settings and the same number of drawn defects: one
with the template that ``instruct`` makes of the text, one with the demo's template of all seven
kinds in the demo's sizes. Both are measured on further scans with real defects.

``found`` is the share of the real defects whose scan is rejected and of whose points a region holds
some. With each seed, the scans, the training and the defects are others.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import flawsmith as fs
from backend.evaluation.cases import ScoredCase
from backend.evaluation.measure import report
from backend.training.config import from_record

HERE = Path(__file__).with_name("knowledge")
GENERIC = Path(__file__).parents[1] / "backend" / "demo" / "templates" / "parts.json"
PARTS = ("motor_holder", "plate_holes")
LEARNED, HELD_OUT, TESTED, DEFECTS = 6, 9, 6, 20
POINTS = 8_000
SETTINGS = {
    "threads": 1,
    "target_points": 6_000,
    "false_alarm_rate": 0.1,
    "fitting": {"epochs": 8},
    "synthesis": {"count": 24, "fresh": 0},
}


def scans(part: str, seed: int, count: int) -> list[fs.PointCloud]:
    """Nominal scans with views and noise of their own."""
    mesh = fs.load_sample(part)
    made = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        noise = rng.uniform(1e-4, 4e-4) * mesh.diagonal
        made.append(fs.virtual_scan(mesh, views=6, points=POINTS, noise=noise, rng=rng))
    return made


def instructed(part: str, scan: fs.PointCloud) -> fs.RecipeTemplate:
    """The template that the text of a part becomes."""
    surface = fs.surface_of(scan, part, fs.Unit.MM)
    text = (HERE / f"{part}.txt").read_text(encoding="utf-8")
    made = fs.instruct(text, surface, name=part, fix=True, progress=None)
    return made.checked().template


def cases(part: str, nominal: list[fs.PointCloud], seed: int) -> list[fs.TestCase]:
    """The nominal scans, and scans with one real defect each."""
    template = fs.load_template(HERE / f"{part}.json")
    found = [fs.TestCase(fs.LabeledCloud.nominal(scan), part, "nominal") for scan in nominal]
    number = 0
    while len(found) < len(nominal) + DEFECTS:
        scan = nominal[number % len(nominal)]
        surface = fs.surface_of(scan, part, fs.Unit.MM)
        (recipe,) = fs.sample(template, surface, seed=10_000 * seed + number, count=1)
        replayed = fs.replay(recipe, scan)
        number += 1
        if replayed.labeled.mask.sum() >= 20:
            kind = replayed.record.defects[0].kind
            found.append(fs.TestCase(replayed.labeled, part, kind))
    return found


def measure(part: str, template: fs.RecipeTemplate, seed: int) -> dict[str, float]:
    """Train with a template and measure on real defects."""
    learned = scans(part, 3 * seed, LEARNED)
    calibration = scans(part, 3 * seed + 1, HELD_OUT)
    sets = {part: fs.TrainingSet(learned, calibration, nominal_model=fs.load_sample(part))}
    detector = fs.train(sets, from_record(SETTINGS), seed=seed, template=template, progress=None)
    tested = cases(part, scans(part, 3 * seed + 2, TESTED), seed)
    scored, hits, alarms = [], [], []
    for case in tested:
        result = detector.score(case.cloud.points, case.cloud.normals, part)
        scored.append(ScoredCase(case, result))
        rejected = result.verdict is fs.Verdict.REJECT
        if case.anomalous:
            hits.append(rejected and bool((result.region[case.cloud.mask] > 0).any()))
        else:
            alarms.append(rejected)
    row = report(scored).rows[-1]
    return {
        "O-AUROC": row.o_auroc,
        "P-AUROC": row.p_auroc,
        "AUPRO": row.aupro,
        "found": float(np.mean(hits)),
        "false alarms": float(np.mean(alarms)),
    }


def show(name: str, figures: Mapping[str, float]) -> None:
    """A line of figures."""
    print(f"  {name:22}" + "".join(f"{value:14.3f}" for value in figures.values()), flush=True)


def main() -> None:
    """Each part, each seed, both templates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    for part in asked.parts:
        template = instructed(part, scans(part, 99, 1)[0])
        kinds = ", ".join(defect.name or defect.kind for defect in template.defects)
        print(f"{part}: the text becomes {kinds}")
        columns = ("O-AUROC", "P-AUROC", "AUPRO", "found", "false alarms")
        print(f"  {'':22}" + "".join(f"{name:>14}" for name in columns))
        rows: dict[str, list[dict[str, float]]] = {"instructed": [], "generic": []}
        for seed in range(asked.seeds):
            for name, chosen in {
                "instructed": template,
                "generic": fs.load_template(GENERIC),
            }.items():
                rows[name].append(measure(part, chosen, seed))
                show(f"{name}, seed {seed}", rows[name][-1])
        for name, found in rows.items():
            show(f"{name}, mean", {c: float(np.mean([r[c] for r in found])) for c in columns})


if __name__ == "__main__":
    main()
