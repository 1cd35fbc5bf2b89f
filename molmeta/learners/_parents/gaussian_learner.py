"""Shared by learners that put a Gaussian process on the vectors of an encoder."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch
from torch.nn import functional as F

from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.gaussian_process import (
    LENGTH,
    NOISE,
    Observations,
    Pairs,
    Posterior,
    kernel,
    log_density,
    posterior,
    squared_distances,
)
from molmeta.learners._parts.targets import (
    Scale,
    episode_numbers,
    log_odds,
    numbers,
    require_target,
    scale_of,
    support_numbers,
)
from molmeta.molecules.blocks import Bits, Molecules
from molmeta.molecules.featurizers import get
from molmeta.molecules.similarity import tanimoto

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from molmeta.assays.episodes import Episode
    from molmeta.encoders.base import Encoder
    from molmeta.learners.base import Target, UncertainPredictor
    from molmeta.molecules.labelled import Labelled
LINEAR = "linear"
PUBLISHED_NOISE = {"activity": 0.1, "value": 0.01}


class KernelInputs(NamedTuple):
    """The features of G molecules that the kernel compares.

    Attributes:
        vectors: vectors of the encoder, float64, shape (G, W).
        fingerprints: one of each kind as zeros and ones, shape (G, size).
    """

    vectors: Tensor
    fingerprints: tuple[Tensor, ...]


class Fitted(NamedTuple):
    """A Gaussian process conditioned on a support.

    Attributes:
        support: molecules of the support.
        posterior: posterior of the support's numbers, on their scale.
        scale: scale of these numbers.
    """

    support: KernelInputs
    posterior: Posterior
    scale: Scale


class GaussianLearner(EmbeddingLearner):
    """Parent of Gaussian processes with the kernel s Matern-5/2(d / l) + w_1 k_1 + ... + noise.

    | symbol | parameter in u | meaning                          | start value          |
    | ------ | -------------- | -------------------------------- | -------------------- |
    | noise  | `NOISE`        | variance of a measurement        | 0.1, 0.01 for values |
    | s      | `SCALE`        | variance of the Matern kernel    | 1                    |
    | l      | `LENGTH`       | length scale                     | 1                    |
    | w_i    | after `LENGTH` | weight of the further kernel k_i | 1                    |
    | d      |                | distance of the vectors          |                      |

    For classes, the process predicts +1 and -1 with mean m and variance v, and
    P(active) = P(y > 0) = Phi(m / sqrt(v + noise)), whose logit is returned. Values are scaled by
    the mean and standard deviation of the support, and the mean is returned. The uncertainty is
    sqrt(v).

    Args:
        encoder: any encoder.
        further: further kernels, joined by '+', "" for none. The name of a fingerprint adds its
            Tanimoto similarity. 'linear' adds the inner product of the vectors. Molecules that the
            encoder cannot describe are near each other by distance, but not by this product.
        centre: whether to subtract the mean label of a support with both classes first.
        target: 'activity' or 'value'.
    """

    actives_only: ClassVar[bool] = True
    regression: ClassVar[bool] = True
    uncertainty: ClassVar[bool] = True

    def __init__(
        self, encoder: Encoder | None, *, further: str, centre: bool, target: Target
    ) -> None:
        super().__init__(encoder)
        require_target(target, type(self).__name__)
        names = further.split("+") if further else []
        self.linear = LINEAR in names
        self.fingerprints = tuple(name for name in names if name != LINEAR)
        self.centre, self.target = centre, target

    @abstractmethod
    def kernel_parameters(self, support: Observations) -> Tensor:
        """Return the kernel parameters u for one support, float64, shape (P,)."""

    def start(self) -> Tensor:
        """Return the start values of u, shape (P,)."""
        start = torch.zeros(LENGTH + 1 + self.linear + len(self.fingerprints))
        start[NOISE] = math.log(PUBLISHED_NOISE[self.target])
        return start

    @property
    def featurizers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*super().featurizers, *self.fingerprints)))

    def embed(self, molecules: Molecules) -> Tensor:
        bits = (molecules.block(name, Bits).dense() for name in self.fingerprints)
        return torch.cat([self.encoder(molecules), *bits], dim=1)

    def inputs(self, embedded: Tensor) -> KernelInputs:
        """Split the output of `embed` into vectors and fingerprints."""
        sizes = [self.encoder.width, *(get(name).size for name in self.fingerprints)]
        vectors, *bits = torch.split(embedded, sizes, dim=1)
        return KernelInputs(self.points(vectors.double()), tuple(part.float() for part in bits))

    def points(self, vectors: Tensor) -> Tensor:
        """Return the points that the kernel compares, from encoder vectors of shape (G, W)."""
        return vectors

    def pairs(self, x: KernelInputs, others: KernelInputs) -> Pairs:
        """Return distances and further kernels of G molecules against S others."""
        squared = squared_distances(x.vectors, others.vectors)
        product = (x.vectors @ others.vectors.T,) if self.linear else ()
        bits = zip(x.fingerprints, others.fingerprints, strict=True)
        return Pairs(squared, (*product, *(_similarity(*pair) for pair in bits)))

    def self_pairs(self, x: KernelInputs) -> Pairs:
        """Return the same for each molecule against itself, shape (G, 1)."""
        squared = torch.zeros_like(x.vectors[:, :1])
        product = (x.vectors.square().sum(1, keepdim=True),) if self.linear else ()
        has_bits = (bits.any(1, keepdim=True).to(squared) for bits in x.fingerprints)
        return Pairs(squared, (*product, *has_bits))

    def adapt(self, support: Labelled) -> UncertainPredictor:
        y = support_numbers(support, self.target)
        return GaussianPredictor(self, self.fitted(self.encode(support.molecules), y))

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        fitted = self.fitted(vectors, numbers(labels, None, "activity"))
        return lambda query: self.predicted(fitted, query)

    def fitted(self, embedded: Tensor, y: Tensor) -> Fitted:
        """Return the process conditioned on a support with these vectors and numbers."""
        support, scale = self.inputs(embedded), scale_of(y, self.target, centre=self.centre)
        observations = Observations(self.pairs(support, support), scale.to(y))
        u = self.kernel_parameters(observations)
        return Fitted(support, posterior(observations, u), scale)

    def predicted(self, fitted: Fitted, embedded: Tensor) -> Tensor:
        """Return logits or values of queries from their vectors, float32, shape (Q,)."""
        mean, variance = self.moments(fitted, self.inputs(embedded))
        if self.target == "value":
            return fitted.scale.back(mean).float()
        return _class_logits(fitted, mean, variance).float()

    def moments(self, fitted: Fitted, query: KernelInputs) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the function on the support's scale, each of shape (Q,)."""
        cross = self.pairs(query, fitted.support)
        prior = kernel(self.self_pairs(query), fitted.posterior.u).squeeze(1)
        return fitted.posterior.mean(cross), fitted.posterior.variance(cross, prior)

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        losses: list[Tensor] = []
        for episode, support, query in zip(episodes, supports, queries, strict=True):
            support_y, query_y = episode_numbers(episode, self.target, support)
            fitted = self.fitted(support, support_y)
            losses.append(self.episode_loss(fitted, self.inputs(query), query_y))
        return losses

    @abstractmethod
    def episode_loss(self, fitted: Fitted, query: KernelInputs, query_y: Tensor) -> Tensor:
        """Return the loss of one episode, from the numbers of its query, float64, shape (Q,)."""

    def joint_loss(self, fitted: Fitted, query: KernelInputs, query_y: Tensor) -> Tensor:
        """Return -log p(y_Q | S) / Q, with the joint density of all numbers of a query."""
        cross = self.pairs(query, fitted.support)
        covariance = fitted.posterior.covariance(cross, self.pairs(query, query))
        y = fitted.scale.to(query_y)
        return -log_density(y, fitted.posterior.mean(cross), covariance) / len(y)

    def marginal_loss(self, fitted: Fitted, query: KernelInputs, query_y: Tensor) -> Tensor:
        """Return the mean of -log p(y_q | S) over a query, for classes or for values."""
        mean, variance = self.moments(fitted, query)
        if self.target == "activity":
            return self.loss(_class_logits(fitted, mean, variance), (query_y > 0).to(mean))
        return F.gaussian_nll_loss(
            mean, fitted.scale.to(query_y), variance + fitted.posterior.noise, full=True
        )


def _class_logits(fitted: Fitted, mean: Tensor, variance: Tensor) -> Tensor:
    return log_odds(fitted.scale.back(mean) / (variance + fitted.posterior.noise).sqrt())


@dataclass(frozen=True)
class GaussianPredictor:
    """Predictions of a Gaussian process conditioned on one support."""

    learner: GaussianLearner
    fitted: Fitted

    def __call__(self, molecules: Molecules) -> Tensor:
        return self.learner.predicted(self.fitted, self.learner.encode(molecules))

    def uncertainty(self, molecules: Molecules) -> Tensor:
        query = self.learner.inputs(self.learner.encode(molecules))
        _, variance = self.learner.moments(self.fitted, query)
        return (self.fitted.scale.spread * variance.sqrt()).float()


def _similarity(bits: Tensor, others: Tensor) -> Tensor:
    # Counts of shared bits are whole numbers in float32, but would be rounded in bfloat16.
    with torch.autocast(bits.device.type, enabled=False):
        return tanimoto(bits, others).double()
