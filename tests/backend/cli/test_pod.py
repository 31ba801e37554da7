"""``flawsmith pod``: the report of how small a defect is found, and what is refused."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from backend.evaluation.pod import outcomes
from backend.io import read_cloud, write_cloud
from backend.samples import load_sample, sample_path
from backend.scoring.detector import Detector
from backend.sensor.virtual_scan import virtual_scan
from shared_schema.load import dump
from shared_schema.pod import PodReport
from shared_schema.recipe import RecipeTemplate
from tests.backend.cli.conftest import Run
from tests.backend.parts import scan
from tests.backend.test_killed import HereAlone

DENTS = RecipeTemplate.model_validate(
    {
        "name": "dents",
        "unit": "mm",
        "lengths": "absolute",
        "defects": [
            {
                "kind": "dent",
                "radius": {"min": 4.0, "max": 7.0},
                "depth": {"min": 0.5, "max": 4.0},
            }
        ],
    }
)


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Worker processes would import torch for longer than they work."""
    monkeypatch.setattr("backend.evaluation.pod.run.Workers", HereAlone)
    yield
    outcomes._detector.cache_clear()


@pytest.fixture
def given(tmp_path: Path, model: Path) -> tuple[str | Path, ...]:
    """The arguments but for the count and the folder."""
    for number in range(5):
        write_cloud(tmp_path / "egg" / f"{number}.ply", scan("egg", 500 + number))
    (tmp_path / "dents.json").write_text(dump(DENTS))
    return ("pod", model, "--scans", tmp_path / "egg", "--template", tmp_path / "dents.json")


def read_report(folder: Path) -> PodReport:
    return PodReport.model_validate_json((folder / "pod.json").read_bytes())


def test_the_report_says_how_small_a_dent_is_found(
    run: Run, given: tuple[str | Path, ...], tmp_path: Path
) -> None:
    result = run(*given, "--count", 60, "--out", tmp_path / "out")
    report = read_report(tmp_path / "out")
    assert (report.category, report.unit, report.count) == ("egg", "mm", 60)
    assert len(report.defects) + len(report.missing) == 60
    assert {one.scan for one in report.defects} == {f"{number}.ply" for number in range(5)}
    [sweep] = report.sweeps
    curve = sweep.curve
    assert (sweep.title, sweep.size_name) == ("Dent", "depth")
    assert curve.found == sum(one.found for one in report.defects) > 5
    assert curve.a90 is not None and curve.a90_95 is not None and curve.a90_95 > curve.a90
    large = [one.found for one in report.defects if one.size > curve.a90_95]
    small = [one.found for one in report.defects if curve.a50 and one.size < 0.5 * curve.a50]
    assert np.mean(large) > 0.9 and np.mean(small) < 0.2
    # One half is where hits and misses meet.
    sizes = np.array([one.size for one in report.defects])
    assert np.std(np.log(sizes[30:])) < 0.7 * np.std(np.log(sizes[:30]))
    assert report.false_alarms.scans == 5 and report.false_alarms.promised == 0.2
    assert len(report.places) == len(sweep.places) == 6
    assert sum(place.defects for place in sweep.places) == 60
    assert f"{curve.a90_95:.3g}" in result.stdout and "False alarms:" in result.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"pod.json", "report.html"}


def test_the_page_tells_an_inspector(
    run: Run, given: tuple[str | Path, ...], tmp_path: Path
) -> None:
    run(*given, "--count", 45, "--out", tmp_path / "out")
    page, report = (tmp_path / "out" / "report.html").read_text(), read_report(tmp_path / "out")
    [sweep] = report.sweeps
    assert "How small a defect is found on egg" in page and "a90/95" in page
    assert "For the quality plan" in page and report.model.sha256 in page
    assert "at least 60 defects" in page
    for sentence in (*sweep.curve.refusals, *report.needs, *report.cautions):
        assert sentence.replace("'", "&#39;") in page
    assert page.count("data:image/png;base64,") >= 1
    assert not re.search(r"(src|href)=\"(?!data:)", page)


