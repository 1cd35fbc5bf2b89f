"""Deep kernel transfer: a Gaussian process with one kernel, trained with the encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders.base import Encoder, Paper
from molmeta.errors import ConfigError
from molmeta.learners._parents.gaussian_learner import Fitted, GaussianLearner, KernelInputs

if TYPE_CHECKING:
    from molmeta.learners._parts.gaussian_process import Observations
    from molmeta.learners.base import Target

OBJECTIVES = ("likelihood", "joint", "marginal")


class DKT(GaussianLearner):
    """A Gaussian process on trained vectors with kernel parameters that all assays share.

    The encoder, the noise, the output scale and the length scale maximise the marginal likelihood
    of support and query together. Afterwards the kernel stays fixed. Vectors are scaled to length
    1, so that one length scale suits every encoder. See `GaussianLearner` for the kernel and the
    logit.

    Args:
        encoder: any encoder.
        target: 'activity' or 'value'.
        further: kernels to add, see `GaussianLearner`; their weights are trained.
        centre: whether to subtract the mean label of a support first; the paper does not.
        objective: 'likelihood', as in the paper; 'joint', the density of the query given the
            support; or 'marginal', its mean over single queries.
    """

    papers = (
        Paper(
            authors=(
                "Patacchiola, Massimiliano; Turner, Jack; Crowley, Elliot J.; O'Boyle, Michael; "
                "Storkey, Amos"
            ),
            year=2020,
            title="Bayesian Meta-Learning for the Few-Shot Setting via Deep Kernels",
            venue="NeurIPS",
        ),
    )
    use_when = "as `adkf`, but supports are too small to fit a kernel to, or there are many of them"

    def __init__(
        self,
        encoder: Encoder,
        *,
        target: Target = "activity",
        further: str = "",
        centre: bool = True,
        objective: Literal["likelihood", "joint", "marginal"] = "likelihood",
    ) -> None:
        super().__init__(encoder, further=further, centre=centre, target=target)
        if objective not in OBJECTIVES:
            raise ConfigError(
                f"learner 'dkt': objective is unknown; got '{objective}', expected one of "
                f"{', '.join(OBJECTIVES)}. Change it in the recipe."
            )
        self.objective = objective
        self.log_parameters = nn.Parameter(self.start())

    def points(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors, dim=1)

    def kernel_parameters(self, support: Observations) -> Tensor:
        del support
        return self.log_parameters.double()

    def episode_loss(self, fitted: Fitted, query: KernelInputs, query_y: Tensor) -> Tensor:
        if self.objective == "marginal":
            return self.marginal_loss(fitted, query, query_y)
        joint = self.joint_loss(fitted, query, query_y)
        if self.objective == "joint":
            return joint
        # log p(y_S, y_Q) = log p(y_Q | S) + log p(y_S), whose terms are both computed already.
        n = len(fitted.posterior.y) + len(query_y)
        return (joint * len(query_y) - fitted.posterior.log_likelihood) / n
