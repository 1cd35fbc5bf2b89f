"""A Gaussian process conditioned on a support, for molecules whose covariances are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.learners._parts.noise import Averaged


@dataclass(frozen=True)
class Regressed:
    """The process conditioned on a support, for molecules whose covariances are known.

    Attributes:
        mean_weight: b (S / 32)^-h, shape (1,).
        regression: regression of y - m - o, averaged over noise levels.
        offset: o.
        scale: s.
        doubt: w, the weight of the variance.
        bias: t, added to every logit.
    """

    mean_weight: Tensor
    regression: Averaged
    offset: Tensor
    scale: Tensor
    doubt: Tensor
    bias: Tensor

    def logits(self, mean: Tensor, variance: Tensor) -> Tensor:
        """Return the logits for mean and variance of the process, each of shape (G,)."""
        return self.scale * mean / (1 + self.doubt * variance).sqrt() + self.bias

    def posterior(self, activity: Tensor, kernel: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the process, each of shape (G,).

        Args:
            activity: shrunk mean of each molecule's profile, shape (G,).
            kernel: prior covariance with the support, shape (G, S).
            prior: prior variance, shape (G,).
        """
        kernel = kernel.double()
        of_kernel = (kernel @ self.regression.weights).to(activity)
        mean = activity * self.mean_weight + self.offset + of_kernel
        explained = (kernel @ self.regression.factor).square().sum(1).to(mean)
        # Rounding can make the difference negative for compounds of the support.
        return mean, (prior - explained).clamp(min=1e-6)
