"""What learners share that answer by the labels of the support, weighted by closeness."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def attended(closeness: Tensor, labels: Tensor) -> Tensor:
    """Return the logit of the label-weighted mean sum_i softmax_i(closeness) y_i, shape (Q,).

    p / (1 - p) is the weight of the actives over that of the inactives, so that the logit is a
    difference of logarithms of sums and stays finite where p is 0 or 1 in floating point.

    Args:
        closeness: of each query to each molecule of the support, shape (Q, S).
        labels: 1 for active and 0 for inactive, both present, shape (S,).
    """
    active = labels > 0.5
    return closeness[:, active].logsumexp(1) - closeness[:, ~active].logsumexp(1)
