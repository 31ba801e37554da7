"""Training: reproducible, resumable, not repeated, and honest about what it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from backend.cloud import PointCloud
from backend.errors import TrainingError
from backend.progress import Progress
from backend.training import DETECTOR_FILE, WORK_FOLDER, TrainingSet, train
from backend.training.families import FamilyChoice
from backend.training.run import CalibrationScan, Fitted
from backend.training.train import calibrated
from backend.training.unrolled.config import UnrolledTrainingConfig
from backend.training.unrolled.network import UnrolledFittingConfig
from tests.backend import turned
from tests.backend.parts import TINY, labeled_set, nominal_set, scan, sets


@dataclass
class Interrupting:
    """A progress during which the user presses Ctrl-C after some training epochs."""

    epochs: int
    seen: list[tuple[str, int, int]] = field(default_factory=list)

    def __call__(self, step: str, done: int, total: int, about: str = "", /) -> None:
        """Count training epochs, then interrupt."""
        self.seen.append((step, done, total))
        if step == "Training" and done >= self.epochs:
            raise KeyboardInterrupt


def run(out: Path, progress: Progress | None = None, seed: int = 1) -> Path:
    train(sets(nominal_set(), labeled_set()), TINY, seed=seed, out=out, progress=progress)
    return out / DETECTOR_FILE


def test_same_seed_same_bytes_another_seed_others(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second, other = (run(tmp_path / str(n), seed=s) for n, s in enumerate((1, 1, 2)))
    assert capfd.readouterr() == ("", "")  # without progress, nothing is printed
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != other.read_bytes()


def test_interrupted_run_goes_on_to_the_same_result(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", Interrupting(2))
    assert (tmp_path / "cut" / WORK_FOLDER).exists()
    resumed = run(tmp_path / "cut", Interrupting(99))
    assert resumed.read_bytes() == whole.read_bytes()
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [resumed.name]


def test_resuming_does_only_what_is_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Interrupting(2))
    progress = Interrupting(99)
    run(tmp_path, progress)
    training = [(done, total) for step, done, total in progress.seen if step == "Training"]
    assert training == [(2, 3), (3, 3)]


def test_finished_run_is_not_repeated_but_new_inputs_are(tmp_path: Path) -> None:
    path = run(tmp_path)
    before = path.stat().st_mtime_ns
    assert run(tmp_path) == path and path.stat().st_mtime_ns == before
    train(sets(nominal_set(), labeled_set(5)), TINY, seed=1, out=tmp_path)
    assert path.stat().st_mtime_ns != before


def test_torch_settings_are_put_back(tmp_path: Path) -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    run(tmp_path)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_nominal_clouds_alone_make_a_descriptor_detector(tmp_path: Path) -> None:
    detector = train(nominal_set(), TINY, seed=0, out=tmp_path)
    assert set(detector.categories["egg"].tails) == {"histograms"}
    cloud = scan("egg", 50)
    assert detector.score(cloud.points, cloud.normals).category == "egg"


def test_one_nominal_cloud_is_enough_but_certifies_nothing(tmp_path: Path) -> None:
    detector = train({"egg": [scan("egg", 0)]}, TINY, seed=0, out=tmp_path)
    cloud = scan("egg", 1)
    result = detector.score(cloud.points, cloud.normals)
    assert result.object_threshold is None and result.verdict is None
    assert "too few" in result.reasons[0]
    assert detector.categories["egg"].rule.reject.scans == 0


def test_missing_nominal_clouds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="at least one nominal"):
        train({}, TINY, seed=0, out=tmp_path)
    with pytest.raises(TrainingError, match="at least one nominal"):
        train({"egg": []}, TINY, seed=0, out=tmp_path)


def test_split_keeps_the_last_third_for_calibration() -> None:
    clouds = nominal_set(7)["ball"]
    learn, rest = TrainingSet(clouds).split(1 / 3)
    assert [*learn, *rest] == clouds and len(rest) == 2
    assert [len(part) for part in TrainingSet(clouds[:1]).split(0.5)] == [1, 0]
    assert [len(part) for part in TrainingSet(clouds[:2]).split(0.01)] == [1, 1]


def test_clouds_that_calibrate_can_be_named(tmp_path: Path) -> None:
    """Then all others are learned from, and the thresholds are calibrated on these alone."""
    clouds = nominal_set(5)["egg"]
    named = TrainingSet(clouds[2:], clouds[:2])
    assert named.split(0.9) == (clouds[2:], clouds[:2])
    config = replace(TINY, holdout=0.4)
    last = train({"egg": [*clouds[2:], *clouds[:2]]}, config, out=tmp_path / "last")
    first = train({"egg": named}, config, out=tmp_path / "named")
    assert first.point_threshold == last.point_threshold
    assert first.categories["egg"].rule == last.categories["egg"].rule
    assert first.info["nominal_clouds"] == {"egg": 5}


def test_settings_out_of_their_range_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"bank_size: .* not 0"):
        train(nominal_set(), replace(TINY, bank_size=0))


def test_the_family_is_chosen_by_the_scans_unless_it_is_asked_for(tmp_path: Path) -> None:
    quick = UnrolledTrainingConfig(fitting=UnrolledFittingConfig(networks=0))
    config = replace(TINY, family="auto", unrolled=quick)
    pin = [turned.scan(number) for number in range(4)]
    found = train({"pin": pin, "egg": nominal_set(4)["egg"]}, config, out=tmp_path / "auto")
    chosen = found.info["families"]
    assert chosen["pin"]["family"] == found.categories["pin"].family == "unrolled"
    assert re.fullmatch(
        r".* of a part of revolution \(nine of ten have a roundness of 0\.99\d+ or more, .*\)",
        chosen["pin"]["why"],
    )
    one = train({"pin": pin[:1]}, config).info["families"]["pin"]
    assert one == {"family": "pointwise", "why": "there are fewer than 2 scans to learn from"}
    asked = train({"pin": pin}, replace(config, family="pointwise"), out=tmp_path / "asked")
    assert asked.info["families"]["pin"] == {
        "family": "pointwise",
        "why": "the settings ask for it",
    }
    with pytest.raises(TrainingError, match="needs a cloud of 'pin' to calibrate on"):
        train({"pin": TrainingSet(pin, [])}, config)
    with pytest.raises(TrainingError, match="'unrolled' needs 2 scans of 'pin'"):
        train({"pin": pin[:1]}, replace(config, family="unrolled"))


def test_configuration_is_recorded(tmp_path: Path) -> None:
    info = train(nominal_set(), replace(TINY, bank_size=50), seed=4, out=tmp_path).info
    assert info["seed"] == 4 and info["config"]["bank_size"] == 50


def test_the_unit_of_the_nominal_clouds_is_kept_and_must_be_one(tmp_path: Path) -> None:
    def in_unit(unit: str | None) -> list[PointCloud]:
        return [replace(scan("egg", seed), unit=unit) for seed in range(2)]

    assert train({"egg": in_unit("mm")}, TINY, seed=0, out=tmp_path).unit == "mm"
    path = tmp_path / DETECTOR_FILE
    before = path.read_bytes()
    assert train({"egg": in_unit(None)}, TINY, seed=0, out=tmp_path).unit is None
    assert path.read_bytes() != before
    with pytest.raises(TrainingError, match="in m and mm"):
        train({"egg": in_unit("mm") + in_unit("m")}, TINY, seed=0, out=tmp_path)


def test_of_a_scan_at_several_densities_the_largest_score_limits() -> None:
    model = (
        train({"egg": nominal_set()["egg"]}, TINY, seed=0, progress=None).categories["egg"].model
    )
    rng = np.random.default_rng(0)

    def calibrating(number: int, height: float) -> CalibrationScan:
        cloud = scan("egg", number)
        values = np.sort(rng.exponential(size=len(cloud)))
        return CalibrationScan(number, cloud.points, {"histograms": height * values})

    dense = [calibrating(number, 1.0 + number) for number in range(4)]
    sparse = [calibrating(number, 0.5) for number in range(4)]
    config = replace(TINY, false_alarm_rate=0.2, review_rate=0.2)
    choices = {"egg": FamilyChoice("pointwise", "")}
    rules = [
        calibrated({"egg": Fitted(model, given)}, choices, config)[0]["egg"].rule.reject
        for given in (dense, [*dense, *sparse], [*sparse, *dense])
    ]
    assert [rule.own_scans for rule in rules] == [4, 4, 4]
    assert rules[1].value == rules[2].value
    assert rules[1].value is not None and rules[0].value is not None
    # The sparse copies are far from unusual: they change the tails a little, and no limit much.
    assert rules[1].value > 0.9 * rules[0].value
