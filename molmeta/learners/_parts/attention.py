"""Attention to the labels of the support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F

if TYPE_CHECKING:
    from torch import Tensor


def cosine(x: Tensor, others: Tensor) -> Tensor:
    """Return the cosine of vectors (A, W) with vectors (B, W), shape (A, B)."""
    return F.normalize(x, dim=1) @ F.normalize(others, dim=1).T


def attended(closeness: Tensor, labels: Tensor) -> Tensor:
    """Return the logit of p = sum_i softmax_i(closeness) y_i, shape (Q,).

    p / (1 - p) is the weight of the actives over that of the inactives. The logit is therefore a
    difference of logarithms, which stays finite even if p rounds to 0 or 1.

    Args:
        closeness: of each query to each molecule of the support, shape (Q, S).
        labels: 1 for active and 0 for inactive, with both classes, shape (S,).
    """
    active = labels > 0.5
    return closeness[:, active].logsumexp(1) - closeness[:, ~active].logsumexp(1)
