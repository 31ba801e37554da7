"""Make labelled anomalies out of arrays of points.

    python docs/examples/replay_on_arrays.py

A recipe is drawn from a bundled template and replayed on a cloud. The mask tells which points are
anomalous, and the record makes the same sample again.
"""

import numpy as np

import flawsmith as fs


def main() -> None:
    """Draw three recipes and replay each one."""
    plate = fs.load_sample("plate_holes")
    scan = fs.subsample_surface(plate, 10_000, np.random.default_rng(0))
    points, normals = scan.points, scan.normals  # arrays (N, 3), as any program has them

    cloud = fs.PointCloud.of(points, normals, unit="mm")
    surface = fs.surface_of(cloud, "plate", fs.Unit.MM)
    template = fs.load_template("sheet_metal/dents")
    for recipe in fs.sample(template, surface, seed=7, count=3):
        labeled, record = fs.replay(recipe, cloud)
        moved = np.linalg.norm(labeled.points - points[labeled.source_index], axis=1)
        kinds = ", ".join(defect.kind for defect in record.defects)
        print(
            f"{recipe.name}: {kinds}; {labeled.mask.sum()} of {len(labeled)} points are anomalous, "
            f"the deepest is {moved.max():.2f} mm off"
        )
        again = fs.remake(record, cloud)
        assert (again.points == labeled.points).all()


if __name__ == "__main__":
    main()
