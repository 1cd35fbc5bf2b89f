"""Reptile: initial weights in the middle of where ordinary training on each assay ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from molmeta.encoders.base import Paper
from molmeta.learners._parents.gradient import (
    EVALUATION_STEPS,
    INNER_STEPS,
    GradientLearner,
    Update,
    Weights,
    descend,
)
from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.labelled import Labelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from molmeta.assays.episodes import Episode
    from molmeta.encoders.base import Encoder
    from molmeta.molecules.blocks import Molecules


class Reptile(GradientLearner):
    """Trains on each assay for some mini-batches, and moves the start towards where it ended.

    w_b = w after some steps of Adam without momentum on assay b; w <- w + e (mean_b w_b - w).
    There is no support and query in training: mini-batches are drawn from both together.
    Afterwards the steps are on the whole support, which must hold both classes.

    `backward` adds w - mean_b w_b to `.grad`. Plain gradient descent with a rate that falls
    linearly from e to 0 is then the paper's meta-step; any other optimiser whose rate falls to 0
    may take its place (section 2 of the paper names Adam), as does that of `molmeta train`.

    Source:
        Nichol et al., On First-Order Meta-Learning Algorithms, arXiv 1803.02999. The second
        moments of Adam start anew in each assay, so that a learner is no more than its weights.

    Args:
        encoder: any encoder.
        inner_steps: mini-batches of an assay in training.
        evaluation_steps: steps on the support when nothing is trained.
        inner_rate: step size. A step of Adam is about as long as its rate whatever the gradient,
            so that the default is smaller than that of plain gradient descent.
        inner_batch: molecules in a mini-batch.
    """

    papers = (
        Paper(
            authors="Nichol, Alex; Achiam, Joshua; Schulman, John",
            year=2018,
            title="On First-Order Meta-Learning Algorithms",
            venue="arXiv",
            kind="article",
            doi="10.48550/arXiv.1803.02999",
        ),
    )
    use_when = "second derivatives are unavailable; training has no support and query"
    order: ClassVar[int] = 0

    def __init__(
        self,
        encoder: Encoder,
        *,
        inner_steps: int = INNER_STEPS,
        evaluation_steps: int = EVALUATION_STEPS,
        inner_rate: float = 0.01,
        inner_batch: int = 10,
    ) -> None:
        super().__init__(
            encoder,
            inner_steps=inner_steps,
            evaluation_steps=evaluation_steps,
            inner_rate=inner_rate,
        )
        self.inner_batch = inner_batch

    def update(self) -> Update:
        return _Adam(self.inner_rate)

    def backward(self, episodes: Sequence[Episode], molecules: Molecules) -> float:
        """Add w - mean_b w_b to `.grad`.

        Returns:
            The loss of one more mini-batch after the steps, as a mean over the episodes.
        """
        total = 0.0
        for episode in episodes:
            *batches, last = map(self.objective, self.batches(episode, molecules))
            weights = descend(self.initial(), batches, self.update(), order=self.order)
            for name, weight in self.initial().items():
                _add_gradient(weight, (weight - weights[name]).detach() / len(episodes))
            with torch.no_grad():
                total += float(last(weights)) / len(episodes)
        return total

    def batches(self, episode: Episode, molecules: Molecules) -> Iterator[Labelled]:
        """Yield a mini-batch for each step and one more, all molecules once before any twice."""
        rows = torch.cat([tensor_of(episode.support), tensor_of(episode.query)])
        labels = torch.cat([tensor_of(episode.support_labels), tensor_of(episode.query_labels)])
        for places in _places(len(rows), self.inner_batch, self.inner_steps + 1):
            chosen = molecules.select(rows[places].to(molecules.device))
            yield Labelled(chosen, labels[places].to(molecules.device))


class _Adam:
    """Adam without momentum (beta1 = 0): a step by the sign of gradients that stay as they are."""

    def __init__(self, rate: float, *, decay: float = 0.999, epsilon: float = 1e-8) -> None:
        self.rate, self.decay, self.epsilon = rate, decay, epsilon
        self.moments: Weights = {}
        self.steps = 0

    def __call__(self, weights: Weights, gradients: Weights) -> Weights:
        self.steps += 1
        unbiased = 1 - self.decay**self.steps
        stepped: Weights = {}
        for name, gradient in gradients.items():
            square = (1 - self.decay) * gradient.square()
            if name in self.moments:
                square = square + self.decay * self.moments[name]
            self.moments[name] = square
            root = (square / unbiased).sqrt() + self.epsilon
            stepped[name] = weights[name] - self.rate * gradient / root
        return {**weights, **stepped}


def _places(n: int, size: int, batches: int) -> Tensor:
    """Return places among n, a row a batch; orders are fixed, for episodes are drawn at random."""
    size = min(size, n)
    orders = [_order(n, epoch) for epoch in range(-(-batches * size // n))]
    return torch.cat(orders)[: batches * size].view(batches, size)


def _order(n: int, epoch: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(epoch))


def _add_gradient(parameter: Tensor, gradient: Tensor) -> None:
    parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