def test_an_interrupted_run_goes_on_and_gives_the_same_bytes(
    run: Run, given: tuple[str | Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    score, done = Detector.score, [0]

    def interrupted(self: Detector, *arguments: object) -> object:
        done[0] += 1
        if done[0] == 12:
            raise KeyboardInterrupt
        return score(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Detector, "score", interrupted)
        run(*given, "--count", 12, "--out", tmp_path / "cut", status=130)
        done[0] = 12
        run(*given, "--count", 12, "--out", tmp_path / "cut")
    # Five nominal scans and six defects were done; of the twelve, six are left.
    assert done[0] == 12 + 6
    run(*given, "--count", 12, "--out", tmp_path / "whole")
    for name in ("pod.json", "report.html"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_other_units_give_the_same_sizes(
    run: Run, given: tuple[str | Path, ...], tmp_path: Path
) -> None:
    run(*given, "--count", 12, "--out", tmp_path / "mm")
    for path in (tmp_path / "egg").iterdir():
        cloud = read_cloud(path)
        write_cloud(path, replace(cloud, points=cloud.points / 10.0))
    run(*given, "--count", 12, "--unit", "cm", "--out", tmp_path / "cm")
    in_mm, in_cm = read_report(tmp_path / "mm"), read_report(tmp_path / "cm")
    assert in_cm.unit == "cm"
    for one, other in zip(in_mm.defects, in_cm.defects, strict=True):
        assert other.size == pytest.approx(one.size / 10.0, rel=1e-3)
        assert np.array(other.position) == pytest.approx(np.array(one.position) / 10.0, abs=1e-4)


def test_scans_that_lie_about_have_no_map(
    run: Run, given: tuple[str | Path, ...], tmp_path: Path
) -> None:
    path = tmp_path / "egg" / "3.ply"
    cloud = read_cloud(path)
    write_cloud(path, replace(cloud, points=cloud.points + 30.0))
    result = run(*given, "--count", 20, "--out", tmp_path / "out")
    assert "The scans do not lie in one frame" in result.stderr
    report = read_report(tmp_path / "out")
    assert len(report.places) == 1 and not report.sweeps[0].places


def test_the_size_of_a_bend_is_the_way_that_the_part_turns(
    run: Run, given: tuple[str | Path, ...], tmp_path: Path
) -> None:
    bend = {"kind": "bend", "angle": {"min": 0.05, "max": 0.3}, "band": 2.0}
    document = {"schema_version": 1, "lengths": "absolute", "defects": [bend]}
    (tmp_path / "dents.json").write_text(json.dumps(document))
    run(*given, "--count", 6, "--out", tmp_path / "out")
    report = read_report(tmp_path / "out")
    assert report.sweeps[0].size_name == "deflection" and len(report.defects) == 6
    for one in report.defects:
        # The egg is 40 mm long, and one half of it or less turns.
        assert 0.1 * 20.0 * one.value < one.size < 1.5 * 20.0 * one.value


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf_8(run: Run, given: tuple[str | Path, ...], tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9 1.ply")
    (tmp_path / "egg" / "0.ply").rename(tmp_path / "egg" / odd)
    run(*given, "--count", 5, "--out", tmp_path / os.fsdecode(b"out\xe9"))
    report = read_report(tmp_path / os.fsdecode(b"out\xe9"))
    assert "caf\\xe9 1.ply" in {one.scan for one in report.defects}


def test_a_scan_that_cannot_be_used_is_told(
    run: Run, given: tuple[str | Path, ...], tmp_path: Path
) -> None:
    (tmp_path / "egg" / "9.ply").write_bytes(b"no points")
    result = run(*given, "--count", 4, "--out", tmp_path / "out")
    assert "The scan 9.ply was left out" in result.stderr
    assert [one.scan for one in read_report(tmp_path / "out").skipped] == ["9.ply"]


def test_what_cannot_be_examined_is_refused(
    run: Run, given: tuple[str | Path, ...], tmp_path: Path, model: Path
) -> None:
    run_to = (*given, "--count", 4, "--out", tmp_path / "out")
    result = run(*run_to, "--category", "cube", status=1)
    assert "'cube' is no category of the detector; it knows ball, egg" in result.stderr
    detector = Detector.load(model)
    egg = detector.categories["egg"]
    reject = replace(egg.rule.reject, value=None, scans=3)
    uncertain = replace(egg, rule=replace(egg.rule, reject=reject))
    file = replace(detector, categories={"egg": uncertain}).save(tmp_path / "uncertain.safetensors")
    result = run("pod", file, *run_to[2:], status=1)
    assert "3 held-out nominal scans cannot certify a limit for 20.0%" in result.stderr
    severed = json.loads(dump(DENTS))
    severed["defects"][0] |= {"depth": 0.0}
    (tmp_path / "dents.json").write_text(json.dumps(severed))
    assert "the depth of the dent" in run(*run_to, status=1).stderr
    (tmp_path / "empty").mkdir()
    result = run("pod", model, "--scans", tmp_path / "empty", "--out", tmp_path / "out", status=1)
    assert "empty" in result.stderr


def test_scans_in_any_pose_are_registered_to_the_nominal_model(run: Run, tmp_path: Path) -> None:
    """With the bundled detector, whose part's name is that of the folder."""
    plate = load_sample("plate_holes")
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_euler("xyz", [0.3, 0.2, 1.1]).as_matrix()
    turned[:3, 3] = (300.0, -50.0, 20.0)
    for number, pose in enumerate((np.eye(4), turned)):
        rng = np.random.default_rng(number)
        seen = virtual_scan(plate, views=6, points=6000, noise=0.05, rng=rng)
        write_cloud(tmp_path / "plate_holes" / f"{number}.ply", seen.transformed(pose))
    given = ("--scans", tmp_path / "plate_holes", "--nominal", sample_path("plate_holes"))
    drawn = ("--template", "sheet_metal/dents", "--count", 2)
    run("pod", "bundled_parts", *given, *drawn, "--no-crop", "--out", tmp_path / "out")
    report = read_report(tmp_path / "out")
    assert report.nominal is not None and report.category == "plate_holes"
    assert [one.verdict for one in report.scans] == ["pass", "pass"]
    assert {one.scan for one in report.defects} == {"0.ply", "1.ply"}
    low, high = plate.box
    for one in report.defects:
        assert (np.array(one.position) > low - 1.0).all()
        assert (np.array(one.position) < high + 1.0).all()
