"""Gaussian process on structures and on what earlier assays measured for each compound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from molmeta.encoders.profile import Profile
from molmeta.learners._parents.profile_process import TYPICAL_SUPPORT, ProfileProcess
from molmeta.learners._parts.relatedness import analogue_probability, library_likeness
from molmeta.learners.base import require_support
from molmeta.molecules.similarity import tanimoto

if TYPE_CHECKING:
    from molmeta.learners._parents.profile_process import ProfileInputs, ProfilePredictor
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

PRESUMED = 16
"""Compounds that the whole background counts for in the support size S of a library."""
NEGLIGIBLE = 0.01
"""Weight below which a process of `adapt_library` is left out."""
CALIBRATION, CALIBRATION_SIZE, CALIBRATED_SIZES = (-1.595, 0.515), 24, (8, 64)
"""Log-odds of the share of actives for which library scores are calibrated: value for a support of
24 and slope in log(S / 24), fitted for supports of 8 to 64; see docs/screening.md."""


class ProfileGP(ProfileProcess):
    """Conditions `ProfileProcess`, which has the formulas, on an assay or on a library.

    A support of actives alone is extended by 64 training molecules as presumed inactives
    (`Background`), so that features common to most molecules count little. Their vectors z are 0:
    most of them were active on a training target, and would count against compounds like them.
    Without a background, o = -1 makes unknown molecules inactive.

    In a library (`adapt_library`), unmeasured compounds are presumed inactive, and a measured
    inactive that is an analogue of the actives still resembles them more than a library does. So
    the process regresses 1 for actives and t - 1 for inactives, with t the probability that one
    is an analogue (`analogue_probability`); the background and 24 catalogue-like molecules, these
    with their vectors, are -1. The vector of an inactive is multiplied by t: an unrelated compound
    may have been made for another target, as hidden actives were, and would count against them.
    The process has o = -1, and m = 0 because frequent hitters are not hits. If the inactives of
    the support represent a library themselves (`library_likeness`), a process on the support alone
    replaces it; in between, the two logits are averaged.
    """

    papers = Profile.papers
    use_when = "you have no reason for another: it is the pretrained model and trains in a minute"

    def adapt(self, support: Labelled) -> ProfilePredictor:
        require_support(support.labels, actives_only=True)
        vectors = self._vectors(support.molecules)
        if bool((support.labels > 0.5).all()):
            n_actives, support = len(support), self.background.added(support)
            vectors = _with_zero_rows(vectors, len(support) - n_actives)
        inputs = self._looked_up(support.molecules, vectors)
        log_size = math.log(len(support) / TYPICAL_SUPPORT)
        mean_weight = self.mean_weight * (-self.mean_power * log_size).exp() * self.mean
        residual = support.labels * 2 - 1 - inputs.activity * mean_weight
        offset = residual.mean() if bool((support.labels < 0.5).any()) else -torch.ones(())
        return self.conditioned(inputs, residual - offset, mean_weight, offset, len(support))

    def adapt_library(self, support: Labelled) -> ProfilePredictor | Mixture:
        require_support(support.labels, actives_only=True)
        active, vectors = support.labels > 0.5, self._vectors(support.molecules)
        inputs = self._looked_up(support.molecules, vectors)
        analogue = analogue_probability(self._nearest_active(inputs, active), active)
        target = torch.where(active, 1.0, analogue - 1)
        weight = library_likeness(analogue[~active])
        parts: list[tuple[float, ProfilePredictor]] = []
        if weight < 1 - NEGLIGIBLE:
            counted = torch.where(active, 1.0, analogue)
            faded = None if vectors is None else vectors * counted[:, None]
            parts.append((1 - weight, self._with_background(support, faded, target)))
        if weight > NEGLIGIBLE:
            counted = torch.where(active, 1.0, 1 - analogue)
            offset = (counted * target).sum() / counted.sum()
            none = torch.zeros(()).to(target)
            process = self.conditioned(inputs, target - offset, none, offset, len(support))
            parts.append((weight, process))
        return parts[0][1] if len(parts) == 1 else Mixture(tuple(parts))

    def library_share(self, support: Labelled) -> float:
        low, high = CALIBRATED_SIZES
        log_size = math.log(min(max(len(support), low), high) / CALIBRATION_SIZE)
        return 1 / (1 + math.exp(-CALIBRATION[0] - CALIBRATION[1] * log_size))

    def _with_background(
        self, support: Labelled, vectors: Tensor | None, target: Tensor
    ) -> ProfilePredictor:
        """Condition on the support and on presumed inactives."""
        background, catalogue = (
            self.background.molecules(),
            self.background.catalogue_like(self.featurizers),
        )
        molecules = self.background.joined(support.molecules, background, catalogue)
        vectors = _with_zero_rows(vectors, len(background))
        if vectors is not None and (of_catalogue := self._vectors(catalogue)) is not None:
            vectors = torch.cat([vectors, of_catalogue])
        inputs = self._looked_up(molecules, vectors)
        # Targets minus the offset of -1: the presumed inactives, which are -1, become 0.
        above = F.pad(target + 1, (0, len(molecules) - len(support)))
        none, offset = torch.zeros(()).to(above), -torch.ones(()).to(above)
        return self.conditioned(inputs, above, none, offset, len(support) + PRESUMED)

    def _nearest_active(self, inputs: ProfileInputs, active: Tensor) -> Tensor:
        """Similarity of each compound to its nearest active, shape (S,)."""
        rows = torch.nonzero(active)[:, 0]
        if inputs.vectors is not None:
            return (inputs.vectors @ inputs.vectors[rows].T).amax(1)
        pairs = zip(self.log_structure.softmax(0), inputs.structures, strict=True)
        weighted = [weight * tanimoto(bits, bits.select(rows)) for weight, bits in pairs]
        return torch.stack(weighted).sum(0).amax(1)


@dataclass(frozen=True)
class Mixture:
    """A weighted mean of predictors.

    Attributes:
        parts: weight and predictor; the weights add up to 1.
    """

    parts: tuple[tuple[float, ProfilePredictor], ...]

    def __call__(self, molecules: Molecules) -> Tensor:
        return torch.stack([weight * part(molecules) for weight, part in self.parts]).sum(0)

    def uncertainty(self, molecules: Molecules) -> Tensor:
        """Return the mean posterior standard deviation, with labels of 1 and -1, shape (G,)."""
        return torch.stack([w * part.uncertainty(molecules) for w, part in self.parts]).sum(0)


def _with_zero_rows(vectors: Tensor | None, n: int) -> Tensor | None:
    return None if vectors is None else F.pad(vectors, (0, 0, 0, n))
