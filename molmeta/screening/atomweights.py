"""How much each atom of a compound weighs in its score, for any model; draws nothing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

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
# RDKit's stubs leave most parameters unknown, which strict checking refuses; Any says so once.
_chem: Any = Chem


def atom_weights(
    predictor: AssayPredictor, smiles: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    """Return by how much the log odds fall when an atom is masked, for each atom of a compound.

    A masked atom keeps its bonds and loses its element, so every bit and every environment that
    it takes part in becomes one that no measured compound has. Weights of a compound that the
    model has measured before are those above their own mean: a masked compound is always an
    unknown one, which is no atom's doing.

    Args:
        predictor: adapted to a support.
        smiles: compounds to explain.

    Returns:
        By SMILES, a weight an atom of its standardised molecule, positive where it speaks for
        activity, shape (A,). Compounds that the model's featurizers cannot mask are left out.

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
    known = predictor.model.known(smiles) > 0
    found = {
        text: _weights(predictor, text, centred=bool(one))
        for text, one in zip(smiles, known, strict=True)
    }
    return {text: weights for text, weights in found.items() if weights is not None}


def _weights(
    predictor: AssayPredictor, smiles: str, *, centred: bool
) -> NDArray[np.float64] | None:
    try:
        mol = standardize(parse(smiles))
        masked = [_masked(mol, place) for place in range(mol.GetNumAtoms())]
        logits = _logits(predictor, [mol, *masked], smiles)
    except MoleculeError as error:
        _log.warning("atoms without weights: %s", error)
        return None
    weights = logits[0] - logits[1:]
    return weights - weights.mean() if centred else weights


def _masked(mol: Mol, place: int) -> Mol:
    changed = _chem.RWMol(mol)
    changed.GetAtomWithIdx(place).SetAtomicNum(0)
    return changed.GetMol()


def _logits(predictor: AssayPredictor, mols: Sequence[Mol], smiles: str) -> NDArray[np.float64]:
    molecules = unpacked([featurize_mols(mols, [smiles] * len(mols), predictor.model.featurizers)])
    with torch.no_grad():
        return predictor.predictor(molecules).double().cpu().numpy()
