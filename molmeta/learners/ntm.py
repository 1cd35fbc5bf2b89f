"""Neural Turing machine: heads address the slots of a memory by content and by position."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders.base import Encoder, Paper
from molmeta.learners._parents.memory import MemoryCell, MemoryLearner, MemoryState, similarity

SHIFTS = (-1, 0, 1)


class Aim(NamedTuple):
    """Where each of K heads moves, for N sequences.

    Attributes:
        key: content to look for, shape (N, K, M).
        strength: beta > 0, how sharply to look, shape (N, K, 1).
        gate: g, 1 to go to the content, 0 to stay, shape (N, K, 1).
        shift: s, share of each step of `SHIFTS`, shape (N, K, 3).
        sharpness: gamma >= 1, shape (N, K, 1).
    """

    key: Tensor
    strength: Tensor
    gate: Tensor
    shift: Tensor
    sharpness: Tensor


class NTM(MemoryLearner[MemoryState]):
    """An LSTM whose heads address an external memory first by content, then by position.

    w_c = softmax(beta cos(k, M)); w_g = g w_c + (1 - g) w(t-1); w_s(i) = sum_j w_g(i - j) s(j);
    w(t) ~ w_s^gamma. A head reads r = w M, and writes M <- M (1 - w e') + w a'.

    | symbol      | field or attribute               | meaning                      |
    | ----------- | -------------------------------- | ---------------------------- |
    | k           | `Aim.key`                        | content to look for          |
    | beta, gamma | `Aim.strength`, `.sharpness`     | sharpness of content, of w   |
    | g, s        | `Aim.gate`, `.shift`             | interpolation, shift         |
    | e, a        | `NTMCell.changes`                | what to erase, what to add   |
    | M, w        | `MemoryState.memory`, `.weights` | memory, weights of its slots |

    The support is a sequence of [x_t ; y_(t-1)], as in `mann`; queries read the memory without
    writing. The order of the support matters; predictions are averaged over several orders. The
    support must have both classes.

    Args:
        encoder: any encoder.
        controller: width of the LSTM.
        slots: rows of the memory.
        slot_width: length of one row.
        heads: read heads, and as many write heads.
        orders: orders of the support to average over in evaluation.
        centred: whether the mean of the support is subtracted from all vectors. Use it with `init`.
        matching: whether the logit of a matching network on the vectors is added to that of the
            memory, which then starts at 0. Use it with `init` and `centred`.
    """

    papers = (
        Paper(
            authors="Graves, Alex; Wayne, Greg; Danihelka, Ivo",
            year=2014,
            title="Neural Turing Machines",
            venue="arXiv",
            kind="article",
            doi="10.48550/arXiv.1410.5401",
        ),
    )
    use_when = "as `mann`"

    def __init__(  # noqa: PLR0913 - options of the method
        self,
        encoder: Encoder,
        *,
        controller: int = 100,
        slots: int = 128,
        slot_width: int = 20,
        heads: int = 1,
        orders: int = 4,
        centred: bool = False,
        matching: bool = False,
    ) -> None:
        super().__init__(encoder, orders, centred=centred, matching=matching)
        cell = NTMCell(
            self.encoder.width + 1,
            controller=controller,
            slots=slots,
            slot_width=slot_width,
            heads=heads,
        )
        self.attach(cell)


class NTMCell(MemoryCell[MemoryState]):
    """One step of the machine: all heads address the memory of the last step, read, then write.

    Every sequence starts with the same memory, with a trained state of the controller and with
    all heads on the first slot. The memory is drawn uniformly from +-1 / sqrt(L + M) when the cell
    is created, and saved with it.

    Args:
        inputs: length of an input.
        controller: width of the LSTM.
        slots: rows of the memory, L.
        slot_width: length of one row, M.
        heads: read heads, and as many write heads.
    """

    start: Tensor

    def __init__(
        self, inputs: int, *, controller: int, slots: int, slot_width: int, heads: int
    ) -> None:
        super().__init__(inputs, controller, heads * slot_width)
        self.slot_width, self.heads = slot_width, heads
        self.aims = nn.Linear(controller, 2 * heads * (slot_width + 6))
        self.changes = nn.Linear(controller, heads * 2 * slot_width)
        self.hidden = nn.Parameter(0.05 * torch.randn(controller))
        self.cell = nn.Parameter(0.05 * torch.randn(controller))
        bound = (slots + slot_width) ** -0.5
        self.register_buffer("start", torch.empty(slots, slot_width).uniform_(-bound, bound))

    def blank(self, n: int) -> MemoryState:
        hidden, cell = self.hidden.expand(n, -1), self.cell.expand(n, -1)
        weights = self.start.new_zeros(n, 2 * self.heads, len(self.start))
        weights[..., 0] = 1
        read = self.start[0].repeat(n, self.heads)
        return MemoryState(hidden, cell, read, weights, self.start.expand(n, -1, -1))

    def write(self, state: MemoryState, x: Tensor) -> MemoryState:
        hidden, cell = self.control(state, x)
        aim = aimed(self.aims(hidden).view(len(x), 2 * self.heads, self.slot_width + 6))
        # The first half of the heads read, the second half write.
        weights = address(state.memory, state.weights, aim)
        read = weights[:, : self.heads] @ state.memory
        erase, add = self.changes(hidden).view(len(x), self.heads, -1).chunk(2, dim=2)
        memory = changed(state.memory, weights[:, self.heads :], erase.sigmoid(), add)
        return MemoryState(hidden, cell, read.flatten(1), weights, memory)

    def read(self, state: MemoryState, hidden: Tensor) -> Tensor:
        n, q, _ = hidden.shape
        raw = self.aims(hidden).view(n, q, 2 * self.heads, self.slot_width + 6)
        raw = raw[:, :, : self.heads].flatten(1, 2)
        before = state.weights[:, : self.heads].repeat(1, q, 1)
        weights = address(state.memory, before, aimed(raw))
        return (weights @ state.memory).reshape(n, q, self.heads * self.slot_width)


def aimed(raw: Tensor) -> Aim:
    """Return the aims that unbounded numbers of shape (N, K, M + 6) encode."""
    strength, gate, sharpness, shift, key = torch.split(raw, [1, 1, 1, 3, raw.shape[2] - 6], dim=2)
    return Aim(
        key, F.softplus(strength), gate.sigmoid(), shift.softmax(2), 1 + F.softplus(sharpness)
    )


def address(memory: Tensor, before: Tensor, aim: Aim) -> Tensor:
    """Return the new weights of the slots for each head, shape (N, K, L).

    Args:
        memory: shape (N, L, M).
        before: weights of the last step, shape (N, K, L).
        aim: where each head moves.
    """
    content = (aim.strength * similarity(aim.key, memory)).softmax(2)
    gated = aim.gate * content + (1 - aim.gate) * before
    moved = [gated.roll(step, 2) * aim.shift[..., i : i + 1] for i, step in enumerate(SHIFTS)]
    shifted = torch.stack(moved).sum(0)
    # w^gamma / sum(w^gamma) by logarithms, as high powers of small weights would give 0 / 0.
    tiny = torch.finfo(shifted.dtype).tiny
    return (aim.sharpness * shifted.clamp(min=tiny).log()).softmax(2)


def changed(memory: Tensor, weights: Tensor, erase: Tensor, add: Tensor) -> Tensor:
    """Return the memory (N, L, M) after all heads have erased and then added.

    Args:
        memory: shape (N, L, M).
        weights: weights of the slots for each head, shape (N, R, L).
        erase: share to erase, shape (N, R, M).
        add: numbers to add, shape (N, R, M).
    """
    kept = 1 - weights.unsqueeze(3) * erase.unsqueeze(2)
    return memory * kept.prod(1) + weights.transpose(1, 2) @ add
