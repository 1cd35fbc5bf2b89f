"""Reptile: initial weights in the middle of where ordinary training on each assay ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from molmeta.encoders.base import Encoder, Paper
from molmeta.learners._parents.gradient import (
    EVALUATION_STEPS,
    INNER_STEPS,
    GradientLearner,
    Update,
    Weights,
    descend,
)
from molmeta.molecules.blocks import Molecules, tensor_of
from molmeta.molecules.labelled import Labelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from molmeta.assays.episodes import Episode


class Reptile(GradientLearner):
    """Trains on each assay for a few mini-batches, then moves the start towards the end.

    w_b are the weights after some steps of Adam without momentum on assay b, and
    w <- w + e (mean_b w_b - w). Training has no support and query: mini-batches come from both
    together. In evaluation, the steps are on the whole support, which must have both classes.

    `backward` adds w - mean_b w_b to `.grad`. Plain gradient descent with a rate that falls
    linearly from e to 0 is the meta-step of the paper. Other optimisers with a rate that falls
    to 0 are possible as well (section 2 of the paper names Adam), such as that of
    `molmeta train`. The second moments of Adam restart in each assay, so that a learner consists
    of its weights alone.

    Args:
        encoder: any encoder.
        inner_steps: mini-batches of each assay in training.
        evaluation_steps: steps on the support in evaluation.
        inner_rate: step size. A step of Adam is about as long as its rate, whatever the gradient.
            The default is therefore smaller than that of plain gradient descent.
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
            Loss of one more mini-batch after the steps, as a mean over the episodes.
        """
        total = 0.0
        for episode in episodes:
            *batches, last = map(self.objective, self.batches(episode, molecules))
            weights = descend(self.initial(), batches, self.update(), order=self.order)
            for name, weight in self.initial().items():
                gradient = (weight - weights[name]).detach() / len(episodes)
                weight.grad = gradient if weight.grad is None else weight.grad + gradient
            with torch.no_grad():
                total += float(last(weights)) / len(episodes)
        return total

    def batches(self, episode: Episode, molecules: Molecules) -> Iterator[Labelled]:
        """Yield a mini-batch for each step and one more; no molecule repeats before all occur."""
        rows = torch.cat([tensor_of(episode.support), tensor_of(episode.query)])
        labels = torch.cat([tensor_of(episode.support_labels), tensor_of(episode.query_labels)])
        for batch in _batches(len(rows), self.inner_batch, self.inner_steps + 1):
            selected = molecules.select(rows[batch].to(molecules.device))
            yield Labelled(selected, labels[batch].to(molecules.device))


class _Adam:
    """Adam without momentum (beta1 = 0)."""

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


def _batches(n: int, size: int, batches: int) -> Tensor:
    """Return indices below n, one row a batch, of size min(size, n)."""
    size = min(size, n)
    # Fixed orders suffice, as the molecules of an episode are drawn at random.
    orders = [
        torch.randperm(n, generator=torch.Generator().manual_seed(epoch))
        for epoch in range(-(-batches * size // n))
    ]
    return torch.cat(orders)[: batches * size].view(batches, size)
