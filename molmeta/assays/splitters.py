"""Draws episodes with DeepChem's splitters, which keep similar molecules on one side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from molmeta.assays.episodes import Episode
from molmeta.errors import ConfigError, EpisodeError, suggestion
from molmeta.molecules.compounds import parse
from molmeta.molecules.deepchem import deepchem, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from molmeta.assays.assay import Assay

SPLITTERS = {
    "scaffold": "ScaffoldSplitter",
    "butina": "ButinaSplitter",
    "fingerprint": "FingerprintSplitter",
}
"""DeepChem's splitters that separate dissimilar molecules; none of them draws at random."""


def split(
    smiles: Sequence[str], splitter: str, n_first: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split molecules into two dissimilar parts; the same molecules always give the same parts.

    Args:
        smiles: N SMILES.
        splitter: 'scaffold', 'butina' or 'fingerprint'.
        n_first: most molecules of the first part; it may contain fewer, as groups stay whole.

    Returns:
        Indices of the first and of the second part, ascending.

    Raises:
        ConfigError: DeepChem is not installed, or the splitter is unknown.
        EpisodeError: `n_first` leaves one part empty.
        MoleculeError: a SMILES does not parse.
    """
    if not 0 < n_first < len(smiles):
        raise EpisodeError(
            f"{splitter} split: leaves a part empty; got {n_first} of {len(smiles)} molecules, "
            f"expected 1 to {len(smiles) - 1}. Choose another number."
        )
    for text in smiles:
        parse(text)
    chosen = getattr(deepchem().splits, SPLITTERS[require_splitter(splitter)])()
    ids = np.array(smiles, object)
    dataset = deepchem().data.NumpyDataset(X=np.zeros(len(smiles)), ids=ids)
    # DeepChem rounds n * share down: without the excess, 0.29 * 100 would give 28 molecules.
    share = (n_first + 1e-6) / len(smiles)
    with quiet():
        first, _, second = chosen.split(
            dataset, frac_train=share, frac_valid=0.0, frac_test=1 - share
        )
    return np.sort(np.array(first, np.int64)), np.sort(np.array(second, np.int64))


def draw_by_splitter(assay: Assay, splitter: str, n_support: int) -> Episode:
    """The episode whose support and query a DeepChem splitter separates.

    There is only one for each size, because the splitters do not draw at random. The support may
    contain fewer than `n_support` molecules, as groups stay whole.

    Returns:
        An episode whose rows are positions within the assay.

    Raises:
        EpisodeError: the support or the query contains a single class.
        ConfigError: DeepChem is not installed, or the splitter is unknown.
    """
    support, query = split(assay.smiles, splitter, n_support)
    for side, rows in (("support", support), ("query", query)):
        n_active = int(assay.labels[rows].sum())
        if not 0 < n_active < len(rows):
            raise EpisodeError(
                f"assay '{assay.name}': the {side} of a {splitter} split has a single class; got "
                f"{n_active} active of {len(rows)} molecules, expected both. Choose another size."
            )
    return Episode(
        assay.name,
        support,
        assay.labels[support],
        query,
        assay.labels[query],
        assay.values[support],
        assay.values[query],
    )


def require_splitter(name: str) -> str:
    """The name of a splitter.

    Raises:
        ConfigError: the name is unknown.
    """
    if name not in SPLITTERS:
        raise ConfigError(
            f"splitter: '{name}' is unknown; expected one of {', '.join(SPLITTERS)}. "
            f"Correct --split.{suggestion(name, SPLITTERS)}"
        )
    return name
