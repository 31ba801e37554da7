"""Draw docs/pictures/places.png: where places that documents name are found on two bundled parts.

python docs/pictures/places.py

What is red is where defects are drawn that a document puts at that place.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from backend.arrays import BoolArray, FloatArray
from backend.instruct.places import PartShape, locate
from backend.report.pictures import View, as_png, mask_colors, splat
from backend.samples import sample_path, samples
from backend.sampling.places import Surface, find_place, load_surface
from shared_schema.load import parse_document
from shared_schema.recipe import Lengths, RecipeTemplate, Unit

PICTURE = Path(__file__).with_name("places.png")
# Each part, and the places that are shown on it.
PARTS = {
    "nist_ftc_10": ("hole_edge", "fillet", "flange", "thick_section"),
    "upper_arm": ("hole_edge", "fillet", "machined_face", "end"),
}
DRAWS = 1500
COLUMNS = 4
DENT = '{"schema_version": 1, "defects": [{"kind": "dent", "radius": 1, "depth": 1}]}'


def places_on(surface: Surface, place: str) -> FloatArray:
    """Where 1,500 defects at a place are drawn, (1500, 3)."""
    located = locate(place, PartShape(surface))
    template = parse_document(DENT, RecipeTemplate).model_copy(
        update={"regions": located.regions, "lengths": Lengths.ABSOLUTE}
    )
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(located.locations), size=DRAWS, p=located.shares)
    return np.array(
        [find_place(located.locations[n], template, surface, rng).position for n in chosen]
    )


def drawn(surface: Surface, place: str) -> BoolArray:
    """Which points of the part (N,) lie at a place, or beside one."""
    cloud = surface.cloud
    near = cloud.tree.query_ball_point(places_on(surface, place), cloud.spacing)
    mask = np.zeros(len(cloud), dtype=bool)
    mask[np.concatenate(near).astype(np.int64)] = True
    return mask


def main() -> None:
    """Draw a row of panels for each part."""
    figure = Figure(figsize=(2.2 * COLUMNS, 4.2), dpi=90, layout="constrained")
    for row, (name, places) in enumerate(PARTS.items()):
        unit = Unit(samples()[name].unit)
        surface = load_surface(sample_path(name), unit=unit, seed=0)
        for column, place in enumerate(places):
            axes = figure.add_subplot(2, COLUMNS, row * COLUMNS + column + 1)
            mask, cloud = drawn(surface, place), surface.cloud
            view = View.onto(cloud.normals, mask)
            image = splat(cloud.points, cloud.normals, mask_colors(mask), view)
            axes.imshow(np.clip(image, 0.0, 1.0))
            axes.set_title(place, fontsize=9)
            axes.axis("off")
    PICTURE.write_bytes(as_png(figure))


if __name__ == "__main__":
    main()
