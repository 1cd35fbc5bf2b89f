"""Quadratic probe: a centre and a metric for each class on a multi-task network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from molmeta.learners._parts.tuning import require
from molmeta.learners.multitask import MultiTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from molmeta.encoders.base import Encoder
    from molmeta.learners._parents.embedding import Head

EPOCHS = {16: 10, 32: 33, 64: 37, 128: 64}
"""Number of steps in the paper, by support size."""
HALVINGS = 20
_torch: Any = torch


class QuadraticProbe(MultiTask):
    """A Gaussian for each class in the space of a multi-task network.

    Training is that of `multitask`. Then p(k | z) ~ exp(-t d_k(z)) for vectors z centred on the
    support and scaled to length 1. Here, d_k(z) = (z - w_k)' M_k (z - w_k), with the metric
    M_k = [(1 - l) Cov_k + l I]^-1. For given w_k, this M_k minimises tr(M S_k) - log det M with
    S_k = (1 - l) Cov_k + l I: it is that of the most likely Gaussian.

    | symbol | attribute     | meaning                                                   |
    | ------ | ------------- | --------------------------------------------------------- |
    | w_k    |               | centre of class k; starts at its mean, scaled to length 1 |
    | Cov_k  |               | covariance of class k around w_k                          |
    | l      | `shrinkage`   | share of the identity in the covariance                   |
    | t      | `temperature` | factor of the distances                                   |

    Adam minimises the mean cross-entropy of the support over the centres, with M_k updated in
    every step. The loss is thus a function of the centres alone; its gradient passes through M_k.
    A step that would raise the loss is halved until it does not. (Fitting M_k to the cross-entropy
    as well has no minimum, as the metrics grow without bound.)

    The support must have both classes. Values are not supported.

    Args:
        encoder: any encoder.
        assays: largest number of training assays.
        shrinkage: l, above 0 and at most 1.
        temperature: t, above 0.
        learning_rate: learning rate of Adam on the centres.
        epochs: steps on the centres; None for the number in the paper for this support size.

    Raises:
        ConfigError: an option is out of range.
    """

    use_when = "you have a multi-task network already; it needs no training of its own"
    regression: ClassVar[bool] = False

    def __init__(
        self,
        encoder: Encoder,
        *,
        assays: int = 8192,
        shrinkage: float = 0.2,
        temperature: float = 1.0,
        learning_rate: float = 1e-3,
        epochs: int | None = None,
    ) -> None:
        super().__init__(encoder, assays=assays)
        rules = {
            "shrinkage": (shrinkage, 0 < shrinkage <= 1, "above 0 and at most 1"),
            "temperature": (temperature, 0 < temperature < math.inf, "a number above 0"),
            "learning_rate": (learning_rate, 0 <= learning_rate < math.inf, "0 or more"),
            "epochs": (epochs, epochs is None or epochs >= 0, "0 or more, or None"),
        }
        require("quadratic_probe", rules)
        self.shrinkage, self.temperature = shrinkage, temperature
        self.learning_rate, self.epochs = learning_rate, epochs

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        centre = vectors.detach().mean(0)

        def turned(raw: Tensor) -> Tensor:
            # Detached, because `descend` differentiates by the centres alone.
            return F.normalize(raw.detach() - centre, dim=1).double()

        support = turned(vectors)
        centres = self.centres(support, labels)
        return lambda query: self.logits(support, labels, turned(query))(centres).to(query)

    def centres(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return w for both classes, the inactive one first, shape (2, W).

        Args:
            vectors: of length 1, float64, shape (S, W).
            labels: 1.0 or 0.0, shape (S,).
        """
        logits, expected = self.logits(vectors, labels, vectors), labels.to(vectors)
        means = [vectors[labels == label].mean(0) for label in (0, 1)]
        return descend(
            lambda centres: self.loss(logits(centres), expected),
            F.normalize(torch.stack(means), dim=1),
            steps=published_epochs(len(labels)) if self.epochs is None else self.epochs,
            rate=self.learning_rate,
        )

    def logits(self, vectors: Tensor, labels: Tensor, query: Tensor) -> Callable[[Tensor], Tensor]:
        """Return the logits of a query, shape (Q,), as a function of the centres, shape (2, W)."""
        inactive, active = (
            Distances(vectors[labels == label], query, self.shrinkage) for label in (0, 1)
        )
        return lambda centres: self.temperature * (inactive(centres[0]) - active(centres[1]))


class Distances:
    """Distances (q - w)' M (q - w) of Q vectors to a class of n, as a function of its centre w.

    With the rows of A the class around w and c = (1 - l) / (n - 1), Woodbury's identity gives
    M = [c A'A + l I]^-1 = [I - c A' (c A A' + l I)^-1 A] / l. This needs a system of n equations
    instead of W, and only inner products of vectors. A new w changes only the products with w.

    Args:
        members: vectors of the class, shape (n, W).
        query: shape (Q, W).
        shrinkage: l.
    """

    def __init__(self, members: Tensor, query: Tensor, shrinkage: float) -> None:
        self.members, self.query, self.shrinkage = members, query, shrinkage
        self.spread = (1 - shrinkage) / max(len(members) - 1, 1)
        self.within, self.across = members @ members.T, members @ query.T
        self.lengths = query.square().sum(1)

    def __call__(self, centre: Tensor) -> Tensor:
        members, query, length = self.members @ centre, self.query @ centre, centre @ centre
        # (a - w)(b - w) = ab - aw - bw + ww, where ab is computed once and ww is `length`.
        shift = length - members.unsqueeze(1)
        system = self.spread * (self.within + shift - members)
        system = system + self.shrinkage * torch.eye(len(members)).to(system)
        across = self.across + shift - query
        explained = (across * _torch.linalg.solve(system, self.spread * across)).sum(0)
        return (self.lengths - 2 * query + length - explained) / self.shrinkage


def descend(loss: Callable[[Tensor], Tensor], start: Tensor, *, steps: int, rate: float) -> Tensor:
    """Return the point that Adam reaches from `start`, with steps that never raise the loss."""
    with torch.enable_grad():
        point = start.detach().clone().requires_grad_()
        optimizer: Any = torch.optim.Adam([point], lr=rate)
        value = loss(point)
        for _ in range(steps):
            (point.grad,) = torch.autograd.grad(value, [point])
            before, least = point.detach().clone(), float(value.detach())
            optimizer.step()
            value = _not_above(least, loss, point, before)
    return point.detach()


def _not_above(
    least: float, loss: Callable[[Tensor], Tensor], point: Tensor, before: Tensor
) -> Tensor:
    """Move `point` back towards `before` until the loss is at most `least`; return the loss."""
    for halving in range(HALVINGS + 1):
        value = loss(point)
        if float(value.detach()) <= least:
            return value
        with torch.no_grad():
            # The last move goes all the way back, where the loss is `least` again.
            point.copy_(before if halving >= HALVINGS - 1 else (point + before) / 2)
    return loss(point)


def published_epochs(n_support: int) -> int:
    """Return the number of steps in the paper, interpolated in the logarithm of the size."""
    sizes, steps = np.log2(list(EPOCHS)), list(EPOCHS.values())
    return round(float(np.interp(math.log2(n_support), sizes, steps)))
