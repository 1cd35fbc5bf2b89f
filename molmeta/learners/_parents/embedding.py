"""What learners share that look at molecules only through one vector each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

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
    """Return what `embed` makes of each molecule, shape (G, W), a few at a time."""
    rows = torch.arange(len(molecules), device=molecules.device)
    with torch.no_grad():
        return torch.cat([embed(molecules.select(part)) for part in torch.split(rows, CHUNK)])


class EmbeddingLearner(MetaLearner):
    """Parent of learners that adapt a head on fixed vectors: metric, memory and kernel methods.

    All molecules of a training step go through the encoder at once, and a molecule that is scored
    many times is encoded once (`prepare`).
    """

    encoder: Encoder

    def __init__(self, encoder: Encoder | None) -> None:
        super().__init__(require_encoder(encoder, self))

    @abstractmethod
    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        """Return what scores queries, from a support's vectors (S, W) and labels (S,)."""

    def encode(self, molecules: Molecules) -> Tensor:
        """Return one vector a molecule, shape (G, W)."""
        if EMBEDDING in molecules.blocks:
            return molecules.block(EMBEDDING, Vectors).values
        return self.embed(molecules)

    def embed(self, molecules: Molecules) -> Tensor:
        """Compute one vector a molecule, shape (G, W): all that the head will know of it."""
        return self.encoder(molecules)

    def prepare(self, molecules: Molecules) -> Molecules:
        vectors = in_chunks(self.embed, molecules)
        return molecules.only(self.needs).with_block(EMBEDDING, Vectors(vectors))

    def adapt(self, support: Labelled) -> Predictor:
        require_support(support.labels, actives_only=self.actives_only)
        head = self.head(self.encode(support.molecules), support.labels)
        return lambda molecules: head(self.encode(molecules))

    def backward(self, episodes: Sequence[Episode], molecules: Molecules) -> float:
        rows, places = _distinct(episodes)
        vectors = self.encode(molecules.select(tensor_of(rows).to(molecules.device)))
        supports = [vectors[support] for support, _ in places]
        queries = [vectors[query] for _, query in places]
        loss = torch.stack(self.losses(episodes, supports, queries)).mean()
        torch.autograd.backward(loss)
        return float(loss.detach())

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        """Return the query loss of each episode, from vectors of its support and query."""
        losses: list[Tensor] = []
        for episode, support, query in zip(episodes, supports, queries, strict=True):
            head = self.head(support, _tensor(episode.support_labels, support))
            losses.append(self.loss(head(query), _tensor(episode.query_labels, query)))
        return losses


def _distinct(episodes: Sequence[Episode]) -> tuple[np.ndarray, list[tuple[Tensor, Tensor]]]:
    parts = [part for episode in episodes for part in (episode.support, episode.query)]
    rows, inverse = np.unique(np.concatenate(parts), return_inverse=True)
    sizes = [len(part) for part in parts]
    places = torch.split(tensor_of(inverse), sizes)
    return rows, list(zip(places[::2], places[1::2], strict=True))


def _tensor(labels: np.ndarray, like: Tensor) -> Tensor:
    return tensor_of(labels).to(like)
