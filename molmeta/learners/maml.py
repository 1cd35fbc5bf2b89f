"""MAML: initial weights from which a few gradient steps on a support suffice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.learners._parents.gradient import GradientLearner

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder


class MAML(GradientLearner):
    """Model-agnostic meta-learning, second order.

    w' = w - a grad L_support(w), some steps; the outer gradient is that of L_query(w') with
    respect to w, through the steps. The support must hold both classes.

    Source:
        Finn et al., Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks, ICML 2017.

    Args:
        encoder: any encoder.
        inner_steps: gradient steps on the support in training.
        evaluation_steps: gradient steps on the support when nothing is trained.
        inner_rate: step size a.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        inner_steps: int = 3,
        evaluation_steps: int = 5,
        inner_rate: float = 0.05,
    ) -> None:
        super().__init__(
            encoder,
            inner_steps=inner_steps,
            evaluation_steps=evaluation_steps,
            inner_rate=inner_rate,
        )
