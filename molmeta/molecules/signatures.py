"""One 64-bit number for each molecule, made of its features: equal features, equal numbers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from molmeta.molecules.blocks import Bits, Block, tensor_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def signatures(block: Block, salt: int = 0) -> Tensor:
    """Return the signature of each of G molecules, int64, shape (G,).

    A signature is a sum of pseudo-random numbers, one for each item of the block (on-bit, atom or
    vector component), modulo 2^64. The order of the atoms does not matter.

    Args:
        block: features of G molecules.
        salt: signatures with different salts are independent, so that they can be added up.

    Source:
        Zobrist, A New Hashing Method with Application for Game Playing, 1970.
    """
    if isinstance(block, Bits):
        # A table of all bits is several times faster than hashing each on-bit.
        numbers = _numbers_of_bits(block.size, salt)[block.positions.cpu().numpy()]
        offsets = block.offsets.cpu().numpy()
    else:
        codes, offsets = block.codes()
        # Place 0 of the sequence is 0, which would hide an item whose code is 0.
        numbers = splitmix64(codes + np.uint64(1 + (salt << 20))).view(np.int64)
    return tensor_of(_sums(numbers, offsets)).to(block.device)


def splitmix64(places: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Return the SplitMix64 outputs at these places of the sequence with seed 0.

    The result is the same on every machine. Model files hold sums of these numbers.

    Source:
        Steele et al., Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.

    Example:
        >>> hex(int(splitmix64(np.array([1]))[0]))
        '0xe220a8397b1dcdaf'
    """
    z = places.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@cache
def _numbers_of_bits(size: int, salt: int) -> NDArray[np.int64]:
    """Return the number of each bit, int64, shape (size,)."""
    # Salts are 2^20 places apart, more than a fingerprint has bits.
    return splitmix64(np.arange(1, size + 1) + (salt << 20)).view(np.int64)


def _sums(numbers: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    # Sums wrap around, so they are exact modulo 2^64. `reduceat` cannot sum no numbers.
    some = offsets[1:] > offsets[:-1]
    sums = np.zeros(len(some), np.int64)
    if some.any():
        sums[some] = np.add.reduceat(numbers, offsets[:-1][some])
    return sums
