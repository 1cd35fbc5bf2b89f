"""What learners share that adapt by gradient steps on the support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from molmeta.learners.base import (
    Labelled,
    MetaLearner,
    Predictor,
    require_both_classes,
    require_encoder,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.blocks import Molecules
    from molmeta.encoders.base import Encoder

Weights = dict[str, Tensor]


class Scorer(nn.Module):
    """An encoder and a linear layer: from molecules to logits of shape (G,)."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.width, 1)

    def forward(self, molecules: Molecules) -> Tensor:
        return self.head(self.encoder(molecules)).squeeze(1)


class GradientLearner(MetaLearner):
    """Parent of learners that take gradient steps on the support, from shared initial weights.

    Whether the steps themselves are differentiated is read from the grad mode on entry: in
    training they are, in evaluation no graph is kept.

    Args:
        encoder: any encoder.
        inner_steps: gradient steps on the support in training.
        evaluation_steps: gradient steps on the support when nothing is trained.
        inner_rate: step size.
    """

    def __init__(
        self,
        encoder: Encoder | None,
        *,
        inner_steps: int,
        evaluation_steps: int,
        inner_rate: float,
    ) -> None:
        super().__init__()
        self.scorer = Scorer(require_encoder(encoder, self))
        self.inner_steps, self.evaluation_steps = inner_steps, evaluation_steps
        self.inner_rate = inner_rate

    @property
    def featurizers(self) -> tuple[str, ...]:
        return self.scorer.encoder.featurizers

    def fit(self, molecules: Molecules, assays: Sequence[str]) -> None:
        del assays
        self.scorer.encoder.fit(molecules)

    def adapt(self, support: Labelled) -> Predictor:
        require_both_classes(support.labels)
        weights = self.fast_weights(support)
        return lambda molecules: functional_call(self.scorer, weights, (molecules,))

    def fast_weights(self, support: Labelled) -> Weights:
        """Return the weights after the steps on the support."""
        differentiate = torch.is_grad_enabled()
        steps = self.inner_steps if self.training else self.evaluation_steps
        weights: Weights = dict(self.scorer.named_parameters())
        if not differentiate:
            weights = {name: w.detach().requires_grad_() for name, w in weights.items()}
        for _ in range(steps):
            weights = self.step(weights, support, differentiate=differentiate)
        return weights

    def step(self, weights: Weights, support: Labelled, *, differentiate: bool) -> Weights:
        """Return the weights after one step of gradient descent on the support's loss."""
        with torch.enable_grad():
            logits = functional_call(self.scorer, weights, (support.molecules,))
            loss = self.loss(logits, support.labels)
            gradients: Any = torch.autograd.grad(
                loss, list(weights.values()), create_graph=differentiate, allow_unused=True
            )
            pairs = zip(weights.items(), gradients, strict=True)
            stepped = {n: w if g is None else w - self.inner_rate * g for (n, w), g in pairs}
        if differentiate:
            return stepped
        return {name: weight.detach().requires_grad_() for name, weight in stepped.items()}
