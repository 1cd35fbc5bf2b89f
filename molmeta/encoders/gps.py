"""GPS: message passing along the bonds and attention among all atoms of a molecule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch_geometric.nn import GINEConv, GPSConv

from molmeta.encoders._message_passing import MessagePassing

if TYPE_CHECKING:
    from molmeta.blocks import Graphs


class GPS(MessagePassing):
    """General, powerful, scalable graph transformer over GINE layers.

    Source:
        Rampasek et al., Recipe for a General, Powerful, Scalable Graph Transformer, NeurIPS 2022.

    Args:
        width: length of one vector, and of one atom's state.
        layers: rounds of message passing.
        dropout: share of each update dropped in training.
        heads: attention heads; must divide `width`.
    """

    def __init__(
        self, *, width: int = 64, layers: int = 3, dropout: float = 0.1, heads: int = 4
    ) -> None:
        self.heads = heads
        super().__init__(width=width, layers=layers, dropout=dropout)

    def layer(self) -> nn.Module:
        width = self.width
        network = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        return GPSConv(width, GINEConv(network), heads=self.heads, norm=None)

    def step(self, layer: nn.Module, x: Tensor, bonds: Tensor, graphs: Graphs) -> Tensor:
        # The fused attention kernels cannot be differentiated twice, which MAML needs.
        with sdpa_kernel(SDPBackend.MATH):
            return layer(x, graphs.edge_index, graphs.atom_molecule, edge_attr=bonds)
