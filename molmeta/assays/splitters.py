"""Splits by DeepChem: similar molecules stay in the same part."""

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
"""Deterministic splitters of DeepChem that separate dissimilar molecules."""


def split(
    smiles: Sequence[str], splitter: str, n_first: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split molecules into two dissimilar parts, without randomness.

    Args:
        smiles: N SMILES.
        splitter: 'scaffold', 'butina' or 'fingerprint'.
        n_first: largest number of molecules in the first part, which may have fewer because
            groups are not divided.

    Returns:
        Indices of the first and of the second part, ascending.

    Raises:
        ConfigError: DeepChem is not installed or the splitter is unknown.
        EpisodeError: one part would be empty.
        MoleculeError: a SMILES does not parse.
    """
    if not 0 < n_first < len(smiles):
        raise EpisodeError(
            f"{splitter} split: leaves a part empty; got {n_first} of {len(smiles)} molecules, "
            f"expected 1 to {len(smiles) - 1}. Choose another number."
        )
    if splitter not in SPLITTERS:
        raise ConfigError(
            f"splitter: '{splitter}' is unknown; expected one of {', '.join(SPLITTERS)}. "
            "Correct the name."
        )
    splits = getattr(deepchem().splits, SPLITTERS[splitter])()
    # DeepChem rounds n * share down: without the excess, 0.29 * 100 would be 28 molecules.
    share = (n_first + 1e-6) / len(smiles)
    with quiet():
        first, _, second = splits.split(
            _dataset(smiles), frac_train=share, frac_valid=0.0, frac_test=1 - share
        )
    return np.sort(np.array(first, np.int64)), np.sort(np.array(second, np.int64))


def folds(smiles: Sequence[str], splitter: str, n_folds: int) -> NDArray[np.int64]:
    """Return the fold of each molecule, in 0 .. n_folds - 1, shape (N,).

    Raises:
        EpisodeError: a fold would be empty.
        ConfigError, MoleculeError: as for `split`.
    """
    fold = np.full(len(smiles), n_folds - 1, np.int64)
    remaining = np.arange(len(smiles))
    for number in range(n_folds - 1):
        texts = [smiles[index] for index in remaining.tolist()]
        first, second = split(texts, splitter, len(remaining) // (n_folds - number))
        _require_some(first, f"{splitter} folds: fold {number} of {n_folds}", len(smiles))
        fold[remaining[first]] = number
        remaining = remaining[second]
    _require_some(remaining, f"{splitter} folds: the last of {n_folds}", len(smiles))
    return fold


def draw_by_splitter(assay: Assay, splitter: str, n_support: int) -> Episode:
    """Return the episode whose support and query are separated by a DeepChem splitter.

    Its rows are indices within the assay. An assay has one episode, as the splitters are
    deterministic. The support has at most `n_support` molecules, as groups are not divided.

    Raises:
        EpisodeError: support or query has one class only.
        ConfigError: DeepChem is not installed or the splitter is unknown.
    """
    support, query = split(assay.smiles, splitter, n_support)
    for side, rows in (("support", support), ("query", query)):
        n_active = int(assay.labels[rows].sum())
        if not 0 < n_active < len(rows):
            raise EpisodeError(
                f"assay '{assay.name}': the {side} of a {splitter} split has one class only; got "
                f"{n_active} active of {len(rows)} molecules, expected both. Choose another size."
            )
    return Episode(assay.name, support, assay.labels[support], query, assay.labels[query])


def _dataset(smiles: Sequence[str]) -> Any:  # noqa: ANN401 - DeepChem's Dataset is untyped
    for text in smiles:
        parse(text)
    return deepchem().data.NumpyDataset(X=np.zeros(len(smiles)), ids=np.array(smiles, object))


def _require_some(rows: NDArray[np.int64], what: str, n: int) -> None:
    if not len(rows):
        raise EpisodeError(
            f"{what} is empty; got groups too large to divide {n} molecules evenly, expected "
            "molecules in each fold. Choose fewer folds or another splitter."
        )
