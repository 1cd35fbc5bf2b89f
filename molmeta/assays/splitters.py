"""Splits molecules with DeepChem's splitters, which keep similar molecules together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from molmeta.assays.episodes import Episode
from molmeta.errors import ConfigError, EpisodeError
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
"""DeepChem's splitters that put unlike molecules apart; none of them draws at random."""


def split(
    smiles: Sequence[str], splitter: str, n_first: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split molecules in two unlike parts; the same molecules always give the same parts.

    Args:
        smiles: N SMILES.
        splitter: 'scaffold', 'butina' or 'fingerprint'.
        n_first: molecules of the first part at most; groups are kept whole, so it may hold fewer.

    Returns:
        Positions of the first and of the second part, ascending.

    Raises:
        ConfigError: DeepChem is absent or the splitter is unknown.
        EpisodeError: `n_first` leaves one part empty.
        MoleculeError: a SMILES does not parse.
    """
    if not 0 < n_first < len(smiles):
        raise EpisodeError(
            f"{splitter} split: leaves a part empty; got {n_first} of {len(smiles)} molecules, "
            f"expected 1 to {len(smiles) - 1}. Ask for another number."
        )
    found = getattr(deepchem().splits, _splitter(splitter))()
    # DeepChem rounds n * share down: without the excess, 0.29 * 100 would be 28 molecules.
    share = (n_first + 1e-6) / len(smiles)
    with quiet():
        first, _, second = found.split(
            _dataset(smiles), frac_train=share, frac_valid=0.0, frac_test=1 - share
        )
    return np.sort(np.array(first, np.int64)), np.sort(np.array(second, np.int64))


def folds(smiles: Sequence[str], splitter: str, n_folds: int) -> NDArray[np.int64]:
    """Return the fold of each molecule, in 0 .. n_folds - 1, shape (N,).

    Raises:
        EpisodeError: a fold would be empty.
        ConfigError, MoleculeError: as `split`.
    """
    fold = np.full(len(smiles), n_folds - 1, np.int64)
    left = np.arange(len(smiles))
    for number in range(n_folds - 1):
        chosen = [smiles[place] for place in left.tolist()]
        first, second = split(chosen, splitter, len(left) // (n_folds - number))
        _require_some(first, f"{splitter} folds: fold {number} of {n_folds}", len(smiles))
        fold[left[first]] = number
        left = left[second]
    _require_some(left, f"{splitter} folds: the last of {n_folds}", len(smiles))
    return fold


def draw_by_splitter(assay: Assay, splitter: str, n_support: int) -> Episode:
    """Draw the episode whose support and query a DeepChem splitter puts apart.

    Rows are positions within the assay. There is one such episode, since the splitters draw
    nothing; the support holds `n_support` molecules or, where groups are kept whole, fewer.

    Raises:
        EpisodeError: support or query holds one class only.
        ConfigError: DeepChem is absent or the splitter is unknown.
    """
    support, query = split(assay.smiles, splitter, n_support)
    for side, rows in (("support", support), ("query", query)):
        n_active = int(assay.labels[rows].sum())
        if not 0 < n_active < len(rows):
            raise EpisodeError(
                f"assay '{assay.name}': the {side} of a {splitter} split holds one class; got "
                f"{n_active} active of {len(rows)} molecules, expected both. Ask for another size."
            )
    return Episode(assay.name, support, assay.labels[support], query, assay.labels[query])


def _splitter(name: str) -> str:
    if name not in SPLITTERS:
        raise ConfigError(
            f"splitter: '{name}' is unknown; expected one of {', '.join(SPLITTERS)}. "
            "Correct the name."
        )
    return SPLITTERS[name]


def _dataset(smiles: Sequence[str]) -> Any:  # noqa: ANN401 - DeepChem's Dataset is untyped
    for text in smiles:
        parse(text)
    return deepchem().data.NumpyDataset(X=np.zeros(len(smiles)), ids=np.array(smiles, object))


def _require_some(rows: NDArray[np.int64], what: str, n: int) -> None:
    if not len(rows):
        raise EpisodeError(
            f"{what} is empty; got groups too large to divide {n} molecules so, expected "
            "molecules in each. Ask for fewer folds or another splitter."
        )
