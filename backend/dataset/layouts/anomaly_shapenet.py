"""Anomaly-ShapeNet (Li et al., "Towards Scalable 3D Anomaly Detection", CVPR 2024).

pcd/CATEGORY/train/CATEGORY_templateN.pcd   scans to learn from
pcd/CATEGORY/test/CATEGORY_positiveN.pcd    scans without a defect
pcd/CATEGORY/test/CATEGORY_KINDN.pcd        scans with one
pcd/CATEGORY/GT/CATEGORY_KINDN.txt          the same points in order, ``x,y,z,label`` a line

Loaders take ``train/*template*.pcd`` and ``test/*.pcd``; those with "positive" in the path are
nominal, the others are read from their text alone (``yjnanan/PO3AD``). R3D-AD finds the text by
replacing "test" and "pcd" in the path. In the published files the number may also stand before the
kind, as in ``1_bulge.pcd``.
"""

from __future__ import annotations

import re
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
)
from backend.dataset.layouts.points import (
    format_single_pcd,
    format_single_text,
    single_precision,
)
from backend.dataset.layouts.real3d_ad import read_real3d_ad

NOMINAL_WORDS = ("positive", "good", "template")


def anomaly_shapenet(place: BenchmarkPlace, cloud: LabeledCloud, view: ImageView) -> Exported:
    """One sample of Anomaly-ShapeNet.

    Raises:
        DatasetError: the coordinates are too large for single precision.
    """
    points = single_precision(cloud.points)
    folder = f"pcd/{place.category}"
    name = f"{place.category}_{_word(place)}{place.number}"
    files = {f"{folder}/{place.split}/{name}.pcd": format_single_pcd(points)}
    if place.anomalous:
        files[f"{folder}/GT/{name}.txt"] = format_single_text(points, cloud.mask, ",")
    return Exported(files, len(points), int(cloud.mask.sum()))


def _word(place: BenchmarkPlace) -> str:
    """What the file's name says of the sample."""
    if place.split is Split.TRAIN:
        return "template"
    return place.kind if place.anomalous else "positive"


def find_anomaly_shapenet(folder: Path) -> Iterator[BenchmarkFile]:
    """The scans below ``folder``, or below ``pcd`` in it."""
    inside = folder / "pcd" if (folder / "pcd").is_dir() else folder
    for split in (Split.TRAIN, Split.TEST):
        for path in sorted(inside.glob(f"*/{split}/*.pcd")):
            category = path.parents[1]
            name = path.stem.removeprefix(f"{category.name}_")
            number = "".join(re.findall(r"\d", name))
            word = "".join(re.findall(r"[^\W\d_]", name))
            kind = GOOD if split is Split.TRAIN or word in NOMINAL_WORDS else word
            place = BenchmarkPlace(category.name, int(number or 0), split, kind)
            truth = category / "GT" / f"{path.stem}.txt"
            yield BenchmarkFile(path, truth if place.anomalous else None, place)


ANOMALY_SHAPENET = Layout(
    "Anomaly-ShapeNet",
    anomaly_shapenet,
    find_anomaly_shapenet,
    read_real3d_ad,
    # PO3AD cuts a name at its first dot.
    words=("positive", "temp", "test", "pcd", "."),
)
