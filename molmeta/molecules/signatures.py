"""One 64-bit number for each molecule, made of its features: equal features, equal numbers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from molmeta.molecules.blocks import AnyBlock, Bits, Graphs, owner_of, tensor_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


def signatures(block: AnyBlock, salt: int = 0) -> Tensor:
    """Return the signature of each of G molecules, int64, shape (G,).

    A signature is a sum of pseudo-random numbers, one for each on-bit, atom or vector element,
    modulo 2^64. The order of the atoms does not matter. Vectors are rounded to three decimals.

    Args:
        block: features of G molecules.
        salt: signatures with different salts are independent, so that they can be added up.

    Source:
        Zobrist, A New Hashing Method with Application for Game Playing, 1970.
    """
    if isinstance(block, Bits):
        codes = _codes(block.size, salt).to(block.device)
        return _sums(codes[block.positions.long()], block.offsets)
    if isinstance(block, Graphs):
        # Every atom feature has fewer than 16 categories, so a number holds all of an atom.
        powers = 16 ** torch.arange(block.atoms.shape[1], device=block.device)
        atoms = (block.atoms.long() * powers).sum(dim=1)
        return _sums(_mixed(atoms), block.atom_offsets)
    numbers = (block.values * 1000).round().long()
    # The column is part of the number: the same values in another order are another vector.
    columns = torch.arange(numbers.shape[1], device=block.device) << 40
    return _mixed(numbers + columns).sum(dim=1)


def splitmix64(numbers: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Return the SplitMix64 outputs at these places of the sequence with seed 0.

    The result is the same on every machine. Model files hold sums of these numbers.

    Source:
        Steele et al., Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.

    Example:
        >>> hex(int(splitmix64(np.array([1]))[0]))
        '0xe220a8397b1dcdaf'
    """
    z = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@cache
def _codes(size: int, salt: int) -> Tensor:
    """Return the number of each bit, int64, shape (size,)."""
    return tensor_of(splitmix64(np.arange(1, size + 1) + (salt << 20)).view(np.int64))


def _mixed(numbers: Tensor) -> Tensor:
    # Place 0 of the sequence is 0, which would hide an atom whose categories are all 0.
    mixed = splitmix64((numbers + 1).cpu().numpy()).view(np.int64)
    return tensor_of(mixed).to(numbers.device)


def _sums(values: Tensor, offsets: Tensor) -> Tensor:
    total = torch.zeros(len(offsets) - 1, dtype=torch.int64, device=values.device)
    return total.index_add_(0, owner_of(offsets), values)
