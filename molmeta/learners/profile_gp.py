"""Gaussian process on structures and on what earlier assays measured for each compound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from molmeta.encoders.profile import Profile
from molmeta.learners._parents.profile_process import ENCODER, TYPICAL_SUPPORT, ProfileProcess
from molmeta.learners._parts.relatedness import analogue_probability, library_likeness
from molmeta.learners._parts.targets import Scale, graded, require_target, scale_of, support_numbers
from molmeta.learners.base import Target, complements, require_support
from molmeta.molecules.similarity import tanimoto

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from molmeta.assays.episodes import Episode
    from molmeta.encoders.base import Encoder
    from molmeta.learners._parts.profile_predictor import ProfileInputs, ProfilePredictor
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled

PRESUMED = 16
"""Compounds that the whole background counts for in the support size S of a library."""
NEGLIGIBLE = 0.01
"""Weight below which a process of `adapt_library` is skipped."""
CALIBRATION, CALIBRATION_SIZE, CALIBRATED_SIZES = (-1.595, 0.515), 24, (8, 64)
"""Log-odds of the share of actives for which library scores are calibrated: value for a support of
24, and slope in log(S / 24). Fitted for supports of 8 to 64; see docs/screening.md."""


class ProfileGP(ProfileProcess):
    """Conditions `ProfileProcess`, which has the formulas, on an assay or on a library.

    A support of actives alone is extended by 64 training molecules as presumed inactives
    (`Background`), so that features common to most molecules count little. Their vectors z are 0:
    most of them were active on a training target, and would count against compounds like them.
    Without a background, o = -1 makes unknown molecules inactive.

    In a library (`adapt_library`), unmeasured compounds are presumed inactive. A measured inactive
    that is an analogue of the actives still resembles them more than most of a library does. The
    process therefore regresses 1 for actives and t - 1 for inactives, with t the probability that
    an inactive is an analogue (`analogue_probability`). The background and 24 catalogue-like
    molecules, the latter with their vectors, are -1. The vector of an inactive is multiplied by t.
    Otherwise, an unrelated compound that was made for another target, as some hidden actives were,
    would count against them. The process has o = -1, and m = 0 because frequent hitters are not
    hits. If the inactives of the support represent a library (`library_likeness`), a process on the
    support alone replaces it. In between, the two logits are averaged.

    Values are standardised within the support and take the place of the labels. A process that was
    trained on labels can be used for values as it is.

    Args:
        encoder: as in `ProfileProcess`.
        target: 'activity', or 'value' for the posterior mean in the unit of the values.
        encoder_weight: as in `ProfileProcess`.
        profiles: as in `ProfileProcess`.
        mean: as in `ProfileProcess`.
        assay_encoder: as in `ProfileProcess`.
        further: as in `ProfileProcess`; not used for actives alone.
        graded: whether measured values refine the labels within an assay, where there are any
            (`molmeta.learners._parts.targets.graded`).
    """

    papers = Profile.papers
    use_when = "you have no reason for another: it is the pretrained model and trains in a minute"
    regression: ClassVar[bool] = True
    search: ClassVar[Mapping[str, Any]] = {"encoder_weight": (0.05, 1.0)}

    def __init__(  # noqa: PLR0913 - options of the method
        self,
        encoder: Encoder | None = None,
        *,
        target: Target = "activity",
        encoder_weight: float | None = None,
        profiles: bool = True,
        mean: bool = True,
        assay_encoder: str = "",
        further: str = ENCODER,
        graded: bool = False,
    ) -> None:
        options: dict[str, Any] = {"profiles": profiles, "mean": mean, "further": further}
        options |= {"encoder_weight": encoder_weight, "assay_encoder": assay_encoder}
        super().__init__(encoder, **options)
        require_target(target, "profile_gp")
        self.target, self.graded = target, graded

    def adapt(self, support: Labelled) -> ProfilePredictor | ValuePredictor:
        if self.target == "value":
            return self._adapted_to_values(support, further=True)
        require_support(support.labels, actives_only=True)
        if bool((support.labels > 0.5).all()):
            vectors, n_actives = self._vectors(support.molecules), len(support)
            support = self.background.added(support)
            vectors = _with_zero_rows(vectors, len(support) - n_actives)
            inputs = self._looked_up(support.molecules, vectors)
        else:
            inputs = self.inputs(support.molecules, further=True)
        y, mean_weight, offset = self._residuals(inputs.activity, support.labels, support.values)
        return self.conditioned(inputs, y, mean_weight, offset, len(support))

    def left_out(self, support: Labelled, rows: Tensor) -> Tensor:
        n_active = int((support.labels > 0.5).sum())
        # Values have a scale of their own, and a support of one class another process.
        if self.target == "value" or min(n_active, len(support) - n_active) <= rows.shape[1]:
            return super().left_out(support, rows)
        inputs = self.inputs(support.molecules, further=True)
        # Compared once, since all these supports are of one size.
        size = len(support) - rows.shape[1]
        kernel_for, variance = self.kernel_among(inputs, size), self.variance(inputs, size)
        outputs: list[Tensor] = []
        for left, others in zip(rows, complements(rows, len(support)), strict=True):
            kernel, labelled = kernel_for(others), support.labels[others]
            values = None if support.values is None else support.values[others]
            residuals = self._residuals(inputs.activity[others], labelled, values)
            process = self.regressed(kernel[others][:, others], *residuals, size)
            of_left = inputs.activity[left], kernel[left][:, others], variance[left]
            outputs.append(process.logits(*process.posterior(*of_left)))
        return torch.stack(outputs)

    def adapt_library(self, support: Labelled) -> ProfilePredictor | ValuePredictor | Mixture:
        if self.target == "value":
            return self._adapted_to_values(support, further=False)
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

    def backward(self, episodes: Sequence[Episode], molecules: Molecules) -> float:
        if self.target == "activity":
            return super().backward(episodes, molecules)
        total = 0.0
        for episode in episodes:
            support, query = episode.labelled(molecules)
            predictor = self._adapted_to_values(support, further=True)
            y = predictor.scale.to(support_numbers(query, self.target)).float()
            mean, _ = predictor.process.posterior(query.molecules)
            loss = F.mse_loss(mean, y) / len(episodes)
            torch.autograd.backward(loss)
            total += float(loss.detach())
        return total

    def _adapted_to_values(self, support: Labelled, *, further: bool) -> ValuePredictor:
        y = support_numbers(support, self.target)
        scale, inputs = scale_of(y, self.target), self.inputs(support.molecules, further=further)
        mean_weight = self._mean_weight(len(support))
        residual = scale.to(y).to(inputs.activity) - inputs.activity * mean_weight
        offset = residual.mean()
        process = self.conditioned(inputs, residual - offset, mean_weight, offset, len(support))
        return ValuePredictor(process, scale)

    def _residuals(
        self, activity: Tensor, labels: Tensor, values: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return y - m - o of shape (S,), the weight of the mean, and o."""
        mean_weight = self._mean_weight(len(labels))
        y = graded(labels, values if self.graded else None).to(activity)
        residual = y - activity * mean_weight
        offset = residual.mean() if bool((labels < 0.5).any()) else -torch.ones(())
        return residual - offset, mean_weight, offset

    def _mean_weight(self, size: int) -> Tensor:
        log_size = math.log(size / TYPICAL_SUPPORT)
        return self.mean_weight * (-self.mean_power * log_size).exp() * self.mean

    def _with_background(
        self, support: Labelled, vectors: Tensor | None, target: Tensor
    ) -> ProfilePredictor:
        """Condition on the support and on presumed inactives."""
        background, catalogue = (
            self.background.molecules(),
            self.background.catalogue_like(self.library_featurizers),
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
    """A weighted mean of predictors of one learner, which share the features of molecules.

    Attributes:
        parts: weight and predictor; the weights add up to 1.
    """

    parts: tuple[tuple[float, ProfilePredictor], ...]

    def __call__(self, molecules: Molecules) -> Tensor:
        query = self.parts[0][1].inputs(molecules)
        return torch.stack([weight * part.logits(query) for weight, part in self.parts]).sum(0)

    def uncertainty(self, molecules: Molecules) -> Tensor:
        """Return the mean posterior standard deviation, with labels of 1 and -1, shape (G,)."""
        query = self.parts[0][1].inputs(molecules)
        return torch.stack([w * part.deviation(query) for w, part in self.parts]).sum(0)


@dataclass(frozen=True)
class ValuePredictor:
    """The process conditioned on standardised values.

    Attributes:
        process: predicts them.
        scale: mean and spread of the support's values.
    """

    process: ProfilePredictor
    scale: Scale

    def __call__(self, molecules: Molecules) -> Tensor:
        return self.scale.back(self.process.posterior(molecules)[0]).float()

    def uncertainty(self, molecules: Molecules) -> Tensor:
        """Return the posterior standard deviation in the unit of the values, shape (G,)."""
        return (self.scale.spread * self.process.posterior(molecules)[1].sqrt()).float()


def _with_zero_rows(vectors: Tensor | None, n: int) -> Tensor | None:
    return None if vectors is None else F.pad(vectors, (0, 0, 0, n))
