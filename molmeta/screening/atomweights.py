"""Contribution of each atom to the score of a compound, for any model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from rdkit import Chem

from molmeta.errors import MoleculeError
from molmeta.molecules.compounds import parse, standardize
from molmeta.molecules.featurizers import featurize_mols
from molmeta.molecules.store import unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from rdkit.Chem import Mol

    from molmeta.models.model import AssayPredictor
    from molmeta.molecules.featurizers import Arrays

_log = logging.getLogger(__name__)


def atom_weights(
    predictor: AssayPredictor, smiles: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Drop of the log odds when an atom is masked, for each atom of each compound.

    A masked atom keeps its bonds and loses its element, so no measured compound shares the
    fingerprint bits and environments around it. Weights of a compound in the model's training
    data are taken relative to their mean, because masking any atom also hides the training data.

    Args:
        predictor: adapted to a support.
        smiles: compounds to explain.

    Returns:
        By SMILES, a weight for each atom of its standardised molecule, positive for atoms that
        favour activity, shape (A,). Compounds that cannot be masked are skipped.

    Source:
        Riniker & Landrum, Similarity maps, J. Cheminform. 2013, 5, 43; Sheridan, Interpretation
        of QSAR models by coloring atoms according to changes in predicted activity, J. Chem. Inf.
        Model. 2019, 59, 1324.

    Example:
        >>> from molmeta.models.named import baseline
        >>> predictor = baseline("similarity").adapt(["CCO", "CCN"], [1, 0])
        >>> atom_weights(predictor, ["CCCO"])["CCCO"].shape
        (4,)
    """
    names = predictor.model.library_featurizers
    masked = {text: part for text in smiles if (part := _with_atoms_masked(text, names))}
    if not masked:
        return {}
    # Together, because a predictor prepares its support anew in every call.
    molecules = unpacked(part.features for part in masked.values())
    with torch.no_grad():
        logits = predictor.predictor(molecules).double().cpu().numpy()
    ends = np.cumsum([part.n for part in masked.values()])
    in_training = predictor.model.known(masked) > 0
    parts = zip(masked, np.split(logits, ends[:-1]), in_training, strict=True)
    return {text: _weights(part, centred=bool(centred)) for text, part, centred in parts}


class _Masked(NamedTuple):
    """Features of n molecules: a compound, and the compound with each atom masked."""

    features: Arrays
    n: int


def _weights(logits: NDArray[np.float64], *, centred: bool) -> NDArray[np.float64]:
    weights = logits[0] - logits[1:]
    return weights - weights.mean() if centred else weights


def _with_atoms_masked(smiles: str, names: Sequence[str]) -> _Masked | None:
    try:
        mol = standardize(parse(smiles))
        mols = [mol, *(_masked(mol, atom) for atom in range(mol.GetNumAtoms()))]
        return _Masked(featurize_mols(mols, [smiles] * len(mols), names), len(mols))
    except MoleculeError as error:
        _log.warning("no atom weights: %s", error)
        return None


def _masked(mol: Mol, atom: int) -> Mol:
    masked = Chem.RWMol(mol)
    masked.GetAtomWithIdx(atom).SetAtomicNum(0)
    return masked.GetMol()
