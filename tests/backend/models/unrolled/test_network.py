"""The network on maps of deviations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.models.kinds import NO_KIND
from backend.models.unrolled.network import UnrolledNetwork, infer, seen_columns
from backend.training.unrolled.network import (
    UnrolledExample,
    UnrolledFittingConfig,
    fit_network,
)

ROWS, COLUMNS = 30, 48
CONFIG = UnrolledFittingConfig(epochs=6, batch_size=4, crop=24)


def example(seed: int) -> UnrolledExample:
    """Two noise maps, one of them raised at a spot, that is anomalous unless the other is too."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(scale=0.3, size=(2, ROWS, COLUMNS))
    mask = np.zeros((ROWS, COLUMNS), np.float32)
    row, column = rng.integers(4, ROWS - 4), rng.integers(0, COLUMNS)
    spot = (slice(row - 3, row + 3), (column + np.arange(6)) % COLUMNS)
    inputs[0][spot] += 1.0
    if seed % 2:
        mask[spot] = 1.0
    else:
        inputs[1][spot] += 1.0
    kinds = np.full(mask.shape, NO_KIND, np.int8)
    return UnrolledExample(inputs.astype(np.float16), mask, np.ones_like(mask), kinds)


@pytest.fixture(scope="module")
def network() -> UnrolledNetwork:
    *_, last = fit_network([example(seed) for seed in range(60)], CONFIG, [0])
    return last


def test_it_learns_what_tells_a_defect(network: UnrolledNetwork) -> None:
    for seed in range(100, 110):
        case = example(seed)
        (logits,) = infer([network], case.inputs.astype(np.float32), case.known)
        spot = np.abs(case.inputs[0].astype(float)) > 0.9
        if case.mask.any():
            assert logits[case.mask > 0].mean() > logits[case.mask == 0].mean() + 3.0
        else:
            assert logits[spot].mean() < 0.0


def test_it_learns_the_kinds_beside() -> None:
    def sided(seed: int) -> UnrolledExample:
        """The kind of a spot is its side of the map, which a third map shows."""
        one = example(2 * seed + 1)
        side = np.where(np.arange(COLUMNS) < COLUMNS // 2, -1.0, 1.0)
        third = np.broadcast_to(side, (1, ROWS, COLUMNS)).astype(np.float16)
        kinds = np.where(one.mask > 0, side > 0, NO_KIND).astype(np.int8)
        return replace(one, inputs=np.concatenate([one.inputs, third]), kinds=kinds)

    config = replace(CONFIG, mirror=False)
    *_, network = fit_network([sided(seed) for seed in range(40)], config, [0], ("dent", "hole"))
    for seed in range(100, 106):
        case = sided(seed)
        _, left, right = infer([network], case.inputs.astype(np.float32), case.known)
        spot = case.mask > 0
        assert ((right > left)[spot] == (case.kinds > 0)[spot]).mean() > 0.9


def test_same_seed_same_weights(network: UnrolledNetwork) -> None:
    state = torch.random.get_rng_state()
    *_, again = fit_network([example(seed) for seed in range(60)], CONFIG, [0])
    assert torch.equal(torch.random.get_rng_state(), state)
    *_, other = fit_network([example(seed) for seed in range(60)], CONFIG, [1])
    for name, weight in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], weight)
    assert any(
        not torch.equal(other.state_dict()[name], weight)
        for name, weight in network.state_dict().items()
    )


def test_result_turns_and_mirrors_with_the_map(network: UnrolledNetwork) -> None:
    inputs, seen = example(7).inputs.astype(np.float32), half_seen()
    logits = infer([network], inputs, seen)
    turned = infer([network], np.roll(inputs, 9, axis=2), np.roll(seen, 9, axis=1))
    assert np.roll(turned, -9, axis=2) == pytest.approx(logits, abs=1e-5)
    flipped = [np.ascontiguousarray(part[..., ::-1]) for part in (inputs, seen)]
    assert infer([network], *flipped)[..., ::-1] == pytest.approx(logits, abs=1e-5)


def test_only_what_is_seen_is_looked_at(network: UnrolledNetwork) -> None:
    inputs, seen = example(7).inputs.astype(np.float32), half_seen()
    columns, inside = seen_columns(seen)
    assert set(np.flatnonzero(seen[0])) == set(columns[inside])
    assert len(columns) % 4 == 0
    assert len(columns) < COLUMNS
    changed = inputs.copy()
    changed[:, :, np.setdiff1d(np.arange(COLUMNS), columns)] += 9.0
    assert (infer([network], changed, seen) == infer([network], inputs, seen)).all()
    (whole,) = infer([network], inputs, np.ones_like(seen))
    assert whole.shape == seen.shape
    (half,) = infer([network], inputs, seen)
    assert np.corrcoef(whole[:, 4:20].ravel(), half[:, 4:20].ravel())[0, 1] > 0.9


def test_closed_ring_has_no_seam(network: UnrolledNetwork) -> None:
    inputs = example(7).inputs.astype(np.float32)
    seen = np.ones((ROWS, COLUMNS), np.float32)
    columns, inside = seen_columns(seen)
    assert sorted(columns[inside]) == list(range(COLUMNS))
    first = infer([network], inputs, seen)
    turned = infer([network], np.roll(inputs, 20, axis=2), seen)
    # The statistics that it is normalised by count some columns twice, and not the same ones.
    difference = np.abs(np.roll(turned, -20, axis=2) - first)
    assert difference.max() < 0.1 * np.ptp(first)


def half_seen() -> np.ndarray:
    """Twenty-four columns with surface, on both sides of the seam."""
    seen = np.zeros((ROWS, COLUMNS), np.float32)
    seen[:, :20] = seen[:, -4:] = 1.0
    return seen


def test_logits_of_several_networks_are_averaged(network: UnrolledNetwork) -> None:
    torch.manual_seed(0)
    other = UnrolledNetwork(2).eval()
    inputs = example(3).inputs.astype(np.float32)
    seen = half_seen()
    single = [infer([one], inputs, seen)[..., :20] for one in (network, other)]
    both = infer([network, other], inputs, seen)[..., :20]
    assert both == pytest.approx(0.5 * (single[0] + single[1]), abs=1e-5)
