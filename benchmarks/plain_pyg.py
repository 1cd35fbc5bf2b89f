"""What a user would write by hand in PyTorch Geometric, to compare the graph encoders with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import GINEConv, global_mean_pool

from molmeta.molecules.blocks import tensor_of
from molmeta.molecules.graphs import ATOM_SIZES, BOND_SIZES, MolGraph, molgraph

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rdkit.Chem import Mol


class PlainGINE(nn.Module):
    """GINEConv, LayerNorm and mean pooling, with one-hot features."""

    def __init__(self, width: int, layers: int = 4) -> None:
        super().__init__()
        self.atoms, self.bonds = (
            nn.Linear(sum(ATOM_SIZES), width),
            nn.Linear(sum(BOND_SIZES), width),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.layers = nn.ModuleList(self.layer(width) for _ in range(layers))
        self.last = nn.Linear(width, 1)

    @staticmethod
    def layer(width: int) -> nn.Module:
        network = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        return GINEConv(network, train_eps=True)

    def forward(self, batch: Any) -> Tensor:  # noqa: ANN401 - PyG sets attributes
        """Return one number for each molecule, shape (G,)."""
        x, bonds = self.atoms(batch.x), self.bonds(batch.edge_attr)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + layer(norm(x), batch.edge_index, bonds)
        return self.last(global_mean_pool(x, batch.batch, batch.num_graphs)).squeeze(1)


def data_of(mol: Mol) -> Data:
    """Return a molecule as PyTorch Geometric stores it, features as ones and zeros."""
    graph: MolGraph = molgraph(mol)
    ends = tensor_of(graph.ends.astype(np.int64)).t()
    bonds = _one_hot(graph.bonds, BOND_SIZES)
    return Data(
        x=_one_hot(graph.atoms, ATOM_SIZES),
        edge_index=torch.cat([ends, ends.flip(0)], dim=1),
        edge_attr=torch.cat([bonds, bonds]),
    )


def _one_hot(categories: NDArray[np.uint8], sizes: tuple[int, ...]) -> Tensor:
    columns = tensor_of(categories.astype(np.int64)).unbind(1)
    parts = [
        nn.functional.one_hot(column, size) for column, size in zip(columns, sizes, strict=True)
    ]
    return torch.cat(parts, dim=1).float()
