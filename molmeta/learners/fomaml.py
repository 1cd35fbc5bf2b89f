"""First-order MAML: MAML without derivatives through the steps on a support."""

from __future__ import annotations

from typing import ClassVar

from molmeta.learners._parents.gradient import GradientLearner
from molmeta.learners.maml import MAML


class FOMAML(GradientLearner):
    """MAML with dw'/dw taken for the identity: half the time and a fraction of the memory.

    w' = w - a grad L_support(w), some steps; the outer gradient is that of L_query(w') with
    respect to w', given to w as it is. The support must hold both classes.

    Source:
        Finn et al., Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks, ICML 2017
        (section 5.2; the defaults are those for MiniImagenet).

    Options: see `GradientLearner`.
    """

    papers = MAML.papers
    use_when = "`maml` takes too long: it needs half the time and a fraction of the memory"
    order: ClassVar[int] = 1
