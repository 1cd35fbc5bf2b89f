"""Contribution of each atom to the score of a compound, for any model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch
from rdkit import Chem

from molmeta.errors import MoleculeError
from molmeta.molecules.compounds import parse, standardize
from molmeta.molecules.featurizers import featurize_mols
from molmeta.molecules.store import unpacked

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from rdkit.Chem import Mol

    from molmeta.models.model import AssayPredictor

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
    in_training = predictor.model.known(smiles) > 0
    by_smiles = {
        text: _weights(predictor, text, centred=bool(centred))
        for text, centred in zip(smiles, in_training, strict=True)
    }
    return {text: weights for text, weights in by_smiles.items() if weights is not None}


def _weights(
    predictor: AssayPredictor, smiles: str, *, centred: bool
) -> NDArray[np.float64] | None:
    try:
        mol = standardize(parse(smiles))
        masked = [_masked(mol, atom) for atom in range(mol.GetNumAtoms())]
        logits = _logits(predictor, [mol, *masked], smiles)
    except MoleculeError as error:
        _log.warning("no atom weights: %s", error)
        return None
    weights = logits[0] - logits[1:]
    return weights - weights.mean() if centred else weights


def _masked(mol: Mol, atom: int) -> Mol:
    masked = Chem.RWMol(mol)
    masked.GetAtomWithIdx(atom).SetAtomicNum(0)
    return masked.GetMol()


def _logits(predictor: AssayPredictor, mols: Sequence[Mol], smiles: str) -> NDArray[np.float64]:
    names = predictor.model.library_featurizers
    molecules = unpacked([featurize_mols(mols, [smiles] * len(mols), names)])
    with torch.no_grad():
        return predictor.predictor(molecules).double().cpu().numpy()
