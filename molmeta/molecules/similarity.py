"""Products and Tanimoto similarities of fingerprints, without making the many dense."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F

from molmeta.molecules.blocks import Bits

if TYPE_CHECKING:
    from torch import Tensor

    from molmeta.molecules.blocks import Molecules

FINGERPRINT = "morgan"
"""Featurizer of the fingerprint that similarity means wherever no other is named."""


def bits_of(molecules: Molecules) -> Bits:
    """Return the fingerprints that similarity is computed from.

    Raises:
        ConfigError: the molecules have none.
    """
    return molecules.block(FINGERPRINT, Bits)


def product(bits: Bits, columns: Tensor) -> Tensor:
    """Return fingerprints times columns, shape (G, W), without making them dense.

    Args:
        bits: G fingerprints.
        columns: floating point, shape (size, W).
    """
    return F.embedding_bag(
        bits.positions, columns, bits.offsets, mode="sum", include_last_offset=True
    )


def tanimoto(bits: Bits, others: Bits) -> Tensor:
    """Return the similarity of each of G fingerprints to each of S, float32, shape (G, S).

    Shared bits over the bits of either, in [0, 1]; 0 to a fingerprint without bits. The counts
    are whole numbers, so that a similarity does not depend on what else stands in the call.
    """
    shared = product(bits, others.dense().t().contiguous())
    return similarity(shared, bits.offsets.diff(), others.offsets.diff())


def similarity(shared: Tensor, own: Tensor, theirs: Tensor) -> Tensor:
    """Return shared bits over the bits of either, shape (G, S); 0 where neither has any.

    Args:
        shared: bits in common, shape (G, S).
        own: bits of each of G fingerprints, shape (G,).
        theirs: bits of each of S fingerprints, shape (S,).
    """
    either = own.unsqueeze(1) + theirs - shared
    return shared / either.clamp(min=1)
