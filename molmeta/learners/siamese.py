"""Siamese network: pairs of the same class are close, other pairs a margin apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders.base import Encoder, Paper
from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.attention import attended
from molmeta.learners._parts.tuning import require
from molmeta.learners.matching import Matching
from molmeta.molecules.blocks import tensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.assays.episodes import Episode


class Siamese(EmbeddingLearner):
    """One encoder for both molecules of a pair, trained on the contrastive loss of all pairs.

    L = (1 - y) d^2 + y max(0, m - d)^2, averaged over the pairs within an episode, with y = 1 for
    a pair of different classes. The score of a query is p = sum_i softmax_i(-t d_i^2) y_i over the
    support. On the unit sphere, this is the cosine attention of one-shot learning. Only the pairs
    train the encoder; the labels of the queries train only t, so that p is a probability.

    | symbol | attribute   | meaning                                          | start value |
    | ------ | ----------- | ------------------------------------------------ | ----------- |
    | d      |             | distance of two vectors on the unit sphere       |             |
    | m      | `margin`    | distance beyond which different classes are free |             |
    | log t  | `log_scale` | sharpness of the attention                       | 0           |

    The support must have both classes. The use is that of Koch et al., the loss that of Hadsell
    et al., the scoring that of Altae-Tran et al.

    Args:
        encoder: any encoder.
        margin: m, above 0 and at most 2, the largest distance.
    """

    papers = (
        Paper(
            authors="Koch, Gregory; Zemel, Richard; Salakhutdinov, Ruslan",
            year=2015,
            title="Siamese Neural Networks for One-shot Image Recognition",
            venue="ICML Deep Learning Workshop",
        ),
        Paper(
            authors="Hadsell, Raia; Chopra, Sumit; LeCun, Yann",
            year=2006,
            title="Dimensionality Reduction by Learning an Invariant Mapping",
            venue="CVPR",
        ),
        *Matching.papers[:1],
    )
    use_when = "the distance between two vectors should itself be meaningful"

    def __init__(self, encoder: Encoder, *, margin: float = 1.0) -> None:
        super().__init__(encoder)
        # 2 is the largest distance of unit vectors.
        require("siamese", {"margin": (margin, 0 < margin <= 2, "more than 0 and at most 2")})
        self.margin = margin
        self.log_scale = nn.Parameter(torch.zeros(()))

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        def logits(query: Tensor) -> Tensor:
            squared = distances(query, vectors).square()
            return attended(-self.log_scale.exp() * squared, labels)

        return logits

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        # Detached vectors keep the query loss from training the encoder.
        constant = [[part.detach() for part in parts] for parts in (supports, queries)]
        losses = super().losses(episodes, *constant)
        for i, (episode, *parts) in enumerate(zip(episodes, supports, queries, strict=True)):
            vectors = torch.cat(parts)
            labels = [tensor_of(part) for part in (episode.support_labels, episode.query_labels)]
            pairs = contrastive(vectors, torch.cat(labels).to(vectors), self.margin)
            losses[i] = losses[i] + pairs
        return losses


def distances(x: Tensor, others: Tensor) -> Tensor:
    """Return the distances of vectors (A, W) to vectors (B, W) on the unit sphere, (A, B)."""
    # By a matrix product, equal vectors would be about 1e-3 apart.
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cdist(F.normalize(x, dim=1), F.normalize(others, dim=1), compute_mode=mode)


def contrastive(vectors: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Return the mean contrastive loss of all pairs of different molecules.

    Args:
        vectors: shape (G, W), G at least 2.
        labels: shape (G,).
        margin: distance from which a pair of different classes has no loss.
    """
    d, different = distances(vectors, vectors), labels.unsqueeze(0) != labels.unsqueeze(1)
    cost = torch.where(different, (margin - d).clamp(min=0), d).square()
    n = len(vectors)
    return cost.sum() / (n * (n - 1))
