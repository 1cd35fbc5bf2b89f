"""PNA: mean, deviation, minimum and maximum of the messages, scaled by degree."""

from __future__ import annotations

import torch
from torch import nn
from torch_geometric.nn import PNAConv

from molmeta.encoders._message_passing import MessagePassing
from molmeta.encoders.base import Paper

DEGREES = (0, 15, 47, 33, 5)
"""Atoms with 0, 1, 2, 3 and 4 neighbours among 100 of drug-like molecules; only their mean and
mean logarithm enter, as the scale against which a degree is large or small."""


class PNA(MessagePassing):
    """Principal neighbourhood aggregation.

    Source:
        Corso et al., Principal Neighbourhood Aggregation for Graph Nets, NeurIPS 2020.

    Args:
        width: length of one vector, and of one atom's state.
        layers: rounds of message passing.
        dropout: share of each update dropped in training.
        towers: parts of the state that exchange messages apart; must divide `width`.
    """

    papers = (
        Paper(
            authors=(
                "Corso, Gabriele; Cavalleri, Luca; Beaini, Dominique; Liò, Pietro; Veličković, "
                "Petar"
            ),
            year=2020,
            title="Principal Neighbourhood Aggregation for Graph Nets",
            venue="NeurIPS",
        ),
    )

    def __init__(
        self, *, width: int = 64, layers: int = 4, dropout: float = 0.1, towers: int = 4
    ) -> None:
        self.towers = towers
        super().__init__(width=width, layers=layers, dropout=dropout)

    def layer(self) -> nn.Module:
        return PNAConv(
            self.width,
            self.width,
            aggregators=["mean", "std", "min", "max"],
            scalers=["identity", "amplification", "attenuation"],
            deg=torch.tensor(DEGREES, device="cpu"),
            edge_dim=self.width,
            towers=self.towers,
            divide_input=True,
        )
