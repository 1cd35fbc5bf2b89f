"""Shared by learners that see each molecule only as one vector."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from molmeta.learners.base import MetaLearner, Predictor, require_encoder, require_support
from molmeta.molecules.blocks import EMBEDDING, Molecules, Vectors, tensor_of

if TYPE_CHECKING:
    from molmeta.assays.episodes import Episode
    from molmeta.encoders.base import Encoder
    from molmeta.molecules.labelled import Labelled

Head = Callable[[Tensor], Tensor]
"""From vectors of shape (Q, W) to logits of shape (Q,)."""

CHUNK = 2048


def in_chunks(embed: Callable[[Molecules], Tensor], molecules: Molecules) -> Tensor:
    """Return the vectors that `embed` computes, shape (G, W), a chunk of molecules at a time."""
    rows = torch.arange(len(molecules), device=molecules.device)
    with torch.no_grad():
        return torch.cat([embed(molecules.select(part)) for part in torch.split(rows, CHUNK)])


def in_float64(encoder: Encoder, molecules: Molecules) -> Tensor:
    """Return the vectors of an encoder, shape (G, W), in float32.

    Sums in float32 would depend on which other molecules are encoded, and with them the last
    digits of a prediction.
    """
    weights = {name: weight.double() for name, weight in encoder.named_parameters()}
    vectors: Tensor = functional_call(encoder, weights, (molecules,))
    return vectors.float()


class EmbeddingLearner(MetaLearner):
    """Parent of learners that adapt a head on fixed vectors: metric, memory and kernel methods.

    A training step encodes each of its molecules once, and `prepare` encodes molecules that are
    scored many times.
    """

    encoder: Encoder

    def __init__(self, encoder: Encoder | None) -> None:
        super().__init__(require_encoder(encoder, self))

    @abstractmethod
    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        """Return a scorer of queries for a support with vectors (S, W) and labels (S,)."""

    def encode(self, molecules: Molecules) -> Tensor:
        """Return one vector for each molecule, shape (G, W), computed unless prepared."""
        if EMBEDDING in molecules.blocks:
            return molecules.block(EMBEDDING, Vectors).values
        return self.embed(molecules)

    def embed(self, molecules: Molecules) -> Tensor:
        """Compute the vector of each molecule that the head sees, shape (G, W)."""
        return self.encoder(molecules)

    def prepare(self, molecules: Molecules) -> Molecules:
        if EMBEDDING in molecules.blocks:
            return molecules
        vectors = in_chunks(self.embed, molecules)
        return molecules.only(self.needs).with_block(EMBEDDING, Vectors(vectors))

    def adapt(self, support: Labelled) -> Predictor:
        require_support(support.labels, actives_only=self.actives_only)
        head = self.head(self.encode(support.molecules), support.labels)
        return lambda molecules: head(self.encode(molecules))

    def backward(self, episodes: Sequence[Episode], molecules: Molecules) -> float:
        parts = [part for episode in episodes for part in (episode.support, episode.query)]
        # Molecules that several episodes share, such as decoys, are encoded once.
        rows, inverse = np.unique(np.concatenate(parts), return_inverse=True)
        vectors = self.encode(molecules.select(tensor_of(rows).to(molecules.device)))
        # One selection for all episodes, as each would have a gradient as large as all vectors.
        index = tensor_of(inverse).to(vectors.device)
        of_parts = torch.split(vectors[index], [len(part) for part in parts])
        # `parts` alternates between supports and queries.
        supports, queries = list(of_parts[::2]), list(of_parts[1::2])
        loss = torch.stack(self.losses(episodes, supports, queries)).mean()
        torch.autograd.backward(loss)
        return float(loss.detach())

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        """Return the query loss of each episode, from the vectors of its support and query."""
        losses: list[Tensor] = []
        for episode, support, query in zip(episodes, supports, queries, strict=True):
            head = self.head(support, tensor_of(episode.support_labels).to(support))
            losses.append(self.loss(head(query), tensor_of(episode.query_labels).to(query)))
        return losses
