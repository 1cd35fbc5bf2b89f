"""Meta-SGD: MAML that learns the step size of every weight as well."""

from __future__ import annotations

import torch
from torch import nn

from molmeta.learners._parents.gradient import GradientLearner, Update, descent


class MetaSGD(GradientLearner):
    """Learns from where to start, in which direction to go and how far, for one step.

    w' = w - a * grad L_support(w), with a step size for every single weight; the outer gradient
    is that of L_query(w') with respect to w and a, through the step. Step sizes may become
    negative. The support must hold both classes.

    Source:
        Li et al., Meta-SGD: Learning to Learn Quickly for Few-Shot Learning, arXiv 1707.09835.

    Options: see `GradientLearner`; all step sizes start from `inner_rate`. The paper takes one
    step and draws the start values from [0.005, 0.1].
    """

    def add_parameters(self) -> None:
        self.rates = nn.ParameterList(
            torch.full_like(weight, self.inner_rate) for weight in self.initial().values()
        )

    def update(self) -> Update:
        return descent(dict(zip(self.initial(), self.rates, strict=True)))
