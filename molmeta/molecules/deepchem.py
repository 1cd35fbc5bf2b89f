"""DeepChem's featurizers and splitters as molmeta's own kinds; the only door to DeepChem.

DeepChem takes some six seconds to import, so that happens on first use; what it logs, warns of or
hides becomes one named error. Datasets and models are bridged in `molmeta.models.deepchem`.
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
