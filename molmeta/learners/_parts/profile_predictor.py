"""The features that a process on structures and activity records compares, and its predictor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from molmeta.molecules.similarity import similarity_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from molmeta.assays.records import Profiles
    from molmeta.learners._parts.nearness import Nearness
    from molmeta.learners._parts.regressed import Regressed
    from molmeta.molecules.blocks import Bits, Molecules


@dataclass(frozen=True, eq=False)
class ProfileInputs:
    """The features of G molecules that the process compares.

    Attributes:
        structures: one fingerprint of each kind.
        profiles: activity profiles over the training assays.
        activity: shrunk mean of each profile, sum(p) / (n + g), shape (G,).
        vectors: vectors of the encoder, scaled to length 1, shape (G, W); None without an encoder.
        further: the vectors u; None without them, and where compounds are not compared by them.
    """

    structures: tuple[Bits, ...]
    profiles: Profiles
    activity: Tensor
    vectors: Tensor | None
    further: Nearness | None = None

    @cached_property
    def similarities(self) -> tuple[Callable[[Bits], Tensor], ...]:
        """Tanimoto similarity of fingerprints of each kind to those here, for many calls."""
        return tuple(map(similarity_to, self.structures))


class ProfilePrior(Protocol):
    """The process before it is conditioned, which is `ProfileProcess`."""

    def inputs(self, molecules: Molecules, *, further: bool = ...) -> ProfileInputs:
        """Return the features of molecules that the process compares."""
        ...

    def kernel(self, x: ProfileInputs, others: ProfileInputs, size: int) -> Tensor:
        """Return the prior covariance of G molecules with S others, shape (G, S)."""
        ...

    def variance(self, x: ProfileInputs, n_support: int) -> Tensor:
        """Return the prior variance of each molecule, shape (G,)."""
        ...


@dataclass(frozen=True)
class ProfilePredictor:
    """The process conditioned on a support.

    Attributes:
        learner: the learner with its trained parameters.
        support: features of the support, including the background.
        process: conditioned on them.
        size: support size S.
    """

    learner: ProfilePrior
    support: ProfileInputs
    process: Regressed
    size: int

    def __call__(self, molecules: Molecules) -> Tensor:
        return self.logits(self.inputs(molecules))

    def uncertainty(self, molecules: Molecules) -> Tensor:
        """Return the posterior standard deviation, with labels of 1 and -1, shape (G,)."""
        return self.deviation(self.inputs(molecules))

    def posterior(self, molecules: Molecules) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the process, each of shape (G,)."""
        return self.moments(self.inputs(molecules))

    def inputs(self, molecules: Molecules) -> ProfileInputs:
        """Return the features that are compared with the support."""
        return self.learner.inputs(molecules, further=self.support.further is not None)

    def logits(self, query: ProfileInputs) -> Tensor:
        """Return what a call does, from features."""
        return self.process.logits(*self.moments(query))

    def deviation(self, query: ProfileInputs) -> Tensor:
        """Return what `uncertainty` does, from features."""
        return self.moments(query)[1].sqrt()

    def moments(self, query: ProfileInputs) -> tuple[Tensor, Tensor]:
        """Return what `posterior` does, from features."""
        kernel = self.learner.kernel(query, self.support, self.size)
        prior = self.learner.variance(query, self.size)
        return self.process.posterior(query.activity, kernel, prior)
