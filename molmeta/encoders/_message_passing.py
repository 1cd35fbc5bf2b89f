"""Shared by the graph encoders: one-hot features, messages along bonds and a readout."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from molmeta.encoders.base import Encoder
from molmeta.molecules.blocks import Graphs, Molecules
from molmeta.molecules.graphs import ATOM_SIZES, BOND_SIZES


class MessagePassing(Encoder):
    """Parent of the graph encoders; a subclass provides one layer.

    x <- x + dropout(layer(norm(x), bonds)). The vector is a linear map of the mean, the maximum
    and the scaled sum of x over the atoms. The norm is a LayerNorm on each atom.

    Args:
        width: length of a vector, and of the state of an atom.
        layers: rounds of message passing.
        dropout: dropout of each update.
    """

    reads: ClassVar[tuple[str, ...]] = ("graph",)

    def __init__(self, *, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.atoms = nn.Linear(sum(ATOM_SIZES), width)
        self.bonds = nn.Linear(sum(BOND_SIZES), width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.layers = nn.ModuleList(self.layer() for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Sequential(nn.LayerNorm(3 * width), nn.Linear(3 * width, width))

    @abstractmethod
    def layer(self) -> nn.Module:
        """Return one layer of message passing."""

    def step(self, layer: nn.Module, x: Tensor, bonds: Tensor, graphs: Graphs) -> Tensor:
        """Return the update of the atom states x, shape (V, W)."""
        return layer(x, graphs.edge_index, bonds)

    def forward(self, molecules: Molecules) -> Tensor:
        graphs = molecules.block("graph", Graphs)
        x = self.atoms(one_hot(graphs.atoms, ATOM_SIZES, self.atoms.weight.dtype))
        bonds = self.bonds(one_hot(graphs.edge_categories, BOND_SIZES, x.dtype))
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + self.dropout(self.step(layer, norm(x), bonds, graphs))
        return self.readout(pooled(x, graphs.atom_offsets))


def one_hot(categories: Tensor, sizes: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return categories of shape (N, F) as zeros and ones of shape (N, sum of sizes)."""
    # Each feature is shifted to columns of its own, so that one scatter serves all of them.
    starts = torch.tensor((0, *sizes[:-1]), device=categories.device).cumsum(0)
    zeros = torch.zeros(len(categories), sum(sizes), dtype=dtype, device=categories.device)
    return zeros.scatter_(1, categories.long() + starts, 1.0)


def pooled(x: Tensor, offsets: Tensor) -> Tensor:
    """Return mean, maximum and sum / 32 over the atoms of each molecule, shape (G, 3W).

    A molecule without atoms has zeros. A typical molecule has 32 atoms, so that the three parts
    have similar sizes.
    """
    counts = offsets.diff()
    molecule_of_atom = torch.arange(len(counts), device=x.device).repeat_interleave(counts)
    total = x.new_zeros(len(counts), x.shape[1]).index_add(0, molecule_of_atom, x)
    index = molecule_of_atom.unsqueeze(1).expand_as(x)
    # The zeros are left out (include_self), or they would exceed negative states.
    peak = x.new_zeros(total.shape).scatter_reduce(0, index, x, "amax", include_self=False)
    mean = total / counts.clamp(min=1).unsqueeze(1)
    return torch.cat([mean, peak, total / 32], dim=1)
