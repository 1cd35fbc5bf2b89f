"""Gaussian process regression: kernel, marginal likelihood with two derivatives, posterior.

All in float64. A kernel has P parameters u, the logarithms of noise, output scale and length scale
and of the weight of each further kernel: k = s Matern(d / l) + w_1 k_1 + ..., plus noise n between
a molecule and itself.

Letters: S support, Q query, P parameters.
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
"""Places of the first parameters; weights of further kernels follow."""
NEAREST = 1e-12
TOLERANCE, STEPS, LONGEST, HALVINGS = 1e-10, 50, 1.0, 25
_linalg: Any = torch.linalg


class Pairs(NamedTuple):
    """What kernels are made from, for each of G molecules against each of S.

    Attributes:
        squared: squared distances, shape (G, S).
        further: other kernels, each of shape (G, S).
    """

    squared: Tensor
    further: tuple[Tensor, ...] = ()


class Observations(NamedTuple):
    """A support with numbers to regress on.

    Attributes:
        pairs: of the support with itself.
        y: numbers, shape (S,).
    """

    pairs: Pairs
    y: Tensor


class Prior(NamedTuple):
    """Log-normal densities of the parameters, each with its mode at exp(centre).

    In u, -log p = (u - centre)^2 / (2 scale^2) up to a constant.

    Attributes:
        centre: shape (P,).
        scale: shape (P,); infinite for none.
    """

    centre: Tensor
    scale: Tensor


class Expansion(NamedTuple):
    """The objective about a point, to second order: () , (P,) and (P, P)."""

    value: Tensor
    gradient: Tensor
    hessian: Tensor


def squared_distances(x: Tensor, others: Tensor) -> Tensor:
    """Return squared distances, shape (G, S), none below 0, from vectors in float64."""
    product = x @ others.T
    own, other = x.square().sum(1, keepdim=True), others.square().sum(1)
    return (own + other - 2 * product).clamp(min=0)


def kernel(pairs: Pairs, u: Tensor) -> Tensor:
    """Return the kernel without noise, shape (G, S)."""
    a = _scaled(pairs.squared, u)
    total = u[SCALE].exp() * (1 + a + a.square() / 3) * torch.exp(-a)
    for weight, other in zip(u[LENGTH + 1 :].exp(), pairs.further, strict=True):
        total = total + weight * other
    return total


def own_kernel(own: Pairs, u: Tensor) -> Tensor:
    """Return the kernel of each of G molecules with itself, from pairs of shape (G, 1)."""
    return kernel(own, u).squeeze(1)


def slopes(pairs: Pairs, u: Tensor) -> Tensor:
    """Return the derivatives of kernel and noise by u, shape (P, S, S)."""
    a, scale = _scaled(pairs.squared, u), u[SCALE].exp()
    decay = torch.exp(-a)
    one = torch.eye(len(a), dtype=a.dtype, device=a.device)
    weights = u[LENGTH + 1 :].exp()
    return torch.stack(
        [
            u[NOISE].exp() * one,
            scale * (1 + a + a.square() / 3) * decay,
            scale * a.square() * (1 + a) / 3 * decay,
            *(weight * other for weight, other in zip(weights, pairs.further, strict=True)),
        ]
    )


def objective(known: Observations, prior: Prior, u: Tensor) -> Tensor:
    """Return -log p(y | u) - log p(u), up to a constant of the prior."""
    factor = cholesky(_noisy(kernel(known.pairs, u), u))
    whitened: Tensor = _linalg.solve_triangular(factor, known.y.unsqueeze(1), upper=False)
    fit = 0.5 * whitened.square().sum() + factor.diagonal().log().sum()
    return fit + 0.5 * len(known.y) * math.log(2 * math.pi) + _penalty(prior, u)


def gradient(known: Observations, prior: Prior, u: Tensor) -> Tensor:
    """Return the derivative of `objective` by u, shape (P,), itself fit to be differentiated."""
    factor = cholesky(_noisy(kernel(known.pairs, u), u))
    weights = _residual(torch.cholesky_inverse(factor), known.y)
    inner = (weights * slopes(known.pairs, u)).sum((1, 2))
    return inner + (u - prior.centre) / prior.scale.square()


def expansion(known: Observations, prior: Prior, u: Tensor) -> Expansion:
    """Return `objective` with its gradient and its exact Hessian by u.

    Source:
        Rasmussen and Williams, Gaussian processes for machine learning, 2006, 5.4.1.
    """
    factor = cholesky(_noisy(kernel(known.pairs, u), u))
    inverse = torch.cholesky_inverse(factor)
    alpha, first = inverse @ known.y, slopes(known.pairs, u)
    moved, noise = first @ alpha, u[NOISE].exp() * inverse
    turned = torch.cat([noise.unsqueeze(0), inverse @ first[NOISE + 1 :]])
    crossed = turned.flatten(1) @ turned.mT.flatten(1).T
    weights = _residual(inverse, known.y)
    inner = (weights * first).sum((1, 2))
    hessian = moved @ inverse @ moved.T - 0.5 * crossed + _curvature(known.pairs, u, weights, inner)
    precision = prior.scale.square().reciprocal()
    value = 0.5 * known.y @ alpha + factor.diagonal().log().sum()
    value = value + 0.5 * len(known.y) * math.log(2 * math.pi) + _penalty(prior, u)
    slope = inner + (u - prior.centre) * precision
    return Expansion(value, slope, hessian + torch.diag(precision))


def optimum(known: Observations, prior: Prior) -> Tensor:
    """Return the u of lowest `objective` that Newton's method reaches from the prior's centre.

    Each step turns away from saddles, is at most one unit of u long and is halved until the
    objective falls. The last one is that of which no fall beyond rounding is expected, so that the
    gradient vanishes with it; where nothing falls, or after 50, the point reached is returned.
    """
    u = prior.centre.detach()
    for _ in range(STEPS):
        found = expansion(known, prior, u)
        step = -solve_positive(found.hessian, found.gradient)
        if float(-step @ found.gradient) < TOLERANCE * (1 + float(found.value.abs())):
            return u + step
        step = step * min(1.0, LONGEST / float(step.abs().max()))
        lower = _lower(known, prior, u, step, float(found.value))
        if lower is None:
            return u
        u = lower
    return u


def implicit(known: Observations, prior: Prior, u: Tensor) -> Tensor:
    """Return an optimum u as a function of what `objective` is made from.

    Its value is u. Its derivative is that of the implicit function theorem,
    du / dx = -[d2 objective / du du]^-1 d2 objective / du dx, with the exact Hessian.

    Source:
        Chen et al., Meta-learning Adaptive Deep Kernel Gaussian Processes for Molecular Property
        Prediction, ICLR 2023.
    """
    with torch.no_grad():
        hessian = expansion(known, prior, u).hessian
    slope = gradient(known, prior, u)
    return u - solve_positive(hessian, slope - slope.detach())


@dataclass(frozen=True)
class Posterior:
    """What a support says of other molecules.

    Attributes:
        u: parameters, shape (P,).
        factor: lower Cholesky factor of kernel and noise of the support, shape (S, S).
        weights: its inverse times the support's numbers, shape (S,).
        y: these numbers, shape (S,).
    """

    u: Tensor
    factor: Tensor
    weights: Tensor
    y: Tensor

    @property
    def noise(self) -> Tensor:
        """Variance of a measurement about the function."""
        return self.u[NOISE].exp()

    @property
    def log_likelihood(self) -> Tensor:
        """Log-density of the support's numbers."""
        fit = 0.5 * self.y @ self.weights + self.factor.diagonal().log().sum()
        return -fit - 0.5 * len(self.y) * math.log(2 * math.pi)

    def mean(self, cross: Pairs) -> Tensor:
        """Return the mean of the function for Q molecules against the support, shape (Q,)."""
        return kernel(cross, self.u) @ self.weights

    def variance(self, cross: Pairs, own: Tensor) -> Tensor:
        """Return the variance of the function, above 0, shape (Q,).

        Args:
            cross: Q molecules against the support.
            own: the kernel of each of them with itself, shape (Q,).
        """
        explained = self._whitened(cross).square().sum(0)
        return (own - explained).clamp(min=NEAREST)

    def covariance(self, cross: Pairs, own: Pairs) -> Tensor:
        """Return the covariance of measurements, noise included, shape (Q, Q)."""
        whitened = self._whitened(cross)
        return _noisy(kernel(own, self.u) - whitened.T @ whitened, self.u)

    def _whitened(self, cross: Pairs) -> Tensor:
        return _linalg.solve_triangular(self.factor, kernel(cross, self.u).T, upper=False)


