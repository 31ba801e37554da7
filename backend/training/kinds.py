"""Which kinds of defects there are to learn, and learning to tell them apart.

A recipe knows the kind of each defect that is drawn while training, so this truth costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from backend.arrays import IntArray
from backend.models.kinds import NO_KIND
from shared_schema.defects import KINDS
from shared_schema.recipe import RecipeTemplate
from shared_schema.record import DefectReport

# Of the kinds' cross entropy beside the loss of the mask.
KIND_WEIGHT = 0.5


def kinds_of(template: RecipeTemplate | None) -> tuple[str, ...]:
    """The kinds that a template draws, in the order of the schema."""
    drawn = set() if template is None else {defect.kind for defect in template.defects}
    return tuple(kind for kind in KINDS if kind in drawn)


def kinds_by_label(defects: Iterable[DefectReport], kinds: Sequence[str]) -> dict[int, int]:
    """The place in ``kinds`` of each defect's kind, by the label of its points."""
    return {defect.label: kinds.index(defect.kind) for defect in defects}


def kind_numbers(labels: NDArray[np.integer], by_label: Mapping[int, int]) -> IntArray:
    """(N,) the number of each point's kind; ``NO_KIND`` where its label (N,) tells none."""
    numbers = np.full(len(labels), NO_KIND, np.int64)
    for label, number in by_label.items():
        numbers[labels == label] = number
    return numbers


def kind_loss(logits: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
    """Cross entropy of ``logits`` (B, K, …) where ``kinds`` (B, …) is known, else 0.

    Each kind that occurs weighs the same, since a bend has a hundred times the points of a crack.
    """
    known = kinds[kinds != NO_KIND]
    if not len(known):
        return logits.new_zeros(())
    entropy = functional.cross_entropy(logits, kinds, ignore_index=NO_KIND, reduction="none")
    counts = torch.bincount(known)
    return (entropy[kinds != NO_KIND] / counts[known]).sum() / (counts > 0).sum()
