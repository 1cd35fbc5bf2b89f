"""Fingerprints, each as the positions of its on-bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from rdkit import DataStructs
from rdkit.DataStructs import UIntSparseIntVect

from molmeta.molecules.kinds.base import Block, offsets_of
from molmeta.molecules.tensors import csr, owner_of
from molmeta.runtime.deferred import Deferred

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rdkit.DataStructs import ExplicitBitVect
    from torch import Tensor, dtype

    from molmeta.molecules.kinds.base import Arrays

torch: Any = Deferred("torch")
# RDKit's stubs leave most parameters unknown, which strict checking refuses; Any says so once.
_text_of: Any = DataStructs.BitVectToBinaryText

UNPACKED = 4096
"""Fingerprints that are unpacked at once, one byte per bit."""
COUNTS = (1, 2, 4, 8)
"""Least counts of the bits that stand for one feature of a fingerprint with counts."""


class _Counts(bytes):
    """RDKit's binary form of feature counts, which takes a third of the time of on-bits."""


@dataclass(frozen=True)
class Bits(Block):
    """Positions of the on-bits of G fingerprints.

    Attributes:
        positions: in 0 .. size - 1, int16, shape (N,) over all molecules.
        offsets: int64, shape (G + 1,).
        size: length of one fingerprint.
    """

    arrays: ClassVar[Mapping[str, str]] = {"positions": "offsets"}
    sized: ClassVar[bool] = True

    positions: Tensor
    offsets: Tensor
    size: int

    @classmethod
    def raw(cls, features: ExplicitBitVect | UIntSparseIntVect) -> bytes:
        if isinstance(features, UIntSparseIntVect):
            return _Counts(features.ToBinary())
        return _text_of(features)

    @classmethod
    def pack(cls, rows: Sequence[bytes], size: int) -> Arrays:
        if rows and isinstance(rows[0], _Counts):
            return _packed_counts(rows, size)
        width = -(-size // 8)
        if wrong := [len(row) for row in rows if len(row) != width]:
            raise ValueError(f"{wrong[0] * 8} bits")
        positions, lengths = [np.zeros(0, np.int16)], [np.zeros(0, np.int64)]
        # In parts, because unpacked fingerprints are some 40 times larger than packed positions.
        for first in range(0, len(rows), UNPACKED):
            part = rows[first : first + UNPACKED]
            packed = np.frombuffer(b"".join(part), np.uint8).reshape(len(part), width)
            bits = np.unpackbits(packed, axis=1, count=size, bitorder="little")
            on = np.flatnonzero(bits.view(np.bool_))
            positions.append((on % size).astype(np.int16))
            lengths.append(np.bincount(on // size, minlength=len(part)))
        offsets = offsets_of(np.concatenate(lengths))
        return {"positions": np.concatenate(positions), "offsets": offsets}

    def valid(self) -> bool:
        if self.positions.dtype != torch.int16 or self.positions.ndim != 1:
            return False
        if not len(self.positions):
            return True
        return int(self.positions.min()) >= 0 and int(self.positions.max()) < self.size

    def sparse(self, dtype: dtype | None = None) -> Tensor:
        """The fingerprints as a sparse CSR matrix of ones, shape (G, size), float32 by default.

        A product with it costs as much as an `EmbeddingBag` and can be differentiated twice.
        """
        kind = dtype or torch.float32
        ones = torch.ones(len(self.positions), dtype=kind, device=self.positions.device)
        return csr(self.offsets, self.positions.long(), ones, self.size)

    def dense(self, dtype: dtype | None = None) -> Tensor:
        """The fingerprints as zeros and ones, shape (G, size), float32 by default."""
        kind = dtype or torch.float32
        dense = torch.zeros(len(self), self.size, dtype=kind, device=self.positions.device)
        dense[owner_of(self.offsets), self.positions.long()] = 1
        return dense


def _packed_counts(rows: Sequence[bytes], size: int) -> Arrays:
    """Return `Bits.pack` of fingerprints with counts.

    A row is pairs of 32-bit words. They are version and size of a word, length and number of
    features, then each feature with its count.
    """
    lengths = np.array([len(row) // 8 - 2 for row in rows])
    pairs = np.frombuffer(b"".join(rows), np.uint32).reshape(-1, 2)
    starts = offsets_of(lengths + 2)[:-1]
    if len(wrong := np.flatnonzero(pairs[starts + 1, 0] * len(COUNTS) != size)):
        raise ValueError(f"{pairs[starts[wrong[0]] + 1, 0] * len(COUNTS)} bits")
    features, counts = np.delete(pairs, np.concatenate([starts, starts + 1]), axis=0).T
    on = counts[:, None] >= np.array(COUNTS, np.uint32)
    positions = (features[:, None] * len(COUNTS) + np.arange(len(COUNTS), dtype=np.uint32))[on]
    n_on = np.bincount(np.repeat(np.arange(len(rows)), lengths), on.sum(axis=1), len(rows))
    return {"positions": positions.astype(np.int16), "offsets": offsets_of(n_on.astype(np.int64))}
