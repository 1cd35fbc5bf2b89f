"""Kernel regression averaged over noise levels, weighted by their marginal likelihood."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

SMALLEST = 1e-12
_linalg: Any = torch.linalg


class Averaged(NamedTuple):
    """Regression on a support of S molecules, averaged over M noise levels.

    Attributes:
        weights: weights of the support in the posterior mean, shape (S,).
        factor: F such that k' F F' k is the variance that the support explains, shape (S, S).
        shares: posterior probability of each noise level, shape (M,).
    """

    weights: Tensor
    factor: Tensor
    shares: Tensor


def averaged(kernel: Tensor, y: Tensor, noises: Tensor, prior: Tensor) -> Averaged:
    """Average regressions over noise levels by their posterior probability.

    With K_m = K + n_m I, the probability of level m is proportional to
    exp(prior_m) (y' K_m^-1 y)^(-S/2) |K_m|^(-1/2). This is the marginal likelihood of y if kernel
    and noise are scaled by the amplitude that maximises it.

    Args:
        kernel: kernel K of the support, float64, shape (S, S).
        y: numbers of the support, float64, shape (S,).
        noises: noise variances n_m above 0, shape (M,).
        prior: log-probabilities up to a constant, shape (M,).

    Source:
        Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, 2.2 and 5.2.
    """
    n = len(y)
    scores, weights = list[Tensor](), list[Tensor]()
    precision, total = torch.zeros_like(kernel), torch.full((), -math.inf).to(kernel)
    # One level after another, so that the memory of a large support does not grow with them.
    for noise, log_prior in zip(noises, prior, strict=True):
        factor: Tensor = _linalg.cholesky(_with_diagonal(kernel, noise))
        weights.append(torch.cholesky_solve(y[:, None], factor)[:, 0])
        fit = (weights[-1] @ y).clamp(min=SMALLEST) / n
        scores.append(log_prior - 0.5 * n * fit.log() - factor.diagonal().log().sum())
        total = torch.logaddexp(total, scores[-1])
        inverse = torch.cholesky_inverse(factor)
        del factor
        # A running mean with the weights of the levels so far; the last update makes it exact.
        precision = precision.lerp(inverse, (scores[-1] - total).exp())
        del inverse
    shares = torch.softmax(torch.stack(scores), 0)
    return Averaged(shares @ torch.stack(weights), _linalg.cholesky(precision), shares)


def _with_diagonal(kernel: Tensor, noise: Tensor) -> Tensor:
    shifted = kernel.clone()
    shifted.diagonal().add_(noise)
    return shifted
