"""GPS: messages along the bonds and attention between all atoms of a molecule."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch_geometric.nn import GINEConv, GPSConv

from molmeta.encoders._message_passing import Batch, MessagePassing
from molmeta.encoders.base import Paper
from molmeta.molecules.blocks import Graphs, Molecules

PAIRS = 4_000_000
"""Largest number of pairs of atoms in one call of attention: 16 MB for each head."""


class GPS(MessagePassing):
    """General, powerful, scalable graph transformer on GINE layers.

    Args:
        width: length of a vector, and of the state of an atom.
        layers: rounds of message passing.
        dropout: dropout of each update.
        heads: attention heads; must divide `width`.
    """

    papers = (
        Paper(
            authors=(
                "Rampášek, Ladislav; Galkin, Mikhail; Dwivedi, Vijay Prakash; Luu, Anh Tuan; "
                "Wolf, Guy; Beaini, Dominique"
            ),
            year=2022,
            title="Recipe for a General, Powerful, Scalable Graph Transformer",
            venue="NeurIPS",
        ),
    )

    def __init__(
        self, *, width: int = 64, layers: int = 3, dropout: float = 0.1, heads: int = 4
    ) -> None:
        self.heads = heads
        super().__init__(width=width, layers=layers, dropout=dropout)

    def layer(self) -> nn.Module:
        width = self.width
        network = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        return GPSConv(width, GINEConv(network), heads=self.heads, norm=None)

    def forward(self, molecules: Molecules) -> Tensor:
        """Return one vector for each molecule, in groups of molecules of similar size.

        Attention pads all molecules of a group to the largest: one peptide among two thousand
        drugs would need gigabytes.
        """
        atoms = molecules.block("graph", Graphs).atom_offsets.diff()
        groups = _of_similar_size(list(map(int, atoms.cpu().numpy())))
        if len(groups) == 1:
            return super().forward(molecules)
        rows = [torch.tensor(group, device=atoms.device) for group in groups]
        vectors = [super(GPS, self).forward(molecules.select(group)) for group in rows]
        # The groups are a permutation of the rows; its argsort is the inverse.
        return torch.cat(vectors)[torch.cat(rows).argsort()]

    def step(self, layer: nn.Module, x: Tensor, batch: Batch) -> Tensor:
        if len(x) == 0:
            return x
        # The fused attention kernels cannot be differentiated twice, which MAML needs.
        with sdpa_kernel(SDPBackend.MATH):
            return layer(x, batch.messages.edges, batch.owners, edge_attr=batch.edge_bonds)


def _of_similar_size(atoms: list[int]) -> list[list[int]]:
    """Return groups of rows sorted by size, each with at most PAIRS padded pairs of atoms."""
    order = sorted(range(len(atoms)), key=atoms.__getitem__)
    groups: list[list[int]] = [[]]
    for row in order:
        if groups[-1] and (len(groups[-1]) + 1) * atoms[row] ** 2 > PAIRS:
            groups.append([])
        groups[-1].append(row)
    return groups
