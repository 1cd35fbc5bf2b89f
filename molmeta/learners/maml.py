"""MAML: initial weights from which a few gradient steps on a support suffice."""

from __future__ import annotations

from molmeta.encoders.base import Paper
from molmeta.learners._parents.gradient import GradientLearner


class MAML(GradientLearner):
    """Model-agnostic meta-learning of second order.

    A few steps w' = w - a grad L_support(w) adapt the weights. The outer gradient is that of
    L_query(w') with respect to w, through the steps. The support must have both classes.

    Options: see `GradientLearner`.
    """

    papers = (
        Paper(
            authors="Finn, Chelsea; Abbeel, Pieter; Levine, Sergey",
            year=2017,
            title="Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks",
            venue="ICML",
        ),
    )
    use_when = "the encoder itself should adapt to each assay; it is the most expensive to train"
