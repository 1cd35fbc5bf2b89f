"""Quadratic probe: a center and a metric for each class on a multi-task network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from molmeta.errors import ConfigError
from molmeta.learners.multitask import MultiTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from molmeta.encoders.base import Encoder
    from molmeta.learners._parents.embedding import Head

EPOCHS = {16: 10, 32: 33, 64: 37, 128: 64}
"""Published number of steps by support size."""
HALVINGS = 20
_torch: Any = torch


class QuadraticProbe(MultiTask):
    """Two Gaussians in the space that a multi-task network has learnt, one for each class.

    Trained as `multitask` is. Then, for z the vectors around the support's mean, at length 1:
    p(k | z) ~ exp(-t d_k(z)) with d_k(z) = (z - w_k)' M_k (z - w_k), where the metric of class k
    is M_k = [(1 - l) Cov_k + l I]^-1 and Cov_k is taken around w_k. For a given w_k this M_k is the
    one that minimises tr(M S_k) - log det M, S_k = (1 - l) Cov_k + l I: the most likely Gaussian.

    The centres start at the mean of their class, at length 1, and then descend the support's mean
    cross-entropy by Adam, M_k following at every step; so the loss is a function of the centres
    alone, and its gradient goes through M_k. A step that would raise it is halved until it does
    not, so that it never increases. (To fit M_k to the cross-entropy as well has no minimum:
    metrics grow without end.) A class of one molecule has the metric I / l at the start.

    The support must hold both classes. It learns no values: without classes there is no Gaussian.

    Args:
        encoder: any encoder.
        assays: training assays there is room for.
        shrinkage: l, above 0 and at most 1.
        temperature: t, above 0.
        learning_rate: of Adam on the centres.
        epochs: steps on the centres; None takes the published number for the support's size.

    Raises:
        ConfigError: an option out of its range.

    Source:
        Formont et al., A Strong Baseline for Molecular Few-Shot Learning, TMLR 2025.
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
        _require("shrinkage", shrinkage, 0 < shrinkage <= 1, "above 0 and at most 1")
        _require("temperature", temperature, 0 < temperature < math.inf, "a number above 0")
        _require("learning_rate", learning_rate, 0 <= learning_rate < math.inf, "0 or more")
        _require("epochs", epochs, epochs is None or epochs >= 0, "0 or more, or None")
        self.shrinkage, self.temperature = shrinkage, temperature
        self.learning_rate, self.epochs = learning_rate, epochs

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        middle = vectors.detach().mean(0)

        def placed(some: Tensor) -> Tensor:
            return F.normalize(some.detach() - middle, dim=1).double()

        known = placed(vectors)
        centres = self.centres(known, labels)
        return lambda query: self.logits(known, labels, placed(query))(centres).to(query)

    def centres(self, vectors: Tensor, labels: Tensor) -> Tensor:
        """Return w of both classes, the inactive one first, shape (2, W).

        Args:
            vectors: of length 1, float64, shape (S, W).
            labels: 1.0 or 0.0, shape (S,).
        """
        logits, known = self.logits(vectors, labels, vectors), labels.to(vectors)
        means = [vectors[labels == label].mean(0) for label in (0, 1)]
        return descend(
            lambda centres: self.loss(logits(centres), known),
            F.normalize(torch.stack(means), dim=1),
            steps=published_epochs(len(labels)) if self.epochs is None else self.epochs,
            rate=self.learning_rate,
        )

    def logits(self, vectors: Tensor, labels: Tensor, query: Tensor) -> Callable[[Tensor], Tensor]:
        """Return what gives logits of shape (Q,) from centres of shape (2, W)."""
        inactive, active = (
            Distances(vectors[labels == label], query, self.shrinkage) for label in (0, 1)
        )
        return lambda centres: self.temperature * (inactive(centres[0]) - active(centres[1]))


class Distances:
    """Distances (q - w)' M (q - w) of Q vectors to a class of n, as a function of its centre w.

    With the rows of A the class around w and c = (1 - l) / (n - 1), Woodbury's identity says
    M = [c A'A + l I]^-1 = [I - c A' (c A A' + l I)^-1 A] / l: a system of n equations instead of W,
    and of vectors it needs inner products alone, of which w changes only those with itself.

    Args:
        known: the class, shape (n, W).
        query: shape (Q, W).
        shrinkage: l.
    """

    def __init__(self, known: Tensor, query: Tensor, shrinkage: float) -> None:
        self.known, self.query, self.shrinkage = known, query, shrinkage
        self.spread = (1 - shrinkage) / max(len(known) - 1, 1)
        self.among, self.across = known @ known.T, known @ query.T
        self.lengths = query.square().sum(1)

    def __call__(self, centre: Tensor) -> Tensor:
        known, query, length = self.known @ centre, self.query @ centre, centre @ centre
        shift = length - known.unsqueeze(1)
        system = self.spread * (self.among + shift - known)
        system = system + self.shrinkage * torch.eye(len(known)).to(system)
        across = self.across + shift - query
        inside = (across * _torch.linalg.solve(system, self.spread * across)).sum(0)
        return (self.lengths - 2 * query + length - inside) / self.shrinkage


def descend(loss: Callable[[Tensor], Tensor], start: Tensor, *, steps: int, rate: float) -> Tensor:
    """Return a point that Adam reaches from `start`, where no step raises the loss."""
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
    """Move `point` back towards where it was until the loss is no higher, and return the loss."""
    for halving in range(HALVINGS + 1):
        value = loss(point)
        if float(value.detach()) <= least:
            return value
        with torch.no_grad():
            point.copy_(before if halving >= HALVINGS - 1 else (point + before) / 2)
    return loss(point)


def published_epochs(n_support: int) -> int:
    """Return the steps published for a support size, between two of them as its logarithm goes."""
    sizes, steps = np.log2(list(EPOCHS)), list(EPOCHS.values())
    return round(float(np.interp(math.log2(n_support), sizes, steps)))


def _require(name: str, value: object, holds: bool, rule: str) -> None:  # noqa: FBT001
    if not holds:
        raise ConfigError(
            f"quadratic_probe: {name} is out of range; got {value}, expected {rule}. "
            "Correct it in the learner's options."
        )
