"""Kernel ridge regression on a learnt kernel: solved in closed form for each support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.learners._kernels import KernelLearner, KernelRidge

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.encoders.base import Encoder
    from molmeta.learners._embedding import Head


class DeepKernelRidge(KernelLearner):
    """Ridge regression on the cosine of learnt vectors plus the Tanimoto similarity.

    See `KernelRidge`. The encoder is trained through the solution of the ridge regression, so
    that its vectors are those on which a few labels go furthest. The support must hold both
    classes.

    Source:
        Bertinetto et al., Meta-learning with Differentiable Closed-form Solvers, ICLR 2019.

    Args:
        encoder: any encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder)
        self.ridge = KernelRidge()

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        logits = self.ridge(self.points(vectors), labels)
        return lambda query: logits(self.points(query))
