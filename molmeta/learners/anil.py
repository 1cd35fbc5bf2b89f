"""ANIL: MAML whose steps on a support change only the last layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F

from molmeta.encoders.base import Paper
from molmeta.learners._parents.gradient import (
    BIAS,
    CENTRE,
    WEIGHT,
    GradientLearner,
    Objective,
    Weights,
    seen,
)

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.molecules.labelled import Labelled


class ANIL(GradientLearner):
    """Almost no inner loop: all assays share the encoder, and only the linear head adapts.

    A few steps h' = h - a grad_h L_support(h, e) adapt the head h. The outer gradient is that of
    L_query(h', e) with respect to h and the encoder e, through the steps. The support is encoded
    once, whatever the number of steps. It must have both classes.

    Options: see `GradientLearner`.
    """

    papers = (
        Paper(
            authors="Raghu, Aniruddh; Raghu, Maithra; Bengio, Samy; Vinyals, Oriol",
            year=2020,
            title=(
                "Rapid Learning or Feature Reuse? Towards Understanding the Effectiveness of MAML"
            ),
            venue="ICLR",
        ),
    )
    use_when = "the encoder is large: unlike with `maml`, it runs only once on the support"

    def initial(self) -> Weights:
        return {WEIGHT: self.head.weight, BIAS: self.head.bias}

    def objective(self, labelled: Labelled) -> Objective:
        vectors = self.encoder(labelled.molecules)

        def loss(weights: Weights) -> Tensor:
            points = seen(vectors, weights[CENTRE]) if self.prototypes else vectors
            logits = F.linear(points, weights[WEIGHT], weights[BIAS]).squeeze(1)
            return self.loss(logits, labelled.labels)

        return loss
