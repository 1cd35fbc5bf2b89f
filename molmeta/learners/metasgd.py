"""Meta-SGD: MAML with a trained step size for every weight."""

from __future__ import annotations

import torch
from torch import nn

from molmeta.encoders.base import Paper
from molmeta.learners._parents.gradient import GradientLearner, Update, descent


class MetaSGD(GradientLearner):
    """Trains the initial weights together with the direction and length of the steps.

    A few steps w' = w - a * grad L_support(w) adapt the weights, with a step size in a for every
    single weight. The outer gradient is that of L_query(w') with respect to w and a, through the
    steps. Step sizes may become negative. The support must have both classes.

    The paper takes one step and draws the initial step sizes from [0.005, 0.1]; here all of them
    start at `inner_rate`.

    Options: see `GradientLearner`.
    """

    papers = (
        Paper(
            authors="Li, Zhenguo; Zhou, Fengwei; Chen, Fei; Li, Hang",
            year=2017,
            title="Meta-SGD: Learning to Learn Quickly for Few-Shot Learning",
            venue="arXiv",
            kind="article",
            doi="10.48550/arXiv.1707.09835",
        ),
    )
    use_when = "a single gradient step has to suffice"

    def add_parameters(self) -> None:
        self.rates = nn.ParameterList(
            torch.full_like(weight, self.inner_rate) for weight in self.initial().values()
        )

    def update(self) -> Update:
        return descent(dict(zip(self.initial(), self.rates, strict=True)))
