"""Multi-task network with a linear probe: ordinary supervised pretraining, no episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.blocks import tensor_of
from molmeta.errors import ConfigError
from molmeta.learners._embedding import EmbeddingLearner, Head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.blocks import Molecules
    from molmeta.encoders.base import Encoder
    from molmeta.episodes import Episode

NEWTON_STEPS = 12
_linalg: Any = torch.linalg


class MultiTask(EmbeddingLearner):
    """One encoder over all training assays, each with a weight vector of its own.

    Training: p(active | x, assay t) = sigmoid(w_t' z(x) + b_t), over support and query alike, for
    here they are only labelled molecules. Afterwards, per assay, a linear probe: logistic
    regression on z / |z|, with a ridge, by Newton's method. The support must hold both classes.

    Source:
        Formont et al., A Strong Baseline for Molecular Few-Shot Learning, TMLR 2025 (linear
        probe); Dahl et al., Multi-task Neural Networks for QSAR Predictions, arXiv 2014.

    Args:
        encoder: any encoder.
        assays: training assays there is room for.
        ridge: of the linear probe.
    """

    def __init__(self, encoder: Encoder, *, assays: int = 8192, ridge: float = 0.05) -> None:
        super().__init__(encoder)
        width = self.encoder.width
        self.ridge, self.place = ridge, dict[str, int]()
        self.norm = nn.LayerNorm(width)
        self.weights = nn.Parameter(torch.randn(assays, width) * width**-0.5)
        self.biases = nn.Parameter(torch.zeros(assays))

    def fit(self, molecules: Molecules, assays: Sequence[str]) -> None:
        super().fit(molecules, assays)
        if len(assays) > len(self.biases):
            raise ConfigError(
                f"learner 'multitask': has room for {len(self.biases)} assays; got {len(assays)}, "
                "expected no more. Raise 'assays' in its options."
            )
        self.place = {name: place for place, name in enumerate(assays)}

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        losses: list[Tensor] = []
        for episode, support, query in zip(episodes, supports, queries, strict=True):
            place = self.place[episode.assay]
            known = [tensor_of(x) for x in (episode.support_labels, episode.query_labels)]
            vectors = F.gelu(self.norm(torch.cat([support, query])))
            logits = vectors @ self.weights[place] + self.biases[place]
            losses.append(self.loss(logits, torch.cat(known).to(logits)))
        return losses

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        centre = vectors.mean(0)
        design = _with_constant(F.normalize(vectors - centre, dim=1).double())
        weights = logistic(design, labels.double(), self.ridge)
        return lambda query: (
            _with_constant(F.normalize(query - centre, dim=1).double()) @ weights
        ).to(query)


def logistic(design: Tensor, labels: Tensor, ridge: float) -> Tensor:
    """Return the weights of a ridge logistic regression, the last column not penalised.

    Args:
        design: shape (S, W), float64.
        labels: 1.0 or 0.0, shape (S,).
        ridge: penalty ridge / 2 |w|^2 beside the summed log loss.
    """
    penalty = torch.full((design.shape[1],), ridge, dtype=design.dtype, device=design.device)
    penalty[-1] = 1e-6
    inverse = design / penalty
    gram, weights = design @ inverse.T, torch.zeros_like(penalty)
    for _ in range(NEWTON_STEPS):
        logits = design @ weights
        p = torch.sigmoid(logits)
        curvature = (p * (1 - p)).clamp(min=1e-6)
        target = logits + (labels - p) / curvature
        weights = inverse.T @ _linalg.solve(gram + torch.diag(1 / curvature), target)
    return weights


def _with_constant(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
