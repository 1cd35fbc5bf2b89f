"""Background molecules: presumed inactives that represent the rest of a library."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from molmeta.molecules.blocks import Bits, Molecules, tensor_of
from molmeta.molecules.labelled import Labelled
from molmeta.molecules.store import featurize
from molmeta.molecules.tensors import offsets_by_owner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from molmeta.assays.training_data import TrainingData

NUMBER = 64
CATALOGUE_LIKE = (
    "COc1ccc(C(=O)N2CCN(c3ccccn3)CC2)cc1",
    "Cc1ccc(S(=O)(=O)N2CCCC(C(=O)NCC3CCCO3)C2)cc1",
    "CC(C)CNC(=O)c1cnn(-c2ccc(F)cc2)c1",
    "O=C(Cc1ccc(Cl)cc1)Nc1nccs1",
    "Cc1noc(C)c1CCC(=O)N1CCOCC1",
    "O=C(C1CC1)N1CCN(c2ccc(C(F)(F)F)cn2)CC1",
    "Cc1ccccc1NC(=O)CN1CCC(C(N)=O)CC1",
    "CN(C)S(=O)(=O)c1ccc(C(=O)NCc2cccnc2)cc1",
    "O=C(NC1CCCCC1)c1cc2ccccc2[nH]1",
    "CC(NC(=O)c1ccc2c(c1)OCO2)c1ccccc1",
    "O=C(COc1ccccc1Cl)N1CCCC1c1cccnc1",
    "CC(C)Oc1ccc(NC(=O)NCC2CCOCC2)cc1",
    "CS(=O)(=O)N1CCC(Nc2ccc(C#N)cn2)CC1",
    "Cc1noc(C)c1C(=O)N(C)Cc1ccc(F)cc1",
    "CN1CCN(Cc2ccc(NC(=O)c3ccco3)cc2)CC1",
    "OC(=O)c1ccc(NC(=O)C2CCCCC2)cc1",
    "CCOC(=O)C1CCN(C(=O)c2cccc(C#N)c2)CC1",
    "CCOC(=O)c1cnc(N2CCC(C)CC2)nc1C",
    "Cc1cc(C)nc(SCC(=O)Nc2ccccc2F)n1",
    "O=C(c1ccncc1)N1CCC(Cc2ccccc2)CC1",
    "Cc1nn(CCC(=O)N2CCCc3ccccc32)c(C)c1C",
    "O=S(=O)(NCCc1ccc(O)cc1)c1cccc2cccnc12",
    "CC(C)(C)NC(=O)CN1CCN(S(=O)(=O)c2cccs2)CC1",
    "COCCNC(=O)c1ccc(-n2cccn2)cc1",
)
"""Molecules typical of vendor catalogues, built from common acids, amines and aryl halides."""


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
        # Its shape is fixed, so that a saved model loads into a learner without training data.
        self.register_buffer("packed", torch.zeros(NUMBER, width, dtype=torch.uint8))

    def fill(self, data: TrainingData) -> None:
        """Take molecules at even steps through the store, which is sorted by InChIKey."""
        # An InChIKey is a hash, so even steps sample at random without a seed.
        steps = np.linspace(0, len(data.rows) - 1, NUMBER).round().astype(np.int64)
        rows = tensor_of(data.rows[steps]).to(data.molecules.device)
        selected = data.molecules.select(rows)
        dense = [selected.block(name, Bits).dense(torch.uint8) for name in self.sizes]
        self.packed = tensor_of(np.packbits(torch.cat(dense, dim=1).cpu().numpy(), axis=1))

    def molecules(self) -> Molecules:
        """Return the background molecules, none before `fill`."""
        bits = np.unpackbits(self.packed.cpu().numpy(), axis=1)
        ends = np.cumsum(list(self.sizes.values()))[:-1]
        # Rows that are all 0 are those that `fill` has not set.
        parts = np.split(bits[bits.any(axis=1)], ends, axis=1)
        pairs = zip(self.sizes, parts, strict=True)
        blocks = {name: _bits(tensor_of(part)) for name, part in pairs}
        return Molecules(blocks).to(self.packed.device)

    def catalogue_like(self, featurizers: Sequence[str]) -> Molecules:
        """Return molecules typical of vendor catalogues and most libraries, with these blocks."""
        return _catalogue_like(tuple(featurizers)).to(self.packed.device)

    def added(self, support: Labelled) -> Labelled:
        """Return the support followed by the background as inactives, with fingerprints only."""
        others = self.molecules()
        labels = torch.cat([support.labels, support.labels.new_zeros(len(others))])
        return Labelled(self.joined(support.molecules, others), labels)

    def joined(self, *parts: Molecules) -> Molecules:
        """Return the molecules of all parts in order, with fingerprints only."""
        return Molecules(
            {name: _joined([part.block(name, Bits) for part in parts]) for name in self.sizes}
        )


def _bits(dense: Tensor) -> Bits:
    rows, positions = dense.nonzero().t()
    offsets = offsets_by_owner(rows, len(dense))
    return Bits(positions.to(torch.int16), offsets, dense.shape[1])


def _joined(parts: Sequence[Bits]) -> Bits:
    positions = torch.cat([bits.positions for bits in parts])
    counts = torch.cat([bits.offsets.diff() for bits in parts])
    offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return Bits(positions, offsets, parts[0].size)


@cache
def _catalogue_like(featurizers: tuple[str, ...]) -> Molecules:
    return featurize(CATALOGUE_LIKE, featurizers)
