"""Draw docs/pictures/scanner.png: a part, one view of a scan of it, and four views in one cloud.

python -m docs.pictures.scanner

Needs Blender as a Python module (the extra ``blender``).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from backend.report.pictures import View, panels, splat
from blender_addon.examples.sample import add_sample_defects, add_sample_part
from blender_addon.overlay.colours import label_colours
from blender_addon.rendering.preview import render_preview
from blender_addon.scanning.scan import Scan, load_scanner, scan_part

SIZE = 520
VIEWER = np.array([0.35, -0.7, 0.65])
PLAIN = (0.55, 0.57, 0.6)
# Where the camera of the single view stands, in the part frame, and how far the projector from it.
PLACE = [0.0, -420.0, 330.0]
BASELINE = 260.0


def scans(part: bpy.types.Object) -> dict[str, Scan]:
    """By title, a view of one side and the scan of a bundled scanner."""
    finer: dict[str, Any] = {"noise": None, "spacing": 0.45, "width": 700, "height": 700}
    one_view = {"type": "given", "viewpoints": [PLACE]}
    single = {**finer, "views": one_view, "baseline": BASELINE, "field_of_view": 0.27}
    settings = load_scanner("structured_light")
    return {
        "one view": scan_part(part, {**settings, **single}, np.random.default_rng(0)),
        "four views": scan_part(part, {**settings, **finer}, np.random.default_rng(3)),
    }


def colours(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """A colour (P, 3) for each label; grey where there is none."""
    return np.where((labels > 0)[:, None], label_colours(labels), PLAIN)


def main() -> None:
    """Draw the picture beside this program."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    part = add_sample_part()
    add_sample_defects(part)
    images = {"the part, defects in red": preview(part)}
    for title, scan in scans(part).items():
        view = View.along(VIEWER)
        images[title] = splat(scan.points, scan.normals, colours(scan.labels), view, size=SIZE)
    Path(__file__).with_suffix(".png").write_bytes(panels(images))


def preview(part: bpy.types.Object) -> NDArray[Any]:
    """The part as the extension draws it, (SIZE, SIZE, 3)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.png"
        render_preview(part, path, SIZE, VIEWER)
        image: Any = bpy.data.images.load(str(path))
        pixels = np.empty(SIZE * SIZE * 4, dtype=np.float32)
        image.pixels.foreach_get(pixels)
        return pixels.reshape(SIZE, SIZE, 4)[::-1, :, :3]


if __name__ == "__main__":
    main()
