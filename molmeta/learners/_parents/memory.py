"""Shared by learners that write the support to an external memory, step by step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.learners._parts.attention import attended, cosine
from molmeta.molecules.blocks import tensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.assays.episodes import Episode
    from molmeta.encoders.base import Encoder


@dataclass(frozen=True, eq=False)
class MemoryState:
    """State between two steps, for N sequences side by side.

    Attributes:
        hidden: hidden state of the controller, shape (N, H).
        cell: cell state of the controller, shape (N, H).
        read: vectors read in this step, shape (N, R x M).
        weights: weights of the L slots for each of R heads, shape (N, R, L).
        memory: L slots of width M, shape (N, L, M).
    """

    hidden: Tensor
    cell: Tensor
    read: Tensor
    weights: Tensor
    memory: Tensor


StateT = TypeVar("StateT", bound=MemoryState)


class MemoryCell(nn.Module, ABC, Generic[StateT]):
    """A controller with an external memory, from vectors to vectors.

    Attributes:
        controller: an LSTM that takes the input and the vectors read in the step before.
        width: length of an output: the controller's hidden state and the vectors read.
    """

    def __init__(self, inputs: int, controller: int, read: int) -> None:
        super().__init__()
        self.controller = nn.LSTMCell(inputs + read, controller)
        self.width = controller + read

    @abstractmethod
    def blank(self, n: int) -> StateT:
        """Return N states before the first step."""

    @abstractmethod
    def write(self, state: StateT, x: Tensor) -> StateT:
        """Return the states after one step with inputs of shape (N, I)."""

    @abstractmethod
    def read(self, state: StateT, hidden: Tensor) -> Tensor:
        """Return the vectors read for hidden states of shape (N, Q, H): (N, Q, R x M)."""

    def control(self, state: StateT, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the controller's new hidden and cell state, each (N, H), for inputs (N, I)."""
        return self.controller(torch.cat([x, state.read], dim=1), (state.hidden, state.cell))

    def output(self, state: StateT) -> Tensor:
        """Return the output of the last step, shape (N, width)."""
        return torch.cat([state.hidden, state.read], dim=1)

    def look(self, state: StateT, x: Tensor) -> Tensor:
        """Return the output of a step with each of Q inputs (N, Q, I), without writing.

        The result has shape (N, Q, width).
        """
        n, q, _ = x.shape
        inputs = torch.cat([x, state.read.unsqueeze(1).expand(-1, q, -1)], dim=2).flatten(0, 1)
        before = (state.hidden.repeat_interleave(q, 0), state.cell.repeat_interleave(q, 0))
        hidden = self.controller(inputs, before)[0].unflatten(0, (n, q))
        return torch.cat([hidden, self.read(state, hidden)], dim=2)


