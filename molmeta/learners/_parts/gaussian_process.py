"""Gaussian process regression: kernel, marginal likelihood with two derivatives, posterior.

The kernel is k = s Matern(d / l) + w_1 k_1 + ..., plus noise n on the diagonal, in float64.

| symbol | parameter           | meaning                                  |
| ------ | ------------------- | ---------------------------------------- |
| u      |                     | logarithms of all parameters, shape (P,) |
| n      | exp(u[NOISE])       | variance of the noise                    |
| s      | exp(u[SCALE])       | variance of the Matern-5/2 kernel        |
| l      | exp(u[LENGTH])      | length scale                             |
| w_i    | exp(u[LENGTH + i])  | weight of the further kernel k_i         |
| d      | sqrt(Pairs.squared) | distances                                |
| y      | Observations.y      | numbers of the support                   |

Shapes: S support, Q query, P parameters, G any number of molecules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from molmeta.learners._parts.positive import cholesky, solve_positive

if TYPE_CHECKING:
    from torch import Tensor

NOISE, SCALE, LENGTH = 0, 1, 2
"""Indices of the first parameters; the weights of further kernels follow."""
NEAREST, MIN_SQUARED_DISTANCE = 1e-12, 1e-10
TOLERANCE, STEPS, LONGEST, HALVINGS = 1e-10, 50, 1.0, 25
_linalg: Any = torch.linalg


class Pairs(NamedTuple):
    """Distances and further kernels of G molecules against S others.

    Attributes:
        squared: squared distances, shape (G, S).
        further: further kernels, each of shape (G, S).
    """

    squared: Tensor
    further: tuple[Tensor, ...] = ()


class Observations(NamedTuple):
    """A support with the numbers to fit.

    Attributes:
        pairs: the support against itself.
        y: numbers, shape (S,).
    """

    pairs: Pairs
    y: Tensor


class Prior(NamedTuple):
    """Log-normal densities of the parameters, each with its mode at exp(centre).

    In u, -log p = (u - centre)^2 / (2 scale^2) up to a constant.

    Attributes:
        centre: shape (P,).
        scale: shape (P,); infinite for a parameter without a prior.
    """

    centre: Tensor
    scale: Tensor


class Expansion(NamedTuple):
    """Value, gradient and Hessian of the objective: (), (P,) and (P, P)."""

    value: Tensor
    gradient: Tensor
    hessian: Tensor


def squared_distances(x: Tensor, others: Tensor) -> Tensor:
    """Return squared distances, shape (G, S), none below 0, from vectors in float64."""
    product = x @ others.T
    x_squared, others_squared = x.square().sum(1, keepdim=True), others.square().sum(1)
    return (x_squared + others_squared - 2 * product).clamp(min=0)


def typical_length(squared: Tensor) -> Tensor:
    """Return sqrt(m / 2) for the median m of the squared distances within a support, above 0.

    A support of one molecule has length 1.

    Args:
        squared: shape (S, S).
    """
    n = len(squared)
    if n < 2:
        return squared.new_ones(())
    # Distinct pairs only: zeros on the diagonal would lower the median of a small support.
    row, column = torch.triu_indices(n, n, offset=1, device=squared.device)
    return (squared[row, column].median() / 2).clamp(min=MIN_SQUARED_DISTANCE).sqrt()


def kernel(pairs: Pairs, u: Tensor) -> Tensor:
    """Return the kernel without noise, shape (G, S)."""
    a = _scaled(pairs.squared, u)
    total = u[SCALE].exp() * (1 + a + a.square() / 3) * torch.exp(-a)
    for weight, other in zip(u[LENGTH + 1 :].exp(), pairs.further, strict=True):
        total = total + weight * other
    return total


def slopes(pairs: Pairs, u: Tensor) -> Tensor:
    """Return the derivatives of kernel and noise by u, shape (P, S, S)."""
    a, scale = _scaled(pairs.squared, u), u[SCALE].exp()
    decay = torch.exp(-a)
    identity = torch.eye(len(a), dtype=a.dtype, device=a.device)
    weights = u[LENGTH + 1 :].exp()
    return torch.stack(
        [
            u[NOISE].exp() * identity,
            scale * (1 + a + a.square() / 3) * decay,
            scale * a.square() * (1 + a) / 3 * decay,
            *(weight * other for weight, other in zip(weights, pairs.further, strict=True)),
        ]
    )


def objective(support: Observations, prior: Prior, u: Tensor) -> Tensor:
    """Return -log p(y | u) - log p(u), up to a constant of the prior."""
    factor = cholesky(_noisy(kernel(support.pairs, u), u))
    whitened: Tensor = _linalg.solve_triangular(factor, support.y.unsqueeze(1), upper=False)
    fit = 0.5 * whitened.square().sum() + factor.diagonal().log().sum()
    return fit + 0.5 * len(support.y) * math.log(2 * math.pi) + _penalty(prior, u)


def gradient(support: Observations, prior: Prior, u: Tensor) -> Tensor:
    """Return the derivative of `objective` by u, shape (P,), which can be differentiated again."""
    factor = cholesky(_noisy(kernel(support.pairs, u), u))
    weights = _residual(torch.cholesky_inverse(factor), support.y)
    of_likelihood = (weights * slopes(support.pairs, u)).sum((1, 2))
    return of_likelihood + (u - prior.centre) / prior.scale.square()


def expansion(support: Observations, prior: Prior, u: Tensor) -> Expansion:
    """Return `objective` with its gradient and its exact Hessian by u.

    Source:
        Rasmussen and Williams, Gaussian processes for machine learning, 2006, 5.4.1.
    """
    pairs, y = support
    factor = cholesky(_noisy(kernel(pairs, u), u))
    inverse = torch.cholesky_inverse(factor)
    alpha, first = inverse @ y, slopes(pairs, u)
    # With K_i the slopes, the Hessian of the likelihood is alpha' K_i K^-1 K_j alpha
    # - tr(K^-1 K_i K^-1 K_j) / 2, plus the second derivatives of the kernel. The slope by the
    # noise is a multiple of the identity, so that its product needs no multiplication of matrices.
    moved = first @ alpha
    of_noise = (u[NOISE].exp() * inverse).unsqueeze(0)
    turned = torch.cat([of_noise, inverse @ first[NOISE + 1 :]])
    traces = turned.flatten(1) @ turned.mT.flatten(1).T
    weights = _residual(inverse, y)
    of_likelihood = (weights * first).sum((1, 2))
    hessian = moved @ inverse @ moved.T - 0.5 * traces
    hessian = hessian + _curvature(pairs, u, weights, of_likelihood)
    precision = prior.scale.square().reciprocal()
    fit = 0.5 * y @ alpha + factor.diagonal().log().sum()
    value = fit + 0.5 * len(y) * math.log(2 * math.pi) + _penalty(prior, u)
    slope = of_likelihood + (u - prior.centre) * precision
    return Expansion(value, slope, hessian + torch.diag(precision))


def optimum(support: Observations, prior: Prior) -> Tensor:
    """Return the u of lowest `objective` that Newton's method reaches from the prior's centre.

    Each step turns away from saddles, is at most one unit of u long and is halved until the
    objective falls. The search ends with a step whose expected fall is within rounding, if no
    step lowers the objective, or after 50 steps.
    """
    u = prior.centre.detach()
    for _ in range(STEPS):
        local = expansion(support, prior, u)
        step = -solve_positive(local.hessian, local.gradient)
        if float(-step @ local.gradient) < TOLERANCE * (1 + float(local.value.abs())):
            return u + step
        step = step * min(1.0, LONGEST / float(step.abs().max()))
        lower = _lower(support, prior, u, step, float(local.value))
        if lower is None:
            return u
        u = lower
    return u


def implicit(support: Observations, prior: Prior, u: Tensor) -> Tensor:
    """Return an optimum u as a differentiable function of the support and the prior.

    The derivative is that of the implicit function theorem,
    du / dx = -[d2 objective / du du]^-1 d2 objective / du dx, with the exact Hessian.

    Source:
        Chen et al., ICLR 2023 (ADKF-IFT).
    """
    with torch.no_grad():
        hessian = expansion(support, prior, u).hessian
    slope = gradient(support, prior, u)
    # The difference is 0 in value and carries the gradient.
    return u - solve_positive(hessian, slope - slope.detach())


@dataclass(frozen=True)
class Posterior:
    """A Gaussian process conditioned on a support.

    Attributes:
        u: parameters, shape (P,).
        factor: lower Cholesky factor of kernel and noise of the support, shape (S, S).
        weights: inverse of kernel and noise times y, shape (S,).
        y: numbers of the support, shape (S,).
    """

    u: Tensor
    factor: Tensor
    weights: Tensor
    y: Tensor

    @property
    def noise(self) -> Tensor:
        """Variance of a measurement around the function."""
        return self.u[NOISE].exp()

    @property
    def log_likelihood(self) -> Tensor:
        """Log-density of the support's numbers."""
        fit = 0.5 * self.y @ self.weights + self.factor.diagonal().log().sum()
        return -fit - 0.5 * len(self.y) * math.log(2 * math.pi)

    def mean(self, cross: Pairs) -> Tensor:
        """Return the mean of the function, shape (Q,), from Q molecules against the support."""
        return kernel(cross, self.u) @ self.weights

    def variance(self, cross: Pairs, prior: Tensor) -> Tensor:
        """Return the variance of the function, above 0, shape (Q,).

        Args:
            cross: Q molecules against the support.
            prior: kernel of each of them with itself, shape (Q,).
        """
        explained = self._whitened(cross).square().sum(0)
        return (prior - explained).clamp(min=NEAREST)

    def covariance(self, cross: Pairs, within: Pairs) -> Tensor:
        """Return the covariance of measurements, including noise, shape (Q, Q)."""
        whitened = self._whitened(cross)
        return _noisy(kernel(within, self.u) - whitened.T @ whitened, self.u)

    def _whitened(self, cross: Pairs) -> Tensor:
        return _linalg.solve_triangular(self.factor, kernel(cross, self.u).T, upper=False)


