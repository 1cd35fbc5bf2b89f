"""GINE: sums the states of neighbours and bonds through a small network."""

from __future__ import annotations

from torch import nn
from torch_geometric.nn import GINEConv

from molmeta.encoders._message_passing import MessagePassing
from molmeta.encoders.base import Paper


class GINE(MessagePassing):
    """Graph isomorphism network with bond features.

    x_i <- f((1 + e) x_i + sum_j relu(x_j + b_ij)). f has one hidden layer, e is trained.

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
        network = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        return GINEConv(network, train_eps=True)
