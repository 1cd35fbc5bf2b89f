"""Adaptive deep kernel: a Gaussian process whose kernel is fitted to each support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import nn

from molmeta.encoders.base import Paper
from molmeta.errors import ConfigError
from molmeta.learners._parents.gaussian_learner import GaussianLearner
from molmeta.learners._parts.gaussian_process import (
    LENGTH,
    Observations,
    Prior,
    implicit,
    optimum,
    typical_length,
)

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.encoders.base import Encoder
    from molmeta.learners._parents.gaussian_learner import Fitted, KernelInputs
    from molmeta.learners.base import Target

NARROW, WIDE = 0.25, 1.0


class ADKF(GaussianLearner):
    """A Gaussian process on trained vectors whose kernel parameters are fitted to each support.

    u* = argmin_u -log p(y_S | u) - log p(u), by Newton's method from the mode of p(u). The encoder
    is trained on -log p(y_Q | S, u*). This gradient also passes through u*, by the implicit
    function theorem with the exact Hessian. See `GaussianLearner` for the kernel and the logit.

    | parameter in u | mode of its log-normal prior      | scale of the prior |
    | -------------- | --------------------------------- | ------------------ |
    | noise          | 0.1, or 0.01 for values           | 0.25               |
    | output scale   | 1                                 | 1                  |
    | length scale   | sqrt(median squared distance / 2) | 0.25               |
    | kernel weights | 1                                 | 1                  |

    The paper has no prior on the output scale; this one ensures that there is a single optimum.

    Args:
        encoder: any encoder.
        target: 'activity' or 'value'.
        further: kernels to add, see `GaussianLearner`; each adds its weight to u.
        centre: whether to subtract the mean label of a support first; the paper does not.
        objective: 'joint', as in the paper, or 'marginal', the mean over single queries.
        implicit: whether the gradient of the encoder passes through u*.
        learnt_prior: whether the modes of the priors are trained; the paper fixes them.
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

    def kernel_parameters(self, support: Observations) -> Tensor:
        prior = self.prior(support)
        # No graph of Newton's steps: `implicit` needs derivatives at the optimum only.
        with torch.no_grad():
            u = optimum(support, prior)
        if not (self.implicit and torch.is_grad_enabled()):
            return u
        return implicit(support, prior, u)

    def prior(self, support: Observations) -> Prior:
        """Return the prior for one support, whose vectors set the mode of the length scale."""
        modes = self.modes.double()
        length = modes[LENGTH] + typical_length(support.pairs.squared).log()
        centre = torch.cat([modes[:LENGTH], length.unsqueeze(0), modes[LENGTH + 1 :]])
        scales = (NARROW, WIDE, NARROW, *([WIDE] * len(modes[LENGTH + 1 :])))
        return Prior(centre, support.y.new_tensor(scales))

    def episode_loss(self, fitted: Fitted, query: KernelInputs, query_y: Tensor) -> Tensor:
        if self.objective == "marginal":
            return self.marginal_loss(fitted, query, query_y)
        return self.joint_loss(fitted, query, query_y)