def posterior(known: Observations, u: Tensor) -> Posterior:
    """Return what a support says of other molecules, with parameters u."""
    factor = cholesky(_noisy(kernel(known.pairs, u), u))
    weights = torch.cholesky_solve(known.y.unsqueeze(1), factor).squeeze(1)
    return Posterior(u, factor, weights, known.y)


def log_density(y: Tensor, mean: Tensor, covariance: Tensor) -> Tensor:
    """Return the log-density of y of shape (Q,) under a joint normal distribution."""
    factor = cholesky(covariance)
    whitened: Tensor = _linalg.solve_triangular(factor, (y - mean).unsqueeze(1), upper=False)
    fit = 0.5 * whitened.square().sum() + factor.diagonal().log().sum()
    return -fit - 0.5 * len(y) * math.log(2 * math.pi)


def _scaled(squared: Tensor, u: Tensor) -> Tensor:
    """The square root of 5 times distance over length; its slope stays finite at distance 0."""
    return (5 * squared.clamp(min=NEAREST)).sqrt() / u[LENGTH].exp()


def _noisy(matrix: Tensor, u: Tensor) -> Tensor:
    return matrix + torch.diag(u[NOISE].exp().expand(len(matrix)))


def _penalty(prior: Prior, u: Tensor) -> Tensor:
    return 0.5 * ((u - prior.centre) / prior.scale).square().sum()


def _residual(inverse: Tensor, y: Tensor) -> Tensor:
    """The derivative of the negative log-likelihood by each entry of the kernel, shape (S, S)."""
    alpha = inverse @ y
    return 0.5 * (inverse - torch.outer(alpha, alpha))


def _curvature(pairs: Pairs, u: Tensor, weights: Tensor, inner: Tensor) -> Tensor:
    """The weighted second derivatives of the kernel: what is linear in exp(u) is its own slope."""
    a = _scaled(pairs.squared, u)
    bent = u[SCALE].exp() * a.square() * (a.square() - 2 * a - 2) / 3 * torch.exp(-a)
    found = torch.diag(inner)
    found[LENGTH, LENGTH] = (weights * bent).sum()
    found[SCALE, LENGTH] = found[LENGTH, SCALE] = inner[LENGTH]
    return found


def _lower(
    known: Observations, prior: Prior, u: Tensor, step: Tensor, value: float
) -> Tensor | None:
    for _ in range(HALVINGS):
        if float(objective(known, prior, u + step)) < value:
            return u + step
        step = step / 2
    return None
