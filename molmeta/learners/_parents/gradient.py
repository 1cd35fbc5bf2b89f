"""Shared by learners that adapt by gradient steps on the support: the steps and their options."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from molmeta.learners.base import MetaLearner, Predictor, require_both_classes, require_encoder

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

WEIGHT, BIAS, CENTRE = "head.weight", "head.bias", "centre"
INNER_STEPS, EVALUATION_STEPS = 3, 5
"""Defaults of all gradient learners, so that one differs from another by its method alone."""
_linalg: Any = torch.linalg
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
        prototypes: whether the steps start from a prototypical network. The head then sees vectors
            around the mean of the support, scaled to length 1, and starts as described below.

    With prototypes, the head starts at w + d and b - d' (m_0 + m_1) / 2, for

    d = 2 s P (m_1 - m_0), P = r (C + r I)^-1.

    | symbol | attribute   | meaning                                   | start value |
    | ------ | ----------- | ----------------------------------------- | ----------- |
    | w, b   | `head`      | trained start without prototypes          | 0           |
    | m_c    |             | mean of what the head sees of class c     |             |
    | C      |             | covariance of what it sees of the support |             |
    | s      | `log_scale` | scale of the logits, exp of it            | 10          |
    | r      | `log_ridge` | ridge, exp of it                          | 0.05        |

    Source:
        Triantafillou et al., Meta-Dataset, ICLR 2020 (prototypes as a start); Stanley et al.,
        FS-Mol, NeurIPS 2021 (the covariance); Wang et al., SimpleShot, arXiv 1911.04623, 2019 (the
        centred vectors of length 1).
    """

    encoder: Encoder
    centre: Tensor
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
            # Not trained: each support has its own.
            self.register_buffer(CENTRE, torch.zeros(self.encoder.width), persistent=False)
            nn.init.zeros_(self.head.weight)
            nn.init.zeros_(self.head.bias)
            self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))
            self.log_ridge = nn.Parameter(torch.tensor(math.log(0.05)))
        self.add_parameters()

    def add_parameters(self) -> None:
        """Register what a subclass trains in addition to the encoder and the head; nothing here."""

    def forward(self, molecules: Molecules) -> Tensor:
        """Return the logit of each molecule, shape (G,), without adaptation."""
        vectors = self.encoder(molecules)
        return self.head(seen(vectors, self.centre) if self.prototypes else vectors).squeeze(1)

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
        centre = vectors.mean(0)
        points = seen(vectors, centre)
        inactive_mean, active_mean = points[~active].mean(0), points[active].mean(0)
        difference = 2 * self.log_scale.exp() * (active_mean - inactive_mean)
        direction = shrunk(difference, points - points.mean(0), self.log_ridge.exp())
        intercept = -direction @ (inactive_mean + active_mean) / 2
        return {
            **weights,
            WEIGHT: weights[WEIGHT] + direction.unsqueeze(0),
            BIAS: weights[BIAS] + intercept.unsqueeze(0),
            CENTRE: centre,
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


def seen(vectors: Tensor, centre: Tensor) -> Tensor:
    """Return vectors around a centre, scaled to length 1, shape (G, W)."""
    return F.normalize(vectors - centre, dim=1)


def shrunk(vector: Tensor, deviations: Tensor, ridge: Tensor) -> Tensor:
    """Return r (C + r I)^-1 v, C the covariance of deviations from a mean.

    The W x W inverse is never formed: by Woodbury's identity, a system of S equations suffices.

    Args:
        vector: v, shape (W,).
        deviations: shape (S, W).
        ridge: r, above 0.
    """
    rows = deviations / len(deviations) ** 0.5
    gram = rows @ rows.T + ridge * torch.eye(len(rows)).to(rows)
    solution: Tensor = _linalg.solve(gram, rows @ vector)
    return vector - rows.T @ solution


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
    """Return plain gradient descent, w - a g, with these step sizes a; other weights stay."""

    def update(weights: Weights, gradients: Weights) -> Weights:
        moved = {name: g for name, g in gradients.items() if name in rates}
        stepped = {name: weights[name] - rates[name] * g for name, g in moved.items()}
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
