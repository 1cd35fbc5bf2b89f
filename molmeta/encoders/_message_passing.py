"""Shared by the graph encoders: one-hot features, messages along bonds and a readout."""

from __future__ import annotations

import math
from abc import abstractmethod
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, cast

import torch
from torch import Tensor, nn

from molmeta.encoders._precision import apply_to_rows, bfloat16_is_native
from molmeta.encoders._sums import summed
from molmeta.encoders.base import Encoder
from molmeta.molecules.blocks import Graphs, Molecules
from molmeta.molecules.graphs import ATOM_SIZES, BOND_SIZES

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from molmeta.molecules.messages import Messages, Sums

HEADS = 8
"""Largest number of parts of the readout with attention of their own."""
CHUNK = 128
"""Molecules that a CPU encodes at once if there are no gradients. The states of their atoms then
fit into its cache: at width 256, it encodes twice as many in a second as with 2,048 at once."""


@dataclass(frozen=True)
class Batch:
    """Inputs from the molecules that all layers share.

    Attributes:
        owners: molecule of each atom, shape (V,).
        messages: distinct messages along the bonds.
        bonds: vectors of the bonds of the messages, shape (M, W).
    """

    owners: Tensor
    messages: Messages
    bonds: Tensor

    @cached_property
    def edge_bonds(self) -> Tensor:
        """Vector of the bond of each edge of `messages.edges`, shape (E, W)."""
        return self.bonds[self.messages.edge_messages]


class MessagePassing(Encoder):
    """Parent of the graph encoders; a subclass provides one layer.

    x <- x + dropout(layer(norm(x), bonds)). The vector is a linear map of three parts: the mean of
    x over the atoms, their sum divided by 32, and attention-weighted means of B x. Attention is
    softmax(A x), computed separately for each of 8 parts of B x. The norm is a LayerNorm on each
    atom. Dropout omits the same parts of the states of all atoms of a molecule.

    In training, matrix products are rounded to bfloat16 where the hardware multiplies it natively.
    Predictions are in float32 everywhere.

    Source:
        Gal & Ghahramani, NeurIPS 2016 (one dropout mask for all steps of a sequence).

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
        self.readout = Readout(width)

    @property
    def final(self) -> nn.Linear:
        return cast("nn.Linear", self.readout.last[1])

    @abstractmethod
    def layer(self) -> nn.Module:
        """Return one layer of message passing."""

    @abstractmethod
    def step(self, layer: nn.Module, x: Tensor, batch: Batch) -> Tensor:
        """Return the update of the atom states x, shape (V, W)."""

    def forward(self, molecules: Molecules) -> Tensor:
        at_once = torch.is_grad_enabled() or molecules.device.type != "cpu"
        if at_once or len(molecules) <= CHUNK:
            return self.encoded(molecules)
        parts = torch.split(torch.arange(len(molecules)), CHUNK)
        return torch.cat([self.encoded(molecules.select(part)) for part in parts])

    def encoded(self, molecules: Molecules) -> Tensor:
        """Return the vectors of molecules, shape (G, W), in the type of the weights."""
        with self.precision():
            return self.vectors(molecules).to(self.atoms.weight.dtype)

    def precision(self) -> AbstractContextManager[object]:
        """Return the context in which matrix products have the precision of training."""
        weight = self.atoms.weight
        if not (self.training and weight.dtype == torch.float32 and bfloat16_is_native()):
            return nullcontext()
        return torch.autocast(weight.device.type, torch.bfloat16)

    def vectors(self, molecules: Molecules) -> Tensor:
        graphs = molecules.block("graph", Graphs)
        of_molecule, messages = graphs.of_molecule, graphs.messages
        dtype = self.atoms.weight.dtype
        x = apply_to_rows(self.atoms, one_hot(graphs.atoms, ATOM_SIZES, dtype)).to(dtype)
        bonds = apply_to_rows(self.bonds, one_hot(messages.bonds, BOND_SIZES, dtype))
        batch = Batch(of_molecule.rows, messages, bonds)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = self.updated(x, self.step(layer, norm(x), batch), of_molecule)
        return self.readout(x, of_molecule)

    def updated(self, x: Tensor, update: Tensor, of_molecule: Sums) -> Tensor:
        if not (self.training and self.dropout.p):
            return x + update
        # A random number for each atom would take longer than the layer.
        ones = update.new_ones(len(of_molecule.offsets) - 1, self.width)
        return torch.addcmul(x, update, summed(of_molecule.transposed, self.dropout(ones)))


class Readout(nn.Module):
    """From the states of atoms to vectors of molecules; see `MessagePassing`."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = math.gcd(HEADS, width)
        self.norm = nn.LayerNorm(width)
        self.attention = nn.Linear(width, self.heads)
        self.values = nn.Linear(width, width)
        self.last = nn.Sequential(nn.LayerNorm(3 * width), nn.Linear(3 * width, width))

    def forward(self, x: Tensor, of_molecule: Sums) -> Tensor:
        """Return vectors of shape (G, W) from states of shape (V, W).

        A molecule without atoms has zeros before the last norm. A typical molecule has 32 atoms,
        so that the parts have similar sizes.
        """
        counts = of_molecule.offsets.diff().clamp(min=1).unsqueeze(1)
        total = summed(of_molecule, x)
        normed = self.norm(x)
        # Bounded, so that the exponential cannot overflow and no maximum needs to be subtracted.
        weights = (10 * torch.tanh(apply_to_rows(self.attention, normed).to(x.dtype) / 10)).exp()
        values: Tensor = apply_to_rows(self.values, normed).to(x.dtype)
        values = values.view(len(x), self.heads, x.shape[1] // self.heads)
        weighted = summed(of_molecule, (weights.unsqueeze(2) * values).view_as(x))
        sums = summed(of_molecule, weights).clamp(min=1e-30).repeat_interleave(values.shape[2], 1)
        return self.last(torch.cat([total / counts, weighted / sums, total / 32], dim=1))


def one_hot(categories: Tensor, sizes: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Return categories of shape (N, F) as zeros and ones of shape (N, sum of sizes)."""
    # Each feature is shifted to columns of its own, so that one scatter serves all of them.
    starts = torch.tensor((0, *sizes[:-1]), device=categories.device).cumsum(0)
    zeros = torch.zeros(len(categories), sum(sizes), dtype=dtype, device=categories.device)
    return zeros.scatter_(1, categories.long() + starts, 1.0)
