"""PNA: mean, standard deviation, minimum and maximum of messages, scaled by degree."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import PNAConv

from molmeta.encoders._message_passing import Batch, MessagePassing
from molmeta.encoders.base import Paper

DEGREES = (0, 15, 47, 33, 5)
"""Atoms with 0 to 4 neighbours among 100 atoms of drug-like molecules. Only their mean and mean
logarithm are used, to scale degrees."""


class PNA(MessagePassing):
    """Principal neighbourhood aggregation.

    Args:
        width: length of a vector, and of the state of an atom.
        layers: rounds of message passing.
        dropout: dropout of each update.
        towers: parts of a state that exchange messages separately; must divide `width`.
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
            # PNAConv computes with the degrees, which the meta device of model loading cannot.
            deg=torch.tensor(DEGREES, device="cpu"),
            edge_dim=self.width,
            towers=self.towers,
            divide_input=True,
        )

    def step(self, layer: nn.Module, x: Tensor, batch: Batch) -> Tensor:
        return layer(x, batch.messages.edges, batch.edge_bonds)
