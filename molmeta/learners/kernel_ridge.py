"""Kernel ridge regression on a trained kernel, solved in closed form for each support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from molmeta.encoders.base import Encoder, Paper
from molmeta.learners._parents.kernels import KernelLearner, RidgeInputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class DeepKernelRidge(KernelLearner):
    """Ridge regression on the cosine of trained vectors plus the Tanimoto similarity.

    The encoder is trained through the solution of the ridge regression, so that its vectors
    generalise from a few labels. See `KernelRidge` for the formulas. The support must have both
    classes.

    Args:
        encoder: any encoder.
        fingerprints: whether the kernel compares Morgan fingerprints in addition to the vectors.
    """

    papers = (
        Paper(
            authors="Bertinetto, Luca; Henriques, João F.; Torr, Philip H. S.; Vedaldi, Andrea",
            year=2019,
            title="Meta-learning with Differentiable Closed-form Solvers",
            venue="ICLR",
        ),
    )
    use_when = "you need a fast head that compares plain fingerprints as well"

    def __init__(self, encoder: Encoder, *, fingerprints: bool = True) -> None:
        super().__init__(encoder, fingerprints=fingerprints)

    def scorer(self, support: RidgeInputs, labels: Tensor) -> Callable[[RidgeInputs], Tensor]:
        return self.ridge(support, labels)
