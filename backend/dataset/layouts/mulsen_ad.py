"""MulSen-AD (Li et al., "Multi-Sensor Object Anomaly Detection", CVPR 2025): its point clouds.

CATEGORY/Pointcloud/train/N.stl         scans to learn from
CATEGORY/Pointcloud/test/good/N.stl     scans without a defect
CATEGORY/Pointcloud/test/KIND/N.stl     scans with one
CATEGORY/Pointcloud/GT/KIND/N.txt       their anomalous points alone, ``x,y,z`` a line
CATEGORY/RGB/GT/KIND/data.csv           a row for each: its number, then 0 or 1 as RGB, infrared and
                                        point cloud show a defect

The loader of the authors for point clouds alone, ``ZZZBBBZZZ/MulSen-AD:dataset_3D.py``, merges
equal vertices, sorts the files of a kind by number, takes the rows of the table in the same order,
and labels the vertex nearest to each line of the text.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from backend.cloud import LabeledCloud
from backend.dataset.layouts.layout import Exported, Layout, Place, Split, View
from backend.dataset.layouts.points import SingleArray, format_corners, single_precision

HEAD = "object,RGB,Infrared,Pointcloud"


def mulsen_ad(place: Place, cloud: LabeledCloud, view: View) -> Exported:
    """One sample of MulSen-AD's point clouds.

    Raises:
        DatasetError: the coordinates are too large for single precision.
    """
    points = single_precision(cloud.points)
    folder = f"{place.category}/Pointcloud"
    below = "train" if place.split is Split.TRAIN else f"test/{place.kind}"
    files = {f"{folder}/{below}/{place.number}.stl": format_corners(points)}
    if cloud.mask.any():
        text = _format_marked(points[cloud.mask])
        files[f"{folder}/GT/{place.kind}/{place.number}.txt"] = text
    return Exported(files, len(points), int(cloud.mask.sum()))


def _format_marked(points: SingleArray) -> bytes:
    """Lines ``x,y,z`` of the doubles that vertices are read as: some loaders compare exactly."""
    if len(points) == 1:
        # numpy.genfromtxt makes a vector of a single line, and the loaders index a matrix.
        points = np.repeat(points, 2, axis=0)
    text = io.StringIO()
    np.savetxt(text, points.astype(np.float64), "%.17g", ",")
    return text.getvalue().encode("ascii")


def label_tables(places: Sequence[Place]) -> dict[str, bytes]:
    """``data.csv`` of each category and kind: only the point clouds show anything."""
    rows: dict[str, list[str]] = {}
    for place in sorted(places, key=lambda place: place.number):
        if place.split is Split.TEST:
            table = f"{place.category}/RGB/GT/{place.kind}/data.csv"
            rows.setdefault(table, [HEAD]).append(f"{place.number},0,0,{int(place.anomalous)}")
    return {table: ("\n".join(lines) + "\n").encode() for table, lines in rows.items()}


MULSEN_AD = Layout("MulSen-AD", mulsen_ad, words=("good", "test", ".stl"), tables=label_tables)
