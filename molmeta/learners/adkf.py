"""Adaptive deep kernel: a Gaussian process whose kernel is fitted to each support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from molmeta.encoders.base import Paper
from molmeta.errors import ConfigError
from molmeta.learners._parents.gaussian_learner import GaussianLearner
from molmeta.learners._parts.gaussian_process import LENGTH, Observations, Prior, implicit, optimum

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.encoders.base import Encoder
    from molmeta.learners._parents.gaussian_learner import Fitted, KernelInputs
    from molmeta.learners.base import Target

NARROW, WIDE, SHORTEST = 0.25, 1.0, 1e-10


class ADKF(GaussianLearner):
    """A Gaussian process on learnt vectors whose kernel parameters are fitted to each support.

    u* = argmin -log p(y_S | u) - log p(u) by Newton's method, with a log-normal prior on each
    parameter, its mode where the search begins: noise 0.1, or 0.01 for values; length scale
    sqrt(median d^2 / 2) over the support, both of scale 0.25; output scale 1, of scale 1, which
    the paper leaves without a prior, so that the optimum is always one point. The encoder is
    trained on -log p(y_Q | S, u*) through u* as well, by the implicit function theorem: the exact
    Hessian of 3 by 3, and one more backward pass. See `GaussianLearner` for kernel and logit.

    Source:
        Chen et al., Meta-learning Adaptive Deep Kernel Gaussian Processes for Molecular Property
        Prediction, ICLR 2023 (ADKF-IFT).

    Args:
        encoder: any encoder.
        target: 'activity' or 'value'.
        further: kernels to add, see `GaussianLearner`; the weight of each is one more parameter,
            with a prior as the output scale.
        centre: whether the mean label of a support is taken off first; the paper does not.
        objective: 'joint' as published, or 'marginal', the mean over single queries.
        implicit: whether the encoder is trained through u* too.
        learnt_prior: whether the modes of the priors are learnt; the paper fixes them.
    """

    papers = (
        Paper(
            authors="Chen, Wenlin; Tripp, Austin; Hernández-Lobato, José Miguel",
            year=2023,
            title=(
                "Meta-learning Adaptive Deep Kernel Gaussian Processes for Molecular Property "
                "Prediction"
            ),
            venue="ICLR",
        ),
    )
    use_when = (
        "you predict values or need uncertainties from a trained encoder; it adapts in milliseconds"
    )

    def __init__(
        self,
        encoder: Encoder,
        *,
        target: Target = "activity",
        further: str = "",
        centre: bool = True,
        objective: Literal["joint", "marginal"] = "joint",
        implicit: bool = True,
        learnt_prior: bool = False,
    ) -> None:
        super().__init__(encoder, further=further, centre=centre, target=target)
        if objective not in ("joint", "marginal"):
            raise ConfigError(
                f"learner 'adkf': objective is unknown; got '{objective}', expected 'joint' or "
                "'marginal'. Change it in the recipe."
            )
        self.objective, self.implicit = objective, implicit
        self.modes: Tensor
        if learnt_prior:
            self.modes = nn.Parameter(self.start())
        else:
            self.register_buffer("modes", self.start())

    def kernel_parameters(self, known: Observations) -> Tensor:
        prior = self.prior(known)
        with torch.no_grad():
            u = optimum(known, prior)
        if not (self.implicit and torch.is_grad_enabled()):
            return u
        return implicit(known, prior, u)

    def prior(self, known: Observations) -> Prior:
        """Return the prior of one support; the mode of the length scale follows its vectors."""
        modes = self.modes.double()
        first, last = modes[:LENGTH], modes[LENGTH + 1 :]
        length = modes[LENGTH] + typical_length(known).log()
        scales = (NARROW, WIDE, NARROW, *([WIDE] * len(last)))
        return Prior(torch.cat([first, length.unsqueeze(0), last]), known.y.new_tensor(scales))

    def episode_loss(self, fitted: Fitted, query: KernelInputs, asked: Tensor) -> Tensor:
        if self.objective == "marginal":
            return self.marginal_loss(fitted, query, asked)
        return self.joint_loss(fitted, query, asked)


def typical_length(known: Observations) -> Tensor:
    """Return the square root of half the median squared distance between molecules of a support.

    1 where there is one molecule, and never 0 where many are the same.
    """
    squared = known.pairs.squared
    n = len(squared)
    if n < 2:
        return squared.new_ones(())
    row, column = torch.triu_indices(n, n, offset=1, device=squared.device)
    return (squared[row, column].median() / 2).clamp(min=SHORTEST).sqrt()
