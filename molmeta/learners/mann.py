"""Memory-augmented network: writes the support to a memory and reads it for each query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders.base import Paper
from molmeta.learners._parents.memory import MemoryCell, MemoryLearner, MemoryState, similarity

if TYPE_CHECKING:
    from molmeta.encoders.base import Encoder

DECAY = 0.95
BLANK = 1e-6


@dataclass(frozen=True, eq=False)
class State(MemoryState):
    """State between two steps, for N sequences side by side.

    Attributes:
        usage: how much each of L slots is in use, shape (N, L).
    """

    usage: Tensor


class MANN(MemoryLearner[State]):
    """An LSTM whose external memory is written by least recently used access (LRUA).

    The support is a sequence of [x_t ; y_(t-1)]: each label arrives one step late, so that the
    network must remember the molecule until then. See `MemoryLearner` for the sequence and
    `LRUACell` for a step. Queries read the memory without writing, so that they do not influence
    each other. The order of the support matters; predictions are averaged over several orders.
    The support must have both classes.

    Args:
        encoder: any encoder.
        controller: width of the LSTM.
        slots: rows of the memory.
        slot_width: length of one row.
        reads: read heads.
        orders: orders of the support to average over in evaluation.
        centred: whether the mean of the support is subtracted from all vectors. Use it with `init`.
        matching: whether the logit of a matching network on the vectors is added to that of the
            memory, which then starts at 0. Use it with `init` and `centred`.
    """

    papers = (
        Paper(
            authors=(
                "Santoro, Adam; Bartunov, Sergey; Botvinick, Matthew; Wierstra, Daan; Lillicrap, "
                "Timothy"
            ),
            year=2016,
            title="Meta-Learning with Memory-Augmented Neural Networks",
            venue="ICML",
        ),
    )
    use_when = "you study memory; it has to learn that the order of a support does not matter"

    def __init__(  # noqa: PLR0913 - options of the method
        self,
        encoder: Encoder,
        *,
        controller: int = 200,
        slots: int = 128,
        slot_width: int = 40,
        reads: int = 4,
        orders: int = 4,
        centred: bool = False,
        matching: bool = False,
    ) -> None:
        super().__init__(encoder, orders, centred=centred, matching=matching)
        cell = LRUACell(
            self.encoder.width + 1,
            controller=controller,
            slots=slots,
            slot_width=slot_width,
            reads=reads,
        )
        self.attach(cell)


class LRUACell(MemoryCell[State]):
    """One step of the memory-augmented network: first it writes, then it reads.

    A head writes a at s w_read(t-1) + (1 - s) w_least_used, and reads at softmax(cos(k, M)). Usage
    decays by a factor of 0.95 in each step and grows by the weights of reading and writing.

    | symbol | attribute | meaning                                             |
    | ------ | --------- | --------------------------------------------------- |
    | h      |           | hidden state of the controller                      |
    | k      | `keys`    | tanh(W_k h), what to look for                       |
    | a      | `adds`    | tanh(W_a h), what to write                          |
    | s      | `gates`   | sigmoid(W_s h), 1 to write where the head last read |
    | M      |           | the memory                                          |

    Args:
        inputs: length of an input.
        controller: width of the LSTM.
        slots: rows of the memory.
        slot_width: length of one row.
        reads: read heads.
    """

    def __init__(
        self, inputs: int, *, controller: int, slots: int, slot_width: int, reads: int
    ) -> None:
        super().__init__(inputs, controller, reads * slot_width)
        self.slots, self.slot_width, self.reads = slots, slot_width, reads
        self.keys = nn.Linear(controller, reads * slot_width)
        self.adds = nn.Linear(controller, reads * slot_width)
        self.gates = nn.Linear(controller, reads)

    def blank(self, n: int) -> State:
        like = self.keys.weight
        hidden = like.new_zeros(n, self.controller.hidden_size)
        read = like.new_zeros(n, self.reads * self.slot_width)
        weights = F.one_hot(torch.arange(self.reads, device=like.device), self.slots).to(like)
        memory = like.new_full((n, self.slots, self.slot_width), BLANK)
        usage = like.new_zeros(n, self.slots)
        return State(hidden, hidden, read, weights.expand(n, -1, -1), memory, usage)

    def write(self, state: State, x: Tensor) -> State:
        hidden, cell = self.control(state, x)
        adds = torch.tanh(self.adds(hidden)).view(-1, self.reads, self.slot_width)
        gates = torch.sigmoid(self.gates(hidden)).unsqueeze(2)
        memory, written = lrua(state, adds, gates)
        weights = self.address(memory, hidden)
        usage = DECAY * state.usage + weights.sum(1) + written.sum(1)
        return State(hidden, cell, (weights @ memory).flatten(1), weights, memory, usage)

    def read(self, state: State, hidden: Tensor) -> Tensor:
        n, q, _ = hidden.shape
        weights = self.address(state.memory, hidden)
        return (weights @ state.memory).reshape(n, q, self.reads * self.slot_width)

    def address(self, memory: Tensor, hidden: Tensor) -> Tensor:
        """Return the read weights of each head for each hidden state, shape (N, Q x R, L)."""
        keys = torch.tanh(self.keys(hidden)).view(len(memory), -1, self.slot_width)
        return similarity(keys, memory).softmax(2)


def lrua(state: State, adds: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
    """Write to the slots read last or used least; return the memory and the write weights.

    Args:
        state: state before the step.
        adds: what each head writes, shape (N, R, M).
        gates: 1 writes where the head last read, 0 to the least used slots, shape (N, R, 1).
    """
    least = state.usage.topk(adds.shape[1], dim=1, largest=False).indices
    unused = F.one_hot(least, state.usage.shape[1]).to(adds)
    weights = gates * state.weights + (1 - gates) * unused
    # The least used slot is erased before anything is written.
    erased = state.memory * (1 - unused[:, 0]).unsqueeze(2)
    return erased + weights.transpose(1, 2) @ adds, weights
