"""Distinguishes analogues of the actives from other inactives of a support."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

STEEPNESS = 12.0
"""Rise of the log-odds of being an analogue with the similarity to the nearest active."""
MIDDLE, MIDDLE_RISE, FEW_ACTIVES = 0.40, 0.05, 4
"""Similarity at which the odds are even for four actives, and its rise with the logarithm of their
number: the nearest of many actives is nearer by chance."""
EXCESS = 0.5
"""Fall of the log-odds with the logarithm of the inactives per active: a screening deck has many
inactives, few of which are analogues."""
ROUNDS = 30
HALF_NUMBER, HALF_SHARE = 2.0, 0.08
"""Number of unrelated inactives, and share of analogues, at which `library_likeness` is halved."""


def analogue_probability(nearest: Tensor, active: Tensor) -> Tensor:
    """Return the probability that each support compound is an analogue of the actives, shape (S,).

    The log-odds are 12 (c - c0) - ln(max(i / a, 1)) / 2 + logit(q), with c the similarity to the
    nearest active, c0 = 0.40 + 0.05 ln(max(a, 4) / 4), a actives and i inactives. Expectation
    maximisation gives the share q of analogues among the inactives, with one pseudo-compound of
    each kind. It is near 1 in a SAR table and near 0 in a screening deck.

    Args:
        nearest: cosine or Tanimoto similarity to the nearest active, shape (S,).
        active: whether each compound is active, bool, shape (S,).

    Source:
        Saerens et al., Adjusting the outputs of a classifier to new a priori probabilities, Neural
        Computation 2002, 14, 21.
    """
    n_active = int(active.sum())
    n_inactive = len(active) - n_active
    middle = MIDDLE + MIDDLE_RISE * math.log(max(n_active / FEW_ACTIVES, 1))
    evidence = STEEPNESS * (nearest - middle) - EXCESS * math.log(max(n_inactive / n_active, 1))
    share = evidence.new_tensor(0.5)
    for _ in range(ROUNDS):
        expected = torch.sigmoid(evidence[~active] + share.logit()).sum()
        share = (expected + 1) / (n_inactive + 2)
    return torch.sigmoid(evidence + share.logit())


def library_likeness(probabilities: Tensor) -> float:
    """Return how well the measured inactives represent a library, from 0 to 1.

    They do if several are unrelated to the actives and hardly any is an analogue. With u the
    expected number of unrelated ones and p the mean probability of being an analogue:
    u^2 / (u^2 + 2^2) / (1 + (p / 0.08)^4).

    Args:
        probabilities: of each inactive being an analogue, shape (I,).
    """
    if not len(probabilities):
        return 0.0
    unrelated, mean = float((1 - probabilities).sum()), float(probabilities.mean())
    return unrelated**2 / (unrelated**2 + HALF_NUMBER**2) / (1 + (mean / HALF_SHARE) ** 4)
