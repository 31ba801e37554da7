"""Rules for templates: for each a template that breaks it, and the same one mended by ``fix``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from backend.cli import main
from backend.cloud import PointCloud
from backend.errors import InstructionError
from backend.instruct.validation import ScanFacts, Target, ValidTemplate, validate
from backend.instruct.validation.document import read_template
from backend.sampling.places import Surface
from backend.templates import load_template
from shared_schema.instruction import SizeName
from shared_schema.load import dump, parse_document
from shared_schema.recipe import RecipeTemplate
from shared_schema.views import Camera, ViewSet
from tests.backend.shapes import plate, sphere, surface

# A scan whose points are 0.4 mm apart, with noise of 0.02 mm.
SCAN = ScanFacts("scan.ply", 0.4, 0.02, 5_000)


@cache
def flat() -> Surface:
    """A plate of 40 × 40 × 2 mm."""
    return surface(plate(thickness=2.0, step=1.0, size=40.0))


@cache
def ball() -> Surface:
    """A ball with a radius of 10 mm."""
    return surface(sphere())


def template(*defects: Mapping[str, Any], **fields: Any) -> RecipeTemplate:
    document = {"schema_version": 1, "lengths": "absolute", "defects": list(defects), **fields}
    return parse_document(json.dumps(document), RecipeTemplate)


def dent(**fields: Any) -> dict[str, Any]:
    return {"kind": "dent", "name": "dent", "radius": 3.0, "depth": 0.5, **fields}


def broken(**fields: Any) -> dict[str, Any]:
    sizes = {"length": 8.0, "depth": 2.0, "gap": 1.0, "flank": 2.0, "severed": "remove"}
    return {"kind": "crack", "name": "break", **sizes, **fields}


def bend() -> dict[str, Any]:
    return {"kind": "bend", "name": "bend", "angle": 0.2, "band": 5.0}


def box(low: tuple[float, ...], high: tuple[float, ...]) -> dict[str, Any]:
    return {"min": list(low), "max": list(high)}


IN_REGION = {"type": "surface_random", "region": "here"}
FAR = {"here": box((900.0, 900.0, 900.0), (901.0, 901.0, 901.0))}
AT_MIDDLE = {"type": "point", "position": [0.0, 0.0, 1.0]}
# Pushed along the surface, where it is not pushed into it, the surface runs over itself.
SIDEWAYS = dent(depth=4.4, direction=[1.0, 0.0, 0.0])
# Many high bumps that are hardly wider than the points are apart.
RAGGED = {
    "kind": "freeform",
    "name": "ragged",
    "size": 3.0,
    "amplitude": 2.9,
    "sigma_ratio": 0.3,
    "bump_count": 16,
}

CASES = {
    "V10": (flat, template(dent(radius=0.002, depth=0.0004)), ()),
    "V11": (flat, template(dent(depth=1.9)), ()),
    "V12": (ball, template(dent(radius=9.0, depth=0.5)), ()),
    "V13": (flat, template(dent(radius=0.95, depth=1.5)), ()),
    "V22": (flat, template(dent(location=IN_REGION), regions=FAR), ()),
    "V23": (flat, template(broken(length=45.0, severed="no", depth=1.0)), ()),
    "V30": (flat, template(dent(radius=1.0, depth=0.3)), (SCAN,)),
    "V31": (flat, template(dent(depth=0.01)), (SCAN,)),
    "V50": (flat, template(broken(), dent(), draws={"min": 1, "max": 3}), ()),
    "V70": (flat, template(dent(radius=6.0), draws={"min": 1, "max": 30}), ()),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_what_breaks_it_and_fix_mends_it(rule: str) -> None:
    part, broken_template, scans = CASES[rule]
    target = Target(part(), scans)
    found = validate(broken_template, target)
    assert [one.rule for one in found.findings] == [rule]
    assert found.findings[0].acceptable is not None
    assert not found.findings[0].fixed
    mended = validate(broken_template, target, fix=True)
    assert mended.valid is not None
    assert {one.rule for one in mended.findings} == {rule}
    assert all(one.fixed for one in mended.findings)
    assert validate(mended.template, target).findings == ()


def test_a_sound_template_has_no_findings_and_is_not_changed() -> None:
    sound = template(dent(), broken())
    for fix in (False, True):
        result = validate(sound, Target(flat(), (SCAN,)), fix=fix)
        assert (result.findings, result.template) == ((), sound)


def test_sizes_in_inches_that_were_read_as_millimetres_are_told_with_the_factor() -> None:
    surface_in_mm = flat()
    found = validate(template(dent(radius=2e-3, depth=4e-4)), Target(surface_in_mm)).findings[0]
    assert "multiplied by 10" in found.message


def test_a_defect_that_cannot_be_drawn_tells_why() -> None:
    speck = {"kind": "scratch", "name": "speck", "length": 0.5, "width": 0.1, "depth": 0.05}
    (finding,) = validate(template(speck), Target(flat())).findings
    assert (finding.rule, finding.severity) == ("V22", "error")
    assert "none of 8 draws" in finding.message and "nowhere to go" in finding.message


def test_without_scans_nothing_is_said_of_their_points() -> None:
    assert validate(template(dent(radius=1.0, depth=0.3)), Target(flat())).findings == ()


def test_the_wall_is_that_of_the_place_not_of_the_whole_part() -> None:
    thick, thin = plate(thickness=8.0, step=0.5, size=30.0), plate(1.0, 0.5, 30.0)
    moved = thin.moved(thin.points + np.array([40.0, 0.0, 0.0]), thin.normals)
    assert thick.normals is not None and moved.normals is not None
    cloud = PointCloud.of(
        np.concatenate([thick.points, moved.points]),
        np.concatenate([thick.normals, moved.normals]),
    )
    regions = {"here": box((-20.0, -20.0, -9.0), (20.0, 20.0, 9.0))}
    deep = dent(radius=4.0, depth=3.0)
    target = Target(surface(cloud))
    assert [one.rule for one in validate(template(deep), target).findings] == ["V11"]
    there = template(deep | {"location": IN_REGION}, regions=regions)
    assert validate(there, target).valid is not None


def test_typical_sizes_are_a_warning_and_no_error() -> None:
    sizes = {"dent": {SizeName.DIAMETER: (100.0, 200.0)}}
    result = validate(template(dent()), Target(flat()), typical_sizes=sizes)
    assert [(one.rule, one.severity) for one in result.findings] == [("V14", "warning")]
    assert result.valid is not None


def test_a_view_that_is_not_known_and_a_box_that_leaves_its_picture_are_found() -> None:
    camera = Camera(
        name="top",
        width=100,
        height=100,
        fx=100.0,
        fy=100.0,
        cx=50.0,
        cy=50.0,
        T_camera_part=((1, 0, 0, 0), (0, -1, 0, 0), (0, 0, -1, 60), (0, 0, 0, 1)),
    )
    seen = Surface(flat().cloud, flat().part, ViewSet(unit="mm", cameras=(camera,)))
    unknown = template(dent(location={"type": "view_box", "view": "left", "box": [1, 1, 9, 9]}))
    found = validate(unknown, Target(seen)).findings
    assert "'left'" in found[0].message and "known views: top" in found[0].message
    wide = template(dent(location={"type": "view_box", "view": "top", "box": [40, 40, 120, 60]}))
    mended = validate(wide, Target(seen), fix=True)
    assert mended.findings[0].rule == "V20"
    assert mended.template.defects[0].location.box == (40.0, 40.0, 100.0, 60.0)
    assert mended.valid is not None


@pytest.mark.parametrize(("rule", "defect"), [("V40", SIDEWAYS), ("V41", RAGGED)])
def test_a_surface_that_folds_or_tears_is_made_shallower(
    rule: str, defect: Mapping[str, Any]
) -> None:
    target = Target(ball())
    assert [one.rule for one in validate(template(defect), target).findings] == [rule]
    mended = validate(template(defect), target, fix=True)
    assert mended.valid is not None
    assert {one.rule for one in mended.findings} == {rule}


def test_bends_come_first_and_of_two_breaks_one_goes() -> None:
    result = validate(template(dent(), bend()), Target(flat()), fix=True)
    assert [defect.kind for defect in result.template.defects] == ["bend", "dent"]
    result = validate(template(broken(), broken(name="again")), Target(flat()), fix=True)
    assert [defect.name for defect in result.template.defects] == ["break"]


def test_of_two_defects_at_one_place_the_later_goes() -> None:
    twice = template(dent(location=AT_MIDDLE), dent(name="again", location=AT_MIDDLE))
    result = validate(twice, Target(flat()), fix=True)
    assert [defect.name for defect in result.template.defects] == ["dent"]


def test_a_template_of_many_defects_is_cut_to_twenty() -> None:
    many = template(*(dent(name=str(number), radius=1.0, depth=0.2) for number in range(23)))
    result = validate(many, Target(flat()), fix=True)
    assert len(result.template.defects) == 20


def test_only_a_valid_template_is_drawn_from() -> None:
    target = Target(flat())
    valid = validate(template(dent()), target).checked()
    assert isinstance(valid, ValidTemplate)
    assert valid.draw(3) == valid.draw(3)
    assert valid.draw(3).defects[0].kind == "dent"
    with pytest.raises(InstructionError, match=r"dent: the depth of 1\.9 mm.*V11; 1 error"):
        validate(template(dent(depth=1.9)), target).checked()


@pytest.mark.parametrize("name", ["casting/blowholes", "casting/porosity", "machining/burrs"])
def test_bundled_templates_suit_a_block_once_mended(name: str) -> None:
    block = surface(plate(thickness=12.0, step=1.25, size=40.0))
    result = validate(load_template(name), Target(block), fix=True)
    left = [one for one in result.findings if one.severity == "error" and not one.fixed]
    assert result.valid is not None, left


# --- documents, and the command -----------------------------------------------------------------


def test_ends_the_wrong_way_round_are_told_and_swapped(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    wrong = {"schema_version": 1, "defects": [dent(radius={"min": 4.0, "max": 2.0})]}
    path.write_text(json.dumps(wrong), encoding="utf-8")
    loaded, findings = read_template(path, fix=False)
    assert loaded is None
    assert [(one.rule, one.where) for one in findings] == [("V02", "t.defects[0].radius")]
    loaded, findings = read_template(path, fix=True)
    assert loaded is not None and findings[0].fixed
    assert loaded.defects[0].radius.min == 2.0


def test_what_breaks_the_schema_is_a_finding_for_each_line(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('{"schema_version": 1, "defects": [{"kind": "dnt"}]}', encoding="utf-8")
    loaded, findings = read_template(path, fix=True)
    assert loaded is None
    assert [one.rule for one in findings] == ["V01"]
    assert "dnt" in findings[0].message


def test_the_command_tells_what_is_wrong_and_writes_what_it_mends(
    tmp_path: Path, nominal_part: Path
) -> None:
    given, out = tmp_path / "given.json", tmp_path / "out.json"
    given.write_text(dump(template(dent(depth=4.0))), encoding="utf-8")
    run = CliRunner().invoke(main, ["validate", str(given), str(nominal_part)])
    assert run.exit_code == 1
    assert "error V11 dent: the depth of 4 mm goes through the wall" in run.output
    assert "does not suit" in run.output
    arguments = ["validate", str(given), str(nominal_part), "--fix", "--out", str(out)]
    run = CliRunner().invoke(main, arguments)
    assert run.exit_code == 0, run.output
    assert "mended V11" in run.output
    assert load_template(out).defects[0].depth <= 2.41


def test_mending_needs_a_file_to_write_to(tmp_path: Path, nominal_part: Path) -> None:
    run = CliRunner().invoke(main, ["validate", "casting/porosity", str(nominal_part), "--fix"])
    assert run.exit_code == 2
    assert "--fix and --out FILE belong together" in run.output


@pytest.fixture(scope="module")
def nominal_part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plate of 40 × 40 × 3 mm as a mesh."""
    import trimesh

    path = tmp_path_factory.mktemp("part") / "plate.stl"
    trimesh.creation.box((40.0, 40.0, 3.0)).export(path)
    return path
