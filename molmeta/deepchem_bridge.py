"""DeepChem's featurizers and splitters as molmeta's own kinds; the only door to DeepChem.

DeepChem takes some six seconds to import, so that happens on first use; what it logs, warns of or
hides becomes one named error. Datasets and models are bridged in `molmeta.deepchem_datasets`.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import logging
import platform
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rdkit import rdBase

from molmeta.episodes import Episode
from molmeta.errors import ConfigError, EpisodeError, MoleculeError
from molmeta.molecules import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray
    from rdkit.Chem import Mol

    from molmeta.assays import Assay

    Vector = NDArray[np.float32]

SPLITTERS = {
    "scaffold": "ScaffoldSplitter",
    "butina": "ButinaSplitter",
    "fingerprint": "FingerprintSplitter",
}
"""DeepChem's splitters that put unlike molecules apart; none of them draws at random."""


@cache
def featurizer(name: str) -> Callable[[str | Mol], Vector]:
    """Return DeepChem's featurizer of that name as a function to one vector, float32, shape (W,).

    The function raises MoleculeError where DeepChem returns an empty array: for a SMILES that
    does not parse and for a molecule that it fails on. What is not finite becomes 0.

    Args:
        name: a class of `deepchem.feat` for molecules, such as 'CircularFingerprint'.

    Raises:
        ConfigError: DeepChem is absent, has no such featurizer, or this one cannot be made
            without options or gives no vector.
    """
    found = _new_featurizer(name)
    try:
        _vector(found, name, parse("CCO"))
    except MoleculeError as error:
        raise _unusable(name, str(error)) from error

    def vector(molecule: str | Mol) -> Vector:
        return _vector(found, name, parse(molecule) if isinstance(molecule, str) else molecule)

    return vector


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


@cache
def deepchem() -> Any:  # noqa: ANN401 - an untyped module
    """Return the module, imported without its output.

    Raises:
        ConfigError: it is absent, as it must be on Python 3.12 and later.
    """
    try:
        with (
            quiet(),
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            return importlib.import_module("deepchem")
    except ImportError as error:
        raise ConfigError(
            f"deepchem: cannot be imported ({error}); got Python {platform.python_version()}, "
            "expected Python 3.11, where DeepChem's last release ends, and deepchem installed. "
            "Use an environment with Python 3.11, or molmeta's own featurizers."
        ) from error


class _Messages(logging.Handler):
    """Keeps what DeepChem only logs, such as why a molecule failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextlib.contextmanager
def quiet() -> Generator[list[str]]:
    """Silence DeepChem and RDKit; yield the list that DeepChem's messages go to instead."""
    logger, messages = logging.getLogger("deepchem"), _Messages()
    before = logger.propagate
    logger.addHandler(messages)
    logger.propagate = False
    try:
        with warnings.catch_warnings(), rdBase.BlockLogs():
            warnings.simplefilter("ignore")
            yield messages.texts
    finally:
        logger.removeHandler(messages)
        logger.propagate = before


def _new_featurizer(name: str) -> Any:  # noqa: ANN401 - an untyped class
    feat = deepchem().feat
    base = feat.MolecularFeaturizer
    classes: list[tuple[str, Any]] = inspect.getmembers(feat, inspect.isclass)
    known = {key: cls for key, cls in classes if issubclass(cls, base) and cls is not base}
    if name not in known:
        raise ConfigError(
            f"featurizers: 'deepchem:{name}' is unknown; expected 'deepchem:' and one of "
            f"{', '.join(sorted(known))}. Correct the name."
        )
    try:
        with quiet():
            return known[name]()
    except (TypeError, ValueError, ImportError, OSError) as error:
        raise _unusable(name, str(error)) from error


def _vector(found: Any, name: str, mol: Mol) -> Vector:  # noqa: ANN401 - an untyped class
    with quiet() as messages:
        row: Any = found.featurize([mol])[0]
    shape = np.shape(row)
    if shape == (0,):
        raise MoleculeError(
            f"featurizer 'deepchem:{name}': fails; got '{' '.join(messages[-1:])}', expected a "
            "vector. Remove the compound or choose another featurizer."
        )
    if len(shape) != 1 or np.asarray(row).dtype.kind not in "biuf":
        raise _unusable(name, f"{type(row).__name__} of shape {shape}")
    values = np.asarray(row, np.float64)
    return np.nan_to_num(np.clip(values, -1e9, 1e9), nan=0.0).astype(np.float32)


def _unusable(name: str, got: str) -> ConfigError:
    return ConfigError(
        f"featurizers: 'deepchem:{name}' cannot be used; got {got}, expected a featurizer that "
        "needs no options and gives one vector a molecule. Choose another one."
    )


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
