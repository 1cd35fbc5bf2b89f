"""GINE: sums the states of neighbours and bonds through a small network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from molmeta.encoders._message_passing import MessagePassing
from molmeta.encoders._precision import apply_to_rows
from molmeta.encoders._sums import summed
from molmeta.encoders.base import Paper

if TYPE_CHECKING:
    from molmeta.encoders._message_passing import Batch


class GINE(MessagePassing):
    """Graph isomorphism network with bond features.

    x_i <- f(x_i + sum_j relu(x_j + b_ij)). f has one hidden layer.

    Args:
        width: length of a vector, and of the state of an atom.
        layers: rounds of message passing.
        dropout: dropout of each update.
    """

    papers = (
        Paper(
            authors=(
                "Hu, Weihua; Liu, Bowen; Gomes, Joseph; Zitnik, Marinka; Liang, Percy; Pande, "
                "Vijay; Leskovec, Jure"
            ),
            year=2020,
            title="Strategies for Pre-training Graph Neural Networks",
            venue="ICLR",
        ),
    )

    def __init__(self, *, width: int = 64, layers: int = 4, dropout: float = 0.1) -> None:
        super().__init__(width=width, layers=layers, dropout=dropout)

    def layer(self) -> nn.Module:
        width = self.width
        return nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def step(self, layer: nn.Module, x: Tensor, batch: Batch) -> Tensor:
        x, messages = x.to(batch.bonds.dtype), batch.messages
        sent = F.relu(summed(messages.senders, x) + batch.bonds)
        return apply_to_rows(layer, x + summed(messages.receivers, sent))
