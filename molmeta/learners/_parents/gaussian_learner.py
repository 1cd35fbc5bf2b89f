"""What learners share that put a Gaussian process on the vectors of an encoder."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch
from torch.nn import functional as F

from molmeta.learners._parents.embedding import EmbeddingLearner
from molmeta.learners._parts.gaussian_process import (
    LENGTH,
    NOISE,
    Observations,
    Pairs,
    Posterior,
    log_density,
    own_kernel,
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
from molmeta.molecules.blocks import Bits
from molmeta.molecules.featurizers import get
from molmeta.molecules.similarity import tanimoto

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from molmeta.assays.episodes import Episode
    from molmeta.encoders.base import Encoder
    from molmeta.learners._parents.embedding import Head
    from molmeta.learners.base import Target, UncertainPredictor
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled
LINEAR = "linear"
PUBLISHED_NOISE = {"activity": 0.1, "value": 0.01}


class KernelInputs(NamedTuple):
    """Molecules as the kernel sees them.

    Attributes:
        vectors: learnt, float64, shape (G, W).
        fingerprints: of each kind, as zeros and ones, shape (G, size).
    """

    vectors: Tensor
    fingerprints: tuple[Tensor, ...]


class Fitted(NamedTuple):
    """A Gaussian process that has seen a support.

    Attributes:
        support: its molecules.
        posterior: of its numbers on their scale.
        scale: of its numbers.
    """

    support: KernelInputs
    posterior: Posterior
    scale: Scale


class GaussianLearner(EmbeddingLearner):
    """Parent of Gaussian processes with the kernel s Matern-5/2(d / l) + w_1 k_1 + ... + noise.

    Classes are regressed on as +1 and -1: P(active) = P(y > 0) = Phi(m / sqrt(v + noise)) with
    posterior mean m and variance v; the logit is that of this probability. Values are regressed
    on after the support's mean and standard deviation are taken off, and predicted as the
    posterior mean. The uncertainty is sqrt(v).

    Args:
        encoder: any encoder.
        further: kernels to add, joined by '+', "" for none: the Tanimoto similarity of the
            fingerprints of that name; 'linear', the inner product of the vectors, by which, other
            than by their distance, molecules of which an encoder knows nothing are not alike.
        centre: whether the mean label of a support of both classes is taken off first.
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
    def kernel_parameters(self, known: Observations) -> Tensor:
        """Return the parameters u of the kernel, float64, shape (P,), for one support."""

    def start(self) -> Tensor:
        """Return u to begin from, shape (P,): noise as published, scales and weights of 1."""
        start = torch.zeros(LENGTH + 1 + self.linear + len(self.fingerprints))
        start[NOISE] = math.log(PUBLISHED_NOISE[self.target])
        return start

    @property
    def featurizers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*super().featurizers, *self.fingerprints)))

    def embed(self, molecules: Molecules) -> Tensor:
        bits = (molecules.block(name, Bits).dense() for name in self.fingerprints)
        return torch.cat([self.encoder(molecules), *bits], dim=1)

    def view(self, embedded: Tensor) -> KernelInputs:
        """Part again what `embed` has joined."""
        sizes = [self.encoder.width, *(get(name).size for name in self.fingerprints)]
        vectors, *bits = torch.split(embedded, sizes, dim=1)
        return KernelInputs(self.place(vectors.double()), tuple(part.float() for part in bits))

    def place(self, vectors: Tensor) -> Tensor:
        """Return where molecules lie for the kernel, from the encoder's vectors of shape (G, W)."""
        return vectors

    def pairs(self, x: KernelInputs, others: KernelInputs) -> Pairs:
        """Return what the kernel of each of G molecules with each of S is made from."""
        squared = squared_distances(x.vectors, others.vectors)
        pairs = zip(x.fingerprints, others.fingerprints, strict=True)
        product = (x.vectors @ others.vectors.T,) if self.linear else ()
        return Pairs(squared, (*product, *(_similarity(bits, known) for bits, known in pairs)))

    def self_pairs(self, x: KernelInputs) -> Pairs:
        """Return what the kernel of each of G molecules with itself is made from, of (G, 1)."""
        squared = torch.zeros_like(x.vectors[:, :1])
        product = (x.vectors.square().sum(1, keepdim=True),) if self.linear else ()
        has_bits = (bits.any(1, keepdim=True).to(squared) for bits in x.fingerprints)
        return Pairs(squared, (*product, *has_bits))

    def adapt(self, support: Labelled) -> UncertainPredictor:
        found = support_numbers(support, self.target)
        return GaussianPredictor(self, self.fitted(self.encode(support.molecules), found))

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        fitted = self.fitted(vectors, numbers(labels, None, "activity"))
        return lambda query: self.predicted(fitted, query)

    def fitted(self, embedded: Tensor, found: Tensor) -> Fitted:
        """Return the process that has seen a support, from its vectors and numbers."""
        support, scale = self.view(embedded), scale_of(found, self.target, centre=self.centre)
        known = Observations(self.pairs(support, support), scale.to(found))
        return Fitted(support, posterior(known, self.kernel_parameters(known)), scale)

    def predicted(self, fitted: Fitted, embedded: Tensor) -> Tensor:
        """Return logits, or values, of queries from their vectors, float32, shape (Q,)."""
        mean, variance = self.moments(fitted, self.view(embedded))
        if self.target == "value":
            return fitted.scale.back(mean).float()
        return _class_logits(fitted, mean, variance).float()

    def moments(self, fitted: Fitted, query: KernelInputs) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the function on the support's scale, each of shape (Q,)."""
        cross = self.pairs(query, fitted.support)
        own = own_kernel(self.self_pairs(query), fitted.posterior.u)
        return fitted.posterior.mean(cross), fitted.posterior.variance(cross, own)

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        found: list[Tensor] = []
        for episode, support, query in zip(episodes, supports, queries, strict=True):
            known, asked = episode_numbers(episode, self.target, support)
            found.append(self.episode_loss(self.fitted(support, known), self.view(query), asked))
        return found

    @abstractmethod
    def episode_loss(self, fitted: Fitted, query: KernelInputs, asked: Tensor) -> Tensor:
        """Return the loss of one episode, from the numbers of its query, float64, shape (Q,)."""

    def joint_loss(self, fitted: Fitted, query: KernelInputs, asked: Tensor) -> Tensor:
        """Return -log p(y_Q | S) / Q, of all of a query's numbers together."""
        cross = self.pairs(query, fitted.support)
        covariance = fitted.posterior.covariance(cross, self.pairs(query, query))
        y = fitted.scale.to(asked)
        return -log_density(y, fitted.posterior.mean(cross), covariance) / len(y)

    def marginal_loss(self, fitted: Fitted, query: KernelInputs, asked: Tensor) -> Tensor:
        """Return the mean of -log p(y_q | S) over a query, of its classes or of its values."""
        mean, variance = self.moments(fitted, query)
        if self.target == "activity":
            return self.loss(_class_logits(fitted, mean, variance), (asked > 0).to(mean))
        return F.gaussian_nll_loss(
            mean, fitted.scale.to(asked), variance + fitted.posterior.noise, full=True
        )


def _class_logits(fitted: Fitted, mean: Tensor, variance: Tensor) -> Tensor:
    return log_odds(fitted.scale.back(mean) / (variance + fitted.posterior.noise).sqrt())


@dataclass(frozen=True)
class GaussianPredictor:
    """What a Gaussian process has learnt from one support."""

    learner: GaussianLearner
    fitted: Fitted

    def __call__(self, molecules: Molecules) -> Tensor:
        return self.learner.predicted(self.fitted, self.learner.encode(molecules))

    def uncertainty(self, molecules: Molecules) -> Tensor:
        query = self.learner.view(self.learner.encode(molecules))
        _, variance = self.learner.moments(self.fitted, query)
        return (self.fitted.scale.spread * variance.sqrt()).float()


def _similarity(bits: Tensor, others: Tensor) -> Tensor:
    # Counts of shared bits are whole numbers in float32, and would not be in bfloat16.
    with torch.autocast(bits.device.type, enabled=False):
        return tanimoto(bits, others).double()
