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

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from backend.arrays import Float32Array
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
    format_corners,
    marked,
    read_corners,
    single_precision,
)

HEAD = "object,RGB,Infrared,Pointcloud"


def mulsen_ad(place: BenchmarkPlace, cloud: LabeledCloud, view: ImageView) -> Exported:
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


def _format_marked(points: Float32Array) -> bytes:
    """Lines ``x,y,z`` of the doubles that vertices are read as: some loaders compare exactly."""
    if len(points) == 1:
        # numpy.genfromtxt makes a vector of a single line, and the loaders index a matrix.
        points = np.repeat(points, 2, axis=0)
    text = io.StringIO()
    np.savetxt(text, points.astype(np.float64), "%.17g", ",")
    return text.getvalue().encode("ascii")


def label_tables(places: Sequence[BenchmarkPlace]) -> dict[str, bytes]:
    """``data.csv`` of each category and kind: only the point clouds show anything."""
    rows: dict[str, list[str]] = {}
    for place in sorted(places, key=lambda place: place.number):
        if place.split is Split.TEST:
            table = f"{place.category}/RGB/GT/{place.kind}/data.csv"
            rows.setdefault(table, [HEAD]).append(f"{place.number},0,0,{int(place.anomalous)}")
    return {table: ("\n".join(lines) + "\n").encode() for table, lines in rows.items()}


def find_mulsen_ad(folder: Path) -> Iterator[BenchmarkFile]:
    """The scans below ``folder``; nominal are those whose point cloud shows nothing."""
    for clouds in sorted(folder.glob("*/Pointcloud")):
        category = clouds.parent.name
        for path in _by_number(clouds / "train"):
            place = BenchmarkPlace(category, int(path.stem), Split.TRAIN, GOOD)
            yield BenchmarkFile(path, None, place)
        for below in sorted((clouds / "test").glob("*/")):
            shown = _shown(clouds.parent / "RGB" / "GT" / below.name / "data.csv")
            for path in _by_number(below):
                truth = clouds / "GT" / below.name / f"{path.stem}.txt"
                anomalous = truth.exists() and shown.get(int(path.stem), True)
                kind = below.name if anomalous else GOOD
                place = BenchmarkPlace(category, int(path.stem), Split.TEST, kind)
                yield BenchmarkFile(path, truth if anomalous else None, place)


def _by_number(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.stl"), key=lambda path: int(path.stem))


def _shown(table: Path) -> dict[int, bool]:
    """By number, whether the point cloud shows the defect."""
    if not table.exists():
        return {}
    rows = csv.reader(io.StringIO(table.read_text(encoding="utf-8")))
    return {int(row[0]): row[3].strip() == "1" for row in list(rows)[1:] if len(row) > 3}


def read_mulsen_ad(file: BenchmarkFile) -> Truth:
    """The vertices; of those with a defect the nearest to each marked place are anomalous."""
    cloud = read_corners(file.path)
    mask = np.zeros(len(cloud), dtype=bool)
    if file.truth is not None:
        places = np.loadtxt(file.truth, delimiter=",", ndmin=2)[:, :3]
        mask[cloud.tree.query(places)[1]] = True
    return Truth(marked(cloud, mask))


MULSEN_AD = Layout(
    "MulSen-AD",
    mulsen_ad,
    find_mulsen_ad,
    read_mulsen_ad,
    words=("good", "test", ".stl"),
    tables=label_tables,
)
