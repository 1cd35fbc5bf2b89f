"""What learners share that adapt by gradient steps on the support."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from molmeta.learners.base import MetaLearner, Predictor, require_both_classes, require_encoder

if TYPE_CHECKING:
    from molmeta.assays.training_data import TrainingData
    from molmeta.encoders.base import Encoder
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

Weights = dict[str, Tensor]
Objective = Callable[[Weights], Tensor]
"""From weights to the loss that one step goes down."""
Update = Callable[[Weights, Weights], Weights]
"""From weights and their gradients to the weights after one step."""


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

    order: ClassVar[int] = 2
    """Of `descend`, where the steps are differentiated."""

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

    def fit(self, data: TrainingData) -> None:
        self.scorer.encoder.fit(data)

    def adapt(self, support: Labelled) -> Predictor:
        require_both_classes(support.labels)
        return self.predictor(support)

    def predictor(self, support: Labelled) -> Predictor:
        """Return what `adapt` does, for labels of any kind."""
        weights = self.fast_weights(support)
        return lambda molecules: functional_call(self.scorer, weights, (molecules,))

    def fast_weights(self, support: Labelled) -> Weights:
        """Return the weights after the steps on the support; those that take none are left out."""
        steps = self.inner_steps if self.training else self.evaluation_steps
        objectives = [self.objective(support)] * steps
        order = self.order if torch.is_grad_enabled() else 0
        return descend(self.initial(), objectives, self.update(), order=order)

    def initial(self) -> Weights:
        """Return the weights that the steps start from."""
        return dict(self.scorer.named_parameters())

    def objective(self, labelled: Labelled) -> Objective:
        """Return the loss of labelled molecules as a function of the weights."""

        def loss(weights: Weights) -> Tensor:
            logits = functional_call(self.scorer, weights, (labelled.molecules,))
            return self.loss(logits, labelled.labels)

        return loss

    def update(self) -> Update:
        """Return the rule of the steps on one support."""
        return descent(dict.fromkeys(self.initial(), self.inner_rate))


def descend(
    weights: Weights, objectives: Sequence[Objective], update: Update, *, order: int
) -> Weights:
    """Return the weights after one step down each objective.

    Args:
        weights: where to start.
        objectives: one a step.
        update: the rule of a step.
        order: 2 lets the steps be differentiated, 1 too but with their gradients as constants.
            With 0 no graph is kept; then a step that leaves the objective without a finite value
            is taken back and is the last, so that an adaptation that diverges predicts numbers.
    """
    before = weights = weights if order else _leaves(weights)
    for objective in objectives:
        loss, gradients = _gradients(objective, weights, create_graph=order == 2)
        if not order and not torch.isfinite(loss):
            return before
        before, weights = weights, update(weights, gradients)
        weights = weights if order else _leaves(weights)
    if not order and objectives and not torch.isfinite(objectives[-1](weights)):
        return before
    return weights


def descent(rates: dict[str, float] | Weights) -> Update:
    """Return gradient descent with these step sizes, w - a g."""

    def update(weights: Weights, gradients: Weights) -> Weights:
        stepped = {name: weights[name] - rates[name] * g for name, g in gradients.items()}
        return {**weights, **stepped}

    return update


def _gradients(
    objective: Objective, weights: Weights, *, create_graph: bool
) -> tuple[Tensor, Weights]:
    """Return the loss, and its gradient for each weight that it depends on."""
    with torch.enable_grad():
        loss = objective(weights)
        found: Any = torch.autograd.grad(
            loss, list(weights.values()), create_graph=create_graph, allow_unused=True
        )
    pairs = zip(weights, found, strict=True)
    return loss, {name: gradient for name, gradient in pairs if gradient is not None}


def _leaves(weights: Weights) -> Weights:
    return {name: weight.detach().requires_grad_() for name, weight in weights.items()}
