"""Kernel regression averaged over noise levels, weighted by their marginal likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
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
    identity = torch.eye(n).to(kernel)
    factors: Tensor = _linalg.cholesky(kernel + noises[:, None, None] * identity)
    weights = torch.cholesky_solve(y[:, None].expand(len(noises), n, 1), factors)[..., 0]
    fit = (weights @ y).clamp(min=SMALLEST) / n
    half_log_determinant = factors.diagonal(dim1=1, dim2=2).log().sum(1)
    shares = torch.softmax(prior - 0.5 * n * fit.log() - half_log_determinant, 0)
    precision = (shares[:, None, None] * torch.cholesky_inverse(factors)).sum(0)
    return Averaged(shares @ weights, _linalg.cholesky(precision), shares)
