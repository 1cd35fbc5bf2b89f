"""Siamese network: pairs of the same class are close, other pairs a margin apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders.base import Paper
from molmeta.errors import ConfigError
from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.attention import attended
from molmeta.molecules.blocks import tensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.assays.episodes import Episode
    from molmeta.encoders.base import Encoder


class Siamese(EmbeddingLearner):
    """One encoder for both molecules of a pair, trained by the contrastive loss of all pairs.

    L = (1 - y) d^2 + y max(0, m - d)^2, with y = 1 for a pair of unlike class, averaged over the
    pairs within an episode; d is the distance of the vectors on the unit sphere, at most 2.
    A query is scored by its distances to the support: p = sum_i softmax_i(-t d_i^2) y_i, which on
    the sphere is the cosine attention of one-shot learning. The encoder learns from the pairs
    alone; the scale t learns from the labels of the queries, so that p is a probability. The
    support must hold both classes.

    Source:
        Hadsell et al., Dimensionality Reduction by Learning an Invariant Mapping, CVPR 2006
        (the loss); Koch et al., Siamese Neural Networks for One-shot Image Recognition, ICML
        Deep Learning Workshop 2015 (the use); Altae-Tran et al., Low Data Drug Discovery with
        One-Shot Learning, ACS Central Science 2017 (the scoring).

    Args:
        encoder: any encoder.
        margin: distance at which unlike molecules are far enough apart, between 0 and 2.
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
        Paper(
            authors="Altae-Tran, Han; Ramsundar, Bharath; Pappu, Aneesh S.; Pande, Vijay",
            year=2017,
            title="Low Data Drug Discovery with One-Shot Learning",
            venue="ACS Central Science",
            kind="article",
            doi="10.1021/acscentsci.6b00367",
        ),
    )
    use_when = "the distance between two vectors should itself be meaningful"

    def __init__(self, encoder: Encoder, *, margin: float = 1.0) -> None:
        super().__init__(encoder)
        if not 0 < margin <= 2:
            raise ConfigError(
                f"learner 'siamese': margin is out of range; got {margin}, expected more than 0 "
                "and at most 2, the largest distance. Change it in the recipe."
            )
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
        pairs = zip(episodes, supports, queries, strict=True)
        losses: list[Tensor] = []
        for own, (episode, support, query) in zip(
            super().losses(episodes, *map(_detached, (supports, queries))), pairs, strict=True
        ):
            labels = [tensor_of(part) for part in (episode.support_labels, episode.query_labels)]
            vectors = torch.cat([support, query])
            losses.append(own + contrastive(vectors, torch.cat(labels).to(vectors), self.margin))
        return losses


def distances(one: Tensor, other: Tensor) -> Tensor:
    """Return the distance of vectors (A, W) to vectors (B, W) on the unit sphere, shape (A, B)."""
    # Without the product of matrices, by which equal vectors are some 1e-3 apart.
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cdist(F.normalize(one, dim=1), F.normalize(other, dim=1), compute_mode=mode)


def contrastive(vectors: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Return the mean loss of all pairs of different molecules.

    Args:
        vectors: shape (G, W), G at least 2.
        labels: shape (G,).
        margin: distance from which on an unlike pair costs nothing.
    """
    d, unlike = distances(vectors, vectors), labels.unsqueeze(0) != labels.unsqueeze(1)
    cost = torch.where(unlike, (margin - d).clamp(min=0), d).square()
    n = len(vectors)
    return cost.sum() / (n * (n - 1))


def _detached(vectors: list[Tensor]) -> list[Tensor]:
    return [part.detach() for part in vectors]
