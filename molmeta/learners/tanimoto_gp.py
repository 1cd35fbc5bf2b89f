"""Gaussian process on the Tanimoto similarity of fingerprints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from molmeta.encoders.base import Paper
from molmeta.errors import ConfigError
from molmeta.learners._parts.targets import (
    Scale,
    log_odds,
    require_target,
    scale_of,
    support_numbers,
)
from molmeta.learners.base import MetaLearner, require_both_classes
from molmeta.molecules.blocks import Bits
from molmeta.molecules.similarity import FINGERPRINT, tanimoto

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from molmeta.encoders.base import Encoder
    from molmeta.learners.base import Target, UncertainPredictor
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

FLOOR = 1e-6
_linalg: Any = torch.linalg


class TanimotoGP(MetaLearner):
    """Regress labels of +1 and -1, or values, on the Tanimoto kernel, fitted to each support.

    y = m + f(x) + noise, cov(f(x), f(x')) = v T(x, x'), noise of variance v r, and m the mean
    label; T is the Tanimoto similarity, or its mean over several fingerprints. One
    eigendecomposition of T serves every r of a grid; v is in closed form for each, and the r of
    highest marginal likelihood is taken. P(active) = P(y > 0), normal in y. T is positive
    semidefinite; eigenvalues that rounding makes negative are set to 0, and r is at least 1e-6,
    so that molecules that repeat, with whatever labels, leave the system solvable.

    The support must hold an active and an inactive, unless values are learnt.

    Args:
        encoder: not used; learners take one.
        fingerprints: names of the fingerprints to compare, joined by '+'.
        target: 'activity', or 'value' for the mean of y in the unit of the values.
        least_noise: lowest r, at least 1e-6.
        most_noise: highest r.
        steps: values of r between them, evenly in log r.

    Raises:
        ConfigError: noise below 1e-6 or infinite or not in order, or no steps.

    Source:
        Ralaivola et al., Neural Networks 2005, 18, 1093 (kernel); Rasmussen and Williams,
        Gaussian processes for machine learning, 2006, 2.2, 5.4.1 and 6.5 (regression on labels);
        Stanley et al., FS-Mol, 2021, and Chen et al., ICLR 2023 (as baseline, GP-ST).
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
    regression: ClassVar[bool] = True
    uncertainty: ClassVar[bool] = True

    def __init__(
        self,
        encoder: Encoder | None = None,
        *,
        fingerprints: str = FINGERPRINT,
        target: Target = "activity",
        least_noise: float = 0.1,
        most_noise: float = 10.0,
        steps: int = 21,
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
        self.noise, self.steps = (least_noise, most_noise), steps
        self.fingerprints = tuple(fingerprints.split("+"))

    @property
    def featurizers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*super().featurizers, *self.fingerprints)))

    def adapt(self, support: Labelled) -> UncertainPredictor:
        if self.target == "activity":
            require_both_classes(support.labels)
        known = Fingerprints.of(support.molecules, self.fingerprints)
        found = support_numbers(support, self.target)
        scale = scale_of(found, self.target)
        values, vectors = spectrum(known.kernel(known))
        rotated = vectors.t() @ scale.to(found)
        ratio, variance = self._fitted(values, rotated)
        whitener = vectors / (values + ratio).sqrt()
        weights = whitener @ (rotated / (values + ratio).sqrt())
        return TanimotoPredictor(self.target, known, whitener, weights, (variance, ratio), scale)

    def _fitted(self, values: Tensor, rotated: Tensor) -> tuple[Tensor, Tensor]:
        low, high = torch.tensor(self.noise, dtype=torch.float64, device=values.device).log()
        ratios = torch.exp(low + (high - low) * torch.linspace(0, 1, self.steps).to(low))
        variances = values + ratios.unsqueeze(1)
        scales = (rotated.square() / variances).mean(dim=1)
        likelihood = -len(values) * scales.log() - variances.log().sum(dim=1)
        best = likelihood.argmax()
        return ratios[best], scales[best]


def spectrum(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues, none below 0, and eigenvectors of a kernel of shape (S, S)."""
    values, vectors = _linalg.eigh(kernel)
    return values.clamp(min=0), vectors


@dataclass(frozen=True)
class Fingerprints:
    """Molecules as the kernel sees them.

    Attributes:
        fingerprints: one of each kind, by its name.
    """

    fingerprints: dict[str, Bits]

    @classmethod
    def of(cls, molecules: Molecules, names: Iterable[str]) -> Fingerprints:
        """Read the fingerprints of these names.

        Raises:
            ConfigError: the molecules come without one.
        """
        return cls({name: molecules.block(name, Bits) for name in names})

    def kernel(self, others: Fingerprints) -> Tensor:
        """Return T of G molecules with S others, float64, shape (G, S)."""
        pairs = ((bits, others.fingerprints[name]) for name, bits in self.fingerprints.items())
        return torch.stack([tanimoto(bits, known).double() for bits, known in pairs]).mean(0)

    def own(self) -> Tensor:
        """Return T of each molecule with itself, float64, shape (G,): 0 without any bit."""
        counts = [bits.offsets.diff() for bits in self.fingerprints.values()]
        return (torch.stack(counts) > 0).double().mean(0)


@dataclass(frozen=True)
class TanimotoPredictor:
    """What was learnt from one support of S molecules, on the scale of its numbers.

    Attributes:
        target: what is predicted.
        known: the support.
        whitener: W with W W' the inverse of kernel and noise over v, shape (S, S).
        weights: of the support's molecules in the mean, shape (S,).
        fitted: v and r.
        scale: of the support's numbers.
    """

    target: Target
    known: Fingerprints
    whitener: Tensor
    weights: Tensor
    fitted: tuple[Tensor, Tensor]
    scale: Scale

    def __call__(self, molecules: Molecules) -> Tensor:
        seen, cross = self._met(molecules)
        mean = self.scale.back(cross @ self.weights)
        if self.target == "value":
            return mean.float()
        variance, ratio = self.fitted
        return log_odds(mean / (self._variance(seen, cross) + variance * ratio).sqrt()).float()

    def uncertainty(self, molecules: Molecules) -> Tensor:
        variance = self._variance(*self._met(molecules))
        return (self.scale.spread * variance.clamp(min=FLOOR**2).sqrt()).float()

    def _met(self, molecules: Molecules) -> tuple[Fingerprints, Tensor]:
        seen = Fingerprints.of(molecules, self.known.fingerprints)
        return seen, seen.kernel(self.known)

    def _variance(self, seen: Fingerprints, cross: Tensor) -> Tensor:
        return self.fitted[0] * (seen.own() - (cross @ self.whitener).square().sum(dim=1))
