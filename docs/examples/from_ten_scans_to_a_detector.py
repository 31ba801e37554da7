"""Train a detector on ten defect-free scans and score new ones.

    python docs/examples/from_ten_scans_to_a_detector.py

The scans are simulated here; yours come from ``fs.read_cloud``. Training draws its own defects from
a template. With ten scans too few are held out to certify a decision: there are scores for every
point and for the object, but no verdict.
"""

import numpy as np

import flawsmith as fs

PART = "motor_holder"


def scan(seed: int) -> fs.PointCloud:
    """A scan from three sides, with the noise of a sensor."""
    mesh, rng = fs.load_sample(PART), np.random.default_rng(seed)
    return fs.virtual_scan(mesh, views=3, points=6_000, noise=0.02, rng=rng)


def main() -> None:
    """Train, then score a good and a damaged part."""
    template = fs.load_template("machining/handling_dents")
    # Coarse and without a network, to end within a minute; leave the settings out for real work.
    quick = fs.TrainingConfig(target_points=4_000, channels=("histograms", "surface"))
    given = fs.TrainingSet([scan(seed) for seed in range(10)], nominal_model=fs.load_sample(PART))
    detector = fs.train({PART: given}, quick, seed=0)
    print(f"Compared {detector.info['families'][PART]['family']}.")

    good = scan(100)
    surface = fs.surface_of(good, PART, fs.Unit.MM)
    (recipe,) = fs.sample(template, surface, seed=0, count=1)
    damaged = fs.replay(recipe, good).labeled
    for name, cloud in {"good": good, "damaged": damaged}.items():
        result = detector.score(cloud.points, cloud.normals, category=PART)
        print(f"{name}: object score {result.object_score:.2f}, verdict {result.verdict}")
    # The same cloud of points, so that the scores can be compared with the mask.
    scores = result.point_scores
    inside, outside = scores[damaged.mask].mean(), scores[~damaged.mask].mean()
    print(f"mean point score {inside:.2f} in the defect, {outside:.2f} elsewhere")


if __name__ == "__main__":
    main()
