"""Real3D-AD (Liu et al., "Real3D-AD: A Dataset of Point Cloud Anomaly Detection", NeurIPS 2023).

CATEGORY/train/N_template.pcd   scans to learn from
CATEGORY/test/N_good.pcd        scans without a defect
CATEGORY/test/N_KIND.pcd        scans with one
CATEGORY/gt/N_KIND.txt          the same points in order, ``x y z label`` a line

The loader of the authors, ``M-3LAB/Real3D-AD:dataset_pc.py``, takes ``train/*template*.pcd`` and
``test/*.pcd`` without "temp" in the path; those with "good" in it are nominal, the others are read
from their text alone.
"""

from __future__ import annotations

from backend.cloud import LabeledCloud
from backend.dataset.layouts.layout import Exported, Layout, Place, Split, View
from backend.dataset.layouts.points import (
    format_single_pcd,
    format_single_text,
    single_precision,
)


def real3d_ad(place: Place, cloud: LabeledCloud, view: View) -> Exported:
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


REAL3D_AD = Layout("Real3D-AD", real3d_ad, words=("good", "temp"))
