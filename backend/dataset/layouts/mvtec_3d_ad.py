"""MVTec 3D-AD (Bergmann et al., "The MVTec 3D-AD Dataset", VISAPP 2022).

CATEGORY/SPLIT/KIND/xyz/NNN.tiff   (H, W, 3) float32, x y z in metres in the camera's frame (x
                                   right, y down, z forward), zero where there is no point
CATEGORY/SPLIT/KIND/rgb/NNN.png    the same pixels in colour; here a grey shading of the surface
CATEGORY/test/KIND/gt/NNN.png      the same pixels, 255 where anomalous, else 0

SPLIT is ``train``, ``validation`` or ``test``; KIND is ``good`` without a defect. Loaders sort the
files of the three folders and pair them by their order (``nomewang/M3DM:dataset.py``), or look for
files of one name (anomalib); the preprocessing of ``eliahuhorwitz/3D-ADS`` replaces "xyz" and
"tiff" in the path. That preprocessing also takes the table away that the published scans stand on:
what lies within 5 mm of the plane through the image's border, and all but the largest of the pieces
that are 6 mm apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import label

from backend.arrays import BoolArray, Float32Array, FloatArray
from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.layouts.layout import (
    BenchmarkFile,
    BenchmarkPlace,
    Exported,
    ImageView,
    Layout,
    Protocol,
    Split,
    Truth,
)
from backend.dataset.layouts.organised import OrganisedCloud, organised, shaded
from backend.dataset.layouts.png import format_png
from backend.dataset.layouts.points import marked
from backend.errors import DatasetError
from backend.extras import missing_extra
from backend.geometry.normals import estimate_normals, orient_towards
from backend.io import WRITERS, read_cloud
from backend.io.organised import IMAGE, PIXEL

BORDER, LEAST_BORDER = 10, 0.01
TABLE_METRES = 0.005
PLANE_ROUNDS, TINY = 30, 1e-6
# Cells that touch by a corner bridge up to twice their diagonal.
PIECE_CELL = 0.003


def mvtec_3d_ad(place: BenchmarkPlace, cloud: LabeledCloud, view: ImageView) -> Exported:
    """One sample of MVTec 3D-AD.

    Raises:
        DatasetError: the camera sees nothing.
        MissingDependencyError: tifffile is not installed.
    """
    image = organised(cloud, view)
    mask = cloud.mask[image.rows]
    folder = f"{place.category}/{place.split}/{place.kind}"
    grey = image.image_of(shaded(image))
    files = {
        f"{folder}/xyz/{place.number:03}.tiff": _format_xyz(image, view.metres),
        f"{folder}/rgb/{place.number:03}.png": format_png(np.stack([grey, grey, grey], axis=2)),
    }
    if place.split is Split.TEST:
        marked = image.image_of(np.where(mask, 255, 0).astype(np.uint8))
        files[f"{folder}/gt/{place.number:03}.png"] = format_png(marked)
    return Exported(files, len(image.points), int(mask.sum()))


def _format_xyz(image: OrganisedCloud, metres: float) -> bytes:
    height, width = image.size
    fields = {name: image.pixels[:, axis] for axis, name in enumerate(PIXEL)}
    for name, length in zip(IMAGE, (height, width), strict=True):
        fields[name] = np.full(len(image.points), length)
    return WRITERS[".tiff"](PointCloud(metres * image.points, fields=fields))


def find_mvtec_3d_ad(folder: Path) -> Iterator[BenchmarkFile]:
    """The scans below ``folder``."""
    for split in Split:
        for path in sorted(folder.glob(f"*/{split}/*/xyz/*.tiff")):
            kind = path.parents[1]
            place = BenchmarkPlace(path.parents[3].name, int(path.stem), split, kind.name)
            truth = kind / "gt" / f"{path.stem}.png"
            yield BenchmarkFile(path, truth if truth.exists() else None, place)


def read_mvtec_3d_ad(file: BenchmarkFile) -> Truth:
    """The part without what it stands on, in metres in the camera's frame, with normals to it."""
    cloud = read_cloud(file.path)
    cloud = cloud.subset(of_the_part(cloud))
    normals = estimate_normals(cloud.points, cloud.tree)
    cloud = cloud.with_normals(orient_towards(cloud.points, normals, np.zeros(3)))
    size = [int(cloud.fields[name][0]) for name in IMAGE]
    image = np.zeros(size, dtype=bool)
    if file.truth is not None:
        image = _read_picture(file.truth) > 0.0
    if list(image.shape) != size:
        raise DatasetError(
            f"{file.truth} is {image.shape} pixels, the scan {tuple(size)}; both must have the "
            "same size"
        )
    row, column = (cloud.fields[name] for name in PIXEL)
    return Truth(marked(cloud, image[row, column]), image)


def _read_picture(path: Path) -> Float32Array:
    """(H, W) brightness from 0 to 1."""
    try:
        from matplotlib.image import imread
    except ModuleNotFoundError as error:
        raise missing_extra(error, "ground truth in pictures") from error
    picture: Float32Array = imread(path)
    return picture if picture.ndim == 2 else picture[..., 0]


def of_the_part(cloud: PointCloud) -> BoolArray:
    """(N,) which points of an organised scan in metres belong to the part.

    All of them where nothing, or next to nothing, lies at the image's border: then the table has
    been taken away.
    """
    row, column = (cloud.fields[name] for name in PIXEL)
    rows, columns = (int(cloud.fields[name][0]) for name in IMAGE)
    border = (np.minimum(row, rows - 1 - row) < BORDER) | (
        np.minimum(column, columns - 1 - column) < BORDER
    )
    if border.mean() < LEAST_BORDER:
        return np.ones(len(cloud), dtype=bool)
    normal, offset = fitted_plane(cloud.points[border])
    kept = np.abs(cloud.points @ normal - offset) > TABLE_METRES
    kept[kept] = largest_piece(cloud.points[kept])
    return kept


def fitted_plane(points: FloatArray) -> tuple[FloatArray, float]:
    """Unit normal (3,) and distance from the origin, by reweighted least squares."""
    weight = np.ones(len(points))
    for _ in range(PLANE_ROUNDS):
        center = (weight[:, None] * points).sum(axis=0) / weight.sum()
        offset = points - center
        normal = np.linalg.eigh((offset * weight[:, None]).T @ offset)[1][:, 0]
        distance = offset @ normal
        scale = max(float(np.median(np.abs(distance))), TINY)
        weight = 1.0 / (1.0 + (distance / scale) ** 2) ** 2
    return normal, float(center @ normal)


def largest_piece(points: FloatArray) -> BoolArray:
    """(N,) which points are of the largest piece, pieces being some 6 mm apart."""
    cells = np.floor((points - points.min(axis=0)) / PIECE_CELL).astype(np.int64)
    grid = np.zeros(cells.max(axis=0) + 1, dtype=bool)
    grid[tuple(cells.T)] = True
    piece = label(grid, np.ones((3, 3, 3)))[0][tuple(cells.T)]
    largest: BoolArray = piece == np.argmax(np.bincount(piece))
    return largest


MVTEC_3D_AD = Layout(
    "MVTec 3D-AD",
    mvtec_3d_ad,
    find_mvtec_3d_ad,
    read_mvtec_3d_ad,
    words=("xyz", "tiff"),
    validates=True,
    in_metres=True,
    protocol=Protocol(in_image=True),
)
