"""MVTec 3D-AD (Bergmann et al., "The MVTec 3D-AD Dataset", VISAPP 2022).

CATEGORY/SPLIT/KIND/xyz/NNN.tiff   (H, W, 3) float32, x y z in metres in the camera's frame (x
                                   right, y down, z forward), zero where there is no point
CATEGORY/SPLIT/KIND/rgb/NNN.png    the same pixels in colour; here a grey shading of the surface
CATEGORY/test/KIND/gt/NNN.png      the same pixels, 255 where anomalous, else 0

SPLIT is ``train``, ``validation`` or ``test``; KIND is ``good`` without a defect. Loaders sort the
files of the three folders and pair them by their order (``nomewang/M3DM:dataset.py``), or look for
files of one name (anomalib); the preprocessing of ``eliahuhorwitz/3D-ADS`` replaces "xyz" and
"tiff" in the path.
"""

from __future__ import annotations

import numpy as np

from backend.cloud import LabeledCloud, PointCloud
from backend.dataset.layouts.layout import Exported, Layout, Place, Split, View
from backend.dataset.layouts.organised import OrganisedCloud, organised, shaded
from backend.dataset.layouts.png import format_png
from backend.io import WRITERS
from backend.io.tiff import IMAGE, PIXEL


def mvtec_3d_ad(place: Place, cloud: LabeledCloud, view: View) -> Exported:
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


MVTEC_3D_AD = Layout(
    "MVTec 3D-AD",
    mvtec_3d_ad,
    words=("xyz", "tiff"),
    validates=True,
    in_metres=True,
)
