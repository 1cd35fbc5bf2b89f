"""Gaussian process on the Tanimoto similarity of fingerprints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import torch

from molmeta.encoders.base import Encoder, Paper
from molmeta.errors import ConfigError, unknown_name
from molmeta.learners._parts.targets import (
    Scale,
    graded,
    log_odds,
    require_target,
    scale_of,
    support_numbers,
)
from molmeta.learners.base import MetaLearner, Target, UncertainPredictor
from molmeta.molecules.blocks import Bits, Molecules
from molmeta.molecules.similarity import FINGERPRINT, tanimoto

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

    from molmeta.molecules.labelled import Labelled

Rank = Literal["probability", "mean"]
FLOOR = 1e-6
_linalg: Any = torch.linalg


class TanimotoGP(MetaLearner):
    """Gaussian process regression of labels (+1 and -1) or values, fitted to each support.

    y = m + f(x) + noise, cov(f(x), f(x')) = v T(x, x'), and P(active) = P(y > 0).

    | symbol | meaning                                                                      |
    | ------ | ---------------------------------------------------------------------------- |
    | m      | mean label or value of the support, or -1; see below                         |
    | T      | Tanimoto similarity, or its mean over several fingerprints                   |
    | v      | amplitude, in closed form for each r                                         |
    | r      | noise variance over v; the one of `steps` values with the highest likelihood |

    One eigendecomposition of T serves all values of r. T is positive semidefinite; eigenvalues
    below 0 come from rounding and are set to 0. As r is at least 1e-6, the system can be solved
    even if molecules repeat with different labels.

    Actives alone, and any support in a library (`adapt_library`), have the prior mean m = -1:
    a compound unlike the support is presumed inactive.

    Source:
        Rasmussen and Williams, 2006, sections 2.2, 5.4.1 and 6.5 (regression on labels). Stanley
        et al., FS-Mol, 2021, and Chen et al., ICLR 2023, use it as a baseline (GP-ST).

    Args:
        encoder: not used; accepted because all learners take one.
        fingerprints: names of the fingerprints to compare, joined by '+'.
        target: 'activity', or 'value' for the mean of y in the unit of the values.
        least_noise: lowest r, at least 1e-6.
        most_noise: highest r.
        steps: number of values of r, evenly spaced in log r.
        rank: 'probability' ranks by P(active); 'mean' by the mean of y alone, which is Tanimoto
            kernel ridge regression with the penalty r.
        graded: whether measured values refine the labels within an assay, where there are any
            (`molmeta.learners._parts.targets.graded`).

    Raises:
        ConfigError: the noise is below 1e-6, infinite or not in order, or `steps` is below 1.
    """

    papers = (
        Paper(
            authors="Ralaivola, Liva; Swamidass, Sanjay J.; Saigo, Hiroto; Baldi, Pierre",
            year=2005,
            title="Graph kernels for chemical informatics",
            venue="Neural Networks",
            kind="article",
            doi="10.1016/j.neunet.2005.07.009",
        ),
        Paper(
            authors="Rasmussen, Carl Edward; Williams, Christopher K. I.",
            year=2006,
            title="Gaussian Processes for Machine Learning",
            venue="MIT Press",
            kind="book",
        ),
    )
    use_when = "there are no other assays, or their compounds are unlike yours"
    meta_trained: ClassVar[bool] = False
    actives_only: ClassVar[bool] = True
    regression: ClassVar[bool] = True
    uncertainty: ClassVar[bool] = True
    search: ClassVar[Mapping[str, Any]] = {
        "fingerprints": ["morgan", "morgan3", "morgan3+pharmacophores+atom_pairs+torsions"],
        "least_noise": (0.01, 0.5),
        "most_noise": (1.0, 100.0),
        "steps": [21],
    }
    rank: Rank

    def __init__(  # noqa: PLR0913 - options of the method
        self,
        encoder: Encoder | None = None,
        *,
        fingerprints: str = FINGERPRINT,
        target: Target = "activity",
        least_noise: float = 0.1,
        most_noise: float = 10.0,
        steps: int = 21,
        rank: Rank = "probability",
        graded: bool = False,
    ) -> None:
        super().__init__(encoder)
        require_target(target, "tanimoto_gp")
        self.target = target
        if not (FLOOR <= least_noise <= most_noise < math.inf and steps >= 1):
            raise ConfigError(
                f"tanimoto_gp: noise cannot be searched; got {least_noise} to {most_noise} in "
                f"{steps} steps, expected {FLOOR} <= least_noise <= most_noise and at least one "
                "step. Correct them in the learner's options."
            )
        if rank not in get_args(Rank):
            raise ConfigError(f"tanimoto_gp: {unknown_name('rank', rank, get_args(Rank))}")
        self.noise, self.steps, self.rank = (least_noise, most_noise), steps, rank
        self.graded = graded
        self.fingerprints = tuple(fingerprints.split("+"))

    @property
    def featurizers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*super().featurizers, *self.fingerprints)))

    def adapt(self, support: Labelled) -> UncertainPredictor:
        one_class = self.target == "activity" and bool((support.labels > 0.5).all())
        return self._conditioned(support, presumed_inactive=one_class)

    def adapt_library(self, support: Labelled) -> UncertainPredictor:
        return self._conditioned(support, presumed_inactive=self.target == "activity")

    def _conditioned(self, support: Labelled, *, presumed_inactive: bool) -> UncertainPredictor:
        fingerprints = Fingerprints.of(support.molecules, self.fingerprints)
        numbers = support_numbers(support, self.target)
        if self.graded and self.target == "activity" and not presumed_inactive:
            numbers = graded(support.labels, support.values)
        unit = numbers.new_ones(())
        scale = Scale(-unit, unit) if presumed_inactive else scale_of(numbers, self.target)
        values, vectors = spectrum(fingerprints.kernel(fingerprints))
        rotated = vectors.t() @ scale.to(numbers)
        ratio, variance = self._fitted(values, rotated)
        whitener = vectors / (values + ratio).sqrt()
        weights = whitener @ (rotated / (values + ratio).sqrt())
        fitted = (variance, ratio)
        return TanimotoPredictor(
            self.target, self.rank, fingerprints, whitener, weights, fitted, scale
        )

    def _fitted(self, values: Tensor, rotated: Tensor) -> tuple[Tensor, Tensor]:
        """Return r and v, from the eigenvalues of T and y in the basis of its eigenvectors."""
        low, high = torch.tensor(self.noise, dtype=torch.float64, device=values.device).log()
        ratios = torch.exp(low + (high - low) * torch.linspace(0, 1, self.steps).to(low))
        # In the eigenbasis, fit and determinant are sums: all r cost one array of (steps, S).
        variances = values + ratios.unsqueeze(1)
        amplitudes = (rotated.square() / variances).mean(dim=1)
        likelihood = -len(values) * amplitudes.log() - variances.log().sum(dim=1)
        best = likelihood.argmax()
        return ratios[best], amplitudes[best]


def spectrum(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues, clamped at 0, and eigenvectors of a kernel of shape (S, S)."""
    values, vectors = _linalg.eigh(kernel)
    return values.clamp(min=0), vectors


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints of G molecules that the kernel compares.

    Attributes:
        fingerprints: one of each kind, by its name.
    """

    fingerprints: dict[str, Bits]

    @classmethod
    def of(cls, molecules: Molecules, names: Iterable[str]) -> Fingerprints:
        """Return the fingerprints with these names.

        Raises:
            ConfigError: the molecules lack one of them.
        """
        return cls({name: molecules.block(name, Bits) for name in names})

    def kernel(self, others: Fingerprints) -> Tensor:
        """Return T for G molecules against S others, float64, shape (G, S)."""
        pairs = ((bits, others.fingerprints[name]) for name, bits in self.fingerprints.items())
        return torch.stack([tanimoto(*pair).double() for pair in pairs]).mean(0)

    def diagonal(self) -> Tensor:
        """Return T of each molecule with itself, float64, shape (G,): 0 without on-bits."""
        counts = [bits.offsets.diff() for bits in self.fingerprints.values()]
        return (torch.stack(counts) > 0).double().mean(0)


@dataclass(frozen=True)
class TanimotoPredictor:
    """The process conditioned on a support of S molecules, on the scale of its numbers.

    Attributes:
        target: 'activity' or 'value'.
        rank: 'probability' or 'mean'.
        support: fingerprints of the support.
        whitener: W with W W' the inverse of T + r I, shape (S, S).
        weights: weights of the support in the mean, shape (S,).
        fitted: v and r.
        scale: scale of the support's numbers.
    """

    target: Target
    rank: Rank
    support: Fingerprints
    whitener: Tensor
    weights: Tensor
    fitted: tuple[Tensor, Tensor]
    scale: Scale

    def __call__(self, molecules: Molecules) -> Tensor:
        query, cross = self._kernel(molecules)
        mean = self.scale.back(cross @ self.weights)
        if self.target == "value":
            return mean.float()
        if self.rank == "mean":
            return log_odds(mean).float()
        variance, ratio = self.fitted
        return log_odds(mean / (self._variance(query, cross) + variance * ratio).sqrt()).float()

    def uncertainty(self, molecules: Molecules) -> Tensor:
        variance = self._variance(*self._kernel(molecules))
        # Rounding, or a support whose values are all equal, can make the variance 0 or less.
        return (self.scale.spread * variance.clamp(min=FLOOR**2).sqrt()).float()

    def _kernel(self, molecules: Molecules) -> tuple[Fingerprints, Tensor]:
        query = Fingerprints.of(molecules, self.support.fingerprints)
        return query, query.kernel(self.support)

    def _variance(self, query: Fingerprints, cross: Tensor) -> Tensor:
        return self.fitted[0] * (query.diagonal() - (cross @ self.whitener).square().sum(dim=1))
