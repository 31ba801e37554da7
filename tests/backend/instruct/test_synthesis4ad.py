"""Instructions as the authors of Synthesis4AD write them become a template, or tell why not."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flawsmith as fs
from backend.cloud.sight import pixels_of
from backend.errors import InstructionError, SchemaError
from backend.instruct.synthesis4ad import Imported, import_instructions, read_instructions
from backend.instruct.validation import Target
from backend.sampling.places import with_views
from shared_schema.load import load_views
from tests.architecture.project import ROOT

VIEWS = ROOT / "tests" / "golden" / "views" / "views.json"
# Boxes in pixels of a picture of 1024, on the upper face of the plate in view_000.
ON_FACE = {"x": 320, "y": 352, "w": 96, "h": 96}
BESIDE = {"x": 2, "y": 2, "w": 60, "h": 60}
# The two objects of the authors' figure, with other boxes.
DENT = {
    "Type": "Dent",
    "Loc": ON_FACE,
    "Algo": "3D_Primitive",
    "Params": {"m": "6~10", "A": "0.002~0.005", "σ": 0.02},
}
SCRATCH = {
    "Type": "Scratch",
    "Loc": {"x": 416, "y": 256, "w": 12, "h": 60},
    "Algo": "1D_Primitive",
    "Params": {"m": ">20", "r": "0.005~0.008", "d": 0.002},
}
ROUND = {
    "Type": "sphere",
    "Loc": {"x": 560, "y": 352, "w": 60, "h": 60},
    "Algo": "1D_Primitive",
    "Params": {"radius_ratio": "0.02～0.03", "stretch_scale": 0.004},
}
BEND = {"Type": "Bent", "Loc": ON_FACE, "Algo": "2D_Primitive", "Params": {"θ": "10~20"}}
CRACK = {
    "Type": "Crack Defect",
    "Loc": {"x": 352, "y": 608, "w": 96, "h": 60},
    "Algo": "2D_Primitive",
    "Params": {"gap_width": "0.01", "depth_ratio": 0.02, "l": 0.1},
}


@cache
def target() -> Target:
    plate = fs.load_sample("plate_holes")
    spread = fs.subsample_surface(plate, 6000, np.random.default_rng(0))
    return Target(with_views(fs.surface_of(spread, "plate", fs.Unit.MM), load_views(VIEWS)))


def read(tmp_path: Path, document: object) -> Any:
    path = tmp_path / "paper.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return read_instructions(path)


def made(tmp_path: Path, *instructions: dict[str, Any], **options: Any) -> Imported:
    options = {"view": "view_000", "name": "paper"} | options
    return import_instructions(read(tmp_path, list(instructions)), target(), **options)


def rules(imported: Imported) -> list[tuple[str, str]]:
    return [(one.rule, one.severity) for one in imported.findings]


def test_each_primitive_becomes_its_kind_where_the_box_is(tmp_path: Path) -> None:
    imported = made(tmp_path, BEND, DENT, SCRATCH, ROUND, CRACK, fix=True)
    assert imported.validation.valid is not None
    template = imported.validation.template
    bend, dent, scratch, sphere, crack = template.defects
    kinds = [defect.kind for defect in template.defects]
    assert kinds == ["bend", "freeform", "scratch", "dent", "crack"]
    assert template.lengths == "ratio"
    assert np.degrees([bend.angle.min, bend.angle.max]) == pytest.approx([10.0, 20.0])
    assert (dent.bump_count.min, dent.bump_count.max) == (6.0, 10.0)
    assert (dent.amplitude.min, dent.amplitude.max) == (0.002, 0.005)
    assert dent.sigma_ratio * dent.size == pytest.approx(0.02)
    assert (scratch.width.min, scratch.width.max, scratch.depth) == (0.01, 0.016, 0.002)
    assert (sphere.radius.min, sphere.radius.max, sphere.depth) == (0.02, 0.03, 0.004)
    assert (crack.gap, crack.depth, crack.length) == (0.01, 0.02, 0.1)
    # A box of 96 pixels in a picture of 1024 is one of 30 in the view's 320.
    assert dent.location.box == pytest.approx((100.0, 110.0, 130.0, 140.0))
    recipe = imported.validation.valid.draw(seed=0)
    camera = load_views(VIEWS).cameras[0]
    pixel = pixels_of(np.array([recipe.defects[3].center]), camera)[0]
    assert 175.0 < pixel[0] < 193.75 and 110.0 < pixel[1] < 128.75
    labeled, _ = fs.replay(recipe, target().cloud)
    assert labeled.mask.sum() > 50


def test_what_stands_out_of_the_surface_has_a_negative_depth(tmp_path: Path) -> None:
    convex = ROUND | {"Params": ROUND["Params"] | {"convex": True}}
    depths = [
        made(tmp_path, one, fix=True).validation.template.defects[0].depth
        for one in (ROUND, ROUND | {"Type": "Bulge"}, convex)
    ]
    assert depths == [0.004, -0.004, -0.004]


def test_what_cannot_be_said_is_told_and_the_rest_is_made(tmp_path: Path) -> None:
    rust = ROUND | {"Type": "Rust"}
    unfit = CRACK | {"Algo": "3D_Primitive"}
    imported = made(tmp_path, rust, unfit, SCRATCH, fix=True)
    assert [defect.kind for defect in imported.validation.template.defects] == ["scratch"]
    told = [one.message for one in imported.findings if one.rule == "V65"]
    assert "the type 'Rust' is not known; known are dent" in told[0]
    assert "not made by 3D_Primitive, but by 2D_Primitive" in told[1]
    assert told[2] == "the parameter m has no meaning for a scratch here."
    with pytest.raises(InstructionError, match=r"none of the 2 instructions is made: .*Rust"):
        made(tmp_path, rust, unfit)


def test_missing_and_half_open_parameters_are_told(tmp_path: Path) -> None:
    imported = made(tmp_path, ROUND | {"Params": {"r": ">0.02"}}, fix=True)
    (dent,) = imported.validation.template.defects
    assert (dent.radius.min, dent.radius.max) == (0.02, 0.04)
    told = [one.message for one in imported.findings if one.rule == "V65"]
    assert told == [
        "of r, one end is told (>0.02); 0.02 to 0.04 is taken.",
        "it does not tell depth, which is that of sheet_metal/dents.",
    ]


def test_swapped_ranges_are_an_error_that_fix_mends(tmp_path: Path) -> None:
    swapped = ROUND | {"Params": {"r": "0.03~0.02", "d": 0.004}}
    imported = made(tmp_path, swapped)
    assert imported.validation.valid is None
    assert ("V02", "error") in rules(imported)
    fixed = made(tmp_path, swapped, fix=True)
    assert fixed.validation.valid is not None
    (finding,) = (one for one in fixed.findings if one.rule == "V02")
    assert (finding.value, finding.acceptable, finding.fixed) == (
        "0.03 to 0.02",
        "0.02 to 0.03",
        True,
    )


def test_amounts_that_no_defect_has_are_told(tmp_path: Path) -> None:
    turned = BEND | {"Params": {"θ": 4000}}
    imported = made(tmp_path, ROUND, turned, fix=True)
    assert imported.validation.valid is None
    assert "angle" in next(one.message for one in imported.findings if one.rule == "V01")


def test_a_box_that_misses_the_part_and_an_unknown_view_are_errors(tmp_path: Path) -> None:
    missed = made(tmp_path, ROUND | {"Loc": BESIDE}, fix=True)
    assert missed.validation.valid is None
    (finding,) = (one for one in missed.findings if one.severity == "error")
    assert finding.rule == "V21" and "the nearest place that this view shows" in finding.message
    unknown = made(tmp_path, ROUND | {"View": "left"}, DENT | {"View": "left"}, fix=True)
    assert unknown.validation.valid is None
    assert {one.rule for one in unknown.findings if one.severity == "error"} >= {"V20"}
    with pytest.raises(InstructionError, match="does not say in which of the 2 views"):
        made(tmp_path, ROUND, view=None)


def test_boxes_are_in_pixels_of_a_picture_of_the_told_size(tmp_path: Path) -> None:
    loc = {"x": 175.0, "y": 110.0, "w": 18.75, "h": 18.75}
    told = made(tmp_path, ROUND | {"Loc": loc}, picture=320.0).validation.template.defects[0]
    usual = made(tmp_path, ROUND).validation.template.defects[0]
    assert told.location == usual.location


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("Dent", "a list of instructions is expected; got 'Dent'"),
        ([], "instructions: "),
        ([ROUND] * 21, "instructions: "),
        ([{"Type": "Dent"}], r"instructions\[0\]\.Loc: must be given"),
        ([ROUND | {"Loc": BESIDE | {"w": -4}}], r"instructions\[0\]\.Loc\.w: .*-4"),
        ([ROUND | {"Loc": BESIDE | {"x": "left"}}], r"instructions\[0\]\.Loc\.x: .*left"),
        ([ROUND | {"Algo": "4D_Primitive"}], r"instructions\[0\]\.Algo: .*4D_Primitive"),
        ([ROUND | {"Params": {"r": "large"}}], r"r: 'large' is no amount"),
        ([ROUND | {"Params": {"r": -0.1}}], r"r: -0\.1 is no amount"),
        ([ROUND | {"Params": {"r": "1e999"}}], r"r: '1e999' is no amount"),
        ([ROUND | {"Params": {"r": float("nan")}}], "nan|NaN"),
        ([ROUND | {"Colour": "red"}], "Colour: is not a field"),
    ],
)
def test_what_does_not_follow_the_format_is_refused(
    tmp_path: Path, document: object, message: str
) -> None:
    with pytest.raises(SchemaError, match=message):
        read(tmp_path, document)
