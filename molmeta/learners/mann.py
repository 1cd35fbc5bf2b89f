"""Memory-augmented network: writes the support into a memory, reads it for each query."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.blocks import tensor_of
from molmeta.learners._embedding import EmbeddingLearner, Head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.encoders.base import Encoder
    from molmeta.episodes import Episode

DECAY = 0.95
BLANK = 1e-6


class State(NamedTuple):
    """What one step hands to the next, for N sequences side by side.

    Attributes:
        hidden: the controller's output, shape (N, H).
        cell: the controller's cell, shape (N, H).
        read: the vectors read, shape (N, R x M).
        weights: where each of R heads read, shape (N, R, L).
        usage: how much each of L slots is in use, shape (N, L).
        memory: shape (N, L, M).
    """

    hidden: Tensor
    cell: Tensor
    read: Tensor
    weights: Tensor
    usage: Tensor
    memory: Tensor


class MANN(EmbeddingLearner):
    """An LSTM with an external memory that is written by least recently used access (LRUA).

    The support is a sequence of [x_t ; y_(t-1)]: a label comes one step late, so that the network
    must keep the molecule until its label is known. One last step brings the last label. Queries
    then read the memory as it stands and write nothing, so they do not influence each other.
    The order of the support matters; predictions are averaged over several orders. The support
    must hold both classes.

    Source:
        Santoro et al., Meta-Learning with Memory-Augmented Neural Networks, ICML 2016.

    Args:
        encoder: any encoder.
        controller: width of the LSTM.
        slots: rows of the memory.
        slot_width: length of one row.
        reads: read heads.
        orders: orders of the support to average over, outside training.
    """

    order_invariant = False

    def __init__(
        self,
        encoder: Encoder,
        *,
        controller: int = 200,
        slots: int = 128,
        slot_width: int = 40,
        reads: int = 4,
        orders: int = 4,
    ) -> None:
        super().__init__(encoder)
        self.slots, self.slot_width, self.reads, self.orders = slots, slot_width, reads, orders
        width = self.encoder.width
        self.norm = nn.LayerNorm(width)
        self.controller = nn.LSTMCell(width + 1 + reads * slot_width, controller)
        self.keys = nn.Linear(controller, reads * slot_width)
        self.adds = nn.Linear(controller, reads * slot_width)
        self.gates = nn.Linear(controller, reads)
        self.out = nn.Linear(controller + reads * slot_width, 1)

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        orders = 1 if self.training else self.orders
        order = torch.stack([_order(len(labels), place) for place in range(orders)])
        order = order.to(labels.device)
        state = self.remember(vectors[order], labels[order])
        return lambda query: self.recall(state, query.expand(orders, -1, -1)).mean(0)

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        if len({len(support) for support in supports}) > 1:
            return super().losses(episodes, supports, queries)
        labels = torch.stack([tensor_of(e.support_labels) for e in episodes])
        state = self.remember(torch.stack(supports), labels.to(supports[0]))
        losses: list[Tensor] = []
        for place, (episode, query) in enumerate(zip(episodes, queries, strict=True)):
            own = State(*(part[place : place + 1] for part in state))
            logits = self.recall(own, query.unsqueeze(0)).squeeze(0)
            losses.append(self.loss(logits, tensor_of(episode.query_labels).to(query)))
        return losses

    def remember(self, vectors: Tensor, labels: Tensor) -> State:
        """Write N supports of shapes (N, S, W) and (N, S), and return the states at the end."""
        signs = 2 * labels - 1
        late = torch.cat([torch.zeros_like(signs[:, :1]), signs], dim=1).unsqueeze(2)
        last = torch.zeros_like(vectors[:, :1])
        inputs = torch.cat([torch.cat([self.norm(vectors), last], dim=1), late], dim=2)
        state = self.blank(len(vectors), vectors)
        for x in inputs.unbind(1):
            state = self.write(state, x)
        return state

    def recall(self, state: State, queries: Tensor) -> Tensor:
        """Return logits of shape (N, Q) for queries of shape (N, Q, W); the memory stays."""
        n, q, _ = queries.shape
        blank = torch.zeros_like(queries[..., :1])
        x = torch.cat([self.norm(queries), blank, state.read.unsqueeze(1).expand(-1, q, -1)], dim=2)
        hidden, cell = (part.repeat_interleave(q, 0) for part in (state.hidden, state.cell))
        hidden, _ = self.controller(x.flatten(0, 1), (hidden, cell))
        keys = torch.tanh(self.keys(hidden)).view(n, q * self.reads, self.slot_width)
        read = similarity(keys, state.memory).softmax(2) @ state.memory
        read = read.reshape(n, q, self.reads * self.slot_width)
        return self.out(torch.cat([hidden.unflatten(0, (n, q)), read], dim=2)).squeeze(2)

    def blank(self, n: int, like: Tensor) -> State:
        """Return N states before anything was seen."""
        hidden = like.new_zeros(n, self.controller.hidden_size)
        read = like.new_zeros(n, self.reads * self.slot_width)
        weights = F.one_hot(torch.arange(self.reads, device=like.device), self.slots).to(like)
        memory = like.new_full((n, self.slots, self.slot_width), BLANK)
        usage = like.new_zeros(n, self.slots)
        return State(hidden, hidden, read, weights.expand(n, -1, -1), usage, memory)

    def write(self, state: State, x: Tensor) -> State:
        """Take one step with inputs of shape (N, W + 1)."""
        inputs = torch.cat([x, state.read], dim=1)
        hidden, cell = self.controller(inputs, (state.hidden, state.cell))
        keys = torch.tanh(self.keys(hidden)).view(-1, self.reads, self.slot_width)
        adds = torch.tanh(self.adds(hidden)).view(-1, self.reads, self.slot_width)
        gates = torch.sigmoid(self.gates(hidden)).unsqueeze(2)
        memory, written = lrua(state, adds, gates)
        weights = similarity(keys, memory).softmax(2)
        usage = DECAY * state.usage + weights.sum(1) + written.sum(1)
        return State(hidden, cell, (weights @ memory).flatten(1), weights, usage, memory)


def lrua(state: State, adds: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
    """Write where was just read, or where is least used; return the memory and where.

    Args:
        state: the state before.
        adds: what each head writes, shape (N, R, M).
        gates: 1 writes where the head last read, 0 to the least used slots, shape (N, R, 1).
    """
    least = state.usage.topk(adds.shape[1], dim=1, largest=False).indices
    unused = F.one_hot(least, state.usage.shape[1]).to(adds)
    where = gates * state.weights + (1 - gates) * unused
    kept = state.memory * (1 - unused[:, 0]).unsqueeze(2)
    return kept + where.transpose(1, 2) @ adds, where


def similarity(keys: Tensor, memory: Tensor) -> Tensor:
    """Return the cosine of each key (N, K, M) with each slot (N, L, M), shape (N, K, L)."""
    unit = F.normalize(memory, dim=2, eps=1e-8)
    return F.normalize(keys, dim=2, eps=1e-8) @ unit.transpose(1, 2)


def _order(n: int, place: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(place))
