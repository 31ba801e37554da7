"""The network on maps of deviations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from backend.models.relief.network import (
    ReliefExample,
    ReliefFittingConfig,
    ReliefNetwork,
    fit_network,
    infer,
)

ROWS, COLUMNS = 30, 48
CONFIG = ReliefFittingConfig(epochs=6, batch_size=4, crop=24)


def example(seed: int) -> ReliefExample:
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
    return ReliefExample(inputs.astype(np.float16), mask, np.ones_like(mask))


@pytest.fixture(scope="module")
def network() -> ReliefNetwork:
    *_, last = fit_network([example(seed) for seed in range(60)], CONFIG, [0])
    return last


def test_it_learns_what_tells_a_defect(network: ReliefNetwork) -> None:
    for seed in range(100, 110):
        case = example(seed)
        logits = infer([network], case.inputs.astype(np.float32))
        spot = np.abs(case.inputs[0].astype(float)) > 0.9
        if case.mask.any():
            assert logits[case.mask > 0].mean() > logits[case.mask == 0].mean() + 3.0
        else:
            assert logits[spot].mean() < 0.0


def test_same_seed_same_weights(network: ReliefNetwork) -> None:
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


def test_result_turns_and_mirrors_with_the_map(network: ReliefNetwork) -> None:
    inputs = example(7).inputs.astype(np.float32)
    logits = infer([network], inputs)
    turned = infer([network], np.roll(inputs, 8, axis=2))
    assert np.roll(turned, -8, axis=1) == pytest.approx(logits, abs=1e-3)
    mirrored = infer([network], np.ascontiguousarray(inputs[..., ::-1]))
    assert mirrored[:, ::-1] == pytest.approx(logits, abs=1e-5)


def test_logits_of_several_networks_are_averaged(network: ReliefNetwork) -> None:
    torch.manual_seed(0)
    other = ReliefNetwork(2).eval()
    inputs = example(3).inputs.astype(np.float32)
    both = infer([network, other], inputs)
    assert both == pytest.approx(
        0.5 * (infer([network], inputs) + infer([other], inputs)), abs=1e-5
    )
