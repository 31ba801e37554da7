"""Make labelled anomalies out of what a text says of a part.

    python docs/examples/instruct_from_a_text.py

The embedded reader finds the defects in the text, and the template that is made of them is checked
on the part. No language model is asked. Recipes are drawn from the template and replayed.
"""

import numpy as np

import flawsmith as fs

TEXT = """
Cover plate, steel sheet, deep drawn.

- Dents of 10 to 20 mm in diameter and 1 to 2 mm deep occur.
- Cracks are not permitted.
- No wrinkles were found.
"""


def main() -> None:
    """Read, check, draw and replay."""
    plate = fs.load_sample("plate_holes")
    scan = fs.subsample_surface(plate, 10_000, np.random.default_rng(0))
    surface = fs.surface_of(scan, "plate", fs.Unit.MM)

    instructed = fs.instruct(TEXT, surface, name="cover", scans=[scan], fix=True, progress=None)
    for item in instructed.report.items:
        print(f"{item.defect}: {item.polarity.value}, {'made' if item.used else 'not made'}")
    for finding in instructed.report.findings:
        print(f"{finding.rule} {finding.where}: {finding.message}")

    template = instructed.checked().template
    for recipe in fs.sample(template, surface, seed=0, count=3):
        labeled, record = fs.replay(recipe, scan)
        kinds = ", ".join(defect.kind for defect in record.defects)
        print(f"{recipe.name}: {kinds}; {labeled.mask.sum()} of {len(labeled)} points anomalous")


if __name__ == "__main__":
    main()
