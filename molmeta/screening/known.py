"""Finds the compounds of a support again in a library, at next to no cost for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from molmeta.errors import MoleculeError
from molmeta.libraries.lines import Record
from molmeta.libraries.prepare import prepare
from molmeta.molecules.compounds import compound
from molmeta.molecules.featurizers import get

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.molecules.blocks import Block, Molecules

SALT = 0x9E3779B97F4A7C15


class KnownCompounds:
    """The compounds of a support, told from others by their features and then by InChIKey.

    Equal compounds have equal features, so that the InChIKey, which takes half a millisecond, is
    asked of few. Another tautomer of a compound has other features and is not recognised.
    """

    def __init__(self, smiles: Sequence[str], featurizers: Sequence[str]) -> None:
        records = [Record(place, "", text) for place, text in enumerate(smiles, 1)]
        self._keys = {compound(text).inchikey for text in smiles}
        # A library may hold further features, and in another order.
        self._block = min(featurizers, key=lambda name: get(name).kind != "bits")
        self._signatures = self._signed(prepare(records, [self._block]).molecules())

    def places(self, records: Sequence[Record], molecules: Molecules) -> list[int]:
        """Return where compounds of the support stand among these."""
        same = np.isin(self._signed(molecules), self._signatures)
        return [at for at in np.flatnonzero(same).tolist() if self._is_known(records[at].smiles)]

    def _signed(self, molecules: Molecules) -> NDArray[np.uint64]:
        return signatures(molecules.blocks[self._block])

    def _is_known(self, smiles: str) -> bool:
        try:
            return compound(smiles).inchikey in self._keys
        except MoleculeError:
            return False


def signatures(block: Block) -> NDArray[np.uint64]:
    """Return one number a molecule, equal for equal features in any order of atoms, shape (G,)."""
    codes, offsets = block.codes()
    return _sums(_mixed(codes), offsets)


def _mixed(values: NDArray[np.generic]) -> NDArray[np.uint64]:
    """Spread numbers over 64 bits, as the finaliser of splitmix64 does."""
    z = values.astype(np.uint64) + np.uint64(SALT)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _sums(values: NDArray[np.uint64], offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Sum the values of each molecule, modulo 2^64."""
    total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)])
    return total[offsets[1:]] - total[offsets[:-1]]
