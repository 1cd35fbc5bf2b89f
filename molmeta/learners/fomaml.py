"""First-order MAML: the steps on a support are not differentiated."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from molmeta.learners._parents.gradient import GradientLearner

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder


class FOMAML(GradientLearner):
    """MAML with dw'/dw taken for the identity: half the time and a fraction of the memory.

    w' = w - a grad L_support(w), some steps; the outer gradient is that of L_query(w') with
    respect to w', given to w as it is. The support must hold both classes.

    Source:
        Finn et al., Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks, ICML 2017
        (section 5.2; the defaults are those for MiniImagenet).

    Args:
        encoder: any encoder.
        inner_steps: gradient steps on the support in training.
        evaluation_steps: gradient steps on the support when nothing is trained.
        inner_rate: step size a.
    """

    order: ClassVar[int] = 1

    def __init__(
        self,
        encoder: Encoder,
        *,
        inner_steps: int = 5,
        evaluation_steps: int = 10,
        inner_rate: float = 0.01,
    ) -> None:
        super().__init__(
            encoder,
            inner_steps=inner_steps,
            evaluation_steps=evaluation_steps,
            inner_rate=inner_rate,
        )
