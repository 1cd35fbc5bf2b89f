"""Recognises compounds that were measured before, at next to no cost for all others."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from molmeta.errors import MoleculeError
from molmeta.molecules.compounds import compound
from molmeta.molecules.featurizers import get
from molmeta.molecules.signatures import signatures
from molmeta.molecules.store import featurize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from molmeta.libraries.lines import Record
    from molmeta.molecules.blocks import Molecules


class KnownCompounds:
    """Compounds that are recognised by their features first and then by their InChIKeys.

    Equal compounds have equal features. So the InChIKey, which takes half a millisecond, is
    computed for the few records whose features agree. Tautomers have different features, and are
    different compounds here.

    Args:
        smiles: the compounds, as SMILES.
        featurizers: blocks of the molecules that are looked up; fingerprints are preferred.

    Attributes:
        inchikeys: of the compounds.

    Raises:
        MoleculeError: a SMILES does not parse.
    """

    def __init__(self, smiles: Iterable[str], featurizers: Sequence[str]) -> None:
        standardized = [compound(text) for text in smiles]
        self.inchikeys = frozenset(item.inchikey for item in standardized)
        # A library may hold further features, and in another order.
        self._block = min(featurizers, key=lambda name: get(name).kind != "bits")
        molecules = featurize([item.smiles for item in standardized], (self._block,))
        self._signatures = np.sort(self._signatures_of(molecules))

    def rows(
        self,
        records: Sequence[Record],
        molecules: Molecules,
        among: NDArray[np.bool_] | None = None,
    ) -> list[int]:
        """Return the rows of the records that are one of the compounds.

        Args:
            records: G records of a library.
            molecules: their features.
            among: rows to look at, shape (G,); None looks at all.
        """
        looked_up = self._signatures_of(molecules)
        # A search of few numbers, where np.isin sorts all of them.
        places = np.searchsorted(self._signatures, looked_up).clip(max=len(self._signatures) - 1)
        same = self._signatures[places] == looked_up
        rows = np.flatnonzero(same if among is None else same & among)
        return [row for row in rows.tolist() if key_of(records[row].smiles) in self.inchikeys]

    def _signatures_of(self, molecules: Molecules) -> NDArray[np.int64]:
        return signatures(molecules.blocks[self._block]).numpy()


@lru_cache(maxsize=4096)
def key_of(smiles: str) -> str:
    """Return the InChIKey of a SMILES, or the text itself where it has none.

    Keys are cached, as libraries list a compound several times, in packs and by vendors.
    """
    try:
        return compound(smiles).inchikey
    except MoleculeError:
        return smiles
