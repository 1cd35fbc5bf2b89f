"""The prior in the mean and in the kernel of a Gaussian process.

    mean       m(x)     = u f(x)
    kernel     k(x, x') = (0.7 + 0.5 exp(-|p - p'|^2 / P)) sum_i a_i T_i(x, x')

| symbol | meaning                                                               |
| ------ | --------------------------------------------------------------------- |
| f      | prediction of the trees (`PropertyPrior`), relative to the support    |
| u      | weight of the prior                                                   |
| p      | P standardised properties                                             |
| a, T   | structural kernel of `ProfileProcess`, whose other terms are 0 here   |
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from trees import LARGEST, PROPERTIES, PropertyPrior, structure_factor

from molmeta.learners.base import MetaLearner
from molmeta.learners.profile_gp import ProfileGP

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.learners._parts.profile_predictor import ProfileInputs, ProfilePredictor
    from molmeta.learners.base import Predictor
    from molmeta.molecules.blocks import Molecules
    from molmeta.molecules.labelled import Labelled


class WithPrior(ProfileGP):
    """`profile_gp` without records and encoder, with the prior.

    The prior takes the place of the mean activity in the records, and the standardised properties
    that of the vectors of an encoder.

    Args:
        prior: the trained trees.
        weight: u.
        in_kernel: whether the kernel uses the properties.
    """

    def __init__(self, prior: PropertyPrior, *, weight: float, in_kernel: bool = True) -> None:
        super().__init__()
        self.prior, self.weight, self.in_kernel = prior, weight, in_kernel
        self.centre = torch.zeros(0)

    @property
    def featurizers(self) -> tuple[str, ...]:
        return (*super().featurizers, PROPERTIES)

    def adapt(self, support: Labelled) -> ProfilePredictor:
        bound = copy.copy(self)
        bound.centre = self.prior.standardised(support.molecules).mean(0)
        # The weight of the mean must not fall with the support size.
        bound.mean_weight = torch.nn.Parameter(torch.full((1,), self.weight))
        bound.mean_power = torch.nn.Parameter(torch.zeros(1))
        return ProfileGP.adapt(bound, support)

    def _looked_up(self, molecules: Molecules, vectors: Tensor | None) -> ProfileInputs:
        inputs = super()._looked_up(molecules, vectors)
        properties = self.prior.standardised(molecules)
        prior = self.prior(properties, self.centre)
        return replace(inputs, activity=prior, vectors=properties if self.in_kernel else None)

    def kernel(self, x: ProfileInputs, others: ProfileInputs, size: int) -> Tensor:
        structure = super().kernel(replace(x, vectors=None), others, size)
        return structure * structure_factor(x.vectors, others.vectors)

    def variance(self, x: ProfileInputs, n_support: int) -> Tensor:
        alone = super().variance(replace(x, vectors=None), n_support)
        return alone if x.vectors is None else alone * LARGEST


class Alone(MetaLearner):
    """The prior alone, which uses the compounds of the support and none of its labels."""

    needs = (PROPERTIES,)

    def __init__(self, prior: PropertyPrior) -> None:
        super().__init__()
        self.prior = prior

    def adapt(self, support: Labelled) -> Predictor:
        centre = self.prior.standardised(support.molecules).mean(0)
        return lambda molecules: self.prior(self.prior.standardised(molecules), centre)
