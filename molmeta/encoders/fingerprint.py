"""Fingerprint network: a multilayer perceptron on the on-bits."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from molmeta.encoders.base import Encoder
from molmeta.molecules.blocks import Bits, Molecules, csr
from molmeta.molecules.featurizers import get
from molmeta.molecules.similarity import product


class Fingerprint(Encoder):
    """A multilayer perceptron on fingerprints.

    The first layer sums the rows of the on-bits, which takes about a fortieth of the arithmetic
    of a dense product. In training, a share of the on-bits is dropped.

    Args:
        width: length of a vector.
        hidden: width of the hidden layers.
        layers: hidden layers, at least one.
        dropout: dropout of the hidden layers.
        bit_dropout: share of on-bits dropped in training.
        bits: names of the fingerprints to read, joined by '+'.
    """

    def __init__(
        self,
        *,
        width: int = 256,
        hidden: int = 512,
        layers: int = 1,
        dropout: float = 0.2,
        bit_dropout: float = 0.1,
        bits: str = "morgan",
    ) -> None:
        super().__init__()
        self.width, self.bits, self.bit_dropout = width, bits.split("+"), bit_dropout
        self.sizes = [get(name).size for name in self.bits]
        self.embedding = nn.Parameter(torch.randn(sum(self.sizes), hidden) * hidden**-0.5)
        blocks = [_hidden(hidden, dropout) for _ in range(layers)]
        self.body = nn.ModuleList(blocks)
        self.last = nn.Linear(hidden, width)

    @property
    def final(self) -> nn.Linear | None:
        return self.last

    @property
    def featurizers(self) -> tuple[str, ...]:
        return tuple(self.bits)

    def forward(self, molecules: Molecules) -> Tensor:
        return self.network(self.summed(molecules))

    def network(self, summed: Tensor) -> Tensor:
        """Return vectors of shape (G, width) from sums over on-bits, shape (G, hidden)."""
        hidden = self.body[0](summed)
        for block in self.body[1:]:
            hidden = hidden + block(hidden)
        return self.last(hidden)

    def summed(self, molecules: Molecules) -> Tensor:
        """Return the sum of the rows of the on-bits, shape (G, hidden)."""
        blocks = [molecules.block(name, Bits) for name in self.bits]
        rows = torch.split(self.embedding, self.sizes)
        sums = (self._sum(*pair) for pair in zip(blocks, rows, strict=True))
        return functools.reduce(torch.add, sums)

    def _sum(self, bits: Bits, rows: Tensor) -> Tensor:
        if self.training or torch.is_grad_enabled():
            return sparse_product(self.dropped(bits.sparse(rows.dtype)), rows)
        # Three times as fast, but it cannot be differentiated twice.
        return product(bits, rows)

    def dropped(self, sparse: Tensor) -> Tensor:
        """Return a sparse matrix without a share `bit_dropout` of its entries, in training."""
        if not self.training or self.bit_dropout == 0:
            return sparse
        values = nn.functional.dropout(sparse.values(), self.bit_dropout)
        return csr(sparse.crow_indices(), sparse.col_indices(), values, sparse.shape[1])


def sparse_product(sparse: Tensor, rows: Tensor) -> Tensor:
    """Return the product in float32.

    A sum of a few rows gains nothing from bfloat16, which sparse products may not support.
    """
    with torch.autocast(sparse.device.type, enabled=False):
        return sparse @ rows


def _hidden(width: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, width), nn.GELU()
    )