def posterior(support: Observations, u: Tensor) -> Posterior:
    """Return the process with parameters u conditioned on a support."""
    factor = cholesky(_noisy(kernel(support.pairs, u), u))
    weights = torch.cholesky_solve(support.y.unsqueeze(1), factor).squeeze(1)
    return Posterior(u, factor, weights, support.y)


def log_density(y: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """Return the log-density of y, shape (Q,), under a joint normal distribution."""
    factor = cholesky(covariance)
    whitened: Tensor = _linalg.solve_triangular(factor, (y - mean).unsqueeze(1), upper=False)
    fit = 0.5 * whitened.square().sum() + factor.diagonal().log().sum()
    return -fit - 0.5 * len(y) * math.log(2 * math.pi)


def _scaled(squared: Tensor, u: Tensor) -> Tensor:
    """Return sqrt(5) d / l. The clamp keeps its slope finite at distance 0."""
    return (5 * squared.clamp(min=NEAREST)).sqrt() / u[LENGTH].exp()


def _noisy(matrix: Tensor, u: Tensor) -> Tensor:
    return matrix + torch.diag(u[NOISE].exp().expand(len(matrix)))


def _penalty(prior: Prior, u: Tensor) -> Tensor:
    return 0.5 * ((u - prior.centre) / prior.scale).square().sum()


def _residual(inverse: Tensor, y: Tensor) -> Tensor:
    """Return the derivative of -log p(y | u) by each entry of the kernel, shape (S, S)."""
    alpha = inverse @ y
    return 0.5 * (inverse - torch.outer(alpha, alpha))


def _curvature(pairs: Pairs, u: Tensor, weights: Tensor, of_likelihood: Tensor) -> Tensor:
    """Return the weighted second derivatives of the kernel by u, shape (P, P)."""
    # Terms that are linear in exp(u) have equal first and second derivatives. Only the length scale
    # is not linear, and it shares a term with the output scale.
    a = _scaled(pairs.squared, u)
    bent = u[SCALE].exp() * a.square() * (a.square() - 2 * a - 2) / 3 * torch.exp(-a)
    curvature = torch.diag(of_likelihood)
    curvature[LENGTH, LENGTH] = (weights * bent).sum()
    curvature[SCALE, LENGTH] = curvature[LENGTH, SCALE] = of_likelihood[LENGTH]
    return curvature


def _lower(
    support: Observations, prior: Prior, u: Tensor, step: Tensor, value: float
) -> Tensor | None:
    for _ in range(HALVINGS):
        if float(objective(support, prior, u + step)) < value:
            return u + step
        step = step / 2
    return None
