"""Shared by learners that adapt by gradient steps on the support: the steps and their options."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from molmeta.learners.base import MetaLearner, Predictor, require_both_classes, require_encoder

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

WEIGHT, BIAS = "head.weight", "head.bias"
INNER_STEPS, EVALUATION_STEPS = 3, 5
"""Defaults of all gradient learners, so that one differs from another by its method alone."""
Weights = dict[str, Tensor]
Objective = Callable[[Weights], Tensor]
"""From weights to the loss that one step descends."""
Update = Callable[[Weights, Weights], Weights]
"""From weights and their gradients to the weights after one step."""


class GradientLearner(MetaLearner):
    """Parent of learners that take gradient steps on the support from meta-trained weights.

    The network is the encoder followed by a linear layer, `head`. Whether the steps themselves
    are differentiated follows from torch's grad mode: in training they are, in evaluation no
    graph is kept. Subclasses share the options and their defaults, unless they say otherwise.

    Args:
        encoder: any encoder.
        inner_steps: gradient steps on the support in training.
        evaluation_steps: gradient steps on the support in evaluation.
        inner_rate: step size.
        prototypes: whether the steps start from a prototypical network. Then s 2 (m_1 - m_0) / v is
            added to the weights of the head, and s (|m_0|^2 - |m_1|^2) / v to its intercept. Here,
            m_c is the mean vector of class c, and v the mean squared distance of the support's
            vectors from their mean. The scale s is trained and starts at 4.

    Source:
        Triantafillou et al., Meta-Dataset, ICLR 2020 (prototypes as a start).
    """

    encoder: Encoder
    order: ClassVar[int] = 2
    """Passed to `descend` when the steps are differentiated."""

    def __init__(
        self,
        encoder: Encoder | None,
        *,
        inner_steps: int = INNER_STEPS,
        evaluation_steps: int = EVALUATION_STEPS,
        inner_rate: float = 0.05,
        prototypes: bool = False,
    ) -> None:
        super().__init__(require_encoder(encoder, self))
        self.head = nn.Linear(self.encoder.width, 1)
        self.inner_steps, self.evaluation_steps = inner_steps, evaluation_steps
        self.inner_rate, self.prototypes = inner_rate, prototypes
        if prototypes:
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)
            self.log_scale = nn.Parameter(torch.tensor(math.log(4.0)))
        self.add_parameters()

    def add_parameters(self) -> None:
        """Register what a subclass trains in addition to the encoder and the head; nothing here."""

    def forward(self, molecules: Molecules) -> Tensor:
        """Return the logit of each molecule, shape (G,), without adaptation."""
        return self.head(self.encoder(molecules)).squeeze(1)

    def adapt(self, support: Labelled) -> Predictor:
        require_both_classes(support.labels)
        return self.predictor(support)

    def predictor(self, support: Labelled) -> Predictor:
        """Return the predictor of `adapt`, without checking the labels."""
        weights = self.fast_weights(support)
        return lambda molecules: functional_call(self, weights, (molecules,))

    def fast_weights(self, support: Labelled) -> Weights:
        """Return the weights after the steps on the support, without those that never move."""
        steps = self.inner_steps if self.training else self.evaluation_steps
        objectives = [self.objective(support)] * steps
        order = self.order if torch.is_grad_enabled() else 0
        return descend(self.start(support), objectives, self.update(), order=order)

    def start(self, support: Labelled) -> Weights:
        """Return the weights that the steps on this support start from."""
        weights = self.initial()
        if not self.prototypes:
            return weights
        vectors, active = self.encoder(support.molecules), support.labels > 0.5
        spread = (vectors - vectors.mean(0)).square().sum(1).mean().clamp(min=1e-12)
        inactive_mean, active_mean = vectors[~active].mean(0), vectors[active].mean(0)
        scale = self.log_scale.exp() / spread
        direction = scale * 2 * (active_mean - inactive_mean).unsqueeze(0)
        intercept = scale * (inactive_mean.square().sum() - active_mean.square().sum())
        return {
            **weights,
            WEIGHT: weights[WEIGHT] + direction,
            BIAS: weights[BIAS] + intercept.unsqueeze(0),
        }

    def initial(self) -> Weights:
        """Return the trained weights that the steps change: those of the encoder and the head."""
        parts = {"encoder": self.encoder, "head": self.head}
        return {f"{p}.{n}": w for p, part in parts.items() for n, w in part.named_parameters()}

    def objective(self, labelled: Labelled) -> Objective:
        """Return the loss of labelled molecules as a function of the weights."""

        def loss(weights: Weights) -> Tensor:
            logits = functional_call(self, weights, (labelled.molecules,))
            return self.loss(logits, labelled.labels)

        return loss

    def update(self) -> Update:
        """Return the update rule of the steps on one support."""
        return descent(dict.fromkeys(self.initial(), self.inner_rate))


def descend(
    weights: Weights, objectives: Sequence[Objective], update: Update, *, order: int
) -> Weights:
    """Return the weights after one step down each objective.

    Args:
        weights: start of the descent.
        objectives: one for each step.
        update: update rule of a step.
        order: with 2, the steps can be differentiated; with 1, they can be too, but treat their
            gradients as constants. With 0, no graph is kept, and a step after which the objective
            is not finite is undone and ends the descent. Predictions therefore stay finite even
            if the adaptation diverges.
    """
    # `before` is one step behind: only the next loss shows whether a step diverged.
    before = weights = weights if order else _leaves(weights)
    for objective in objectives:
        loss, gradients = _gradients(objective, weights, create_graph=order == 2)
        if not order and not torch.isfinite(loss):
            return before
        before, weights = weights, update(weights, gradients)
        # Without a derivative to take, each step starts a graph of its own, so none builds up.
        weights = weights if order else _leaves(weights)
    if not order and objectives and not torch.isfinite(objectives[-1](weights)):
        return before
    return weights


def descent(rates: dict[str, float] | Weights) -> Update:
    """Return plain gradient descent, w - a g, with these step sizes a."""

    def update(weights: Weights, gradients: Weights) -> Weights:
        stepped = {name: weights[name] - rates[name] * g for name, g in gradients.items()}
        return {**weights, **stepped}

    return update


def _gradients(
    objective: Objective, weights: Weights, *, create_graph: bool
) -> tuple[Tensor, Weights]:
    """Return the loss and its gradient for each weight that it depends on."""
    with torch.enable_grad():
        loss = objective(weights)
        gradients: Any = torch.autograd.grad(
            loss, list(weights.values()), create_graph=create_graph, allow_unused=True
        )
    pairs = zip(weights, gradients, strict=True)
    return loss, {name: gradient for name, gradient in pairs if gradient is not None}


def _leaves(weights: Weights) -> Weights:
    return {name: weight.detach().requires_grad_() for name, weight in weights.items()}
