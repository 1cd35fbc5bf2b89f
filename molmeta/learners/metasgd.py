"""Meta-SGD: MAML that learns the step size of every weight as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from molmeta.learners._parents.gradient import GradientLearner, Update, descent

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder


class MetaSGD(GradientLearner):
    """Learns from where to start, in which direction to go and how far, for one step.

    w' = w - a * grad L_support(w), with a step size for every single weight; the outer gradient
    is that of L_query(w') with respect to w and a, through the step. Step sizes may become
    negative. The support must hold both classes.

    Source:
        Li et al., Meta-SGD: Learning to Learn Quickly for Few-Shot Learning, arXiv 1707.09835.

    Args:
        encoder: any encoder.
        inner_steps: gradient steps on the support in training; the paper takes one.
        evaluation_steps: gradient steps on the support when nothing is trained.
        inner_rate: what all step sizes start from; the paper draws it from [0.005, 0.1].
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        inner_steps: int = 1,
        evaluation_steps: int = 1,
        inner_rate: float = 0.05,
    ) -> None:
        super().__init__(
            encoder,
            inner_steps=inner_steps,
            evaluation_steps=evaluation_steps,
            inner_rate=inner_rate,
        )
        self.rates = nn.ParameterList(
            torch.full_like(weight, inner_rate) for weight in self.initial().values()
        )

    def update(self) -> Update:
        return descent(dict(zip(self.initial(), self.rates, strict=True)))
