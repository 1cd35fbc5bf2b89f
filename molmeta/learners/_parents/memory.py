"""What learners share that write the support into an external memory, step by step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.learners._parents.embedding import EmbeddingLearner, Head
from molmeta.molecules.blocks import tensor_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from molmeta.assays.episodes import Episode
    from molmeta.encoders.base import Encoder


@dataclass(frozen=True, eq=False)
class MemoryState:
    """What one step hands to the next, for N sequences side by side.

    Attributes:
        hidden: the controller's output, shape (N, H).
        cell: the controller's cell, shape (N, H).
        read: the vectors read, shape (N, R x M).
        weights: where each of R heads stands, shape (N, R, L).
        memory: L slots of width M, shape (N, L, M).
    """

    hidden: Tensor
    cell: Tensor
    read: Tensor
    weights: Tensor
    memory: Tensor


StateT = TypeVar("StateT", bound=MemoryState)


class MemoryCell(nn.Module, ABC, Generic[StateT]):
    """A controller with a memory beside it: from vectors to vectors, knowing no molecules.

    Attributes:
        controller: an LSTM that gets the input and what was read in the step before.
        width: length of an output, which is the controller's beside what was read.
    """

    def __init__(self, inputs: int, controller: int, read: int) -> None:
        super().__init__()
        self.controller = nn.LSTMCell(inputs + read, controller)
        self.width = controller + read

    @abstractmethod
    def blank(self, n: int) -> StateT:
        """Return N states before anything was seen."""

    @abstractmethod
    def write(self, state: StateT, x: Tensor) -> StateT:
        """Take one step with inputs of shape (N, I)."""

    @abstractmethod
    def read(self, state: StateT, hidden: Tensor) -> Tensor:
        """Return what is read for controller outputs of shape (N, Q, H): (N, Q, R x M)."""

    def control(self, state: StateT, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the controller's output and cell, each (N, H), for inputs of shape (N, I)."""
        return self.controller(torch.cat([x, state.read], dim=1), (state.hidden, state.cell))

    def output(self, state: StateT) -> Tensor:
        """Return what the last step gives, shape (N, width)."""
        return torch.cat([state.hidden, state.read], dim=1)

    def look(self, state: StateT, x: Tensor) -> Tensor:
        """Return what each of Q inputs (N, Q, I) would give; nothing is written, (N, Q, width)."""
        n, q, _ = x.shape
        inputs = torch.cat([x, state.read.unsqueeze(1).expand(-1, q, -1)], dim=2).flatten(0, 1)
        before = (state.hidden.repeat_interleave(q, 0), state.cell.repeat_interleave(q, 0))
        hidden = self.controller(inputs, before)[0].unflatten(0, (n, q))
        return torch.cat([hidden, self.read(state, hidden)], dim=2)


class MemoryLearner(EmbeddingLearner, Generic[StateT]):
    """Parent of learners that read the support as a sequence of [x_t ; y_(t-1)].

    A label comes one step late, so that the network must keep the molecule until its label is
    known; one last step brings the last label. Queries then look at the memory as it stands and
    write nothing, so they do not influence each other. Outside training, predictions are averaged
    over several orders of the support, which are the same at every call.

    Attributes:
        cell: reads inputs of the encoder's width and one more, for the label.
        out: from what the cell gives to a logit.
    """

    order_invariant = False
    cell: MemoryCell[StateT]
    out: nn.Linear

    def __init__(self, encoder: Encoder, orders: int) -> None:
        super().__init__(encoder)
        self.orders = orders
        self.norm = nn.LayerNorm(self.encoder.width)

    def head(self, vectors: Tensor, labels: Tensor) -> Head:
        orders = 1 if self.training else self.orders
        order = torch.stack([_order(len(labels), place) for place in range(orders)])
        order = order.to(labels.device)
        state = self.memorise(vectors[order], labels[order])
        return lambda query: self.recall(state, query.expand(orders, -1, -1)).mean(0)

    def losses(
        self, episodes: Sequence[Episode], supports: list[Tensor], queries: list[Tensor]
    ) -> list[Tensor]:
        if len({len(support) for support in supports}) > 1:
            return super().losses(episodes, supports, queries)
        labels = torch.stack([tensor_of(e.support_labels) for e in episodes])
        state = self.memorise(torch.stack(supports), labels.to(supports[0]))
        losses: list[Tensor] = []
        for place, (episode, query) in enumerate(zip(episodes, queries, strict=True)):
            logits = self.recall(_alone(state, place), query.unsqueeze(0)).squeeze(0)
            losses.append(self.loss(logits, tensor_of(episode.query_labels).to(query)))
        return losses

    def memorise(self, vectors: Tensor, labels: Tensor) -> StateT:
        """Write N supports of shapes (N, S, W) and (N, S), and return the states at the end."""
        signs = 2 * labels - 1
        late = torch.cat([torch.zeros_like(signs[:, :1]), signs], dim=1).unsqueeze(2)
        last = torch.zeros_like(vectors[:, :1])
        inputs = torch.cat([torch.cat([self.norm(vectors), last], dim=1), late], dim=2)
        state = self.cell.blank(len(vectors))
        for x in inputs.unbind(1):
            state = self.cell.write(state, x)
        return state

    def recall(self, state: StateT, queries: Tensor) -> Tensor:
        """Return logits of shape (N, Q) for queries of shape (N, Q, W); the memory stays."""
        x = torch.cat([self.norm(queries), torch.zeros_like(queries[..., :1])], dim=2)
        return self.out(self.cell.look(state, x)).squeeze(2)


def similarity(keys: Tensor, memory: Tensor) -> Tensor:
    """Return the cosine of each key (N, K, M) with each slot (N, L, M), shape (N, K, L)."""
    unit = F.normalize(memory, dim=2, eps=1e-8)
    return F.normalize(keys, dim=2, eps=1e-8) @ unit.transpose(1, 2)


def _order(n: int, place: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(place))


def _alone(state: StateT, place: int) -> StateT:
    parts = {part.name: getattr(state, part.name)[place : place + 1] for part in fields(state)}
    return replace(state, **parts)