class MemoryLearner(EmbeddingLearner, Generic[StateT]):
    """Parent of learners that read the support as a sequence of [x_t ; y_(t-1)].

    A label arrives one step late, so that the network must remember the molecule until then; a
    final step provides the last label. Queries then read the memory without writing, so that they
    do not influence each other. In evaluation, predictions are averaged over several orders of
    the support, which are the same in every call. If `centred`, the mean of the support is
    subtracted from all vectors first.

    If `matching`, the logit of a matching network is added: that of
    sum_i softmax_i(s cos(x, x_i)) y_i, with s = 6 at first. The output of the memory starts at 0
    and is trained as a correction.

    Attributes:
        cell: takes the vector of a molecule and one number for the label.
        out: from an output of the cell to a logit.

    Source:
        Vinyals et al., Matching Networks for One Shot Learning, NeurIPS 2016.
    """

    order_invariant = False
    cell: MemoryCell[StateT]
    out: nn.Linear

    def __init__(self, encoder: Encoder, orders: int, *, centred: bool, matching: bool) -> None:
        super().__init__(encoder)
        self.orders, self.centred, self.matching = orders, centred, matching
        self.norm = nn.LayerNorm(self.encoder.width)
        if matching:
            self.log_scale = nn.Parameter(torch.tensor(math.log(6.0)))

    def attach(self, cell: MemoryCell[StateT]) -> None:
        """Set the memory, and the layer from its output to a logit."""
        self.cell, self.out = cell, nn.Linear(cell.width, 1)
        if self.matching:
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        n_orders = 1 if self.training else self.orders
        n, seeds = len(labels), range(n_orders)
        # Permutations are drawn on the CPU, as a GPU gives others for the same seed.
        generators = (torch.Generator().manual_seed(seed) for seed in seeds)
        orders = torch.stack([torch.randperm(n, generator=generator) for generator in generators])
        orders, centre = orders.to(labels.device), self.centre(vectors)
        support = vectors - centre
        state = self.memorise(support[orders], labels[orders])

        def logits(query: Tensor) -> Tensor:
            seen = query - centre
            recalled = self.recall(state, seen.expand(n_orders, -1, -1)).mean(0)
            return recalled + self.matched(seen, support, labels)

        return logits

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        if len({len(support) for support in supports}) > 1:
            return super().losses(episodes, supports, queries)
        # Supports of one size are written side by side, a step for all episodes at once.
        labels = torch.stack([tensor_of(e.support_labels) for e in episodes]).to(supports[0])
        centres = [self.centre(support) for support in supports]
        parts = zip(supports, centres, strict=True)
        vectors = torch.stack([support - centre for support, centre in parts])
        state = self.memorise(vectors, labels)
        losses: list[Tensor] = []
        for row, (episode, query) in enumerate(zip(episodes, queries, strict=True)):
            seen = query - centres[row]
            recalled = self.recall(_sequence(state, row), seen.unsqueeze(0)).squeeze(0)
            logits = recalled + self.matched(seen, vectors[row], labels[row])
            losses.append(self.loss(logits, tensor_of(episode.query_labels).to(query)))
        return losses

    def centre(self, support: Tensor) -> Tensor:
        """Return what is subtracted from all vectors, shape (W,)."""
        return support.mean(0) if self.centred else support.new_zeros(support.shape[1])

    def matched(self, query: Tensor, support: Tensor, labels: Tensor) -> Tensor:
        """Return the logits of the matching network, shape (Q,), or zeros if there is none."""
        if not self.matching:
            return query.new_zeros(len(query))
        return attended(self.log_scale.exp() * cosine(query, support), labels)

    def memorise(self, vectors: Tensor, labels: Tensor) -> StateT:
        """Write N supports of shapes (N, S, W) and (N, S), and return the final states."""
        signs = 2 * labels - 1
        late = torch.cat([torch.zeros_like(signs[:, :1]), signs], dim=1).unsqueeze(2)
        last = torch.zeros_like(vectors[:, :1])
        inputs = torch.cat([torch.cat([self.norm(vectors), last], dim=1), late], dim=2)
        state = self.cell.blank(len(vectors))
        for x in inputs.unbind(1):
            state = self.cell.write(state, x)
        return state

    def recall(self, state: StateT, queries: Tensor) -> Tensor:
        """Return logits of shape (N, Q) for queries of shape (N, Q, W), without writing."""
        x = torch.cat([self.norm(queries), torch.zeros_like(queries[..., :1])], dim=2)
        return self.out(self.cell.look(state, x)).squeeze(2)


def similarity(keys: Tensor, memory: Tensor) -> Tensor:
    """Return the cosine of each key (N, K, M) with each slot (N, L, M), shape (N, K, L)."""
    unit = F.normalize(memory, dim=2, eps=1e-8)
    return F.normalize(keys, dim=2, eps=1e-8) @ unit.transpose(1, 2)


def _sequence(state: StateT, row: int) -> StateT:
    parts = {part.name: getattr(state, part.name)[row : row + 1] for part in fields(state)}
    return replace(state, **parts)
