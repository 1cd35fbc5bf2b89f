"""Regression on a kernel whose noise nobody knows: many noises, each as far as it explains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor

SMALLEST = 1e-12
_linalg: Any = torch.linalg


class Averaged(NamedTuple):
    """What a support of S molecules says, averaged over noises.

    Attributes:
        weights: of the support in the posterior mean, shape (S,).
        factor: F with k' F F' k what the support explains of a variance, shape (S, S).
        shares: of the noises in all this, shape (M,).
    """

    weights: Tensor
    factor: Tensor
    shares: Tensor


def averaged(kernel: Tensor, y: Tensor, noises: Tensor, prior: Tensor) -> Averaged:
    """Average regressions over noises by their posterior probability.

    With K_m = K + n_m I, weight m is proportional to
    exp(prior_m) (y' K_m^-1 y)^(-S/2) |K_m|^(-1/2): the marginal likelihood of y at the amplitude
    of kernel and noise that makes it highest.

    Args:
        kernel: of the support, float64, shape (S, S).
        y: numbers, float64, shape (S,).
        noises: above 0, shape (M,).
        prior: log-probabilities, up to a constant, shape (M,).

    Source:
        Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, 2.2 and 5.2.
    """
    n = len(y)
    identity = torch.eye(n).to(kernel)
    factors: Tensor = _linalg.cholesky(kernel + noises[:, None, None] * identity)
    weights = torch.cholesky_solve(y[:, None].expand(len(noises), n, 1), factors)[..., 0]
    fit = (weights @ y).clamp(min=SMALLEST) / n
    spread = factors.diagonal(dim1=1, dim2=2).log().sum(1)
    shares = torch.softmax(prior - 0.5 * n * fit.log() - spread, 0)
    precision = (shares[:, None, None] * torch.cholesky_inverse(factors)).sum(0)
    return Averaged(shares @ weights, _linalg.cholesky(precision), shares)
