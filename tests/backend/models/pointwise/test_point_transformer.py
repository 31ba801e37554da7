"""The network: invariance, independence of batches, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from backend.models.kinds import NO_KIND
from backend.models.pointwise.graphs import PointGraph, build_levels, collate
from backend.models.pointwise.point_transformer import PointTransformer, PointTransformerConfig
from backend.models.pointwise.point_transformer.layers import pool_mean
from backend.training.kinds import kind_loss
from backend.training.pointwise.loss import balanced_cross_entropy

CONFIG = PointTransformerConfig(inputs=4, channels=(8, 16), groups=4, neighbors=8)


def graph(count: int, seed: int, turn: np.ndarray | None = None) -> PointGraph:
    rng = np.random.default_rng(seed)
    points, normals = rng.random((count, 3)), rng.normal(size=(count, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    levels = build_levels(points, normals, 0.1, 2, 8)
    if turn is not None:
        # Which points make the coarse level depends on the grid: keep that, turn the rest.
        turned = build_levels(points @ turn.T, normals @ turn.T, 0.1, 1, 8)[0]
        levels = (replace(turned, parent=levels[0].parent), levels[1])
    features = rng.normal(size=(count, 4)).astype(np.float32)
    return PointGraph(features, points[:, 0] > 0.5, unknown(count), levels)


def unknown(count: int) -> np.ndarray:
    return np.full(count, NO_KIND)


def network(config: PointTransformerConfig = CONFIG) -> PointTransformer:
    torch.manual_seed(0)
    return PointTransformer(config).eval()


def test_shapes_and_rotation_invariance() -> None:
    turn = Rotation.random(random_state=1).as_matrix()
    with torch.inference_mode():
        logits, features, kinds = network()(collate([graph(200, 0)]))
        turned, *_ = network()(collate([graph(200, 0, turn)]))
    assert logits.shape == (200,) and features.shape == (200, 8) and kinds.shape == (200, 0)
    torch.testing.assert_close(logits, turned, atol=1e-4, rtol=1e-4)


def test_clouds_in_a_batch_do_not_see_each_other() -> None:
    with torch.inference_mode():
        alone, *_ = network()(collate([graph(150, 1)]))
        together, *_ = network()(collate([graph(90, 2), graph(150, 1)]))
    torch.testing.assert_close(together[90:], alone, atol=1e-5, rtol=1e-5)


def test_every_parameter_gets_a_gradient() -> None:
    model = network()
    batch = collate([graph(200, 3)])
    balanced_cross_entropy(model(batch)[0], batch.mask, batch.sizes).backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    # Adding the same value to every key leaves the softmax as it is only after the ReLU's kink,
    # so even the key's bias learns; nothing may be idle but the last bias of the weights.
    assert all(name.endswith("weight.1.bias") for name in idle)


def test_learns_to_tell_a_feature() -> None:
    example = graph(200, 4)
    example = replace(example, mask=example.features[:, 0] > 1.0)
    batch, model = collate([example]), network().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        loss = balanced_cross_entropy(model(batch)[0], batch.mask, batch.sizes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_learns_the_kind_of_anomalous_points_beside() -> None:
    example = graph(200, 5)
    mask = example.features[:, 0] > 0.5
    kinds = np.where(mask, np.where(example.features[:, 1] > 0.0, 1, 0), NO_KIND)
    batch = collate([replace(example, mask=mask, kinds=kinds)])
    torch.manual_seed(0)
    model = PointTransformer(CONFIG, ("dent", "hole"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = kind_loss(model(batch).kinds, batch.kinds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    told = model(batch).kinds.argmax(dim=1).numpy()
    assert (told[mask] == kinds[mask]).mean() > 0.95


def test_points_of_no_known_kind_teach_nothing() -> None:
    batch = collate([graph(50, 6)])
    assert kind_loss(torch.zeros(50, 2), batch.kinds) == 0.0


def test_pooling_is_the_mean_per_parent() -> None:
    x = torch.tensor([[1.0], [3.0], [5.0]])
    assert pool_mean(x, torch.tensor([1, 1, 0]), 3).tolist() == [[5.0], [2.0], [0.0]]


def test_small_defects_weigh_as_much_as_large_ones() -> None:
    logits = torch.zeros(200, requires_grad=True)
    mask = torch.cat([torch.arange(100) < 2, torch.arange(100) < 60]).float()
    balanced_cross_entropy(logits, mask, (100, 100)).backward()
    assert logits.grad is not None
    pulls = [logits.grad[rows].sum().item() for rows in (slice(0, 2), slice(100, 160))]
    np.testing.assert_allclose(pulls, [-0.25, -0.25], rtol=1e-5)
    np.testing.assert_allclose(logits.grad.sum().item(), 0.0, atol=1e-6)


def test_loss_of_a_nominal_cloud_is_finite_and_falls_with_confidence() -> None:
    nominal = torch.zeros(5)
    unsure, sure = (
        balanced_cross_entropy(torch.full((5,), logit), nominal, (5,)).item()
        for logit in (0.0, -9.0)
    )
    assert sure < 0.01 < unsure < 1.0
