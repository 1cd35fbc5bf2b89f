"""Background molecules: training molecules as presumed inactives for a support of actives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from molmeta.molecules.blocks import Bits, Molecules, tensor_of
from molmeta.molecules.labelled import Labelled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from molmeta.assays.training_data import TrainingData

NUMBER = 64


class Background(nn.Module):
    """Fingerprints of 64 training molecules, with 8 bits in a byte; empty before `fill`.

    Args:
        sizes: length of each fingerprint, by the name of its featurizer.
    """

    packed: Tensor

    def __init__(self, sizes: Mapping[str, int]) -> None:
        super().__init__()
        self.sizes = dict(sizes)
        width = sum(self.sizes.values()) // 8
        self.register_buffer("packed", torch.zeros(NUMBER, width, dtype=torch.uint8))

    def fill(self, data: TrainingData) -> None:
        """Take molecules at even steps through the store, which is sorted by InChIKey."""
        steps = np.linspace(0, len(data.rows) - 1, NUMBER).round().astype(np.int64)
        rows = tensor_of(data.rows[steps]).to(data.molecules.device)
        selected = data.molecules.select(rows)
        dense = [selected.block(name, Bits).dense(torch.uint8) for name in self.sizes]
        self.packed = tensor_of(np.packbits(torch.cat(dense, dim=1).cpu().numpy(), axis=1))

    def molecules(self) -> Molecules:
        """Return the background molecules, none before `fill`."""
        bits = np.unpackbits(self.packed.cpu().numpy(), axis=1)
        ends = np.cumsum(list(self.sizes.values()))[:-1]
        parts = np.split(bits[bits.any(axis=1)], ends, axis=1)
        pairs = zip(self.sizes, parts, strict=True)
        blocks = {name: _bits(tensor_of(part)) for name, part in pairs}
        return Molecules(blocks).to(self.packed.device)

    def added(self, support: Labelled) -> Labelled:
        """Return the support followed by the background as inactives, with fingerprints only."""
        others = self.molecules()
        labels = torch.cat([support.labels, support.labels.new_zeros(len(others))])
        blocks = {
            name: _joined(support.molecules.block(name, Bits), others.block(name, Bits))
            for name in self.sizes
        }
        return Labelled(Molecules(blocks), labels)


def _bits(dense: Tensor) -> Bits:
    rows, positions = dense.nonzero().t()
    counts = torch.bincount(rows, minlength=len(dense))
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return Bits(positions.to(torch.int16), offsets, dense.shape[1])


def _joined(bits: Bits, others: Bits) -> Bits:
    positions = torch.cat([bits.positions, others.positions])
    offsets = torch.cat([bits.offsets, others.offsets[1:] + bits.offsets[-1]])
    return Bits(positions, offsets, bits.size)
