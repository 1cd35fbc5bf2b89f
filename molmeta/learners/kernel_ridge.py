"""Kernel ridge regression on a learnt kernel: solved in closed form for each support."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch

from molmeta.blocks import Bits
from molmeta.learners._embedding import EmbeddingLearner, Head
from molmeta.learners._kernels import KernelRidge, Points

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.blocks import Molecules
    from molmeta.encoders.base import Encoder


class DeepKernelRidge(EmbeddingLearner):
    """Ridge regression on the cosine of learnt vectors plus the Tanimoto similarity.

    See `KernelRidge`. The encoder is trained through the solution of the ridge regression, so
    that its vectors are those on which a few labels go furthest. The support must hold both
    classes.

    Source:
        Bertinetto et al., Meta-learning with Differentiable Closed-form Solvers, ICLR 2019.

    Args:
        encoder: any encoder.
    """

    needs: ClassVar[tuple[str, ...]] = ("morgan",)

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder)
        self.ridge = KernelRidge()

    def embed(self, molecules: Molecules) -> Tensor:
        return torch.cat([self.encoder(molecules), molecules.block("morgan", Bits).dense()], dim=1)

    def points(self, vectors: Tensor) -> Points:
        width = self.encoder.width
        return Points(vectors[:, :width], vectors[:, width:])

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        logits = self.ridge(self.points(vectors), labels)
        return lambda query: logits(self.points(query))
