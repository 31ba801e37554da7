"""Real3D-AD (Liu et al., "Real3D-AD: A Dataset of Point Cloud Anomaly Detection", NeurIPS 2023).

CATEGORY/train/N_template.pcd   scans to learn from
CATEGORY/test/N_good.pcd        scans without a defect
CATEGORY/test/N_KIND.pcd        scans with one
CATEGORY/gt/N_KIND.txt          the same points in order, ``x y z label`` a line

The loader of the authors, ``M-3LAB/Real3D-AD:dataset_pc.py``, takes ``train/*template*.pcd`` and
``test/*.pcd`` without "temp" in the path; those with "good" in it are nominal, the others are read
from their text alone. In the published files scans to learn from may also be called ``prototype``,
and the names of those from one side end in ``_cut`` or ``_copy``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from backend.cloud import LabeledCloud
from backend.dataset.layouts.layout import (
    GOOD,
    BenchmarkFile,
    BenchmarkPlace,
    Exported,
    ImageView,
    Layout,
    Split,
    Truth,
)
from backend.dataset.layouts.points import (
    format_single_pcd,
    format_single_text,
    read_labelled_text,
    read_points,
    single_precision,
)


def real3d_ad(place: BenchmarkPlace, cloud: LabeledCloud, view: ImageView) -> Exported:
    """One sample of Real3D-AD.

    Raises:
        DatasetError: the coordinates are too large for single precision.
    """
    points = single_precision(cloud.points)
    name = f"{place.number}_{'template' if place.split is Split.TRAIN else place.kind}"
    files = {f"{place.category}/{place.split}/{name}.pcd": format_single_pcd(points)}
    if place.anomalous:
        files[f"{place.category}/gt/{name}.txt"] = format_single_text(points, cloud.mask, " ")
    return Exported(files, len(points), int(cloud.mask.sum()))


def find_real3d_ad(folder: Path) -> Iterator[BenchmarkFile]:
    """The scans below ``folder``."""
    for split in (Split.TRAIN, Split.TEST):
        for path in sorted(folder.glob(f"*/{split}/*.pcd")):
            category, words = path.parents[1], path.stem.split("_")
            if split is Split.TEST and "temp" in path.name:
                continue
            number, kind = int(words[0]), words[1] if len(words) > 1 else GOOD
            kind = GOOD if split is Split.TRAIN else kind
            truth = category / "gt" / f"{path.stem}.txt"
            place = BenchmarkPlace(category.name, number, split, kind)
            yield BenchmarkFile(path, truth if place.anomalous else None, place)


def read_real3d_ad(file: BenchmarkFile) -> Truth:
    """A nominal scan from its points, one with a defect from its ground truth."""
    if file.truth is None:
        return Truth(LabeledCloud.nominal(read_points(file.path)))
    return Truth(read_labelled_text(file.truth))


REAL3D_AD = Layout("Real3D-AD", real3d_ad, find_real3d_ad, read_real3d_ad, words=("good", "temp"))
