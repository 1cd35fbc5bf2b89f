"""DeepChem's featurizers as functions to a vector, and the import of DeepChem itself.

DeepChem takes about six seconds to import, so it is imported at first use. Its log messages and
warnings become one error. Splitters are in `molmeta.assays.splitters`, datasets and models in
`molmeta.models.deepchem`.
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

from molmeta.errors import ConfigError, MoleculeError
from molmeta.molecules.compounds import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray
    from rdkit.Chem import Mol

    Vector = NDArray[np.float32]


@cache
def featurizer(name: str) -> Callable[[str | Mol], Vector]:
    """Return a DeepChem featurizer as a function to one vector, float32, shape (W,).

    The function raises MoleculeError for a SMILES that does not parse, and for a molecule on which
    DeepChem fails. NaN becomes 0, and values are clipped to -1e9 and 1e9.

    Args:
        name: a molecule featurizer in `deepchem.feat`, such as 'CircularFingerprint'.

    Raises:
        ConfigError: DeepChem is not installed or lacks the featurizer, or the featurizer needs
            options or returns no vector.
    """
    instance = _new_featurizer(name)
    try:
        _vector(instance, name, parse("CCO"))
    except MoleculeError as error:
        raise _unusable(name, str(error)) from error

    def vector(molecule: str | Mol) -> Vector:
        return _vector(instance, name, parse(molecule) if isinstance(molecule, str) else molecule)

    return vector


@cache
def deepchem() -> Any:  # noqa: ANN401 - an untyped module
    """Return the module `deepchem`, imported without its output.

    Raises:
        ConfigError: DeepChem is not installed; its last release does not support Python 3.12.
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
            "expected Python 3.11, the latest that DeepChem supports, with deepchem installed. "
            "Run there: pip install 'molmeta[deepchem]'"
        ) from error


class _Messages(logging.Handler):
    """Collects log messages of DeepChem, such as why a molecule failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextlib.contextmanager
def quiet() -> Generator[list[str]]:
    """Silence DeepChem and RDKit; yield the list that collects DeepChem's messages."""
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
    usable = {key: cls for key, cls in classes if issubclass(cls, base) and cls is not base}
    if name not in usable:
        raise ConfigError(
            f"featurizers: 'deepchem:{name}' is unknown; expected 'deepchem:' and one of "
            f"{', '.join(sorted(usable))}. Correct the name."
        )
    try:
        with quiet():
            return usable[name]()
    except (TypeError, ValueError, ImportError, OSError) as error:
        raise _unusable(name, str(error)) from error


def _vector(instance: Any, name: str, mol: Mol) -> Vector:  # noqa: ANN401 - an untyped class
    with quiet() as messages:
        row: Any = instance.featurize([mol])[0]
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
        f"featurizers: 'deepchem:{name}' cannot be used; got {got}, expected a featurizer without "
        "required options that returns one vector for each molecule. Choose another one."
    )
